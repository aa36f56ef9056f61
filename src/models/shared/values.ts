import type { PixelBatch } from "../../core/pixels.js";

/** How stored values become the model's. */
export interface ValueOptions {
  /** What the smallest and the largest stored value become, before mean and std. */
  readonly range: readonly [number, number];
  /** One value, or one for each channel, in units of `range`. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export type Layout = "NCHW" | "NHWC";

export interface ImageLayout {
  readonly layout: Layout;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** The channels are the slices of a volume: N×1×D×H×W or N×D×H×W×1, which lie in memory as N×D×H×W. */
  readonly volume?: boolean;
}

/** The shape of the tensor that `count` images make. */
export function shapeOf({ channels, height, layout, volume, width }: ImageLayout, count: number): number[] {
  if (volume === true)
    return layout === "NCHW" ? [count, 1, channels, height, width] : [count, channels, height, width, 1];
  return layout === "NCHW" ? [count, channels, height, width] : [count, height, width, channels];
}

/** What a stored value of 0 … maxValue is to the model, in double precision. */
export function modelValue({ range, mean, std }: ValueOptions, channel: number, value: number, maxValue: number) {
  const [low, high] = range;
  return ((value / maxValue) * (high - low) + low - (mean[channel] ?? mean[0] ?? 0)) / (std[channel] ?? std[0] ?? 1);
}

/** One look-up table per channel: what each stored value is to the model. Exact, and faster than arithmetic. */
export function valueTables(options: ValueOptions, channels: number, maxValue: number): readonly Float32Array[] {
  const tableOf = (channel: number) =>
    Float32Array.from({ length: maxValue + 1 }, (_, value) => modelValue(options, channel, value, maxValue));
  return perChannel(options, channels, tableOf);
}

/** One for each channel; the same one for all that no mean or standard deviation of their own tells apart. */
export function perChannel<T>(
  { mean, std }: ValueOptions,
  channels: number,
  make: (channel: number) => T,
): readonly T[] {
  if (mean.length > 1 || std.length > 1) return Array.from({ length: channels }, (_, channel) => make(channel));
  return new Array<T>(channels).fill(make(0));
}

/** Makes float32 inputs of batches, in the model's layout. Its tables are kept: one for each depth of images. */
export function floatWriter(layout: ImageLayout, options: ValueOptions): (batch: PixelBatch) => Float32Array {
  const tables = new Map<number, readonly Float32Array[]>();
  return ({ count, data, maxValue }) => {
    const known = tables.get(maxValue) ?? valueTables(options, layout.channels, maxValue);
    tables.set(maxValue, known);
    return arrange(data, count, layout, known, new Float32Array(data.length));
  };
}

/** Arrays of numbers with a length and an index. */
interface Numbers {
  [index: number]: number;
}

/** Writes stored values NCHW into `out` as model values, in the model's layout. */
export function arrange<T extends Numbers>(
  data: Float32Array,
  count: number,
  { layout, channels, height, volume, width }: ImageLayout,
  tables: readonly T[],
  out: T,
): T {
  const plane = height * width;
  for (let image = 0; image < count; image++) {
    for (let channel = 0; channel < channels; channel++) {
      const table = tables[channel] as Numbers;
      const target: Numbers = out;
      const from = (image * channels + channel) * plane;
      if (layout === "NCHW" || volume === true) {
        for (let i = from; i < from + plane; i++) target[i] = table[data[i] as number] as number;
      } else {
        const to = image * channels * plane + channel;
        for (let pixel = 0; pixel < plane; pixel++) {
          target[to + pixel * channels] = table[data[from + pixel] as number] as number;
        }
      }
    }
  }
  return out;
}
