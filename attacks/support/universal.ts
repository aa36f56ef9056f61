import type { Strength } from "../../src/core/attack.js";
import type { Fitted } from "../../src/core/fitted.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import { addUniversal } from "../../src/image/budget.js";

/** What every universal attack keeps: its perturbation, within ε and at whole grey levels, and numbers. */
export function fittedUniversal(
  kept: Float32Array,
  { channels, height, width }: ImageGeometry,
  numbers: Fitted["numbers"],
): Fitted {
  return { arrays: { perturbation: { shape: [channels, height, width], data: kept } }, numbers };
}

/** Adds what was kept to every image of the batch. */
export function applyUniversal(batch: PixelBatch, fitted: Fitted | null): PixelBatch {
  const perturbation = fitted?.arrays.perturbation;
  if (perturbation === undefined) throw new Error("a universal attack was applied before it was fitted");
  return addUniversal(batch, perturbation.data, createBatch(batch, batch.count));
}

/** The budget per pixel: a perturbation of this root mean square is as large as ε allows. */
export function greyLevelsPerPixel(strength: Strength, geometry: ImageGeometry): number {
  if (strength.kind !== "epsilon") throw new Error("universal searches go by epsilon");
  return strength.norm === "linf" ? strength.stored : strength.stored / Math.sqrt(imageSize(geometry));
}
