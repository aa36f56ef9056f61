import type { DecodedImage } from "../core/data.js";
import type { ImageHeader } from "./header.js";
import { type Kernels, loadKernels, MOST_BYTES } from "./wasm/kernels.js";

/**
 * The plain kind of JPEG (ITU-T T.81 with JFIF's colours): baseline, 8 bits, gray or YCbCr at 4:4:4, 4:2:2 or 4:2:0, one scan,
 * no restart marks. Its values are libjpeg-turbo's, bit for bit, and so sharp's and Pillow's; what is saved is sharp's pipeline,
 * which costs more than all of the work on a small image. Everything else, and whatever looks odd, is left to sharp, which then
 * also says what is wrong with it.
 */

const SOF0 = 0xc0;
const DHT = 0xc4;
const SOS = 0xda;
const DQT = 0xdb;
const DRI = 0xdd;
const COM = 0xfe;
const APP0 = 0xe0;
const APP14 = 0xee;
const APP15 = 0xef;

/** Bytes of a table of codes in the module's memory, as `codes` in assembly/jpeg.ts makes it. */
const TABLE_BYTES = 8192;
/** Words of a component there, as `scan` takes them. */
const PART_WORDS = 8;
/** What a scan reads ahead before it sees that the bytes are at an end. */
const AHEAD = 4096;
/** Narrower chroma is repeated, not interpolated, by libjpeg. */
const NARROWEST = 3;

/** The image, or null where another decoder has to do it. `header` is that of the same bytes. */
export function decodePlainJpeg(bytes: Buffer, header: ImageHeader): DecodedImage | null {
  const kernels = loadKernels();
  if (kernels === null) return null;
  const { channels, height, width } = header;
  if (2 * channels * (width + 16) * (height + 16) + 2 * bytes.length > MOST_BYTES) return null;
  const file = readSegments(bytes);
  if (file === null || file.parts.length !== channels || file.width !== width || file.height !== height) return null;
  const data = decodeScan(kernels, bytes, file);
  return data === null ? null : { data, channels, height, width, maxValue: 255 };
}

interface Codes {
  readonly counts: Buffer;
  readonly symbols: Buffer;
}

interface Part {
  readonly wide: number;
  readonly tall: number;
  /** Steps in the order of the file. */
  readonly steps: Buffer;
  readonly constant: Codes;
  readonly others: Codes;
}

interface PlainFile {
  readonly width: number;
  readonly height: number;
  readonly parts: readonly Part[];
  /** Where the entropy-coded bytes begin. */
  readonly data: number;
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly components: readonly {
    readonly id: number;
    readonly wide: number;
    readonly tall: number;
    readonly steps: number;
  }[];
}

/** All that stands before the scan; null where anything is unusual. */
function readSegments(bytes: Buffer): PlainFile | null {
  const steps = new Map<number, Buffer>();
  const codes = new Map<number, Codes>();
  let frame: Frame | null = null;
  let isJfif = false;
  let adobe: number | null = null;
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1] as number;
    const length = bytes.readUInt16BE(at + 2);
    const end = at + 2 + length;
    if (length < 2 || end > bytes.length) return null;
    const body = bytes.subarray(at + 4, end);
    at = end;
    if (marker === DQT) {
      if (!readSteps(body, steps)) return null;
    } else if (marker === DHT) {
      if (!readCodes(body, codes)) return null;
    } else if (marker === SOF0) {
      if (frame !== null) return null;
      frame = readFrame(body);
      if (frame === null) return null;
    } else if (marker === SOS) {
      if (frame === null || !hasPlainColours(frame, isJfif, adobe)) return null;
      const parts = readScan(body, frame, steps, codes);
      return parts === null ? null : { width: frame.width, height: frame.height, parts, data: end };
    } else if (marker === APP0 && body.length >= 14 && body.toString("latin1", 0, 5) === "JFIF\0") {
      if (body[5] !== 1) return null;
      isJfif = true;
    } else if (marker === APP14 && body.length >= 12 && body.toString("latin1", 0, 5) === "Adobe") {
      adobe = body[11] as number;
    } else if (marker === DRI) {
      if (body.length !== 2 || body.readUInt16BE(0) !== 0) return null;
    } else if (!(marker >= APP0 && marker <= APP15) && marker !== COM) return null;
  }
  return null;
}

function readSteps(body: Buffer, steps: Map<number, Buffer>): boolean {
  for (let at = 0; at < body.length; at += 65) {
    // Steps of 16 bits, which a baseline file may not have, have a number above 15 here.
    const table = body[at] as number;
    if (table > 3 || at + 65 > body.length) return false;
    steps.set(table, body.subarray(at + 1, at + 65));
  }
  return true;
}

function readCodes(body: Buffer, codes: Map<number, Codes>): boolean {
  for (let at = 0; at < body.length; ) {
    const table = body[at] as number;
    if ((table & 0xef) > 1 || at + 17 > body.length) return false;
    const counts = body.subarray(at + 1, at + 17);
    const count = counts.reduce((sum, one) => sum + one, 0);
    const symbols = body.subarray(at + 17, at + 17 + count);
    if (count > 256 || symbols.length < count) return false;
    if (table < 2 && symbols.some((symbol) => symbol > 15)) return false;
    codes.set(table, { counts, symbols });
    at += 17 + count;
  }
  return true;
}

function readFrame(body: Buffer): Frame | null {
  const count = body[5];
  if (body[0] !== 8 || (count !== 1 && count !== 3) || body.length !== 6 + 3 * count) return null;
  const components = Array.from({ length: count }, (_, index) => {
    const at = 6 + 3 * index;
    const sampling = body[at + 1] as number;
    return { id: body[at] as number, wide: sampling >> 4, tall: sampling & 15, steps: body[at + 2] as number };
  });
  const height = body.readUInt16BE(1);
  const width = body.readUInt16BE(3);
  const [first, ...chroma] = components;
  // The blocks of a lone component stand one by one, whatever is said of sampling.
  if (first !== undefined && count === 1) {
    if (first.wide < 1 || first.wide > 4 || first.tall < 1 || first.tall > 4) return null;
    return { width, height, components: [{ ...first, wide: 1, tall: 1 }] };
  }
  const sampling = first === undefined ? "" : `${first.wide}x${first.tall}`;
  if (!["1x1", "2x1", "2x2"].includes(sampling) || chroma.some(({ tall, wide }) => wide !== 1 || tall !== 1))
    return null;
  return first?.wide === 2 && Math.ceil(width / 2) < NARROWEST ? null : { width, height, components };
}

/** Whether libjpeg takes three components for YCbCr, without having to guess (jdapimin.c, default_decompress_parms). */
function hasPlainColours({ components }: Frame, isJfif: boolean, adobe: number | null): boolean {
  if (components.length === 1 || isJfif) return true;
  if (adobe !== null) return adobe === 1;
  return components.every(({ id }, index) => id === index + 1);
}

function readScan(
  body: Buffer,
  { components }: Frame,
  steps: ReadonlyMap<number, Buffer>,
  codes: ReadonlyMap<number, Codes>,
): readonly Part[] | null {
  const count = components.length;
  if (body[0] !== count || body.length !== 4 + 2 * count) return null;
  // All coefficients, at once, in full.
  if (body[1 + 2 * count] !== 0 || body[2 + 2 * count] !== 63 || body[3 + 2 * count] !== 0) return null;
  const parts: Part[] = [];
  for (const [index, { id, steps: table, tall, wide }] of components.entries()) {
    const tables = body[2 + 2 * index] as number;
    const own = steps.get(table);
    const constant = codes.get(tables >> 4);
    const others = codes.get((tables & 15) | 0x10);
    if (body[1 + 2 * index] !== id || own === undefined || constant === undefined || others === undefined) return null;
    if (tables >> 4 > 1 || (tables & 15) > 1) return null;
    parts.push({ wide, tall, steps: own, constant, others });
  }
  return parts;
}

function decodeScan(kernels: Kernels, bytes: Buffer, { data, height, parts, width }: PlainFile): Uint8Array | null {
  const { tall = 1, wide = 1 } = parts[0] ?? {};
  const across = Math.ceil(width / (8 * wide));
  const down = Math.ceil(height / (8 * tall));
  const strides = parts.map((part) => 8 * across * part.wide);
  const sizes = parts.map((part, index) => 8 * down * part.tall * (strides[index] as number));
  const area = width * height;
  const colour = parts.length === 3;
  const areas = kernels.areas(
    bytes.length - data,
    bytes.length - data + AHEAD,
    4 * PART_WORDS * parts.length,
    128 * parts.length,
    2 * TABLE_BYTES * parts.length,
    256 + 16,
    ...sizes,
    ...(colour ? [4 * width + 256, area, area, area] : []),
  );
  const [source, plain, words, steps, tables, given, ...rest] = areas as [
    number,
    number,
    number,
    number,
    number,
    number,
    ...number[],
  ];
  const memory = kernels.bytes();
  memory.set(bytes.subarray(data), source);
  const length = kernels.unstuff(source, source + bytes.length - data, plain);
  if (length < 0) return null;
  const partWords = new Int32Array(memory.buffer, words, PART_WORDS * parts.length);
  const known = new Map<Codes, number>();
  /** Where a table is; it is made where it is not there yet. */
  const tableOf = (codes: Codes, values: 0 | 1): number | null => {
    const made = known.get(codes);
    if (made !== undefined) return made;
    const place = tables + known.size * TABLE_BYTES;
    memory.set(codes.counts, given);
    memory.set(codes.symbols, given + 16);
    if (kernels.codes(given, given + 16, place, values) === 0) return null;
    known.set(codes, place);
    return place;
  };
  for (const [index, part] of parts.entries()) {
    const constant = tableOf(part.constant, 0);
    const others = tableOf(part.others, 1);
    if (constant === null || others === null) return null;
    const ownSteps = steps + 128 * index;
    new Uint16Array(memory.buffer, ownSteps, 64).set(part.steps);
    const plane = rest[index] as number;
    const stride = strides[index] as number;
    partWords.set([part.wide, part.tall, constant, others, ownSteps, plane, stride, 0], PART_WORDS * index);
  }
  if (kernels.scan(plain, length, words, parts.length, across, down) === 0) return null;
  const [luma, blue, red, scratch, ...out] = rest as [number, number, number, number, ...number[]];
  if (!colour) {
    kernels.crop(luma, strides[0] as number, width, height);
    return memory.slice(luma, luma + area);
  }
  const [r, g, b] = out as [number, number, number];
  const [lumaStride, stride] = strides as [number, number, number];
  if (wide === 1) {
    kernels.colours(luma, lumaStride, blue, red, stride, 1, 1, width, height, scratch, r, g, b);
  } else kernels.colours(luma, lumaStride, blue, red, stride, wide, tall, width, height, scratch, r, g, b);
  const planes = new Uint8Array(3 * area);
  for (const [index, plane] of [r, g, b].entries()) planes.set(memory.subarray(plane, plane + area), index * area);
  return planes;
}
