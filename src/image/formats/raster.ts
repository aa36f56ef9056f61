import type { DecodedImage, PixelOptions } from "../../core/data.js";
import { decodeWithJimp } from "../decode-jimp.js";
import { decodeWithSharp } from "../decode-sharp.js";
import { type ImageHeader, readHeader } from "../header.js";
import { checkOpaque, type InterleavedPixels, toPlanes } from "../interleaved.js";
import type { ImageFormat } from "../format.js";
import { decodePlainJpeg } from "../jpeg-plain.js";
import { decodePlainPng } from "../png.js";
import { loadSharp } from "../sharp.js";
import { windowStored } from "../stored.js";

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
  const plain = header.format === "jpeg" ? decodePlainJpeg(bytes, header) : null;
  if (plain !== null) return windowStored(plain, options, where);
  const pixels = await decodePixels(bytes, header, where);
  if (header.alpha) checkOpaque(pixels, where);
  const stored: DecodedImage = {
    data: toPlanes(pixels, header.channels),
    channels: header.channels,
    height: header.height,
    width: header.width,
    maxValue: header.bits === 16 ? 65535 : 255,
  };
  return windowStored(stored, options, where);
}

/** The codecs in the order of their speed; the first one that takes the file decodes it. */
async function decodePixels(bytes: Buffer, header: ImageHeader, where: string): Promise<InterleavedPixels> {
  const plain = header.format === "png" ? await decodePlainPng(bytes, header) : null;
  if (plain !== null) return plain;
  const sharp = await loadSharp();
  return sharp === null ? decodeWithJimp(bytes, header, where) : decodeWithSharp(sharp, bytes, header, where);
}

export const raster: ImageFormat = { name: "PNG or JPEG", matches: () => true, decode };
