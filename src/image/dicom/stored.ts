import { inflateRawSync } from "node:zlib";
import { StepwedgeError } from "../../core/errors.js";
import type { NumberArray } from "../storage.js";
import { type DecodedFrame, decodeCompressed, isCompressed } from "./codecs.js";
import { isColour, type PixelDescription } from "./description.js";
import { BIG_ENDIAN, type DicomFile, damaged, EXPLICIT, IMPLICIT } from "./file.js";
import { encapsulatedFrames } from "./fragments.js";
import { decodeRle } from "./rle.js";

/** Values of one frame as they are stored, before colour, rescaling and windows: plane after plane. */
export type Stored = NumberArray;

export interface StoredFrame {
  readonly planes: Stored;
  /** Whether three planes are RGB: stored so, or because the codec has undone a transform. */
  readonly isRgb: boolean;
}

const RLE = "1.2.840.10008.1.2.5";
/** Each frame a DEFLATE stream of its native bytes (PS3.5 A.4.13). */
const DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1";
const DEFLATED = "1.2.840.10008.1.2.1.99";
const NATIVE: ReadonlySet<string> = new Set([IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED]);

/**
 * How to get at the frames of a file, one by one. Native frames of 8, 16 and 32 bits are views of the file where its bytes lie
 * evenly. Bits outside of Bits Stored (overlays, padding) are taken off and the sign is extended (PS3.5 section 8.1).
 * @throws StepwedgeError, at once or for a frame: for transfer syntaxes without a codec, for pixel data that is shorter than
 *   declared, and for frames that cannot be decoded
 */
export function storedFrames(
  file: DicomFile,
  description: PixelDescription,
  where: string,
): (frame: number) => Promise<StoredFrame> {
  const { transferSyntax } = file;
  const { columns, element, rows, samples } = description;
  if (NATIVE.has(transferSyntax) !== (element.length !== null)) {
    throw damaged(`its pixel data is not written as its transfer syntax ${transferSyntax} demands`, where);
  }
  if (element.length !== null) return nativeFrames(file, description, where);
  if (transferSyntax !== RLE && transferSyntax !== DEFLATED_FRAMES && !isCompressed(transferSyntax)) {
    throw noCodec(transferSyntax, where);
  }
  if (element.kind !== "integer") throw damaged("its float pixel data is compressed", where);
  const compressed = encapsulatedFrames(file, description, where);
  if (transferSyntax === DEFLATED_FRAMES) {
    return async (frame) => nativeFrame(inflatedFrame(compressed(frame), description, where), 0, description, false);
  }
  if (transferSyntax === RLE) return async (frame) => rleFrame(compressed(frame), description, where);
  const { bitsAllocated } = description;
  if (bitsAllocated !== 8 && bitsAllocated !== 16) throw damaged(`compressed pixels of ${bitsAllocated} bits`, where);
  return async (frame) => {
    const decoded = await decodeCompressed(compressed(frame), transferSyntax, { columns, rows, samples }, where);
    return { planes: compressedPlanes(decoded, description, where), isRgb: isRgb(decoded, description, where) };
  };
}

function noCodec(transferSyntax: string, where: string): StepwedgeError {
  return new StepwedgeError(`there is no codec for the transfer syntax ${transferSyntax}`, {
    where,
    remedy: "Decompress the file to Explicit VR Little Endian, for example with dcmconv or gdcmconv.",
  });
}

function nativeFrames(
  { bigEndian, body }: DicomFile,
  description: PixelDescription,
  where: string,
): (frame: number) => Promise<StoredFrame> {
  const { bitsAllocated, element, frames } = description;
  const expected = Math.ceil((frames * valuesPerFrame(description, where) * bitsAllocated) / 8);
  const length = Math.min(element.length ?? 0, body.length - element.from);
  if (length < expected) {
    throw damaged(`its pixel data has ${length} of ${expected} bytes`, where);
  }
  const bytes = body.subarray(element.from, element.from + length);
  // PS3.5 section 7.3: in big endian, bytes of OW are swapped within words also where a pixel has 8 bits or 1.
  const swapped = bigEndian && element.vr === "OW" && bitsAllocated <= 8;
  const source = swapped ? Buffer.from(bytes.subarray(0, bytes.length & ~1)).swap16() : bytes;
  return async (frame) => nativeFrame(source, frame, description, bigEndian);
}

/** Values that a native frame holds: chroma of half the resolution is shared by two pixels. */
function valuesPerFrame({ columns, photometric, rows, samples }: PixelDescription, where: string): number {
  if (!isSubsampled(photometric)) return rows * columns * samples;
  if (columns % 2 === 1) throw damaged(`${photometric} with ${columns} columns`, where);
  return rows * columns * 2;
}

function isSubsampled(photometric: PixelDescription["photometric"]): boolean {
  return photometric === "YBR_FULL_422" || photometric === "YBR_PARTIAL_422";
}

/** One of the frames that lie in the bytes one after the other. */
function nativeFrame(source: Buffer, frame: number, description: PixelDescription, bigEndian: boolean): StoredFrame {
  const { bitsAllocated, columns, element, photometric, planar, rows, samples } = description;
  const area = rows * columns;
  const subsampled = isSubsampled(photometric);
  const values = area * (subsampled ? 2 : samples);
  const cut = (bitsAllocated / 8) * values;
  const raw =
    bitsAllocated === 1
      ? bits(source, frame * values, values)
      : asValues(source.subarray(frame * cut, (frame + 1) * cut), bitsAllocated, element.kind !== "integer", bigEndian);
  const planes = subsampled ? spread(raw, area) : samples === 3 && !planar ? planesOf(raw) : raw;
  return { planes: withinStored(planes, description), isRgb: photometric === "RGB" };
}

function inflatedFrame(frame: Buffer, description: PixelDescription, where: string): Buffer {
  const expected = Math.ceil((valuesPerFrame(description, where) * description.bitsAllocated) / 8);
  try {
    // A byte more than expected may be padding.
    const bytes = inflateRawSync(frame, { maxOutputLength: expected + 1 });
    if (bytes.length >= expected) return bytes;
  } catch (cause) {
    throw damaged(`a frame cannot be inflated (${(cause as Error).message})`, where, cause);
  }
  throw damaged("a frame inflates to fewer bytes than it has", where);
}

/** One bit per pixel, the lowest bit of a byte first (PS3.5 annex D). */
function bits(bytes: Uint8Array, from: number, count: number): Uint8Array {
  const result = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    const at = from + index;
    result[index] = ((bytes[at >> 3] as number) >> (at & 7)) & 1;
  }
  return result;
}

/** Bytes as unsigned words or floats: a view where they lie evenly and in this machine's order, else a copy. */
function asValues(bytes: Buffer, size: 8 | 16 | 32 | 64, isFloat: boolean, bigEndian: boolean): Stored {
  if (size === 8) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const width = size / 8;
  const even = bigEndian || bytes.byteOffset % width !== 0 ? copied(bytes) : bytes;
  if (bigEndian) {
    if (size === 16) even.swap16();
    else if (size === 32) even.swap32();
    else even.swap64();
  }
  const kind = isFloat ? (size === 32 ? Float32Array : Float64Array) : size === 16 ? Uint16Array : Uint32Array;
  return new kind(even.buffer as ArrayBuffer, even.byteOffset, even.length / width);
}

/** A copy that begins evenly: Buffer.from would take a place in a shared pool. */
function copied(bytes: Buffer): Buffer {
  const copy = Buffer.alloc(bytes.length);
  return Buffer.from(copy.buffer, copy.byteOffset, bytes.copy(copy));
}

/** An array of the same kind. */
export function like(values: Stored, length: number): Stored {
  return new (values.constructor as new (length: number) => Stored)(length);
}

/** RGBRGB … to RR … GG … BB …. */
function planesOf(values: Stored): Stored {
  const area = values.length / 3;
  const planes = like(values, values.length);
  for (let pixel = 0, from = 0; pixel < area; pixel++, from += 3) {
    planes[pixel] = values[from] as number;
    planes[area + pixel] = values[from + 1] as number;
    planes[2 * area + pixel] = values[from + 2] as number;
  }
  return planes;
}

/** Y Y Cb Cr … of two pixels at a time to three planes, each chroma value for both (PS3.3 C.7.6.3.1.2). */
function spread(values: Stored, area: number): Stored {
  const planes = like(values, 3 * area);
  for (let pixel = 0, from = 0; pixel < area; pixel += 2, from += 4) {
    planes[pixel] = values[from] as number;
    planes[pixel + 1] = values[from + 1] as number;
    planes.fill(values[from + 2] as number, area + pixel, area + pixel + 2);
    planes.fill(values[from + 3] as number, 2 * area + pixel, 2 * area + pixel + 2);
  }
  return planes;
}

/** Takes off what lies outside of the stored bits, and extends the sign. Values that need neither stay where they are. */
function withinStored(
  values: Stored,
  { bitsAllocated, bitsStored, element, highBit, signed }: PixelDescription,
): Stored {
  if (element.kind !== "integer" || bitsAllocated === 1) return values;
  const low = highBit + 1 - bitsStored;
  if (signed) {
    const result = signedView(values);
    if (bitsStored === bitsAllocated) return result;
    const extended = like(result, result.length);
    const [left, right] = [31 - highBit, 32 - bitsStored];
    for (let index = 0; index < result.length; index++) {
      extended[index] = ((result[index] as number) << left) >> right;
    }
    return extended;
  }
  const mask = 2 ** bitsStored - 1;
  let seen = 0;
  for (let index = 0; index < values.length; index++) seen |= values[index] as number;
  if (low === 0 && seen >>> 0 <= mask) return values;
  const masked = like(values, values.length);
  for (let index = 0; index < values.length; index++) masked[index] = ((values[index] as number) >>> low) & mask;
  return masked;
}

function signedView(values: Stored): Stored {
  const { buffer, byteOffset, length } = values;
  if (values instanceof Uint8Array) return new Int8Array(buffer, byteOffset, length);
  if (values instanceof Uint16Array) return new Int16Array(buffer, byteOffset, length);
  return new Int32Array(buffer, byteOffset, length);
}

function rleFrame(frame: Buffer, description: PixelDescription, where: string): StoredFrame {
  const { bitsAllocated, columns, rows, samples } = description;
  const area = rows * columns;
  // One bit per pixel is packed as if it were native, and then run-length coded.
  const count = bitsAllocated === 1 ? Math.ceil(area / 8) : area;
  const bytesPerValue = Math.ceil(bitsAllocated / 8);
  const bytes = Buffer.from(decodeRle(frame, { count, bytesPerValue, planes: samples }, where).buffer);
  const raw = bitsAllocated === 1 ? bits(bytes, 0, area) : asValues(bytes, bitsAllocated as 8 | 16 | 32, false, false);
  return { planes: withinStored(raw, description), isRgb: description.photometric === "RGB" };
}

/**
 * A codec's words as the values that the file declares. Here nothing may lie outside of the stored bits, but for the sign.
 */
function compressedPlanes(
  { bytes, bytesPerValue, codestream, planar }: DecodedFrame,
  description: PixelDescription,
  where: string,
): Stored {
  const { bitsStored, signed } = description;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const words = asValues(buffer, bytesPerValue === 1 ? 8 : 16, false, false);
  const raw = codestream.components === 3 && !planar ? planesOf(words) : words;
  const values = codestream.signed ? signedView(raw) : raw;
  const result = signed ? extendedWords(values, codestream.signed, bitsStored) : values;
  const [least, most] = signed ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1] : [0, 2 ** bitsStored - 1];
  for (let index = 0; index < result.length; index++) {
    const value = result[index] as number;
    if (value < least || value > most) {
      throw damaged(`a frame holds ${value}, which ${bitsStored} ${signed ? "signed" : "unsigned"} bits do not`, where);
    }
  }
  return result;
}

/** Signed values of a codestream that knows no sign: its words hold two's complements of the stored or of all 16 bits. */
function extendedWords(values: Stored, isSigned: boolean, bitsStored: number): Stored {
  if (isSigned) return values;
  const extended = new Int16Array(values.length);
  const half = 2 ** (bitsStored - 1);
  const whole = values instanceof Uint8Array ? 256 : 65536;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    extended[index] = value < half ? value : value < 2 * half ? value - 2 * half : value - whole;
  }
  return extended;
}

/**
 * Whether the planes are RGB already. JPEG 2000's transform is undone by the codec. For JPEG the Photometric Interpretation decides.
 * Files that say RGB over YCbCr by mistake are known by an Adobe segment or by subsampled chroma, which RGB never has; a JFIF
 * segment alone could be wrong as well.
 */
function isRgb({ codestream }: DecodedFrame, { photometric }: PixelDescription, where: string): boolean {
  if (!isColour(photometric)) return false;
  const { adobe, jfif, subsampled, transformed } = codestream;
  if (photometric === "YBR_ICT" || photometric === "YBR_RCT") {
    if (transformed) return true;
    throw damaged(`it is ${photometric}, but its codestream was not transformed`, where);
  }
  if (photometric !== "RGB") {
    if (adobe !== 0 && !transformed) return false;
    throw damaged(`it is ${photometric}, but its codestream holds RGB`, where);
  }
  if (adobe === 1 || subsampled) return false;
  if (jfif && adobe === null) throw damaged("it is RGB, but its JPEG says YCbCr", where);
  return true;
}
