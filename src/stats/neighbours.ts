// Exact nearest neighbours by brute force: every query against every reference, in tiles that stay in the cache.

export type Metric = "cosine" | "euclidean";

/** Rows of one width, `values[row * width + dimension]`. */
export interface VectorSet {
  readonly count: number;
  readonly width: number;
  readonly values: Float32Array;
}

export interface NeighbourOptions {
  readonly k: number;
  /** cosine: the larger the nearer; a vector of zeros has similarity 0 to all. euclidean: distance, the smaller the nearer. */
  readonly metric: Metric;
  /** References with 0 here are passed over; default: none. */
  readonly use?: Uint8Array;
  /** A group of each query and of each reference: references of the query's own group are passed over. */
  readonly groups?: { readonly queries: Int32Array; readonly references: Int32Array };
}

/** The neighbours of each query, nearest first; of equally near ones the first in the references' order. */
export interface Neighbours {
  readonly k: number;
  /** `indices[query * k + rank]`; -1 where there are fewer than k. */
  readonly indices: Int32Array;
  /** Similarities or distances, in double precision; NaN where there is none. */
  readonly values: Float64Array;
}

/** Queries and references whose products are taken together: the references of a tile fit into the second-level cache. */
const TILE_QUERIES = 32;
const TILE_BYTES = 256 * 1024;
/** References that one pass over a query serves. */
const LANES = 4;

/** Vectors with what their similarities need, so that a set that is asked again and again is measured once. */
export interface MeasuredSet extends VectorSet {
  /** Sums of squares, in double precision. */
  readonly squares: Float64Array;
}

export function measured(set: VectorSet): MeasuredSet {
  const { count, values, width } = set;
  const squares = new Float64Array(count);
  for (let row = 0; row < count; row++) squares[row] = dot(values, row * width, values, row * width, width);
  return { ...set, squares };
}

/**
 * The k nearest references of every query. Products of float32 are exact in double precision and are added in the order of the
 * dimensions, so that a value depends on its two vectors alone: not on the tile, the batch or the machine.
 * Cost: queries × references × width multiplications.
 */
export function nearestNeighbours(
  queries: VectorSet,
  references: MeasuredSet,
  { groups, k, metric, use }: NeighbourOptions,
): Neighbours {
  if (queries.width !== references.width) throw new RangeError("queries and references are of one width");
  const { width } = references;
  const kept = use === undefined ? null : Int32Array.from(Array.from(use.keys()).filter((row) => use[row] === 1));
  const total = kept?.length ?? references.count;
  const best = emptyNeighbours(queries.count, k);
  const { squares } = measured(queries);
  const tile = Math.max(LANES, Math.floor(TILE_BYTES / (4 * width) / LANES) * LANES);
  const products = new Float64Array(TILE_QUERIES * tile);
  for (let firstQuery = 0; firstQuery < queries.count; firstQuery += TILE_QUERIES) {
    const rows = Math.min(TILE_QUERIES, queries.count - firstQuery);
    for (let first = 0; first < total; first += tile) {
      const columns = Math.min(tile, total - first);
      multiplyTile(queries, firstQuery, rows, references, kept, first, columns, products, tile);
      for (let row = 0; row < rows; row++) {
        const query = firstQuery + row;
        const own = groups === undefined ? -1 : (groups.queries[query] as number);
        const square = squares[query] as number;
        for (let column = 0; column < columns; column++) {
          const reference = kept === null ? first + column : (kept[first + column] as number);
          if (groups !== undefined && groups.references[reference] === own) continue;
          const product = products[row * tile + column] as number;
          const other = references.squares[reference] as number;
          const nearness = nearnessOf(metric, product, square, other);
          if (nearness > (best.values[(query + 1) * k - 1] as number)) insert(best, query * k, k, nearness, reference);
        }
      }
    }
  }
  return finished(best, metric);
}

/** How near each reference is to one query, `nearnessOf` of each; the same numbers as `nearestNeighbours` compares. */
export function nearnessesTo(query: Float32Array, references: MeasuredSet, metric: Metric): Float64Array {
  const { count, squares, values, width } = references;
  const square = dot(query, 0, query, 0, width);
  const out = new Float64Array(count);
  let row = 0;
  for (; row + LANES <= count; row += LANES) {
    const [b0, b1, b2, b3] = [row * width, (row + 1) * width, (row + 2) * width, (row + 3) * width];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let i = 0; i < width; i++) {
      const x = query[i] as number;
      s0 += x * (values[b0 + i] as number);
      s1 += x * (values[b1 + i] as number);
      s2 += x * (values[b2 + i] as number);
      s3 += x * (values[b3 + i] as number);
    }
    out[row] = s0;
    out[row + 1] = s1;
    out[row + 2] = s2;
    out[row + 3] = s3;
  }
  for (; row < count; row++) out[row] = dot(query, 0, values, row * width, width);
  for (let at = 0; at < count; at++) out[at] = nearnessOf(metric, out[at] as number, square, squares[at] as number);
  return out;
}

/** The products of a tile of queries with a tile of references: `products[query * stride + reference]`. */
function multiplyTile(
  queries: VectorSet,
  firstQuery: number,
  rows: number,
  references: VectorSet,
  kept: Int32Array | null,
  first: number,
  columns: number,
  products: Float64Array,
  stride: number,
): void {
  const { width } = references;
  const a = queries.values;
  const b = references.values;
  const placeOf = (column: number) => (kept === null ? first + column : (kept[first + column] as number)) * width;
  const whole = columns - (columns % LANES);
  for (let column = 0; column < whole; column += LANES) {
    const [b0, b1, b2, b3] = [placeOf(column), placeOf(column + 1), placeOf(column + 2), placeOf(column + 3)];
    let row = 0;
    for (; row + 1 < rows; row += 2) {
      const a0 = (firstQuery + row) * width;
      const a1 = a0 + width;
      let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
      for (let i = 0; i < width; i++) {
        const x = a[a0 + i] as number;
        const y = a[a1 + i] as number;
        const p = b[b0 + i] as number;
        const q = b[b1 + i] as number;
        const r = b[b2 + i] as number;
        const s = b[b3 + i] as number;
        s00 += x * p;
        s01 += x * q;
        s02 += x * r;
        s03 += x * s;
        s10 += y * p;
        s11 += y * q;
        s12 += y * r;
        s13 += y * s;
      }
      const at = row * stride + column;
      products[at] = s00;
      products[at + 1] = s01;
      products[at + 2] = s02;
      products[at + 3] = s03;
      products[at + stride] = s10;
      products[at + stride + 1] = s11;
      products[at + stride + 2] = s12;
      products[at + stride + 3] = s13;
    }
    for (; row < rows; row++) {
      const place = (firstQuery + row) * width;
      for (let lane = 0; lane < LANES; lane++) {
        products[row * stride + column + lane] = dot(a, place, b, placeOf(column + lane), width);
      }
    }
  }
  for (let column = whole; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      products[row * stride + column] = dot(a, (firstQuery + row) * width, b, placeOf(column), width);
    }
  }
}

/** The sum of products in the order of the dimensions, as the tiles take it. */
export function dot(a: Float32Array, from: number, b: Float32Array, other: number, width: number): number {
  let sum = 0;
  for (let i = 0; i < width; i++) sum += (a[from + i] as number) * (b[other + i] as number);
  return sum;
}

/** The nearest has the greatest of these: its cosine, or minus its squared distance. */
export function nearnessOf(metric: Metric, product: number, square: number, other: number): number {
  return metric === "cosine" ? cosine(product, square, other) : -squaredDistance(product, square, other);
}

function cosine(product: number, square: number, other: number): number {
  const length = Math.sqrt(square * other);
  return length === 0 ? 0 : product / length;
}

/** ‖x‖² + ‖y‖² − 2xy; of equal vectors exactly 0, since all three are summed in the same order. */
function squaredDistance(product: number, square: number, other: number): number {
  return Math.max(0, square + other - 2 * product);
}

/** Lists that `insert` fills; their values are nearnesses until `finished` makes them cosines or distances. */
export function emptyNeighbours(count: number, k: number): Neighbours {
  return {
    k,
    indices: new Int32Array(count * k).fill(-1),
    values: new Float64Array(count * k).fill(Number.NEGATIVE_INFINITY),
  };
}

/** References come in ascending order: one that is only as near as one that is there stands behind it. */
export function insert(
  { indices, values }: Neighbours,
  first: number,
  k: number,
  nearness: number,
  reference: number,
): void {
  let at = first + k - 1;
  for (; at > first && (values[at - 1] as number) < nearness; at--) {
    values[at] = values[at - 1] as number;
    indices[at] = indices[at - 1] as number;
  }
  values[at] = nearness;
  indices[at] = reference;
}

/** What was found, with NaN where there are fewer than k, and distances in place of their squares. */
export function finished(best: Neighbours, metric: Metric): Neighbours {
  const { indices, values } = best;
  for (let at = 0; at < values.length; at++) {
    if (indices[at] === -1) values[at] = Number.NaN;
    else if (metric === "euclidean") values[at] = Math.sqrt(-(values[at] as number));
  }
  return best;
}
