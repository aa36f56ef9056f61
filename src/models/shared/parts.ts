import { StepwedgeError } from "../../core/errors.js";
import { createBatch, type PixelBatch, sliceBatch } from "../../core/pixels.js";

type ImageSize = Pick<PixelBatch, "channels" | "height" | "width">;

export interface PartOptions extends ImageSize {
  /** Images to a question where the model fixes it, else null. */
  readonly fixed: number | null;
  /** Images to a question at most. */
  readonly largest: number;
}

/** One row of numbers for each image: `values[image * width + column]`. */
export interface Rows {
  readonly width: number;
  readonly values: Float64Array;
}

/**
 * Cuts a batch into even parts, asks all of them and puts the answers together. How it is cut depends on its size alone.
 * A model of a fixed batch size gets parts of that size; the last is filled up with zeros, whose answers are thrown away.
 * @param ask answers rows of one width, whatever the part
 * @throws StepwedgeError where the images are not of the model's size
 */
export async function askInParts(
  batch: PixelBatch,
  options: PartOptions,
  ask: (part: PixelBatch) => Promise<Float64Array>,
): Promise<Rows> {
  const { fixed, largest } = options;
  refuseOtherSize(batch, options);
  const each = fixed ?? Math.ceil(batch.count / Math.ceil(batch.count / largest));
  const work: Promise<{ readonly rows: Float64Array; readonly width: number }>[] = [];
  for (let from = 0; from < batch.count; from += each) {
    const count = Math.min(each, batch.count - from);
    const part = sliceBatch(batch, from, from + count);
    const asked = fixed === null || count === fixed ? part : filledUp(part, fixed);
    work.push(
      ask(asked).then((answer) => {
        const width = answer.length / asked.count;
        return { rows: answer.subarray(0, count * width), width };
      }),
    );
  }
  const answers = await Promise.all(work);
  const width = answers[0]?.width ?? 0;
  if (answers.length === 1) return { width, values: (answers[0] as { rows: Float64Array }).rows };
  const values = new Float64Array(batch.count * width);
  let at = 0;
  for (const { rows, width: own } of answers) {
    if (own !== width) throw otherWidth(width, own);
    values.set(rows, at);
    at += rows.length;
  }
  return { width, values };
}

/** An encoder whose vectors change their length has no space that they lie in. */
export function otherWidth(first: number, now: number): StepwedgeError {
  return new StepwedgeError(`gave ${first} numbers for one image and ${now} for another`, {
    where: "model.output",
    remedy: "Choose an output of one width for all images.",
  });
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
