import { MOST_PIXELS, undecodable } from "./faults.js";
import type { ImageHeader } from "./header.js";
import { asUint16, type InterleavedPixels } from "./interleaved.js";
import type { Sharp } from "./sharp.js";

/**
 * Decodes through libvips: all the formats of `readHeader`, exact at 8 and 16 bits.
 * @throws StepwedgeError where the file is truncated or damaged
 */
export async function decodeWithSharp(
  sharp: Sharp,
  bytes: Buffer,
  header: ImageHeader,
  where: string,
): Promise<InterleavedPixels> {
  try {
    const { data, info } = await sharp(bytes, {
      ignoreIcc: true,
      limitInputPixels: MOST_PIXELS,
      // libpng warns of harmless things (a profile's checksum), libjpeg of nothing but damaged data.
      failOn: header.format === "jpeg" ? "warning" : "error",
    })
      .toColourspace(colourSpace(header))
      .raw({ depth: header.bits === 16 ? "ushort" : "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.width !== header.width || info.height !== header.height) {
      throw new Error(`it holds ${info.width} × ${info.height} pixels of ${header.width} × ${header.height}`);
    }
    return { data: header.bits === 16 ? asUint16(data) : data, stride: info.channels };
  } catch (cause) {
    throw undecodable(header.format.toUpperCase(), cause, where);
  }
}

/** The colour space that leaves stored values alone. (For 8-bit gray with alpha, "b-w" would drop the alpha unseen.) */
function colourSpace(header: ImageHeader): "b-w" | "grey16" | "srgb" | "rgb16" {
  if (header.bits === 16) return header.channels === 1 ? "grey16" : "rgb16";
  return header.channels === 1 && !header.alpha ? "b-w" : "srgb";
}
