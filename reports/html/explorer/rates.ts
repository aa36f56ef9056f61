/**
 * Shares of decisions at a place of the explorer's grid, with their intervals, out of counts alone: the numbers of
 * `proportion`, `proportionDifference` and `predictiveValue` (src/stats), which have the samples. These functions also run
 * in the reader's browser: their text is put into the page (reports/html/script.ts), so they may call nothing but what is
 * put there with them.
 */
import type { SharedCounts, ThresholdCounts } from "../../../src/core/explorer.js";
import { squareAndAdd } from "../../../src/stats/estimate.js";
import { wilsonLimits } from "../../../src/stats/proportion.js";
import { recoveredLimits } from "../../../src/stats/ratio.js";

/** A number with its limits. */
export interface Bounded {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  /** True where repeating patients are too few to be told of, so that the limits allow for them roughly. */
  readonly approximate: boolean;
}

/** A share among n samples that are worth `effectiveN` independent ones. */
export interface Rate {
  readonly value: number;
  readonly n: number;
  readonly effectiveN: number;
  readonly standardError: number;
  readonly approximate: boolean;
}

/** The decisions of one group at one threshold: counts, and sums over patients of their products. */
export interface Decisions {
  readonly positives: number;
  readonly negatives: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly sensitivity: Rate | null;
  readonly specificity: Rate | null;
  readonly ppv: Rate | null;
  readonly npv: Rate | null;
  /** Correlation of the errors of sensitivity and of the false positive rate. */
  readonly rho: number;
}

/** All rates of a group at a place of the grid; a rate of no sample is null. */
export function decisionsAt(counts: ThresholdCounts, place: number): Decisions {
  const { positives, negatives, clustered, patients } = counts;
  const a = counts.truePositives[place] as number;
  const b = counts.falsePositives[place] as number;
  const known = clustered === "withheld" ? null : clustered;
  const lost = clustered === "withheld" ? positives + negatives - patients : 0;
  const at = (list: readonly number[] | undefined, plain: number) =>
    list === undefined ? plain : (list[place] as number);
  const { mm, kk, mk } = known ?? { mm: positives, kk: negatives, mk: 0 };
  const [aa, bb, ab] = [at(known?.aa, a), at(known?.bb, b), at(known?.ab, 0)];
  const [am, bk, ak, bm] = [at(known?.am, a), at(known?.bk, b), at(known?.ak, 0), at(known?.bm, 0)];
  const called = at(known?.called, a + b);
  const cleared = known === null ? positives + negatives - a - b : patients - (known.allCalled[place] as number);
  // Of negatives that are cleared, u = k − b a patient, and of positives that are missed, v = m − a.
  const [uu, vv, uv] = [kk - 2 * bk + bb, mm - 2 * am + aa, mk - ak - bm + ab];
  const [right, missed] = [negatives - b, positives - a];
  const sensitivity = rateOf([a, positives], [aa, am, mm], known?.positivePatients ?? positives, lost);
  const specificity = rateOf([right, negatives], [uu, kk - bk, kk], known?.negativePatients ?? negatives, lost);
  let rho = 0;
  if (known !== null && sensitivity !== null && specificity !== null) {
    const [p, q] = [sensitivity.value, 1 - specificity.value];
    const product = (ab - q * ak - p * bm + p * q * mk) / (positives * negatives);
    rho = correlationOf(product, patients, sensitivity, specificity);
  }
  return {
    positives,
    negatives,
    truePositives: a,
    falsePositives: b,
    sensitivity,
    specificity,
    ppv: rateOf([a, a + b], [aa, aa + ab, aa + 2 * ab + bb], called, lost),
    npv: rateOf([right, right + missed], [uu, uu + uv, uu + 2 * uv + vv], cleared, lost),
    rho,
  };
}

/**
 * A share with its effective number of samples, as `shareEstimate` has it.
 * @param moments sums over patients: hits squared, hits times trials, trials squared
 * @param lost samples beyond each patient's first, where nothing more is known of who repeats
 */
export function rateOf(
  [hits, n]: readonly [number, number],
  [hh, ht, tt]: readonly [number, number, number],
  patients: number,
  lost: number,
): Rate | null {
  if (n === 0) return null;
  const value = hits / n;
  const form = (hh - 2 * value * ht + value * value * tt) / (n * n);
  const scale = (hh + 2 * value * ht + value * value * tt) / (n * n);
  const variance = patients < 2 || form <= 1e-14 * scale ? 0 : (patients / (patients - 1)) * form;
  const standardError = variance > 1e-26 ? Math.sqrt(variance) : 0;
  let effectiveN = n;
  if (lost > 0) effectiveN = Math.max(1, n - lost);
  else if (patients !== n) {
    // Where nothing varies between patients, all samples of one count as one (Kish).
    const varied = Math.min(n, 1 + (value * (1 - value)) / (standardError * standardError));
    effectiveN = standardError === 0 ? (n * n) / tt : varied;
  }
  return { value, n, effectiveN, standardError, approximate: lost > 0 };
}

/** @param product Σ over patients of the product of two rates' contributions */
export function correlationOf(product: number, patients: number, a: Rate, b: Rate): number {
  if (a.standardError === 0 || b.standardError === 0 || patients < 2) return 0;
  const covariance = (patients / (patients - 1)) * product;
  return Math.max(-1, Math.min(1, covariance / (a.standardError * b.standardError)));
}

/** Wilson's limits at the effective number of samples. */
export function boundedRate(rate: Rate | null, z: number): Bounded | null {
  if (rate === null) return null;
  return { value: rate.value, ...wilsonLimits(rate.value, rate.effectiveN, z), approximate: rate.approximate };
}

/** One minus a rate. */
export function turnedRate(rate: Rate): Rate {
  return { ...rate, value: 1 - rate.value };
}

/** The group's sensitivity or specificity minus the reference's: Newcombe's hybrid score, with shared patients allowed for. */
export function differenceAt(
  which: "sensitivity" | "specificity",
  group: ThresholdCounts,
  reference: ThresholdCounts,
  shared: SharedCounts | "withheld" | null,
  place: number,
  z: number,
): Bounded | null {
  const [own, other] = [decisionsAt(group, place), decisionsAt(reference, place)];
  const [a, b] = [own[which], other[which]];
  if (a === null || b === null) return null;
  let rho = 0;
  if (shared !== null && shared !== "withheld") {
    const of = (list: readonly number[]) => list[place] as number;
    const isSensitivity = which === "sensitivity";
    const [p, q] = isSensitivity ? [a.value, b.value] : [1 - a.value, 1 - b.value];
    const [both, ofOwn, ofOther, all] = isSensitivity
      ? [of(shared.aa), of(shared.am), of(shared.ma), shared.mm]
      : [of(shared.bb), of(shared.bk), of(shared.kb), shared.kk];
    const product = (both - q * ofOwn - p * ofOther + p * q * all) / (a.n * b.n);
    const patients = patientsOf(which, group) + patientsOf(which, reference);
    const inBoth = isSensitivity ? shared.positivePatients : shared.negativePatients;
    rho = correlationOf(product, patients - inBoth, a, b);
  }
  const limitsOf = (rate: Rate) => (of: number) => wilsonLimits(rate.value, rate.effectiveN, of);
  const { lower, upper } = squareAndAdd(
    { value: a.value, limits: limitsOf(a) },
    { value: b.value, limits: limitsOf(b) },
    rho,
  )(z);
  const approximate = a.approximate || b.approximate || shared === "withheld";
  return { value: a.value - b.value, lower: Math.max(-1, lower), upper: Math.min(1, upper), approximate };
}

/** Patients with a positive sample, or with a negative one. */
export function patientsOf(which: "sensitivity" | "specificity", counts: ThresholdCounts): number {
  const { clustered, positives, negatives } = counts;
  const known = clustered === "withheld" ? null : clustered;
  return which === "sensitivity" ? (known?.positivePatients ?? positives) : (known?.negativePatients ?? negatives);
}

/**
 * The predictive value at a prevalence in (0, 1): Bayes' theorem, Mercaldo's limits on the logit scale; where a cell of the
 * table is empty, limits recovered from both shares' (`predictiveValue`).
 */
export function predictiveAt(
  { sensitivity, specificity, rho }: Decisions,
  value: "ppv" | "npv",
  prevalence: number,
  z: number,
): Bounded | null {
  if (sensitivity === null || specificity === null) return null;
  const isPpv = value === "ppv";
  const a = isPpv ? sensitivity : specificity;
  const b = turnedRate(isPpv ? specificity : sensitivity);
  if (a.value === 0 && b.value === 0) return null;
  const own = isPpv ? prevalence : 1 - prevalence;
  const odds = own / (1 - own);
  const atRatio = (ratio: number) => (ratio === Infinity ? 1 : (odds * ratio) / (1 + odds * ratio));
  const inside = (rate: Rate) => rate.value > 0 && rate.value < 1 && rate.standardError > 0;
  const limitsOf = (rate: Rate) => (of: number) => wilsonLimits(rate.value, rate.effectiveN, of);
  const [ofA, ofB] = [
    { value: a.value, limits: limitsOf(a) },
    { value: b.value, limits: limitsOf(b) },
  ];
  const logError = (rate: Rate) => Math.sqrt((1 - rate.value) / (rate.value * rate.effectiveN));
  const ratio = a.value / b.value;
  let limits = { lower: 0, upper: Infinity };
  const [first, second] = inside(a) && inside(b) ? [logError(a), logError(b)] : [0, 0];
  const error = Math.sqrt(Math.max(0, first * first + second * second - 2 * rho * first * second));
  if (error > 0) limits = { lower: ratio * Math.exp(-z * error), upper: ratio * Math.exp(z * error) };
  else if (b.value > 0) limits = recoveredLimits(ofA, ofB, rho)(z);
  else limits = { lower: 1 / recoveredLimits(ofB, ofA, rho)(z).upper, upper: Infinity };
  return {
    value: atRatio(ratio),
    lower: Math.max(0, atRatio(limits.lower)),
    upper: Math.min(1, atRatio(limits.upper)),
    approximate: a.approximate || b.approximate,
  };
}
