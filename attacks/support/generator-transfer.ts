import { imageSize, type PixelBatch } from "../../src/core/pixels.js";
import type { TrainingBackend } from "../../src/training/network.js";
import { averaging, halved } from "./generator.js";
import { disruption } from "./generator-losses.js";
import type { Surrogate } from "../../src/training/surrogate.js";

/** What the surrogate makes of images before and after the attack. */
export interface SurrogateView {
  /** N×K each. */
  readonly clean: Float32Array;
  readonly attacked: Float32Array;
  /** Mean over the images of Σ log ‖f(x′) − f(x)‖ over the early layers. */
  readonly disruption: number;
}

export async function viewOf(
  surrogate: Surrogate,
  backend: TrainingBackend,
  images: PixelBatch,
  attacked: PixelBatch,
  halvings: number,
): Promise<SurrogateView> {
  const shape = [1, images.channels, images.height, images.width];
  const rows = averaging(images.height, halved(images.height, halvings));
  const columns = averaging(images.width, halved(images.width, halvings));
  const runner = await backend.runner((ops) => {
    const see = (name: string) => surrogate.answer(ops, ops.sandwich(ops.input(name, shape), rows, columns));
    const [before, after] = [see("before"), see("after")];
    return { clean: before.margins, attacked: after.margins, loss: disruption(ops, before, after) };
  }, surrogate.weights);
  const found = { clean: [] as number[], attacked: [] as number[], disruption: 0 };
  const size = imageSize(images);
  for (let image = 0; image < images.count; image++) {
    const feed = ({ data, maxValue }: PixelBatch) => ({
      shape,
      data: data.slice(image * size, (image + 1) * size).map((v) => Math.max(0, Math.min(v / maxValue, 1))),
    });
    const result = await runner.run({ before: feed(images), after: feed(attacked) });
    found.clean.push(...(result.clean ?? []));
    found.attacked.push(...(result.attacked ?? []));
    found.disruption -= (result.loss?.[0] ?? Number.NaN) / images.count;
  }
  await runner.close();
  return {
    clean: Float32Array.from(found.clean),
    attacked: Float32Array.from(found.attacked),
    disruption: found.disruption,
  };
}

/** Decisions of one class: which share is the same in two sets of margins (N×K). */
export function agreement(a: Float32Array, b: Float32Array, classes: number, classIndex: number): number {
  let same = 0;
  for (let i = classIndex; i < a.length; i += classes) {
    if ((a[i] as number) >= 0 === (b[i] as number) >= 0) same++;
  }
  return same / (a.length / classes);
}

/**
 * How far decisions were pushed to the other side, as a mean of sigmoids of the margins: near the share of flips, but it
 * tells snapshots of few images apart.
 */
export function pushed(clean: Float32Array, attacked: Float32Array, classes: number, classIndex: number): number {
  let sum = 0;
  for (let i = classIndex; i < clean.length; i += classes) {
    const against = (clean[i] as number) >= 0 ? -(attacked[i] as number) : (attacked[i] as number);
    sum += 1 / (1 + Math.exp(-against));
  }
  return sum / (clean.length / classes);
}
