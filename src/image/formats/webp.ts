import type { DecodedImage, PixelOptions } from "../../core/data.js";
import { StepwedgeError } from "../../core/errors.js";
import { checkPixels, checkRatio, damaged, MOST_PIXELS, needsSharp, truncated, undecodable } from "../faults.js";
import type { ImageFormat } from "../format.js";
import { checkOpaque, toPlanes } from "../interleaved.js";
import { loadSharp } from "../sharp.js";
import { windowStored } from "../stored.js";

/** What a WebP file says of itself before its pixels are decoded. */
interface WebpHeader {
  readonly width: number;
  readonly height: number;
  readonly alpha: boolean;
}

/** A flat image needs next to no bytes, so that the format knows no bound; no photograph comes near this one. */
const MOST_PER_BYTE = 2 ** 12;
/** Up to this many pixels even a flat image is let pass. */
const SMALL = 2 ** 22;

/**
 * WebP (RFC 9649), with and without loss: always three channels of 8 bits. Stored values are those of libwebp, which Pillow
 * uses, too. Animations are refused, and so is alpha unless it is opaque.
 */
async function decode(bytes: Buffer, options: PixelOptions, where: string): Promise<DecodedImage> {
  const { alpha, height, width } = readHeader(bytes, where);
  checkPixels(width, height, where);
  if (width * height > SMALL) checkRatio("WebP", { height, width }, bytes.length, MOST_PER_BYTE, where);
  const sharp = await loadSharp();
  if (sharp === null) throw needsSharp("WebP images", where);
  let raw: { readonly data: Buffer; readonly info: import("sharp").OutputInfo };
  try {
    raw = await sharp(bytes, { ignoreIcc: true, limitInputPixels: MOST_PIXELS, failOn: "warning" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw undecodable("WebP", cause, where);
  }
  const { data, info } = raw;
  if (info.width !== width || info.height !== height) {
    throw undecodable("WebP", `it holds ${info.width} × ${info.height} pixels of ${width} × ${height}`, where);
  }
  const pixels = { data, stride: info.channels };
  if (alpha && info.channels === 4) checkOpaque(pixels, where);
  return windowStored({ data: toPlanes(pixels, 3), channels: 3, height, width, maxValue: 255 }, options, where);
}

export const webp: ImageFormat = {
  name: "WebP",
  matches: (bytes) => bytes.toString("latin1", 0, 4) === "RIFF" && bytes.toString("latin1", 8, 12) === "WEBP",
  decode,
};

/**
 * Follows the chunks to the file's end.
 * @throws StepwedgeError where one is missing or cut off, and for animations
 */
function readHeader(bytes: Buffer, where: string): WebpHeader {
  if (bytes.length < 20) throw truncated("WebP", where);
  const end = 8 + bytes.readUInt32LE(4);
  if (end > bytes.length) throw truncated("WebP", where);
  let canvas: WebpHeader | null = null;
  let image: WebpHeader | null = null;
  let at = 12;
  while (at < end) {
    if (at + 8 > end) throw truncated("WebP", where);
    const kind = bytes.toString("latin1", at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    const chunk = bytes.subarray(at + 8, at + 8 + size);
    // Chunks of odd length are padded.
    at += 8 + size + (size & 1);
    if (at > end) throw truncated("WebP", where);
    if (kind === "ANIM" || kind === "ANMF") {
      throw new StepwedgeError("the WebP file is an animation", { where, remedy: "Give one file per image." });
    }
    if (kind === "VP8X") canvas ??= readCanvas(chunk, where);
    else if (kind === "VP8 ") image ??= readLossy(chunk, where);
    else if (kind === "VP8L") image ??= readLossless(chunk, where);
  }
  if (image === null) throw damaged("WebP", "it has no image", where);
  if (canvas === null) return image;
  if (canvas.width !== image.width || canvas.height !== image.height) {
    throw damaged("WebP", "its image is not of the size that its header states", where);
  }
  return { ...canvas, alpha: canvas.alpha || image.alpha };
}

function readCanvas(chunk: Buffer, where: string): WebpHeader {
  if (chunk.length < 10) throw damaged("WebP", "its header is too short", where);
  return {
    width: 1 + chunk.readUIntLE(4, 3),
    height: 1 + chunk.readUIntLE(7, 3),
    alpha: (chunk.readUInt8(0) & 0x10) !== 0,
  };
}

/** RFC 6386, section 9.1: three bytes of frame tag, a start code, 14 bits each of width and height. */
function readLossy(chunk: Buffer, where: string): WebpHeader {
  if (chunk.length < 10 || chunk.readUIntBE(3, 3) !== 0x9d012a) throw damaged("WebP", "its frame has no header", where);
  return { width: chunk.readUInt16LE(6) & 0x3fff, height: chunk.readUInt16LE(8) & 0x3fff, alpha: false };
}

/** RFC 9649, section 3.4: a signature, then 14 bits each of width − 1 and height − 1, and whether there is alpha. */
function readLossless(chunk: Buffer, where: string): WebpHeader {
  if (chunk.length < 5 || chunk.readUInt8(0) !== 0x2f) throw damaged("WebP", "its frame has no header", where);
  const bits = chunk.readUInt32LE(1);
  return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff), alpha: ((bits >>> 28) & 1) === 1 };
}
