import { StepwedgeError } from "../core/errors.js";
import { type ImageHeader, type InterleavedPixels, jpegSegments, undecodable } from "./header.js";

/** JPEG marker APP1, which holds EXIF: jimp would rotate the pixels by it. */
const APP1 = 0xe1;

/**
 * The fallback where sharp's native library is missing: pure JavaScript, 8 bits only. PNG and gray JPEG give the same
 * values as sharp; colour JPEG differed by up to 11 levels, as jpeg-js does not interpolate chroma.
 * @throws StepwedgeError for 16-bit images, which jimp would cut to 8 bits, and for damaged files
 */
export async function decodeWithJimp(bytes: Buffer, header: ImageHeader, where: string): Promise<InterleavedPixels> {
  if (header.bits === 16) {
    throw new StepwedgeError("16-bit images need the package sharp, whose native library is missing here", {
      where,
      remedy:
        "Install sharp for this platform (npm install --include=optional sharp), or convert the images to 8 bits.",
    });
  }
  // Loading jimp takes longer than most commands: only where it is needed.
  const { Jimp } = await import("jimp");
  try {
    const image = await Jimp.fromBuffer(header.format === "jpeg" ? withoutExif(bytes, where) : bytes, {
      "image/jpeg": { tolerantDecoding: false, maxMemoryUsageInMB: 4096 },
    });
    return { data: image.bitmap.data, stride: 4 };
  } catch (cause) {
    throw undecodable(header, cause, where);
  }
}

function withoutExif(bytes: Buffer, where: string): Buffer {
  const kept: Buffer[] = [];
  let from = 0;
  for (const segment of jpegSegments(bytes, where)) {
    if (segment.marker !== APP1) continue;
    kept.push(bytes.subarray(from, segment.from - 2));
    from = segment.to;
  }
  return Buffer.concat([...kept, bytes.subarray(from)]);
}
