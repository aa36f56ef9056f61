import { received, StepwedgeError } from "../../core/errors.js";
import { type Activation, activate, type Numbers } from "./activation.js";
import { type Reduction, reduceDense } from "./dense.js";

export type { Activation, Numbers };

export interface ScoreOptions {
  /** null: an encoder is asked, and all columns are its vector, as they come. */
  readonly classes: readonly string[] | null;
  /** The output's column of each class; undefined: as they come. */
  readonly select: Readonly<Record<string, number>> | undefined;
  readonly activation: Activation;
  /** How an output with a value for every pixel becomes one score per class; default: it has none. */
  readonly reduce?: Reduction;
  /** In such an output, classes come last. */
  readonly classesLast?: boolean;
  /** The model and its output, as messages name them. */
  readonly where: string;
  readonly output: string;
}

/**
 * The classes' probabilities from an output of any shape whose first side counts the images.
 * @throws StepwedgeError where the shape does not fit, or the rows do not hold the classes
 */
export function scoresOf(raw: Numbers, shape: readonly number[], options: ScoreOptions): Float64Array {
  const { classesLast = false, output, reduce = "none", where } = options;
  const [images = 0] = shape;
  if (options.classes === null) return vectorsOf(raw, shape, options);
  if (reduce === "none") return classScores(raw, images, options);
  if (reduce === "whole") throw new Error("scores are no whole answers");
  if (shape.length < 3) {
    throw new StepwedgeError(
      `has no value for every pixel to take the ${reduce} of: its shape is [${shape.join(", ")}]`,
      {
        where: `${where}, output "${output}"`,
        remedy: "Leave model.output.reduce out.",
      },
    );
  }
  const classes = (classesLast ? shape.at(-1) : shape[1]) as number;
  const positions = raw.length / images / classes;
  const rows = reduceDense(raw, { images, classes, positions, classesLast }, reduce, options.activation);
  return classScores(rows, images, { ...options, activation: "none" });
}

/**
 * Vectors, `values[image * width + dimension]`. Of a map of vectors (N×C×H×W, or tokens N×T×C) `reduce` takes the mean or the
 * greatest over the positions.
 * @throws StepwedgeError where there are several vectors per image and nothing says how they become one
 */
function vectorsOf(raw: Numbers, shape: readonly number[], options: ScoreOptions): Float64Array {
  const { classesLast = false, output, reduce = "none", where } = options;
  const [images = 0, ...sides] = shape;
  const place = `${where}, output "${output}"`;
  const long = sides.filter((side) => side > 1).length;
  if (reduce === "whole") return wholeOf(raw, shape, classesLast);
  if (reduce === "share") {
    throw new StepwedgeError("a share of pixels is no vector", {
      where: `${where}, model.output.reduce`,
      remedy: "Take the mean or the max of each channel.",
    });
  }
  if (long <= 1 && (reduce === "none" || sides.length < 2)) return Float64Array.from(raw);
  if (reduce === "none") {
    throw new StepwedgeError(`gives several vectors per image: its shape is [${shape.join(", ")}]`, {
      where: place,
      remedy: "Say how they become one, with model.output.reduce: mean or max; or name an output of one vector.",
    });
  }
  // Tokens have their numbers last, whatever the layout of the images.
  const last = sides.length === 2 || classesLast;
  const classes = (last ? sides.at(-1) : sides[0]) as number;
  const positions = raw.length / images / classes;
  return reduceDense(raw, { images, classes, positions, classesLast: last }, reduce, "none");
}

/** All numbers of each image, plane by plane: what comes with its channels last is turned. */
function wholeOf(raw: Numbers, [images = 0, ...sides]: readonly number[], classesLast: boolean): Float64Array {
  const channels = classesLast && sides.length > 2 ? (sides.at(-1) as number) : 1;
  if (channels === 1) return Float64Array.from(raw);
  const positions = raw.length / images / channels;
  const out = new Float64Array(raw.length);
  for (let image = 0, at = 0; image < images; image++) {
    const from = image * channels * positions;
    for (let channel = 0; channel < channels; channel++) {
      for (let position = 0; position < positions; position++, at++) {
        out[at] = raw[from + position * channels + channel] as number;
      }
    }
  }
  return out;
}

/**
 * The classes' probabilities, `values[image * classes + class]`, from an output with one row for each image.
 * @throws StepwedgeError where the rows do not hold the classes
 */
export function classScores(raw: Numbers, count: number, options: ScoreOptions): Float64Array {
  const { select, where, output } = options;
  const width = raw.length / count;
  const classes = options.classes ?? [];
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
    const probabilities = Float64Array.from(raw.subarray(image * width, (image + 1) * width));
    activate(probabilities, options.activation);
    for (const [index, column] of columns.entries()) {
      values[image * columns.length + index] = probabilities[column] as number;
    }
  }
  return values;
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
