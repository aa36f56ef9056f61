// Tensors as bytes: little-endian, row major, nothing between the elements. The names are the Open Inference Protocol's.
import { endianness } from "node:os";
import { Float16Array, getFloat16 } from "@petamoriken/float16";
import { StepwedgeError } from "../../core/errors.js";
import type { PixelBatch } from "../../core/pixels.js";
import { arrange, type ImageLayout, modelValue, perChannel, type ValueOptions } from "./values.js";

/** What images can be sent as. */
export const DATATYPES = [
  "FP16",
  "FP32",
  "FP64",
  "UINT8",
  "UINT16",
  "UINT32",
  "UINT64",
  "INT8",
  "INT16",
  "INT32",
  "INT64",
] as const;
export type Datatype = (typeof DATATYPES)[number];

/** What scores can come as. */
export const SCORE_TYPES = ["FP16", "FP32", "FP64"] as const;
export type ScoreType = (typeof SCORE_TYPES)[number];

/** Bytes of an element. */
export const WIDTH: Readonly<Record<Datatype, number>> = {
  FP16: 2,
  FP32: 4,
  FP64: 8,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
};

/** An array of a type's bits, indexed like one of numbers. */
interface Bits {
  [index: number]: number;
  readonly buffer: ArrayBuffer;
}

/** Makes tensors of batches. Its tables are kept: one for each depth of images. */
export interface TensorWriter {
  /** The batch's first `count` images as little-endian bytes, in the model's layout. */
  bytes(batch: PixelBatch): Buffer;
  /** The same as the text between the brackets of a flat JSON array. */
  json(batch: PixelBatch): string;
}

/** @throws StepwedgeError (when a tensor is made) where the type cannot hold a pixel's value */
export function tensorWriter(datatype: Datatype, layout: ImageLayout, options: ValueOptions): TensorWriter {
  const bits = new Map<number, readonly Bits[]>();
  const texts = new Map<number, readonly string[][]>();
  const valuesOf = (channel: number, maxValue: number) =>
    Float64Array.from({ length: maxValue + 1 }, (_, value) =>
      fitting(datatype, modelValue(options, channel, value, maxValue), value, maxValue),
    );
  const tables = <T>(cache: Map<number, readonly T[]>, maxValue: number, make: (values: Float64Array) => T) => {
    const known = cache.get(maxValue);
    if (known !== undefined) return known;
    const made = perChannel(options, layout.channels, (channel) => make(valuesOf(channel, maxValue)));
    cache.set(maxValue, made);
    return made;
  };
  return {
    bytes({ data, count, maxValue }) {
      const table = tables(bits, maxValue, (values) => bitsOf(datatype, values));
      const out = arrange(data, count, layout, table, emptyBits(datatype, data.length));
      return littleEndian(Buffer.from(out.buffer), WIDTH[datatype]);
    },
    json({ data, count, maxValue }) {
      const table = tables(texts, maxValue, (values) => Array.from(values, (value) => shortest(datatype, value)));
      const out: string[] = new Array(data.length);
      // Text goes the way that numbers go: both are only copied.
      arrange(data, count, layout, table as unknown as number[][], out as unknown as number[]);
      return out.join(",");
    },
  };
}

/** Numbers as little-endian bytes. @throws StepwedgeError where the type cannot hold one */
export function numberBytes(datatype: Datatype, values: readonly number[]): Buffer {
  const held = Float64Array.from(values, (value) => fitting(datatype, value, value, value));
  return littleEndian(Buffer.from(bitsOf(datatype, held).buffer), WIDTH[datatype]);
}

const RANGES: Readonly<Partial<Record<Datatype, readonly [number, number]>>> = {
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 2 ** 32 - 1],
  UINT64: [0, Number.MAX_SAFE_INTEGER],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  INT64: [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/**
 * The value as the type holds it. Whole-number types take whole numbers only: rounding would hide changes of an image
 * from the model.
 */
function fitting(datatype: Datatype, value: number, stored: number, maxValue: number): number {
  const range = RANGES[datatype];
  if (range === undefined) return value;
  const whole = Math.round(value);
  // (49 / 255) · 255 is not 49 in floating point.
  if (Math.abs(whole - value) <= 1e-9 * Math.max(1, maxValue) && whole >= range[0] && whole <= range[1]) {
    return whole;
  }
  throw new StepwedgeError(`${datatype} cannot hold ${value}, which stored value ${stored} of ${maxValue} becomes`, {
    where: "model.input",
    remedy: `Set model.input.range to whole numbers that fit, such as [0, ${Math.min(range[1], maxValue)}], without mean and std; images of another depth: data.bits.`,
  });
}

function emptyBits(datatype: Datatype, length: number): Bits {
  switch (WIDTH[datatype]) {
    case 1:
      return new Uint8Array(length);
    case 2:
      return new Uint16Array(length);
    case 4:
      return datatype === "FP32" ? new Float32Array(length) : new Uint32Array(length);
    default:
      // Big integers are copied as they are; nothing is computed with them.
      return datatype === "FP64" ? new Float64Array(length) : (new BigUint64Array(length) as unknown as Bits);
  }
}

function bitsOf(datatype: Datatype, values: Float64Array): Bits {
  switch (datatype) {
    case "FP16":
      // By way of float32, as onnxruntime's users convert.
      return new Uint16Array(new Float16Array(Float32Array.from(values)).buffer);
    case "FP32":
      return Float32Array.from(values);
    case "FP64":
      return values as Float64Array<ArrayBuffer>;
    case "UINT64":
    case "INT64":
      return BigUint64Array.from(values as unknown as number[], (value) =>
        BigInt.asUintN(64, BigInt(value)),
      ) as unknown as Bits;
    case "UINT8":
    case "INT8":
      return Uint8Array.from(values);
    case "UINT16":
    case "INT16":
      return Uint16Array.from(values);
    default:
      return Uint32Array.from(values);
  }
}

/** The shortest decimal that reads as the same number of the type. */
function shortest(datatype: Datatype, value: number): string {
  if (datatype !== "FP32" && datatype !== "FP16") return String(value);
  const single = Math.fround(value);
  const exact = datatype === "FP16" ? (new Float16Array([single])[0] as number) : single;
  for (let digits = 1; digits <= 9; digits++) {
    const text = exact.toPrecision(digits);
    if (Math.fround(Number(text)) === exact) return String(Number(text));
  }
  return String(exact);
}

function littleEndian(bytes: Buffer, width: number): Buffer {
  if (endianness() === "LE" || width === 1) return bytes;
  return width === 2 ? bytes.swap16() : width === 4 ? bytes.swap32() : bytes.swap64();
}

export function isScoreType(datatype: unknown): datatype is ScoreType {
  return SCORE_TYPES.includes(datatype as ScoreType);
}

/** Numbers from little-endian bytes, of which there is a whole number of elements. */
export function numbersFrom(datatype: ScoreType, bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = WIDTH[datatype];
  return Float64Array.from({ length: bytes.byteLength / width }, (_, index) => {
    if (datatype === "FP16") return getFloat16(view, index * width, true);
    return datatype === "FP32" ? view.getFloat32(index * width, true) : view.getFloat64(index * width, true);
  });
}

/** A number read from JSON as the type would have held it, so that text and bytes give one score. */
export function rounded(datatype: ScoreType, value: number): number {
  if (datatype === "FP64") return value;
  return datatype === "FP32" ? Math.fround(value) : (new Float16Array([value])[0] as number);
}
