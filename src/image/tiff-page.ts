import { StepwedgeError } from "../core/errors.js";
import { checkPixels, checkRatio, damaged, truncated } from "./faults.js";
import { type Directory, TAG } from "./tiff-directory.js";

/** What a page's directory says of its pixels. */
export interface TiffPage {
  readonly width: number;
  readonly height: number;
  /** Colour channels, without alpha; a palette counts as colour. */
  readonly channels: 1 | 3;
  readonly alpha: boolean;
  /** Bits per value, as stored. */
  readonly bits: number;
  readonly numbers: "unsigned" | "signed" | "float";
}

const UNCOMPRESSED = 1;
/** LZW, deflate under its two numbers, PackBits: those without loss. */
const COMPRESSIONS: readonly number[] = [UNCOMPRESSED, 5, 8, 32_946, 32_773];
const OTHER_COMPRESSIONS: Readonly<Record<number, string>> = {
  2: "CCITT (fax)",
  3: "CCITT (fax)",
  4: "CCITT (fax)",
  6: "old JPEG",
  7: "JPEG",
  33003: "JPEG 2000",
  33005: "JPEG 2000",
  34712: "JPEG 2000",
  34925: "LZMA",
  50000: "Zstandard",
  50001: "WebP",
};

const PHOTOMETRIC = { minIsWhite: 0, minIsBlack: 1, rgb: 2, palette: 3 } as const;
const NUMBERS = ["unsigned", "signed", "float"] as const;
/** Depths by kind of number. */
const DEPTHS = { unsigned: [1, 2, 4, 8, 16, 32], signed: [8, 16, 32], float: [32] } as const;

/** An LZW code of 12 bits stands for less than 2^12 values, which are bytes; a byte is 8 pixels at most. */
const MOST_PER_BYTE = 2 ** 12 * 8;
/** A tile may be larger than its image, but not out of all proportion: whoever decodes it sets memory aside for it. */
const MOST_TILE = 1024;

/** Reduced copies and masks, which come beside the image itself (TIFF 6.0, NewSubfileType bits 0 and 2). */
export function isBesideTheImage(page: Directory): boolean {
  return ((page.get(TAG.newSubfileType)?.[0] ?? 0) & 0b101) !== 0;
}

/**
 * What kind of page it is.
 * @param length of the file, in bytes
 * @throws StepwedgeError where the page is of no kind that has a plain reading, or its pixels are not all inside the file
 */
export function readPage(page: Directory, length: number, where: string): TiffPage {
  const width = page.get(TAG.width)?.[0] ?? 0;
  const height = page.get(TAG.height)?.[0] ?? 0;
  checkPixels(width, height, where);
  const samples = page.get(TAG.samplesPerPixel)?.[0] ?? 1;
  const kind = kindOf(page, samples, where);
  const compression = page.get(TAG.compression)?.[0] ?? UNCOMPRESSED;
  if (!COMPRESSIONS.includes(compression)) {
    throw refused(`is packed by ${OTHER_COMPRESSIONS[compression] ?? `method ${compression}`}`, where);
  }
  const shape = { width, height, ...kind };
  const packed = checkParts(page, shape, samples, compression === UNCOMPRESSED, length, where);
  checkRatio("TIFF", shape, packed, compression === UNCOMPRESSED ? 8 : MOST_PER_BYTE, where);
  return shape;
}

function kindOf(page: Directory, samples: number, where: string): Omit<TiffPage, "height" | "width"> {
  const depths = page.get(TAG.bitsPerSample) ?? [1];
  const formats = page.get(TAG.sampleFormat) ?? [1];
  const bits = depths[0] ?? 1;
  // 4 is "undefined", which everybody takes for whole numbers without a sign.
  const numbers = formats[0] === 4 ? "unsigned" : NUMBERS[(formats[0] ?? 1) - 1];
  if (numbers === undefined) throw refused("holds complex numbers", where);
  if (depths.some((depth) => depth !== bits) || formats.some((format) => format !== formats[0])) {
    throw refused("has channels of different kinds", where);
  }
  if (!(DEPTHS[numbers] as readonly number[]).includes(bits)) {
    throw refused(`holds ${numbers === "float" ? "floats" : "numbers"} of ${bits} bits`, where);
  }
  const photometric = page.get(TAG.photometric)?.[0];
  const whole = numbers === "unsigned" && bits <= 16;
  switch (photometric) {
    case PHOTOMETRIC.minIsWhite:
    case PHOTOMETRIC.minIsBlack:
      if (photometric === PHOTOMETRIC.minIsWhite && !whole) throw refused("has its least value as white", where);
      if (samples !== 1 && !(samples === 2 && whole && bits >= 8)) throw refused(`has ${samples} channels`, where);
      return { channels: 1, alpha: samples === 2, bits, numbers };
    case PHOTOMETRIC.rgb:
      if (samples !== 3 && samples !== 4) throw refused(`has ${samples} channels`, where);
      if (!whole || bits < 8) throw refused(`has colours of ${bits} bits, ${numbers}`, where);
      return { channels: 3, alpha: samples === 4, bits, numbers };
    case PHOTOMETRIC.palette:
      if (samples !== 1 || !whole || bits > 8) throw refused(`has a palette of ${bits} bits`, where);
      return { channels: 3, alpha: false, bits, numbers };
    default:
      throw refused(`has colours of kind ${photometric ?? "unknown"} (PhotometricInterpretation)`, where);
  }
}

/** Checks that every strip or tile is there, and wholly so; how many bytes they take together. */
function checkParts(
  page: Directory,
  { bits, height, width }: TiffPage,
  samples: number,
  uncompressed: boolean,
  length: number,
  where: string,
): number {
  const tiled = page.has(TAG.tileOffsets);
  const offsets = page.get(tiled ? TAG.tileOffsets : TAG.stripOffsets) ?? [];
  const sizes = page.get(tiled ? TAG.tileByteCounts : TAG.stripByteCounts) ?? [];
  const across = tiled ? (page.get(TAG.tileWidth)?.[0] ?? 0) : width;
  const down = tiled
    ? (page.get(TAG.tileLength)?.[0] ?? 0)
    : Math.min(height, page.get(TAG.rowsPerStrip)?.[0] ?? height);
  if (across === 0 || down === 0) throw damaged("TIFF", "its tiles or strips have no size", where);
  if (across > Math.max(MOST_TILE, 2 * width) || down > Math.max(MOST_TILE, 2 * height)) {
    throw damaged("TIFF", `its tiles of ${across} × ${down} pixels are larger than the image`, where);
  }
  const planes = page.get(TAG.planarConfiguration)?.[0] === 2 ? samples : 1;
  const rows = Math.ceil(height / down);
  const count = Math.ceil(width / across) * rows * planes;
  if (offsets.length !== count || sizes.length !== count) {
    throw damaged("TIFF", `it has ${offsets.length} tiles or strips of ${count}`, where);
  }
  const rowBytes = Math.ceil((across * bits * (planes === 1 ? samples : 1)) / 8);
  let packed = 0;
  for (const [index, size] of sizes.entries()) {
    if ((offsets[index] as number) + size > length) throw truncated("TIFF", where);
    const last = !tiled && index % rows === rows - 1;
    const full = rowBytes * (last ? height - (rows - 1) * down : down);
    if (size === 0 || (uncompressed && size < full)) throw truncated("TIFF", where);
    packed += size;
  }
  return packed;
}

function refused(how: string, where: string): StepwedgeError {
  return new StepwedgeError(`the TIFF image ${how}`, {
    where,
    remedy: "Convert it to gray or RGB of 8 or 16 bits, or to gray floats, packed by LZW or deflate or not at all.",
  });
}
