/** Sorting positions by value: the one sort on which every rank statistic here rests. */

const SMALL = 1024;
/** Digits of a 32-bit word, least significant first. */
const DIGITS = [
  { shift: 0, buckets: 1 << 11 },
  { shift: 11, buckets: 1 << 11 },
  { shift: 22, buckets: 1 << 10 },
] as const;
const SHORT_RUN = 16;

/**
 * The positions 0 … n-1 in ascending order of their values; equal values keep their order. Infinities are allowed, -0
 * equals +0, NaN is not allowed. 10^6 doubles take about a tenth of a second.
 */
export function ascendingOrder(values: Float64Array): Uint32Array {
  const order = new Uint32Array(values.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  if (values.length <= SMALL) return order.sort(byValue(values));
  const sorted = sortByHighWord(highWords(values), order);
  finishRuns(values, sorted.words, sorted.order);
  return sorted.order;
}

const known = new WeakMap<Float64Array, Uint32Array>();

/**
 * The ascending order of scores that do not change: made once for as long as they live, since many statistics rest on it.
 * It must not be changed either.
 */
export function orderOf(scores: Float64Array): Uint32Array {
  let order = known.get(scores);
  if (order === undefined) {
    order = ascendingOrder(scores);
    known.set(scores, order);
  }
  return order;
}

/** Says what the order of scores is, where it came about without sorting them. */
export function declareOrder(scores: Float64Array, order: Uint32Array): void {
  known.set(scores, order);
}

/** Equal infinities subtract to NaN, which falls through to the positions, as a tie should. */
function byValue(values: Float64Array): (a: number, b: number) => number {
  return (a, b) => (values[a] as number) - (values[b] as number) || a - b;
}

/** The upper 32 bits of the doubles, changed so that unsigned order is numerical order. */
function highWords(values: Float64Array): Uint32Array {
  const words = new Uint32Array(values.length);
  const double = new Float64Array(1);
  const bits = new DataView(double.buffer);
  const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
  for (let i = 0; i < values.length; i++) {
    double[0] = (values[i] as number) + 0; // -0 becomes +0
    const word = bits.getUint32(littleEndian ? 4 : 0, littleEndian);
    words[i] = word >>> 31 === 1 ? ~word : word ^ 0x80000000;
  }
  return words;
}

interface Sorted {
  readonly words: Uint32Array;
  readonly order: Uint32Array;
}

/** Stable radix sort by the words, least significant digit first; the words travel along with the positions. */
function sortByHighWord(words: Uint32Array, order: Uint32Array): Sorted {
  let from: Sorted = { words, order };
  let to: Sorted = { words: new Uint32Array(words.length), order: new Uint32Array(words.length) };
  for (const { shift, buckets } of DIGITS) {
    const next = bucketStarts(from.words, shift, buckets);
    if (next === null) continue;
    for (let i = 0; i < from.words.length; i++) {
      const word = from.words[i] as number;
      const digit = (word >>> shift) & (buckets - 1);
      const place = next[digit] as number;
      next[digit] = place + 1;
      to.words[place] = word;
      to.order[place] = from.order[i] as number;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Where each bucket of a digit begins; null where all words share the digit and the pass can be left out. */
function bucketStarts(words: Uint32Array, shift: number, buckets: number): Uint32Array | null {
  const starts = new Uint32Array(buckets);
  for (let i = 0; i < words.length; i++) {
    const digit = ((words[i] as number) >>> shift) & (buckets - 1);
    starts[digit] = (starts[digit] as number) + 1;
  }
  let start = 0;
  for (let digit = 0; digit < buckets; digit++) {
    const count = starts[digit] as number;
    if (count === words.length) return null;
    starts[digit] = start;
    start += count;
  }
  return starts;
}

/** Sorts, in place, the runs of positions whose values share the upper word but not the lower. */
function finishRuns(values: Float64Array, words: Uint32Array, order: Uint32Array): void {
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    let ascending = true;
    while (end < order.length && words[end] === words[start]) {
      if ((values[order[end] as number] as number) < (values[order[end - 1] as number] as number)) ascending = false;
      end++;
    }
    if (!ascending && end - start <= SHORT_RUN) insertionSort(values, order, start, end);
    else if (!ascending) order.subarray(start, end).sort(byValue(values));
    start = end;
  }
}

function insertionSort(values: Float64Array, order: Uint32Array, start: number, end: number): void {
  for (let i = start + 1; i < end; i++) {
    const position = order[i] as number;
    const value = values[position] as number;
    let j = i;
    while (j > start && (values[order[j - 1] as number] as number) > value) {
      order[j] = order[j - 1] as number;
      j--;
    }
    order[j] = position;
  }
}
