import type { Strength } from "../../src/core/attack.js";
import type { PixelBatch } from "../../src/core/pixels.js";
import { greyLevels } from "../../src/image/budget.js";

/*
 * Steps of white-box attacks, image by image, in stored values; steps and the ball are those of the attack's norm.
 */

/** The indices of a whole batch. */
export function everyImage({ count }: PixelBatch): Uint32Array {
  return Uint32Array.from({ length: count }, (_, image) => image);
}

/** Which way the margin must go for the decision to flip: down from positive, up from negative. */
export function flipping(decision: number | undefined): 1 | -1 {
  return decision === 1 ? -1 : 1;
}

/** The radius that a perturbation can use: in L∞ whole grey levels, since images are saved as such. */
export function usableRadius(strength: Strength): number {
  if (strength.kind !== "epsilon") throw new Error("attacks by gradient go by epsilon");
  return strength.norm === "linf" ? greyLevels(strength.stored) : strength.stored;
}

/** Adds the step of size `share` · ε along which a linear function with this slope grows most; shrinks, where share < 0. */
export function greatestStep(image: Float32Array, slope: Float32Array, strength: Strength, share: number): void {
  const length = share * usableRadius(strength);
  if (strength.kind === "epsilon" && strength.norm === "l2") {
    const norm = Math.sqrt(squares(slope));
    if (norm === 0) return;
    for (let i = 0; i < image.length; i++) (image[i] as number) += (length / norm) * (slope[i] as number);
  } else {
    for (let i = 0; i < image.length; i++) (image[i] as number) += length * Math.sign(slope[i] as number);
  }
}

/** Brings a perturbation back into the ball, in place: L∞ value by value, L2 by shortening it. */
export function intoBall(perturbation: Float32Array, strength: Strength): void {
  const radius = usableRadius(strength);
  if (strength.kind === "epsilon" && strength.norm === "l2") {
    const norm = Math.sqrt(squares(perturbation));
    if (norm <= radius) return;
    for (let i = 0; i < perturbation.length; i++) (perturbation[i] as number) *= radius / norm;
  } else {
    for (let i = 0; i < perturbation.length; i++) {
      perturbation[i] = Math.max(-radius, Math.min(radius, perturbation[i] as number));
    }
  }
}

/** Brings an image back into the ball round its original and into the display window, in place. */
export function intoReach(image: Float32Array, original: Float32Array, strength: Strength, maxValue: number): void {
  for (let i = 0; i < image.length; i++) (image[i] as number) -= original[i] as number;
  intoBall(image, strength);
  for (let i = 0; i < image.length; i++) {
    image[i] = Math.max(0, Math.min(maxValue, (image[i] as number) + (original[i] as number)));
  }
}

function squares(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return sum;
}
