import { imageSize, type PixelBatch, sliceBatch } from "../core/pixels.js";
import { decodeImage } from "../image/decode.js";
import { encodePng } from "../image/encode.js";

/** Images of a condition that are saved and read back. What holds for them holds for all: they are whole stored values. */
const CHECKED_IMAGES = 4;

/** Slices of a volume or stack as gray pages one below the other: the same values in the same order. */
function asPages(image: PixelBatch): PixelBatch {
  const { channels, height } = image;
  return channels === 1 || channels === 3 ? image : { ...image, channels: 1, height: channels * height };
}

/**
 * Saves the first images of a batch without loss, reads them back and compares: what is scored is what a file would hold.
 * @throws Error (a fault of ours or of an image library) where a value differs
 */
export async function assertSurvivesSaving(batch: PixelBatch): Promise<void> {
  const size = imageSize(batch);
  for (let image = 0; image < Math.min(batch.count, CHECKED_IMAGES); image++) {
    const one = sliceBatch(batch, image, image + 1);
    const decoded = await decodeImage(encodePng(asPages(one)), `attacked image ${image + 1}`);
    if (decoded.data.length === size && one.data.every((value, i) => value === decoded.data[i])) continue;
    throw new Error("an attacked image does not read back as it was saved");
  }
}
