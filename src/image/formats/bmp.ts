import type { DecodedImage, PixelOptions } from "../../core/data.js";
import { StepwedgeError } from "../../core/errors.js";
import { checkPixels, damaged, truncated } from "../faults.js";
import type { ImageFormat } from "../format.js";
import { windowStored } from "../stored.js";

/** Bytes of the headers that there are, from OS/2's BITMAPCOREHEADER to BITMAPV5HEADER. */
const HEADERS: readonly number[] = [12, 40, 52, 56, 64, 108, 124];
const CORE = 12;

/**
 * Windows bitmaps (BITMAPFILEHEADER and what follows it) without compression: 1, 4 and 8 bits with a palette, 24 and 32 bits
 * in colour. Where all colours of the palette are gray the image is; else there are three channels. The fourth byte of 32 bits
 * means nothing and is left out. There is no codec in it: once the header is checked, rows only have to be turned round.
 */
async function decode(bytes: Buffer, options: PixelOptions, where: string): Promise<DecodedImage> {
  const header = readHeader(bytes, where);
  const { height, width } = header;
  const area = height * width;
  const gray = header.palette?.every(([red, green, blue]) => red === green && green === blue) ?? false;
  const channels = gray ? 1 : 3;
  const data = new Uint8Array(channels * area);
  for (let y = 0; y < height; y++) {
    const line = header.pixels + (header.fromTop ? y : height - 1 - y) * header.rowBytes;
    const row = data.subarray(y * width);
    if (header.palette === null) readColours(bytes, line, header.bits / 8, row, width, area);
    else readEntries(bytes, line, header, row, channels, area, where);
  }
  return windowStored({ data, channels, height, width, maxValue: 255 }, options, where);
}

export const bmp: ImageFormat = {
  name: "BMP",
  matches: (bytes) =>
    bytes.toString("latin1", 0, 2) === "BM" && bytes.length >= 18 && HEADERS.includes(bytes.readUInt32LE(14)),
  decode,
};

interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly fromTop: boolean;
  readonly bits: number;
  /** Red, green and blue of each entry; null where pixels are colours themselves. */
  readonly palette: readonly (readonly [number, number, number])[] | null;
  /** Where the first row begins. */
  readonly pixels: number;
  readonly rowBytes: number;
}

function readHeader(bytes: Buffer, where: string): BmpHeader {
  const pixels = bytes.readUInt32LE(10);
  const size = bytes.readUInt32LE(14);
  if (bytes.length < 14 + size) throw truncated("BMP", where);
  const core = size === CORE;
  const width = core ? bytes.readUInt16LE(18) : bytes.readInt32LE(18);
  const tall = core ? bytes.readUInt16LE(20) : bytes.readInt32LE(22);
  const height = Math.abs(tall);
  const bits = bytes.readUInt16LE(core ? 24 : 28);
  const compression = core ? 0 : bytes.readUInt32LE(30);
  checkPixels(width, height, where);
  if (compression !== 0 || ![1, 4, 8, 24, 32].includes(bits)) {
    throw new StepwedgeError(`the BMP image has ${bits} bits per pixel and compression ${compression}`, {
      where,
      remedy: "Save it without compression, with 1, 4, 8, 24 or 32 bits, or as PNG.",
    });
  }
  const rowBytes = 4 * Math.ceil((width * bits) / 32);
  if (pixels + height * rowBytes > bytes.length) throw truncated("BMP", where);
  const entry = core ? 3 : 4;
  const used = core ? 0 : bytes.readUInt32LE(46);
  const entries = bits > 8 ? 0 : used === 0 ? 2 ** bits : used;
  const palette = 14 + size;
  if (entries > 2 ** bits || palette + entries * entry > pixels)
    throw damaged("BMP", "its palette does not fit", where);
  return {
    width,
    height,
    fromTop: tall < 0,
    bits,
    palette: bits > 8 ? null : Array.from({ length: entries }, (_, index) => colourAt(bytes, palette + index * entry)),
    pixels,
    rowBytes,
  };
}

/** Colours are stored as blue, green, red. */
function colourAt(bytes: Buffer, at: number): readonly [number, number, number] {
  return [bytes[at + 2] as number, bytes[at + 1] as number, bytes[at] as number];
}

function readColours(bytes: Buffer, from: number, step: number, row: Uint8Array, width: number, area: number): void {
  for (let x = 0, at = from; x < width; x++, at += step) {
    row[x] = bytes[at + 2] as number;
    row[area + x] = bytes[at + 1] as number;
    row[2 * area + x] = bytes[at] as number;
  }
}

/** Pixels of 1, 4 or 8 bits, the first in the highest bits of its byte. */
function readEntries(
  bytes: Buffer,
  from: number,
  { bits, palette, width }: BmpHeader,
  row: Uint8Array,
  channels: number,
  area: number,
  where: string,
): void {
  const perByte = 8 / bits;
  for (let x = 0; x < width; x++) {
    const byte = bytes[from + Math.floor(x / perByte)] as number;
    const entry = (byte >> (8 - bits - bits * (x % perByte))) & (2 ** bits - 1);
    const colour = palette?.[entry];
    if (colour === undefined)
      throw damaged("BMP", `it has a pixel of colour ${entry}, which is not in its palette`, where);
    for (let channel = 0; channel < channels; channel++) row[channel * area + x] = colour[channel] as number;
  }
}
