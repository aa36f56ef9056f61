import { received, StepwedgeError } from "../core/errors.js";
import { checkPixels, checkRatio, damaged, truncated, unreadable } from "./faults.js";

/** What an image file says of itself before its pixels are decoded. */
export interface ImageHeader {
  readonly format: "png" | "jpeg";
  readonly width: number;
  readonly height: number;
  /** Stored bits per channel once decoded: 8 or 16. PNG's 1, 2 and 4 bits are spread over 0 … 255. */
  readonly bits: 8 | 16;
  /** Colour channels, without alpha. Palettes count as colour. */
  readonly channels: 1 | 3;
  readonly alpha: boolean;
}

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const JPEG_SIGNATURE = Buffer.from([0xff, 0xd8, 0xff]);

/** Deflate unfolds a byte to no more than this many (https://zlib.net/zlib_tech.html), and a byte of PNG is 8 pixels at most. */
const BEST_DEFLATE = 1032;
const PNG_PIXELS = 8;
/** A JPEG has at least a bit for each block of 8 × 8 pixels, of which chroma may have one where luma has four. */
const JPEG_PIXELS = 8 * 64 * 4;

/** The kinds of image that messages offer. */
const KNOWN = "PNG, JPEG, TIFF, WebP, BMP, DICOM or NIfTI";

/** Other kinds of file that people put in the place of an image, by their first bytes. */
const STRANGERS: readonly { readonly name: string; readonly at: number; readonly bytes: string }[] = [
  { name: "a BigTIFF image", at: 0, bytes: "II+\0" },
  { name: "a BigTIFF image", at: 0, bytes: "MM\0+" },
  { name: "a GIF image", at: 0, bytes: "GIF8" },
  { name: "a gzip archive", at: 0, bytes: "\x1f\x8b" },
  { name: "a PDF document", at: 0, bytes: "%PDF" },
  { name: "a JPEG 2000 image", at: 4, bytes: "jP  " },
];

/**
 * Reads the header of a PNG or JPEG file. The content decides, not the file's name. Checks that a PNG's chunks are all
 * there up to its end mark, which decoders do not: a file cut inside the last bytes would pass for whole.
 * @throws StepwedgeError for other formats, truncated files, colour models without a plain reading, and giants.
 */
export function readHeader(bytes: Buffer, where: string): ImageHeader {
  const header = bytes.subarray(0, 8).equals(PNG_SIGNATURE)
    ? readPng(bytes, where)
    : bytes.subarray(0, 3).equals(JPEG_SIGNATURE)
      ? readJpeg(bytes, where)
      : refuseStranger(bytes, where);
  checkPixels(header.width, header.height, where);
  const perByte = header.format === "png" ? BEST_DEFLATE * PNG_PIXELS : JPEG_PIXELS;
  checkRatio(header.format.toUpperCase(), header, bytes.length, perByte, where);
  return header;
}

function readPng(bytes: Buffer, where: string): ImageHeader {
  let transparent = false;
  let at: number = PNG_SIGNATURE.length;
  for (;;) {
    if (at + 8 > bytes.length) throw truncated("PNG", where);
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    at += 12 + length;
    if (at > bytes.length) throw truncated("PNG", where);
    if (type === "tRNS") transparent = true;
    if (type === "IEND") break;
  }
  const isHeader = bytes.toString("latin1", 12, 16) === "IHDR" && bytes.readUInt32BE(8) === 13;
  if (!isHeader) throw damaged("PNG", "its header chunk is missing", where);
  const colourType = bytes.readUInt8(25);
  return {
    format: "png",
    width: bytes.readUInt32BE(16),
    height: bytes.readUInt32BE(20),
    bits: bytes.readUInt8(24) === 16 ? 16 : 8,
    channels: colourType === 0 || colourType === 4 ? 1 : 3,
    alpha: transparent || colourType === 4 || colourType === 6,
  };
}

function readJpeg(bytes: Buffer, where: string): ImageHeader {
  for (const segment of jpegSegments(bytes, where)) {
    if (!isFrame(segment.marker)) continue;
    if (segment.from + 8 > bytes.length) throw truncated("JPEG", where);
    const bits = bytes.readUInt8(segment.from + 2);
    const components = bytes.readUInt8(segment.from + 7);
    if (bits !== 8) throw unreadable(`a JPEG with ${bits} bits per channel`, where);
    if (components !== 1 && components !== 3) {
      throw unreadable(`a JPEG with ${components} colour components${components === 4 ? " (CMYK)" : ""}`, where);
    }
    const height = bytes.readUInt16BE(segment.from + 3);
    return {
      format: "jpeg",
      width: bytes.readUInt16BE(segment.from + 5),
      height,
      bits: 8,
      channels: components,
      alpha: false,
    };
  }
  throw truncated("JPEG", where);
}

/** One marker segment: `from` is the index of its length field, `to` one past its end. */
interface JpegSegment {
  readonly marker: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The marker segments of a JPEG up to and including its frame header.
 * @throws StepwedgeError where the file ends before that.
 */
export function* jpegSegments(bytes: Buffer, where: string): Generator<JpegSegment> {
  let at = 2;
  for (;;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (at + 4 > bytes.length) throw truncated("JPEG", where);
    if (bytes[at] !== 0xff) throw damaged("JPEG", `no marker at byte ${at}`, where);
    const marker = bytes.readUInt8(at + 1);
    const from = at + 2;
    const to = from + bytes.readUInt16BE(from);
    if (to > bytes.length) throw truncated("JPEG", where);
    yield { marker, from, to };
    if (isFrame(marker)) return;
    at = to;
  }
}

/** SOF0 … SOF15, without the Huffman (C4), reserved (C8) and arithmetic (CC) tables between them. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function refuseStranger(bytes: Buffer, where: string): never {
  if (bytes.length === 0) {
    throw new StepwedgeError("the file is empty", { where, remedy: `Give a ${KNOWN} image.` });
  }
  const stranger = STRANGERS.find(({ at, bytes: magic }) => bytes.toString("latin1", at, at + magic.length) === magic);
  const begin = bytes.toString("latin1", 0, 16);
  throw new StepwedgeError(
    stranger === undefined
      ? `the file is no ${KNOWN} image; it begins with ${received(begin)}`
      : `the file is ${stranger.name}, none of ${KNOWN}`,
    { where, remedy: `Give a ${KNOWN} image; the content counts, not the file's name.` },
  );
}
