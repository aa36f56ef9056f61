import type { DecodedImage, PixelOptions } from "../../core/data.js";
import { StepwedgeError } from "../../core/errors.js";
import { MOST_PIXELS, needsSharp, undecodable } from "../faults.js";
import type { ImageFormat } from "../format.js";
import { asUint16, checkOpaque, toPlanes } from "../interleaved.js";
import { loadSharp, type Sharp } from "../sharp.js";
import { windowStored } from "../stored.js";
import { type Directory, isTiff, readDirectories, TAG } from "../tiff-directory.js";
import { isBesideTheImage, readPage, type TiffPage } from "../tiff-page.js";
import { applyWindow, chosenFrames } from "../window.js";

/**
 * TIFF (6.0): gray of 1 to 32 bits, signed or not, or of floats; RGB of 8 and 16 bits; palettes; strips or tiles; packed by
 * LZW, deflate or PackBits or not at all. Pages are frames; reduced copies and masks beside the image do not count. Where the
 * least value is white, 8- and 16-bit images are turned round, as the standard has it (Pillow does so at 8 bits only).
 *
 * As with PNG, stored values count: profiles and orientation change nothing, and alpha must be opaque. Values beyond 16 bits,
 * negative ones and fractions need a window.
 */
async function decode(bytes: Buffer, options: PixelOptions, where: string): Promise<DecodedImage> {
  const directories = readDirectories(bytes, where);
  // Numbered as the codec numbers them.
  const numbered = directories.map((directory, number) => ({ directory, number }));
  const images = numbered.filter(({ directory }) => !isBesideTheImage(directory));
  const pages = images.length > 0 ? images : numbered;
  const chosen = chosenFrames(pages.length, options, where).map((frame) => pages[frame] as (typeof pages)[number]);
  const kinds = chosen.map(({ directory }) => readPage(directory, bytes.length, where));
  const kind = kinds[0] as TiffPage;
  checkAlike(kinds, where);
  const sharp = await loadSharp();
  if (sharp === null) throw needsSharp("TIFF images", where);
  const { channels, height, width } = kind;
  const size = channels * height * width;
  const isDeep = kind.numbers !== "unsigned" || kind.bits > 16;
  const data = emptyOf(kind, chosen.length * size);
  for (const [frame, { directory, number }] of chosen.entries()) {
    data.set(await decodePage(sharp, bytes, directory, number, kind, where), frame * size);
  }
  const geometry = { channels: channels * chosen.length, height, width };
  if (!(data instanceof Uint8Array || data instanceof Uint16Array) || isDeep) {
    const deep = { slope: 1, intercept: 0, storedBits: kind.bits, fileWindow: null, inverted: false };
    return applyWindow({ data, ...geometry, ...deep }, options, where);
  }
  return windowStored({ data, ...geometry, maxValue: kind.bits === 16 ? 65535 : 255 }, options, where);
}

export const tiff: ImageFormat = { name: "TIFF", matches: isTiff, decode };

type Values = Uint8Array | Uint16Array | Int16Array | Float64Array;

function emptyOf({ bits, numbers }: TiffPage, length: number): Values {
  if (numbers !== "unsigned" || bits > 16) return new Float64Array(length);
  return bits === 16 ? new Uint16Array(length) : new Uint8Array(length);
}

/** Frames make one image only where they are alike; of colours, only one can be taken. */
function checkAlike(kinds: readonly TiffPage[], where: string): void {
  const first = kinds[0] as TiffPage;
  const total = kinds.length * first.channels * first.height * first.width;
  const other = kinds.find((kind) =>
    (Object.keys(first) as (keyof TiffPage)[]).some((key) => kind[key] !== first[key]),
  );
  if (other !== undefined) {
    throw new StepwedgeError(
      `the pages differ: ${first.width} × ${first.height}, ${first.bits} bits, and ${other.width} × ${other.height}, ${other.bits} bits`,
      { where, remedy: "Take one page by data.frames, or give files whose pages are alike." },
    );
  }
  if (kinds.length > 1 && first.channels !== 1) {
    throw new StepwedgeError("pages in colour cannot be stacked", {
      where,
      remedy: "Take one page by data.frames, or convert them to gray.",
    });
  }
  if (total > MOST_PIXELS) {
    throw new StepwedgeError(`the ${kinds.length} pages have ${total} values`, {
      where,
      remedy: "Take fewer of them by data.frames: 2^28 values are the most.",
    });
  }
}

/** The pixels of one page as planes. */
async function decodePage(
  sharp: Sharp,
  bytes: Buffer,
  directory: Directory,
  page: number,
  kind: TiffPage,
  where: string,
): Promise<Values> {
  const { alpha, bits, channels, height, numbers, width } = kind;
  // libvips takes signed numbers of 16 bits for brightness and cuts the negative ones off.
  const asUnsigned = numbers === "signed" && bits === 16;
  const deep = !asUnsigned && (numbers !== "unsigned" || bits > 16);
  // The colour space that leaves stored values alone; "b-w" would drop alpha unseen.
  const gray = channels === 1 && !alpha;
  const space = bits === 16 ? (gray ? "grey16" : "rgb16") : gray ? "b-w" : "srgb";
  const depth = deep ? "double" : bits === 16 ? "ushort" : "uchar";
  let raw: { readonly data: Buffer; readonly info: import("sharp").OutputInfo };
  try {
    const options = { page, ignoreIcc: true, limitInputPixels: MOST_PIXELS, failOn: "error" } as const;
    raw = await sharp(asUnsigned ? withoutSign(bytes, directory) : bytes, options)
      .toColourspace(space)
      .raw({ depth })
      .toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw undecodable("TIFF", cause, where);
  }
  const { data, info } = raw;
  if (info.width !== width || info.height !== height) {
    throw undecodable("TIFF", `it holds ${info.width} × ${info.height} pixels of ${width} × ${height}`, where);
  }
  if (deep) return new Float64Array(new Uint8Array(data).buffer);
  const pixels = { data: bits === 16 ? asUint16(data) : data, stride: info.channels };
  if (alpha) checkOpaque(pixels, where);
  const planes = toPlanes(pixels, channels);
  return asUnsigned ? new Int16Array(planes.buffer, planes.byteOffset, planes.length) : planes;
}

/** A copy that says of its numbers that they have no sign; their bits stay the same. */
function withoutSign(bytes: Buffer, directory: Directory): Buffer {
  const copy = Buffer.from(bytes);
  const place = directory.placeOf(TAG.sampleFormat) as number;
  if (copy[0] === 0x49) copy.writeUInt16LE(1, place);
  else copy.writeUInt16BE(1, place);
  return copy;
}
