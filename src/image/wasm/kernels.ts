import { MODULE } from "./module.js";

/**
 * The loops over pixels that WebAssembly's vectors make several times faster: assembly/, compiled by scripts/build-wasm.mjs into
 * module.ts. All are exact: what they compute is what the loops in TypeScript beside them do, or libjpeg-turbo does. One
 * instance per thread; its memory is used by one call at a time, and nothing in it outlives a call.
 */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly HEAP: WebAssembly.Global;
  across(
    source: number,
    target: number,
    rows: number,
    width: number,
    to: number,
    first: number,
    blocks: number,
    weights: number,
  ): void;
  down(source: number, target: number, width: number, to: number, first: number, pairs: number, weights: number): void;
  acrossFew(
    source: number,
    target: number,
    rows: number,
    width: number,
    to: number,
    first: number,
    weights: number,
  ): void;
  weighted: Exports["across"];
  floats(source: number, target: number, count: number): void;
  unfilter(source: number, target: number, zeros: number, height: number, rowBytes: number, step: number): number;
  codes(counts: number, symbols: number, table: number, values: number): number;
  unstuff(source: number, end: number, target: number): number;
  scan(source: number, length: number, parts: number, components: number, across: number, down: number): number;
  colours(
    luma: number,
    lumaStride: number,
    blue: number,
    red: number,
    stride: number,
    wide: number,
    tall: number,
    width: number,
    height: number,
    scratch: number,
    r: number,
    g: number,
    b: number,
  ): void;
  crop(plane: number, stride: number, width: number, height: number): void;
}

export interface Kernels extends Exports {
  /**
   * Where areas of so many bytes begin, each on a multiple of 16, with 64 bytes of room behind it. What they hold is left from
   * before. Views of the memory from before a call are void.
   */
  areas(...sizes: readonly number[]): readonly number[];
  /** All of the memory. */
  bytes(): Uint8Array;
}

/** A memory never shrinks: images beyond so many bytes of work are left to other code, which gives its memory back. */
export const MOST_BYTES = 2 ** 26;

const ROOM = 64;
const PAGE = 2 ** 16;

let loaded: Kernels | null | undefined;

/** Null where this machine's WebAssembly has no vectors. */
export function loadKernels(): Kernels | null {
  if (loaded === undefined) loaded = instantiate();
  return loaded;
}

function instantiate(): Kernels | null {
  let exports: Exports;
  try {
    const module = new WebAssembly.Module(Buffer.from(MODULE, "base64"));
    exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
  } catch {
    return null;
  }
  const { memory } = exports;
  const heap = exports.HEAP.value as number;
  let view = new Uint8Array(memory.buffer);
  return {
    ...exports,
    areas(...sizes) {
      let end = heap;
      const begins = sizes.map((size) => {
        const begin = Math.ceil(end / 16) * 16;
        end = begin + size + ROOM;
        return begin;
      });
      const missing = end - memory.buffer.byteLength;
      if (missing > 0) {
        memory.grow(Math.ceil(missing / PAGE));
        view = new Uint8Array(memory.buffer);
      }
      return begins;
    },
    bytes: () => view,
  };
}
