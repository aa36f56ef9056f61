// Exact nearest neighbours of many in many. Products are taken in float32 by onnxruntime, tile by tile, and tell which references can
// be among the k nearest at all; those few are measured again in double precision, as `nearestNeighbours` measures all. The result
// is the same to the last bit.
import * as ort from "onnxruntime-node";
import {
  dot,
  emptyNeighbours,
  finished,
  insert,
  type MeasuredSet,
  measured,
  type Metric,
  type NeighbourOptions,
  type Neighbours,
  nearnessOf,
  type VectorSet,
} from "../stats/neighbours.js";
import { encodeModel } from "../training/onnx-writer.js";

/** Rows to a tile: their products are 32 MiB. */
const TILE_QUERIES = 2048;
const TILE_REFERENCES = 4096;

/** Unit roundoff of float32. */
const ROUNDOFF = 2 ** -24;

export interface NearestOptions extends NeighbourOptions {
  readonly threads: number;
  /** Called after every tile of queries with the share that is done. */
  readonly progress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * The k nearest references of every query, as `nearestNeighbours` gives them. Memory: the two sets, and about 100 MiB for tiles.
 * Cost: queries × references × width multiplications in float32.
 */
export async function nearestOfMany(
  queries: VectorSet,
  references: MeasuredSet,
  options: NearestOptions,
): Promise<Neighbours> {
  const { k, metric, progress, signal, threads } = options;
  if (queries.width !== references.width) throw new RangeError("queries and references are of one width");
  const session = await ort.InferenceSession.create(productModel(queries.width), {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
  });
  try {
    const own = measured(queries);
    const best = emptyNeighbours(queries.count, k);
    for (let first = 0; first < queries.count; first += TILE_QUERIES) {
      const rows = Math.min(TILE_QUERIES, queries.count - first);
      const sieve = new Sieve(first, rows, own, references, options);
      const left = scaled(own, first, rows, metric);
      for (let from = 0; from < references.count; from += TILE_REFERENCES) {
        signal?.throwIfAborted();
        const columns = Math.min(TILE_REFERENCES, references.count - from);
        const results = await session.run({
          queries: new ort.Tensor("float32", left, [rows, queries.width]),
          references: new ort.Tensor("float32", scaled(references, from, columns, metric), [columns, queries.width]),
          offsets: new ort.Tensor("float32", offsetsOf(references, from, columns, metric), [1, columns]),
        });
        sieve.add((results.nearness as ort.Tensor).data as Float32Array, from, columns);
      }
      sieve.measure(best);
      progress?.((first + rows) / queries.count);
    }
    return finished(best, metric);
  } finally {
    await session.release();
  }
}

/** queries · referencesᵀ + offsets. */
function productModel(width: number): Uint8Array {
  return encodeModel({
    name: "products",
    description: "products of all queries with all references",
    nodes: [
      {
        op: "Gemm",
        inputs: ["queries", "references", "offsets"],
        outputs: ["nearness"],
        attributes: { transB: 1 },
      },
    ],
    initializers: [],
    inputs: [
      { name: "queries", type: "float32", shape: ["q", width] },
      { name: "references", type: "float32", shape: ["r", width] },
      { name: "offsets", type: "float32", shape: [1, "r"] },
    ],
    outputs: [{ name: "nearness", type: "float32", shape: ["q", "r"] }],
  });
}

/** Rows of unit length where cosines are compared; else as they are. */
function scaled({ squares, values, width }: MeasuredSet, first: number, rows: number, metric: Metric): Float32Array {
  const own = values.subarray(first * width, (first + rows) * width);
  if (metric === "euclidean") return own;
  const out = new Float32Array(own.length);
  for (let row = 0; row < rows; row++) {
    const square = squares[first + row] as number;
    const factor = square === 0 ? 0 : 1 / Math.sqrt(square);
    for (let at = row * width; at < (row + 1) * width; at++) out[at] = (own[at] as number) * factor;
  }
  return out;
}

/** −‖y‖² / 2: with the product xy it orders references as the distance does. */
function offsetsOf({ squares }: MeasuredSet, first: number, count: number, metric: Metric): Float32Array {
  const out = new Float32Array(count);
  if (metric === "euclidean") for (let i = 0; i < count; i++) out[i] = -(squares[first + i] as number) / 2;
  return out;
}

/**
 * Keeps, for each query of a tile, the references that may be among its k nearest. The float32 nearness of a pair is off by at most
 * `slack` (γₙ‖x‖‖y‖ for a sum of n products in any order: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1). The
 * k-th greatest is then off by as much, and whatever is more than twice that below it is out.
 */
class Sieve {
  /** The k greatest float32 nearnesses so far, descending. */
  readonly #greatest: Float64Array;
  readonly #slack: Float64Array;
  readonly #candidates: Candidates[];
  readonly #kept: Uint8Array | null;

  constructor(
    readonly first: number,
    readonly rows: number,
    readonly queries: MeasuredSet,
    readonly references: MeasuredSet,
    readonly options: NeighbourOptions,
  ) {
    const { k, metric, use } = options;
    this.#greatest = new Float64Array(rows * k).fill(Number.NEGATIVE_INFINITY);
    const longest = Math.sqrt(references.squares.reduce((most, square) => Math.max(most, square), 0));
    // Of unit vectors two roundings more, of their scaling; of distances one more term. A little more for good measure.
    const share = 1.01 * (queries.width + 8) * ROUNDOFF;
    this.#slack = Float64Array.from({ length: rows }, (_, row) => {
      if (metric === "cosine") return share;
      const length = Math.sqrt(queries.squares[first + row] as number);
      return share * (length * longest + longest * longest);
    });
    this.#candidates = Array.from({ length: rows }, () => new Candidates(k));
    this.#kept = use ?? null;
  }

  /** @param nearness of the tile, rows × columns */
  add(nearness: Float32Array, from: number, columns: number): void {
    const { groups, k } = this.options;
    for (let row = 0; row < this.rows; row++) {
      const slack = 2 * (this.#slack[row] as number);
      const last = (row + 1) * k - 1;
      const group = groups === undefined ? -1 : (groups.queries[this.first + row] as number);
      let cut = (this.#greatest[last] as number) - slack;
      const start = row * columns;
      for (let column = 0; column < columns; column++) {
        const value = nearness[start + column] as number;
        if (value < cut) continue;
        const reference = from + column;
        if (this.#kept !== null && this.#kept[reference] !== 1) continue;
        if (groups !== undefined && groups.references[reference] === group) continue;
        if (value > (this.#greatest[last] as number)) {
          this.#raise(row * k, last, value);
          cut = (this.#greatest[last] as number) - slack;
        }
        (this.#candidates[row] as Candidates).add(reference, value, cut);
      }
    }
  }

  #raise(first: number, last: number, value: number): void {
    const greatest = this.#greatest;
    let at = last;
    for (; at > first && (greatest[at - 1] as number) < value; at--) greatest[at] = greatest[at - 1] as number;
    greatest[at] = value;
  }

  /** Measures the candidates in double precision, in the references' order. */
  measure(best: Neighbours): void {
    const { k, metric } = this.options;
    const { squares, values, width } = this.references;
    for (let row = 0; row < this.rows; row++) {
      const query = this.first + row;
      const square = this.queries.squares[query] as number;
      const cut = (this.#greatest[(row + 1) * k - 1] as number) - 2 * (this.#slack[row] as number);
      for (const reference of (this.#candidates[row] as Candidates).above(cut)) {
        const product = dot(this.queries.values, query * width, values, reference * width, width);
        const nearness = nearnessOf(metric, product, square, squares[reference] as number);
        if (nearness > (best.values[(query + 1) * k - 1] as number)) insert(best, query * k, k, nearness, reference);
      }
    }
  }
}

/** References with their float32 nearness, ascending by reference. Those that have fallen below the cut go when room is needed. */
class Candidates {
  #references: Int32Array;
  #values: Float32Array;
  #count = 0;

  constructor(k: number) {
    this.#references = new Int32Array(4 * k + 32);
    this.#values = new Float32Array(4 * k + 32);
  }

  add(reference: number, value: number, cut: number): void {
    if (this.#count === this.#references.length) this.#makeRoom(cut);
    this.#references[this.#count] = reference;
    this.#values[this.#count] = value;
    this.#count++;
  }

  above(cut: number): Int32Array {
    this.#sift(cut);
    return this.#references.subarray(0, this.#count);
  }

  #makeRoom(cut: number): void {
    this.#sift(cut);
    if (this.#count <= this.#references.length / 2) return;
    const [references, values] = [this.#references, this.#values];
    this.#references = new Int32Array(2 * references.length);
    this.#references.set(references);
    this.#values = new Float32Array(2 * values.length);
    this.#values.set(values);
  }

  #sift(cut: number): void {
    let kept = 0;
    for (let at = 0; at < this.#count; at++) {
      if ((this.#values[at] as number) < cut) continue;
      this.#references[kept] = this.#references[at] as number;
      this.#values[kept] = this.#values[at] as number;
      kept++;
    }
    this.#count = kept;
  }
}
