import { AS_STORED, type DecodedImage, type PixelOptions } from "../core/data.js";
import type { ImageFormat } from "./format.js";
import { bmp } from "./formats/bmp.js";
import { dicom } from "./formats/dicom.js";
import { nifti } from "./formats/nifti.js";
import { raster } from "./formats/raster.js";
import { tiff } from "./formats/tiff.js";
import { webp } from "./formats/webp.js";

/**
 * The first that the bytes match decodes them; the last takes what is left, and says what it is not. DICOM leaves its first
 * 128 bytes to anybody, NIfTI's mark among them, so that it comes first.
 */
const FORMATS: readonly ImageFormat[] = [dicom, nifti, tiff, webp, bmp, raster];

/**
 * Decodes an image file to stored values, CHW; the content decides how, not the file's name.
 * @param where what to call the image in an error message
 * @throws StepwedgeError for anything that is not a whole image of a known kind, or that the options do not fit
 */
export function decodeImage(bytes: Buffer, where: string, options: PixelOptions = AS_STORED): Promise<DecodedImage> {
  const format = FORMATS.find((one) => one.matches(bytes)) ?? raster;
  return format.decode(bytes, options, where);
}
