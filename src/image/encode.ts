import { deflateSync } from "node:zlib";
import type { DecodedImage } from "../core/data.js";

/**
 * Writes PNG (W3C Portable Network Graphics, third edition): gray or RGB, 8 or 16 bits, without any loss and without
 * metadata. Small enough to need no library, so that images are written alike wherever the package runs.
 */
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const GRAY = 0;
const RGB = 2;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

/**
 * The file of an image with whole stored values: 8 bits where maxValue is 255, else 16 bits (a 12-bit image keeps its
 * values and its room above them stays empty).
 * @throws RangeError for numbers of channels other than 1 and 3, and for values that the depth cannot hold
 */
export function encodePng(image: DecodedImage): Buffer {
  const { channels, width, height, maxValue } = image;
  if (channels !== 1 && channels !== 3) throw new RangeError(`PNG takes 1 or 3 channels, received ${channels}`);
  const bits = maxValue <= 255 ? 8 : 16;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, channels === 1 ? GRAY : RGB], 8);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(scanlines(image, bits))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Rows of interleaved big-endian samples, each led by its filter: none. */
function scanlines(image: DecodedImage, bits: 8 | 16): Buffer {
  const { data, channels, width, height } = image;
  const area = width * height;
  const rows = Buffer.alloc(height * (1 + (width * channels * bits) / 8));
  const limit = 2 ** bits - 1;
  let at = 0;
  for (let pixel = 0; pixel < area; pixel++) {
    if (pixel % width === 0) at++;
    for (let channel = 0; channel < channels; channel++) {
      const value = data[channel * area + pixel] ?? Number.NaN;
      if (!Number.isInteger(value) || value < 0 || value > limit) {
        throw new RangeError(`a ${bits}-bit PNG cannot hold the value ${value}`);
      }
      at = bits === 8 ? rows.writeUInt8(value, at) : rows.writeUInt16BE(value, at);
    }
  }
  return rows;
}

function chunk(type: string, content: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, "latin1"), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, check]);
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
