import type { ValueOptions } from "../shared/values.js";

export interface InputSize {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** The protocol's word on the model's input. */
export interface InputOptions extends ValueOptions {
  readonly channels: number | undefined;
  readonly height: number | undefined;
  readonly width: number | undefined;
}

/** d model value / d stored value, by channel. */
export function scaleOf({ range: [low, high], std }: InputOptions, channels: number, maxValue: number): Float64Array {
  return Float64Array.from(
    { length: channels },
    (_, channel) => (high - low) / maxValue / (std[channel] ?? std[0] ?? 1),
  );
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
