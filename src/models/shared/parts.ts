import { StepwedgeError } from "../../core/errors.js";
import type { Outputs } from "../../core/model.js";
import { createBatch, type PixelBatch, sliceBatch } from "../../core/pixels.js";

type ImageSize = Pick<PixelBatch, "channels" | "height" | "width">;

export interface PartOptions extends ImageSize {
  /** Images to a question where the model fixes it, else null. */
  readonly fixed: number | null;
  /** Images to a question at most. */
  readonly largest: number;
  readonly classes: readonly string[];
}

/**
 * Cuts a batch into even parts, asks all of them and puts the answers together. How it is cut depends on its size alone.
 * A model of a fixed batch size gets parts of that size; the last is filled up with zeros, whose answers are thrown away.
 * @throws StepwedgeError where the images are not of the model's size
 */
export async function predictInParts(
  batch: PixelBatch,
  options: PartOptions,
  ask: (part: PixelBatch) => Promise<Float64Array>,
): Promise<Outputs> {
  const { classes, fixed, largest } = options;
  refuseOtherSize(batch, options);
  const values = new Float64Array(batch.count * classes.length);
  const each = fixed ?? Math.ceil(batch.count / Math.ceil(batch.count / largest));
  const work: Promise<void>[] = [];
  for (let from = 0; from < batch.count; from += each) {
    const count = Math.min(each, batch.count - from);
    const part = sliceBatch(batch, from, from + count);
    const asked = fixed === null || count === fixed ? part : filledUp(part, fixed);
    work.push(
      ask(asked).then((answer) => values.set(answer.subarray(0, count * classes.length), from * classes.length)),
    );
  }
  await Promise.all(work);
  return { count: batch.count, classes, values };
}

/** @throws StepwedgeError where the images are not of the model's size */
export function refuseOtherSize(batch: PixelBatch, { channels, height, width }: ImageSize): void {
  if (batch.channels === channels && batch.height === height && batch.width === width) return;
  throw new StepwedgeError(
    `the model takes ${channels} × ${height} × ${width}; received images of ${batch.channels} × ${batch.height} × ${batch.width}`,
    { where: "model.input", remedy: "Set model.input.resize, or give images of that size." },
  );
}

function filledUp(part: PixelBatch, count: number): PixelBatch {
  const full = createBatch(part, count);
  full.data.set(part.data);
  return full;
}
