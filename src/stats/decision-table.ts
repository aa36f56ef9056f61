import type { LabelledScores } from "./auc.js";
import { boundedLimits } from "./bounded.js";
import { type Agreement, agreementOf, type Confusion } from "./confusion.js";
import { type DecisionCounts, decisionCounts, presenceOf } from "./decision-counts.js";
import { notEstimable, type NotEstimable, type Summary } from "./estimate.js";
import { type ProportionEstimate, wilsonLimits } from "./proportion.js";
import { unequalWeights } from "./weights.js";

/** Cells of the two-by-two table, as places and as bits of a set. */
export const TP = 1;
export const FP = 2;
export const TN = 4;
export const FN = 8;
export const POSITIVES = TP | FN;
export const NEGATIVES = FP | TN;
export const EVERYBODY = POSITIVES | NEGATIVES;

const CELLS = 4;
const ofCell = (values: ArrayLike<number>, cell: number): number => values[cell] as number;

/**
 * The two-by-two table of decisions at a threshold with its second moments by patient. Whatever is computed of the four
 * cells has a sampling error that is linear in them: contributions h_c of each sample in cell c, summed by patient. So every
 * variance and covariance is h' M h with M = Σ over patients of the products of their cell weights, times I/(I − 1), I the
 * patients who can contribute: one pass over the samples serves all rates, ratios and summaries, with the numbers that
 * `proportion` and `agreementAt` have (influence.ts).
 */
export interface DecisionTable {
  /** Weight in the cells TP, FP, TN, FN; samples where all count alike. */
  readonly weights: Float64Array;
  /** Samples in the cells. */
  readonly counts: Uint32Array;
  /** 4 × 4: Σ over patients of the product of their weights in two cells. */
  readonly products: Float64Array;
  /** Patients by the set of cells, as bits, that their samples are in. */
  readonly presence: Uint32Array;
  readonly n: number;
  readonly patients: number;
  readonly clustered: boolean;
  readonly isWeighted: boolean;
}

/** The table at a threshold (score >= threshold is called positive), in one pass. */
export function decisionTable(data: LabelledScores, threshold: number): DecisionTable {
  const counts = decisionCounts(data, threshold);
  return counts === null ? tableOfSamples(data, threshold) : tableOfCounts(data, counts);
}

/** Out of counts that other audits look at, too. */
function tableOfCounts({ clustered, labels }: LabelledScores, counts: DecisionCounts): DecisionTable {
  const presence = Uint32Array.from(presenceOf(counts));
  return {
    weights: Float64Array.from(counts.totals),
    counts: Uint32Array.from(counts.totals),
    products: counts.own.products,
    presence,
    n: labels.length,
    patients: patientsIn({ presence }, EVERYBODY),
    clustered,
    isWeighted: false,
  };
}

function tableOfSamples(data: LabelledScores, threshold: number): DecisionTable {
  const { scores, labels, patients } = data;
  const unequal = unequalWeights(data);
  const weights = new Float64Array(CELLS);
  const counts = new Uint32Array(CELLS);
  const products = new Float64Array(CELLS * CELLS);
  const presence = new Uint32Array(1 << CELLS);
  const own = new Float64Array(CELLS);
  const n = labels.length;
  let distinct = 0;
  for (let start = 0; start < n; ) {
    const patient = patients[start] as number;
    let cells = 0;
    let end = start;
    do {
      const called = (scores[end] as number) >= threshold;
      const cell = labels[end] === 1 ? (called ? 0 : 3) : called ? 1 : 2;
      counts[cell] = ofCell(counts, cell) + 1;
      own[cell] = ofCell(own, cell) + (unequal === null ? 1 : (unequal[end] as number));
      cells |= 1 << cell;
      end++;
    } while (end < n && patients[end] === patient);
    presence[cells] = ofCell(presence, cells) + 1;
    distinct++;
    for (let a = 0; a < CELLS; a++) {
      const weight = ofCell(own, a);
      if (weight === 0) continue;
      weights[a] = ofCell(weights, a) + weight;
      for (let b = 0; b < CELLS; b++) {
        products[CELLS * a + b] = ofCell(products, CELLS * a + b) + weight * ofCell(own, b);
      }
    }
    own.fill(0);
    start = end;
  }
  return {
    weights,
    counts,
    products,
    presence,
    n,
    patients: distinct,
    clustered: data.clustered,
    isWeighted: unequal !== null,
  };
}

/** How many samples fall in each cell, whatever they weigh. */
export function confusionOf({ counts }: DecisionTable): Confusion {
  const [truePositives, falsePositives, trueNegatives, falseNegatives] = counts as unknown as [
    number,
    number,
    number,
    number,
  ];
  return { truePositives, falsePositives, trueNegatives, falseNegatives };
}

/** A share with what covariances with others of the same table are made of. */
export interface TableShare extends Omit<ProportionEstimate, "error"> {
  /** What a sample of weight 1 in each cell contributes to the error. */
  readonly contributions: readonly number[];
  /** Cells that the share is about, as bits. */
  readonly among: number;
}

/**
 * The share of some cells among others, such as TP among the positives, with Wilson's limits: the numbers of `proportion`.
 * @param of cells as bits, all of them among `among`
 * @param quantity what it is, for the reason where it is of no sample: "sensitivity", "positives"
 */
export function tableShare(
  table: DecisionTable,
  of: number,
  among: number,
  [quantity, trials]: readonly [quantity: string, trials: string],
): TableShare | NotEstimable {
  const n = sumOver(table.counts, among);
  if (n === 0) return notEstimable(`0 ${trials} among ${table.n} samples: ${quantity} is a share of ${trials}`);
  const successes = sumOver(table.counts, of);
  const weight = sumOver(table.weights, among);
  // The ends are ends, whatever the rounding.
  const value = successes === n ? 1 : sumOver(table.weights, of) / weight;
  const contributions = Array.from({ length: CELLS }, (_, cell) =>
    has(among, cell) ? ((has(of, cell) ? 1 : 0) - value) / weight : 0,
  );
  const patients = patientsIn(table, among);
  const standardError = Math.sqrt(tableVariance(table, contributions, patients));
  const isPlain = !table.isWeighted && patients === n;
  const effectiveN = isPlain
    ? n
    : standardError === 0
      ? (weight * weight) / quadraticForm(table, indicator(among))
      : Math.min(n, 1 + (value * (1 - value)) / (standardError * standardError));
  return {
    status: "estimated",
    value,
    standardError,
    symmetric: false,
    limits: (z) => wilsonLimits(value, effectiveN, z),
    range: [0, 1],
    method: table.clustered || table.isWeighted ? "wilson-effective-n" : "wilson",
    n,
    patients,
    successes,
    effectiveN,
    contributions,
    among,
  };
}

/** Correlation of the sampling errors of two shares of one table, in [−1, 1]; 0 where either has none. */
export function shareCorrelation(table: DecisionTable, a: TableShare, b: TableShare): number {
  if (a.standardError === 0 || b.standardError === 0) return 0;
  const patients = patientsIn(table, a.among | b.among);
  const covariance = finiteFactor(patients) * bilinearForm(table, a.contributions, b.contributions);
  return Math.max(-1, Math.min(1, covariance / (a.standardError * b.standardError)));
}

/** √Var(α·a − β·b), given the errors' correlation. */
export function errorOfWeighted(alpha: number, a: TableShare, beta: number, b: TableShare, rho: number): number {
  const [first, second] = [alpha * a.standardError, beta * b.standardError];
  return Math.sqrt(Math.max(0, first * first + second * second - 2 * rho * first * second));
}

/** A measure of agreement, with the numbers of `agreementAt`; not estimable where it is not defined or of one patient. */
export function tableAgreement(table: DecisionTable, agreement: Agreement): Summary | NotEstimable {
  const { n, patients, weights } = table;
  if (patients < 2) return notEstimable(`${n} samples of ${patients} patients: ${agreement} needs two patients`);
  const total = sumOver(weights, EVERYBODY);
  const shares = Array.from(weights, (weight) => weight / total);
  const measured = agreementOf(agreement, shares as unknown as [number, number, number, number], confusionOf(table));
  if ("status" in measured) return measured;
  const { value, gradient, lowest } = measured;
  const mean = shares.reduce((sum, share, cell) => sum + share * ofCell(gradient, cell), 0);
  const contributions = gradient.map((slope) => (slope - mean) / total);
  const standardError = Math.sqrt(tableVariance(table, contributions, patients));
  const range = [lowest, 1] as const;
  const contributors = (total * total) / quadraticForm(table, indicator(EVERYBODY));
  const limits = boundedLimits({ value, standardError, range, n, contributors });
  const method = "wilson-effective-n";
  return { status: "estimated", value, standardError, symmetric: false, limits, range, method, n, patients };
}

/** Patients with a sample in one of the cells. */
function patientsIn({ presence }: Pick<DecisionTable, "presence">, cells: number): number {
  let count = 0;
  for (let set = 0; set < presence.length; set++) if ((set & cells) !== 0) count += presence[set] as number;
  return count;
}

/** A variance is rounding at or below this, and below this share of its own terms: they cancel (as in estimate.ts). */
const NEGLIGIBLE_VARIANCE = 1e-26;
const NEGLIGIBLE_SHARE = 1e-12;

function tableVariance(table: DecisionTable, contributions: readonly number[], patients: number): number {
  const form = quadraticForm(table, contributions);
  const scale = quadraticForm(
    table,
    contributions.map((one) => Math.abs(one)),
  );
  const value = finiteFactor(patients) * form;
  return value > NEGLIGIBLE_VARIANCE && form > NEGLIGIBLE_SHARE * scale ? value : 0;
}

function quadraticForm(table: DecisionTable, h: readonly number[]): number {
  return bilinearForm(table, h, h);
}

function bilinearForm({ products }: DecisionTable, h: readonly number[], g: readonly number[]): number {
  let sum = 0;
  for (let a = 0; a < CELLS; a++) {
    for (let b = 0; b < CELLS; b++) sum += ofCell(h, a) * ofCell(g, b) * ofCell(products, CELLS * a + b);
  }
  return sum;
}

/** One patient alone says nothing of the variation between patients. */
function finiteFactor(patients: number): number {
  return patients < 2 ? 0 : patients / (patients - 1);
}

function indicator(cells: number): number[] {
  return Array.from({ length: CELLS }, (_, cell) => (has(cells, cell) ? 1 : 0));
}

function sumOver(values: ArrayLike<number>, cells: number): number {
  let sum = 0;
  for (let cell = 0; cell < CELLS; cell++) if (has(cells, cell)) sum += ofCell(values, cell);
  return sum;
}

function has(cells: number, cell: number): boolean {
  return (cells & (1 << cell)) !== 0;
}
