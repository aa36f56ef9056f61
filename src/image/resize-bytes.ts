import { type Kernels, loadKernels, MOST_BYTES } from "./wasm/kernels.js";

/** Resizing of 8-bit planes by WebAssembly's vectors (assembly/resize.ts), to the same bytes as the loops of resize.ts. */

/** Planes of height × width; of each, rows `top` to `bottom` (exclusive) count. */
export interface Planes {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly top: number;
  readonly bottom: number;
}

/** For each output line the first of the input lines that count, how many do, and their weights, `stride` per output line. */
export interface WholeWeights {
  readonly first: Int32Array;
  readonly size: Int32Array;
  readonly stride: number;
  /** With 22 bits behind the point. */
  readonly whole: Int32Array;
}

/** Weights as the module takes them: cut into a high and a low part of 16 bits each, `taps` of them per output line. */
interface CutWeights {
  readonly taps: number;
  readonly parts: Int16Array;
}

/** Both passes, the one along rows first; null weights leave an axis as it is. Null where the images are too large. */
export function resampleBytes(
  data: Uint8Array,
  { bottom, count, height, top, width }: Planes,
  { tall, wide }: { readonly wide: WholeWeights | null; readonly tall: WholeWeights | null },
): Uint8Array | null {
  const kernels = loadKernels();
  if (kernels === null) return null;
  const across = wide === null ? null : cut(wide, wide.size.every((taps) => taps <= 4) ? 4 : 8);
  const down = tall === null ? null : cut(tall, 2);
  const rows = tall === null ? height : bottom - top;
  const begin = tall === null ? 0 : top;
  const toWidth = wide?.first.length ?? width;
  const toHeight = tall?.first.length ?? rows;
  // Rows are done by four, and rows of no weight are read.
  const sourceBytes = (rows + 4) * width + 16 + (across?.taps ?? 0);
  const middleBytes = (rows + 4 + (down?.taps ?? 0)) * toWidth;
  const targetBytes = toHeight * toWidth;
  if (sourceBytes + middleBytes + targetBytes > MOST_BYTES) return null;
  const [source, middle, target, acrossFirst, acrossParts, downFirst, downParts] = kernels.areas(
    sourceBytes,
    middleBytes,
    targetBytes,
    4 * toWidth,
    across?.parts.byteLength ?? 0,
    4 * toHeight,
    down?.parts.byteLength ?? 0,
  ) as [number, number, number, number, number, number, number];
  if (wide !== null && across !== null) put(kernels, acrossFirst, wide.first, acrossParts, across.parts, 0);
  if (tall !== null && down !== null) put(kernels, downFirst, tall.first, downParts, down.parts, begin);
  const memory = kernels.bytes();
  const result = new Uint8Array(count * targetBytes);
  for (let plane = 0; plane < count; plane++) {
    const from = (plane * height + begin) * width;
    memory.set(data.subarray(from, from + rows * width), across === null ? middle : source);
    if (across?.taps === 4) kernels.acrossFew(source, middle, rows, width, toWidth, acrossFirst, acrossParts);
    else if (across !== null) {
      kernels.across(source, middle, rows, width, toWidth, acrossFirst, across.taps / 8, acrossParts);
    }
    if (down !== null) kernels.down(middle, target, toWidth, toHeight, downFirst, down.taps / 2, downParts);
    const made = down === null ? middle : target;
    result.set(memory.subarray(made, made + targetBytes), plane * targetBytes);
  }
  return result;
}

function put(kernels: Kernels, first: number, lines: Int32Array, parts: number, weights: Int16Array, skipped: number) {
  const { buffer } = kernels.bytes();
  const target = new Int32Array(buffer, first, lines.length);
  for (let out = 0; out < lines.length; out++) target[out] = (lines[out] as number) - skipped;
  new Int16Array(buffer, parts, weights.length).set(weights);
}

const known = new WeakMap<WholeWeights, Map<number, CutWeights>>();

/** In groups of `group` high parts, then as many low ones; what is missing in the last group weighs nothing. */
function cut(weights: WholeWeights, group: number): CutWeights {
  const made = known.get(weights)?.get(group);
  if (made !== undefined) return made;
  const { first, size, stride, whole } = weights;
  const most = size.reduce((largest, own) => Math.max(largest, own), 1);
  const taps = Math.ceil(most / group) * group;
  const parts = new Int16Array(2 * taps * first.length);
  for (let out = 0; out < first.length; out++) {
    for (let tap = 0; tap < (size[out] as number); tap++) {
      const weight = whole[out * stride + tap] as number;
      const at = 2 * (out * taps + tap - (tap % group)) + (tap % group);
      parts[at] = weight >> 15;
      parts[at + group] = weight & 0x7fff;
    }
  }
  const result = { taps, parts };
  known.set(weights, (known.get(weights) ?? new Map<number, CutWeights>()).set(group, result));
  return result;
}
