import type { DecodedImage, PixelOptions, Window } from "../core/data.js";
import { StepwedgeError } from "../core/errors.js";

/** Decoded values before they are windowed: one channel after the other, in true units where the file says which. */
export interface DeepImage {
  readonly data: ArrayLike<number> & Iterable<number>;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** True value = slope × data + intercept. */
  readonly slope: number;
  readonly intercept: number;
  /** Bits per value that the file stores, 1 … 64. */
  readonly storedBits: number;
  /** The window that the file itself names, if it does. */
  readonly fileWindow: (Window & { readonly kind: "voi" }) | null;
  /** Small is bright (DICOM's MONOCHROME1): the result is turned round, whatever the window. */
  readonly inverted: boolean;
}

/**
 * Brings deep values to the display window. Windowed values are rounded to whole stored values, half up.
 *
 * Linear windows follow DICOM PS3.3 C.11.2.1.2.1 (which puts the centre half a value lower, and the ends w − 1 apart),
 * linear-exact C.11.2.1.3.2, sigmoid C.11.2.1.3.1.
 * @throws StepwedgeError where the file names no window, where stored values are negative, broken or deeper than 16 bits,
 *   and where a value is not a number
 */
export function applyWindow(image: DeepImage, options: PixelOptions, where: string): DecodedImage {
  const { channels, height, width } = image;
  if (options.window.kind === "stored") return asStored(image, where);
  const maxValue = 2 ** (options.bits ?? (image.storedBits <= 8 ? 8 : 16)) - 1;
  const curve = curveOf(image, options.window, where);
  const data = maxValue === 255 ? new Uint8Array(image.data.length) : new Uint16Array(image.data.length);
  const { data: values, intercept, inverted, slope } = image;
  for (let index = 0; index < values.length; index++) {
    const share = curve((values[index] as number) * slope + intercept);
    if (!(share >= 0 && share <= 1)) throw notNumber(where);
    data[index] = Math.floor((inverted ? 1 - share : share) * maxValue + 0.5);
  }
  return { data, channels, height, width, maxValue };
}

function asStored({ channels, data, height, inverted, storedBits, width }: DeepImage, where: string): DecodedImage {
  if (storedBits > 16) {
    throw new StepwedgeError(
      `the image holds ${storedBits} bits per value, which is more than a display window of 16`,
      {
        where,
        remedy: "Say under data.window which values are black and white, for example { range: [0, 1000] }.",
      },
    );
  }
  const maxValue = storedBits <= 8 ? 255 : 2 ** storedBits - 1;
  const top = storedBits <= 8 ? 2 ** storedBits - 1 : maxValue;
  const stored = maxValue === 255 ? new Uint8Array(data.length) : new Uint16Array(data.length);
  for (let index = 0; index < data.length; index++) {
    const value = data[index] as number;
    if (!(Number.isInteger(value) && value >= 0 && value <= top)) {
      throw new StepwedgeError(`the image holds the value ${value}, which is none of 0 to ${top}`, {
        where,
        remedy: "Say under data.window which values are black and white: file, full, { center, width } or { range }.",
      });
    }
    // One to seven bits are spread over 0 … 255, as PNG's are.
    stored[index] = Math.round(((inverted ? top - value : value) / top) * maxValue);
  }
  return { data: stored, channels, height, width, maxValue };
}

/** From true values to shares 0 … 1 of the window. */
function curveOf(image: DeepImage, window: Window, where: string): (value: number) => number {
  switch (window.kind) {
    case "file":
      if (image.fileWindow === null) {
        throw new StepwedgeError("the file names no window of its own", {
          where,
          remedy: "Say under data.window which one to take: full, { center, width } or { range }.",
        });
      }
      return voi(image.fileWindow);
    case "voi":
      return voi(window);
    case "range":
      return between(window.lower, window.upper);
    default: {
      const [lower, upper] = window.kind === "percentiles" ? [window.lower, window.upper] : [0, 100];
      const [from, to] = quantiles(image, lower, upper, where);
      return between(from, to);
    }
  }
}

function voi({ center, shape, width }: Window & { readonly kind: "voi" }): (value: number) => number {
  if (shape === "sigmoid") return (value) => 1 / (1 + Math.exp((-4 * (value - center)) / width));
  if (shape === "linear-exact") return between(center - width / 2, center + width / 2);
  // A width of 1 is a threshold: the formula's division by w − 1 never comes to use.
  if (width <= 1) return (value) => (value <= center - 0.5 ? 0 : 1);
  return between(center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2);
}

function between(lower: number, upper: number): (value: number) => number {
  // An image of one value only has no window; it is black.
  if (lower === upper) return (value) => (value > upper ? 1 : value <= lower ? 0 : Number.NaN);
  return (value) => (value <= lower ? 0 : value >= upper ? 1 : (value - lower) / (upper - lower));
}

/** Quantiles in percent, linear between order statistics, as numpy's `percentile` takes them. */
function quantiles({ data, intercept, slope }: DeepImage, lower: number, upper: number, where: string) {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let index = 0; index < data.length; index++) {
    const value = (data[index] as number) * slope + intercept;
    if (!Number.isFinite(value)) throw notNumber(where);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (lower === 0 && upper === 100) return [least, most] as const;
  const sorted = Float64Array.from(data, (value) => value * slope + intercept).sort();
  const at = (percent: number): number => {
    const place = (percent / 100) * (sorted.length - 1);
    const below = sorted[Math.floor(place)] as number;
    return below + (place - Math.floor(place)) * ((sorted[Math.ceil(place)] as number) - below);
  };
  return [at(lower), at(upper)] as const;
}

function notNumber(where: string): StepwedgeError {
  return new StepwedgeError("the image holds a value that is not a number", {
    where,
    remedy: "Leave the image out, or give a file whose values are all numbers.",
  });
}

/**
 * Which of `count` frames the protocol takes, from 0.
 * @throws StepwedgeError where there are several and it does not say which, or where the one it names is not there
 */
export function chosenFrames(count: number, { frames }: PixelOptions, where: string): readonly number[] {
  switch (frames.take) {
    case "only":
      if (count === 1) return [0];
      throw new StepwedgeError(`the file holds ${count} frames or slices`, {
        where,
        remedy: "Say under data.frames which one is the image: middle, all, { stack: n } or { column: name }.",
      });
    case "middle":
      return [Math.floor(count / 2)];
    case "index":
      if (frames.index < count) return [frames.index];
      throw new StepwedgeError(`there is no frame or slice ${frames.index}; the file holds ${count}, from 0`, {
        where,
        remedy: "Correct the number in the column that data.frames names.",
      });
    case "stack": {
      const first = Math.floor(count / 2) - Math.floor(frames.count / 2);
      if (frames.count <= count && first >= 0) return Array.from({ length: frames.count }, (_, index) => first + index);
      throw new StepwedgeError(`a stack of ${frames.count} does not fit into ${count} frames or slices`, {
        where,
        remedy: "Make data.frames.stack smaller.",
      });
    }
    case "all":
      return Array.from({ length: count }, (_, index) => index);
  }
}
