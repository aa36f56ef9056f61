import { received, StepwedgeError } from "../../core/errors.js";

export type Activation = "none" | "sigmoid" | "softmax";
export type Numbers = Float32Array | Float64Array;

export interface ScoreOptions {
  readonly classes: readonly string[];
  /** The output's column of each class; undefined: as they come. */
  readonly select: Readonly<Record<string, number>> | undefined;
  readonly activation: Activation;
  /** The model and its output, as messages name them. */
  readonly where: string;
  readonly output: string;
}

/**
 * The classes' probabilities, `values[image * classes + class]`, from an output with one row for each image.
 * @throws StepwedgeError where the rows do not hold the classes
 */
export function classScores(raw: Numbers, count: number, options: ScoreOptions): Float64Array {
  const { classes, select, where, output } = options;
  const width = raw.length / count;
  const columns = classes.map((className, index) => select?.[className] ?? index);
  if (select === undefined && width !== classes.length) {
    throw new StepwedgeError(
      `gives ${width} scores per image; the protocol names ${classes.length} classes (${classes.join(", ")})`,
      {
        where: `${where}, output "${output}"`,
        remedy: "Say which column is which class: model.output.select: { class: column }.",
      },
    );
  }
  const outside = columns.find((column) => column >= width);
  if (outside !== undefined) {
    throw new StepwedgeError(`has no column ${outside}: it gives ${width} scores per image`, {
      where: `${where}, model.output.select`,
      remedy: `Columns count from 0 to ${width - 1}.`,
    });
  }
  const values = new Float64Array(count * columns.length);
  for (let image = 0; image < count; image++) {
    const row = raw.subarray(image * width, (image + 1) * width);
    const probabilities = activate(row, options.activation);
    for (const [index, column] of columns.entries()) {
      values[image * columns.length + index] = probabilities[column] as number;
    }
  }
  return values;
}

function activate(row: Numbers, activation: Activation): Numbers {
  if (activation === "none") return row;
  if (activation === "sigmoid") return Float64Array.from(row, (value) => 1 / (1 + Math.exp(-value)));
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of row) largest = Math.max(largest, value);
  const exponentials = Float64Array.from(row, (value) => Math.exp(value - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

/** @throws StepwedgeError where a score is NaN or infinite: nothing can be concluded from it */
export function refuseNonFinite(raw: Numbers, count: number, where: string): void {
  const index = raw.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  const image = Math.floor(index / (raw.length / count));
  throw new StepwedgeError(`gave ${received(raw[index])} for image ${image + 1} of ${count} asked together`, {
    where,
    remedy: "Check the model and model.input (range, mean, std): scores must be finite.",
  });
}

/**
 * A shape as it came: whole numbers, the first of them the number of images.
 * @throws StepwedgeError
 */
export function checkedShape(shape: unknown, count: number, where: string): readonly number[] {
  const sizes = Array.isArray(shape) ? (shape as readonly unknown[]) : [];
  const whole = sizes.every((side): side is number => Number.isSafeInteger(side) && (side as number) > 0);
  if (whole && sizes[0] === count) return sizes;
  throw unfit(`gave shape ${received(shape)} for ${count} images`, where);
}

/** An answer that is none of a classifier. */
export function unfit(message: string, where: string): StepwedgeError {
  return new StepwedgeError(message, {
    where,
    remedy: "Choose an output with one row of float scores per image (model.output).",
  });
}
