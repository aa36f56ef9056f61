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
  /**
   * Which sample each image is of, or was made from: its row in the source. Only where answers are held against a reference
   * standard; whoever takes some of the images of such a batch takes theirs along.
   */
  readonly subjects?: Int32Array;
}

/** Channels, height and width of one image, and the largest stored value. */
export type ImageGeometry = Pick<PixelBatch, "channels" | "height" | "width" | "maxValue">;

/** Values per image: channels × height × width. */
export function imageSize(geometry: ImageGeometry): number {
  return geometry.channels * geometry.height * geometry.width;
}

/** No sample: an image of an empty batch, until one is put there. */
export const NOBODY = -1;

/** An empty batch of the given geometry; of nobody's images, where the given one knows whose its own are. */
export function createBatch(geometry: ImageGeometry & Pick<PixelBatch, "subjects">, count: number): PixelBatch {
  const { channels, height, width, maxValue, subjects } = geometry;
  return {
    data: new Float32Array(count * imageSize(geometry)),
    count,
    channels,
    height,
    width,
    maxValue,
    ...(subjects === undefined ? {} : { subjects: new Int32Array(count).fill(NOBODY) }),
  };
}

/** Images `from` (inclusive) to `to` (exclusive) as a view: no copy. */
export function sliceBatch(batch: PixelBatch, from: number, to: number): PixelBatch {
  const size = imageSize(batch);
  const { subjects } = batch;
  return {
    ...batch,
    data: batch.data.subarray(from * size, to * size),
    count: to - from,
    ...(subjects === undefined ? {} : { subjects: subjects.subarray(from, to) }),
  };
}
