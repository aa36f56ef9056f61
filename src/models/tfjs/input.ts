import type { PixelBatch } from "../../core/pixels.js";

export interface InputSize {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** The protocol's word on the model's input. */
export interface InputOptions {
  readonly channels: number | undefined;
  readonly height: number | undefined;
  readonly width: number | undefined;
  /** What the smallest and the largest stored value become, before mean and std. */
  readonly range: readonly [number, number];
  /** One value, or one for each channel, in units of `range`. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** One look-up table per channel: what each stored value is to the model. Exact, and faster than arithmetic. */
export function valueTables(input: InputOptions, channels: number, maxValue: number): readonly Float32Array[] {
  const [low, high] = input.range;
  return Array.from({ length: channels }, (_, channel) => {
    const mean = input.mean[channel] ?? input.mean[0] ?? 0;
    const std = input.std[channel] ?? input.std[0] ?? 1;
    return Float32Array.from(
      { length: maxValue + 1 },
      (_, value) => ((value / maxValue) * (high - low) + low - mean) / std,
    );
  });
}

/** d model value / d stored value, by channel. */
export function scaleOf({ range: [low, high], std }: InputOptions, channels: number, maxValue: number): Float64Array {
  return Float64Array.from(
    { length: channels },
    (_, channel) => (high - low) / maxValue / (std[channel] ?? std[0] ?? 1),
  );
}

/** Stored values N×C×H×W to model values N×H×W×C. */
export function toModel(batch: PixelBatch, tables: readonly Float32Array[]): Float32Array {
  const { data, count, channels } = batch;
  const plane = batch.height * batch.width;
  const out = new Float32Array(count * channels * plane);
  for (let image = 0; image < count; image++) {
    for (let channel = 0; channel < channels; channel++) {
      const table = tables[channel] as Float32Array;
      const from = (image * channels + channel) * plane;
      const to = image * channels * plane + channel;
      for (let pixel = 0; pixel < plane; pixel++) {
        out[to + pixel * channels] = table[data[from + pixel] as number] as number;
      }
    }
  }
  return out;
}

/** The gradient by one image's model values H×W×C, as that by its stored values C×H×W. */
export function toStored(slope: Float32Array, size: InputSize, scale: Float64Array, out: Float32Array): void {
  const { channels } = size;
  const plane = size.height * size.width;
  for (let channel = 0; channel < channels; channel++) {
    const factor = scale[channel] as number;
    for (let pixel = 0; pixel < plane; pixel++) {
      out[channel * plane + pixel] = factor * (slope[pixel * channels + channel] as number);
    }
  }
}
