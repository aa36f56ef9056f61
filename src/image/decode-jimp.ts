import { needsSharp, undecodable } from "./faults.js";
import { type ImageHeader, jpegSegments } from "./header.js";
import type { InterleavedPixels } from "./interleaved.js";

/** JPEG marker APP1, which holds EXIF: jimp would rotate the pixels by it. */
const APP1 = 0xe1;

/**
 * The fallback where sharp's native library is missing: pure JavaScript, 8 bits only. PNG and gray JPEG give the same
 * values as sharp; colour JPEG differed by up to 11 levels, as jpeg-js does not interpolate chroma.
 * @throws StepwedgeError for 16-bit images, which jimp would cut to 8 bits, and for damaged files
 */
export async function decodeWithJimp(bytes: Buffer, header: ImageHeader, where: string): Promise<InterleavedPixels> {
  if (header.bits === 16) throw needsSharp("16-bit images", where);
  // Loading jimp takes longer than most commands: only where it is needed.
  const { Jimp } = await import("jimp");
  try {
    const image = await Jimp.fromBuffer(header.format === "jpeg" ? withoutExif(bytes, where) : bytes, {
      "image/jpeg": { tolerantDecoding: false, maxMemoryUsageInMB: 4096 },
    });
    const { data, height, width } = image.bitmap;
    if (width !== header.width || height !== header.height) {
      throw new Error(`it holds ${width} × ${height} pixels of ${header.width} × ${header.height}`);
    }
    return { data, stride: 4 };
  } catch (cause) {
    throw undecodable(header.format.toUpperCase(), cause, where);
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
