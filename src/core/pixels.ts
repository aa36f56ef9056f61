/**
 * A batch of images: one contiguous array, NCHW (image, channel, row, column). Values are **stored values**: the
 * integers 0 … maxValue that an image file of the device's bit depth holds (maxValue = 255, 4095 or 65535), kept as
 * float32, which represents them exactly. One unit of ε is the whole display window, so ε = 4/255 is four stored
 * values at eight bits.
 */
export interface PixelBatch {
  readonly data: Float32Array;
  readonly count: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly maxValue: number;
}

/** Channels, height and width of one image, and the largest stored value. */
export type ImageGeometry = Pick<PixelBatch, "channels" | "height" | "width" | "maxValue">;

/** Values per image: channels × height × width. */
export function imageSize(geometry: ImageGeometry): number {
  return geometry.channels * geometry.height * geometry.width;
}

/** An empty batch of the given geometry. */
export function createBatch(geometry: ImageGeometry, count: number): PixelBatch {
  const { channels, height, width, maxValue } = geometry;
  return { data: new Float32Array(count * imageSize(geometry)), count, channels, height, width, maxValue };
}

/** Images `from` (inclusive) to `to` (exclusive) as a view: no copy. */
export function sliceBatch(batch: PixelBatch, from: number, to: number): PixelBatch {
  const size = imageSize(batch);
  return { ...batch, data: batch.data.subarray(from * size, to * size), count: to - from };
}
