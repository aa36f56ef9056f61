import type { ImageLayout, ValueOptions } from "../shared/values.js";

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

/** The gradient by one image's model values H×W×C (of a volume: D×H×W), as that by its stored values C×H×W. */
export function toStored(slope: Float32Array, size: ImageLayout, scale: Float64Array, out: Float32Array): void {
  const { channels } = size;
  const plane = size.height * size.width;
  for (let channel = 0; channel < channels; channel++) {
    const factor = scale[channel] as number;
    const [first, step] = size.volume === true ? [channel * plane, 1] : [channel, channels];
    for (let pixel = 0; pixel < plane; pixel++) {
      out[channel * plane + pixel] = factor * (slope[first + pixel * step] as number);
    }
  }
}
