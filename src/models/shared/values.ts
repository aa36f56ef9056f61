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
}

/** What a stored value of 0 … maxValue is to the model, in double precision. */
export function modelValue({ range, mean, std }: ValueOptions, channel: number, value: number, maxValue: number) {
  const [low, high] = range;
  return ((value / maxValue) * (high - low) + low - (mean[channel] ?? mean[0] ?? 0)) / (std[channel] ?? std[0] ?? 1);
}

/** One look-up table per channel: what each stored value is to the model. Exact, and faster than arithmetic. */
export function valueTables(options: ValueOptions, channels: number, maxValue: number): readonly Float32Array[] {
  return Array.from({ length: channels }, (_, channel) =>
    Float32Array.from({ length: maxValue + 1 }, (_, value) => modelValue(options, channel, value, maxValue)),
  );
}

/** Arrays of numbers with a length and an index. */
interface Numbers {
  [index: number]: number;
}

/** Writes stored values NCHW into `out` as model values, in the model's layout. */
export function arrange<T extends Numbers>(
  data: Float32Array,
  count: number,
  { layout, channels, height, width }: ImageLayout,
  tables: readonly T[],
  out: T,
): T {
  const plane = height * width;
  for (let image = 0; image < count; image++) {
    for (let channel = 0; channel < channels; channel++) {
      const table = tables[channel] as Numbers;
      const target: Numbers = out;
      const from = (image * channels + channel) * plane;
      if (layout === "NCHW") {
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
