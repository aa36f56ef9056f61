import type { DecodedImage, PixelOptions } from "../../core/data.js";
import { StepwedgeError } from "../../core/errors.js";
import { decodeWithJimp } from "../decode-jimp.js";
import { decodeWithSharp } from "../decode-sharp.js";
import { type ImageHeader, type InterleavedPixels, readHeader } from "../header.js";
import type { ImageFormat } from "../format.js";
import { loadSharp } from "../sharp.js";
import { applyWindow } from "../window.js";

/**
 * Decodes PNG and JPEG to the values that the file stores, as Pillow's `Image.open` would: colour profiles, gamma and
 * EXIF orientation change nothing (a viewer may rotate or recolour; a model was trained on arrays). PNG of 1, 2 and 4
 * bits is spread over 0 … 255, palettes become RGB, 16 bits stay 16 bits. An alpha channel is dropped where it is
 * opaque everywhere; a transparent pixel has no one value, so it is refused.
 * A window of the file's own means nothing here: "file" leaves the values as they are stored.
 *
 * Returns CHW, 1 or 3 channels, Uint8Array with maxValue 255 or Uint16Array with maxValue 65535.
 * @param where what to call the image in an error message
 * @throws StepwedgeError for anything that is not a whole, plain PNG or JPEG of at most 2^28 pixels
 */
async function decode(bytes: Buffer, options: PixelOptions, where: string): Promise<DecodedImage> {
  const header = readHeader(bytes, where);
  const sharp = await loadSharp();
  const pixels =
    sharp === null ? await decodeWithJimp(bytes, header, where) : await decodeWithSharp(sharp, bytes, header, where);
  if (header.alpha) checkOpaque(pixels, where);
  const stored: DecodedImage = {
    data: planes(pixels.data, header, pixels.stride),
    channels: header.channels,
    height: header.height,
    width: header.width,
    maxValue: header.bits === 16 ? 65535 : 255,
  };
  if (options.window.kind === "stored" || options.window.kind === "file") return stored;
  const deep = { ...stored, slope: 1, intercept: 0, storedBits: header.bits, fileWindow: null, inverted: false };
  return applyWindow(deep, options, where);
}

export const raster: ImageFormat = { name: "PNG or JPEG", matches: () => true, decode };

/** Interleaved pixels to planes, without alpha: HWC → CHW. */
function planes(data: Uint8Array | Uint16Array, header: ImageHeader, stride: number): Uint8Array | Uint16Array {
  const area = header.width * header.height;
  const result = header.bits === 16 ? new Uint16Array(header.channels * area) : new Uint8Array(header.channels * area);
  for (let channel = 0; channel < header.channels; channel++) {
    for (let pixel = 0, from = channel; pixel < area; pixel++, from += stride) {
      result[channel * area + pixel] = data[from] ?? 0;
    }
  }
  return result;
}

function checkOpaque(pixels: InterleavedPixels, where: string): void {
  const { data, stride } = pixels;
  const opaque = data instanceof Uint16Array ? 65535 : 255;
  for (let alpha = stride - 1; alpha < data.length; alpha += stride) {
    if (data[alpha] !== opaque) {
      throw new StepwedgeError("the image has transparent pixels", {
        where,
        remedy: "Save it without transparency: what a transparent pixel's value is depends on who looks.",
      });
    }
  }
}
