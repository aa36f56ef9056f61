import type { Random } from "../core/random.js";
import type { FindingTest } from "../core/finding.js";
import { type NotEstimable, notEstimable, type Summary } from "./estimate.js";
import { normalCdf } from "./normal.js";
import { studentQuantile } from "./student.js";

/** Samples with a symbol and a class each, both as codes from 0; in patient order. */
export interface CodedPairs {
  readonly symbols: Int32Array;
  readonly classes: Int32Array;
  readonly patients: Int32Array;
  readonly symbolCount: number;
  readonly classCount: number;
}

/** Patients are left out in so many blocks at most. */
const BLOCKS = 100;
const TOLERANCE = 1e-12;

/**
 * Mutual information of symbol and class, in bits. The plain value of a sample is biased upward, by about
 * (symbols − 1)(classes − 1)/(2 n ln 2) (G. A. Miller, 1955); the estimate is corrected by the jackknife over blocks of patients,
 * and may come out a little below 0. Its standard error is the same jackknife's, its critical value Student's with one degree of
 * freedom less than there are blocks. Where nothing is there to know the error is not normal: ask the permutation test then.
 */
export function mutualInformation(data: CodedPairs): Summary | NotEstimable {
  const numbers = patientNumbers(data.patients);
  const count = (numbers.at(-1) ?? -1) + 1;
  if (count < 2) return notEstimable(`${count} patients: its interval needs two`);
  const blocks = Math.min(BLOCKS, count);
  const table = tableOf(data);
  const n = data.symbols.length;
  const whole = informationOf(table, data, n);
  const without = new Float64Array(blocks);
  const starts = new Int32Array(blocks + 1).fill(n);
  for (let i = n - 1; i >= 0; i--) starts[Math.floor(((numbers[i] as number) * blocks) / count)] = i;
  for (let block = 0; block < blocks; block++) {
    const [from, to] = [starts[block] as number, starts[block + 1] as number];
    shift(table, data, from, to, -1);
    without[block] = informationOf(table, data, n - (to - from));
    shift(table, data, from, to, 1);
  }
  const mean = without.reduce((sum, one) => sum + one, 0) / blocks;
  const value = blocks * whole - (blocks - 1) * mean;
  const squares = without.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  const standardError = Math.sqrt(((blocks - 1) / blocks) * squares);
  if (standardError < TOLERANCE) {
    return notEstimable(
      `${whole.toFixed(2)} bits in ${n} samples whoever is left out: an interval cannot be made of what does not vary`,
    );
  }
  const student = (z: number) => studentQuantile(normalCdf(-z), blocks - 1);
  return {
    status: "estimated",
    value,
    standardError,
    symmetric: true,
    limits: (z) => ({ lower: value - student(z) * standardError, upper: value + student(z) * standardError }),
    range: [0, Math.log2(Math.max(2, Math.min(data.symbolCount, data.classCount)))],
    method: "jackknife-blocks-student",
    n,
    patients: count,
  };
}

/**
 * The test that symbols say nothing of the class: classes are dealt anew among patients with as many samples, all samples of a
 * patient together. p = (b + 1)/(B + 1) (Phipson and Smyth 2010). Null where no patient could be dealt.
 */
export function informationTest(data: CodedPairs, permutations: number, random: Random): FindingTest | null {
  const numbers = patientNumbers(data.patients);
  const strata = strataOf(numbers);
  if (strata.length === 0) return null;
  const n = data.symbols.length;
  const seen = informationOf(tableOf(data), data, n);
  const classes = data.classes.slice();
  let reached = 0;
  for (let permutation = 0; permutation < permutations; permutation++) {
    const stream = random.fork("permutation", permutation);
    for (const { first, size } of strata) {
      const order = stream.permutation(first.length);
      for (let place = 0; place < first.length; place++) {
        const [to, from] = [first[place] as number, first[order[place] as number] as number];
        for (let i = 0; i < size; i++) classes[to + i] = data.classes[from + i] as number;
      }
    }
    if (informationOf(tableOf({ ...data, classes }), data, n) >= seen - TOLERANCE) reached++;
  }
  return {
    method: "permutation",
    hypothesis: "the sentence says nothing of it",
    statistic: seen,
    p: (reached + 1) / (permutations + 1),
  };
}

/** Plain mutual information of counts by symbol and class, in bits. */
function informationOf(table: Float64Array, { classCount, symbolCount }: CodedPairs, n: number): number {
  const bySymbol = new Float64Array(symbolCount);
  const byClass = new Float64Array(classCount);
  for (let symbol = 0, at = 0; symbol < symbolCount; symbol++) {
    for (let one = 0; one < classCount; one++, at++) {
      bySymbol[symbol] = (bySymbol[symbol] as number) + (table[at] as number);
      byClass[one] = (byClass[one] as number) + (table[at] as number);
    }
  }
  let bits = 0;
  for (let symbol = 0, at = 0; symbol < symbolCount; symbol++) {
    for (let one = 0; one < classCount; one++, at++) {
      const both = table[at] as number;
      if (both > 0)
        bits += (both / n) * Math.log2((both * n) / ((bySymbol[symbol] as number) * (byClass[one] as number)));
    }
  }
  return Math.max(0, bits);
}

function tableOf({ classCount, classes, symbolCount, symbols }: CodedPairs): Float64Array {
  const table = new Float64Array(symbolCount * classCount);
  for (let i = 0; i < symbols.length; i++) {
    const at = (symbols[i] as number) * classCount + (classes[i] as number);
    table[at] = (table[at] as number) + 1;
  }
  return table;
}

function shift(
  table: Float64Array,
  { classCount, classes, symbols }: CodedPairs,
  from: number,
  to: number,
  by: number,
) {
  for (let i = from; i < to; i++) {
    const at = (symbols[i] as number) * classCount + (classes[i] as number);
    table[at] = (table[at] as number) + by;
  }
}

/** Patients numbered from 0 in the order in which they come. */
function patientNumbers(patients: Int32Array): Int32Array {
  let number = -1;
  return patients.map((patient, i) => (i === 0 || patient !== patients[i - 1] ? ++number : number));
}

/** Patients by how many samples they have: where each one's begin. Those whose number nobody shares stay where they are. */
function strataOf(numbers: Int32Array): { readonly first: readonly number[]; readonly size: number }[] {
  const bySize = new Map<number, number[]>();
  for (let i = 0; i < numbers.length; ) {
    let end = i;
    while (end < numbers.length && numbers[end] === numbers[i]) end++;
    const members = bySize.get(end - i) ?? [];
    bySize.set(end - i, members);
    members.push(i);
    i = end;
  }
  return [...bySize].flatMap(([size, first]) => (first.length < 2 ? [] : [{ first, size }]));
}

/**
 * How often the class that is commonest among other patients' samples of the same symbol is the sample's own: 1 or 0, NaN where
 * nobody else has the symbol. Ties go to the smallest code.
 */
export function purityHits(data: CodedPairs): Float64Array {
  const { classCount, classes, patients, symbols } = data;
  const table = tableOf(data);
  const hits = new Float64Array(symbols.length);
  for (let from = 0; from < symbols.length; ) {
    let to = from;
    while (to < symbols.length && patients[to] === patients[from]) to++;
    shift(table, data, from, to, -1);
    for (let i = from; i < to; i++) {
      const row = (symbols[i] as number) * classCount;
      let [best, most] = [-1, 0];
      for (let one = 0; one < classCount; one++) {
        const count = table[row + one] as number;
        if (count > most) [best, most] = [one, count];
      }
      hits[i] = best < 0 ? Number.NaN : best === classes[i] ? 1 : 0;
    }
    shift(table, data, from, to, 1);
    from = to;
  }
  return hits;
}
