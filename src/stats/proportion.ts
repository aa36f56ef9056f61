import {
  correlation,
  differenceOf,
  differenceRange,
  type Estimate,
  type Limits,
  notEstimable,
  type Result,
  squareAndAdd,
  standardErrorOf,
} from "./estimate.js";
import { type ErrorPart, errorOfDifference, scaledPart, sizeOf, writtenPart } from "./influence.js";
import type { ShareTotals } from "./share-totals.js";
import { kishCount, unequalWeights } from "./weights.js";

/** A share of samples, such as a sensitivity. Its limits are Wilson's, at the effective number of samples. */
export interface ProportionEstimate extends Estimate {
  /** Ones among the outcomes, each counted once whatever it weighs. */
  readonly successes: number;
  /** As many independent samples as would be as sure; n where no patient repeats and all weigh alike; not always whole. */
  readonly effectiveN: number;
}

/**
 * The share of ones among outcomes, with Wilson's score interval (E. B. Wilson, JASA 22 (1927) 209–212). Where
 * patients repeat, n is replaced by the effective number of samples: as many independent samples as would have the
 * linearised clustered variance of the share, p(1−p)/(n'−1) (the idea of J. N. K. Rao and A. J. Scott, Biometrics 48
 * (1992) 577–585). It is n exactly where no patient repeats, and the number of patients where all repeat themselves.
 * With weights it is the share of weight (Hájek's ratio estimator) with its linearised variance, by the same formula.
 * @param outcomes 0 or 1
 * @param patients patient codes aligned with the outcomes, ascending
 * @param clustered whether patients repeat in the study: it names the method and changes no number
 * @param weights > 0, aligned with the outcomes; left out or null where all count alike
 */
export function proportion(
  outcomes: Uint8Array,
  patients: Int32Array,
  clustered: boolean,
  weights?: Float64Array | null,
): Result<ProportionEstimate> {
  const n = outcomes.length;
  if (n === 0) return notEstimable("no samples: a share needs at least one");
  let successes = 0;
  for (let i = 0; i < n; i++) successes += outcomes[i] as number;
  const unequal = unequalWeights({ weights: weights ?? null });
  const { value, write } =
    unequal === null ? equalShare(outcomes, successes) : weightedShare(outcomes, successes, unequal);
  const part = writtenPart(patients, write);
  const count = sizeOf(part);
  return shareEstimate({
    value,
    part,
    n,
    patients: count,
    successes,
    isPlain: unequal === null && count === n,
    isClustered: clustered || unequal !== null,
    kish: () => kishCount(patients, unequal),
  });
}

/** A share with what its interval rests on. */
export interface ShareParts {
  readonly value: number;
  readonly part: ErrorPart;
  readonly n: number;
  readonly patients: number;
  readonly successes: number;
  /** Whether no patient repeats in it and all samples count alike. */
  readonly isPlain: boolean;
  /** Whether the method bears that name. */
  readonly isClustered: boolean;
  /** Kish's effective number of patients. */
  readonly kish: () => number;
}

/** The estimate of a share out of its parts. */
export function shareEstimate(parts: ShareParts): ProportionEstimate {
  const { value, part, n, patients, successes, isPlain, isClustered } = parts;
  const standardError = standardErrorOf([part]);
  const effectiveN = isPlain ? n : effectiveSize(value, standardError, n, parts.kish);
  return {
    status: "estimated",
    value,
    error: [part],
    standardError,
    symmetric: false,
    limits: wilsonAt(value, effectiveN),
    range: [0, 1],
    method: isClustered ? "wilson-effective-n" : "wilson",
    n,
    patients,
    successes,
    effectiveN,
  };
}

/**
 * The same out of totals by patient: the same numbers but for rounding.
 * @returns null where it is about no sample
 */
export function proportionOfTotals(totals: ShareTotals): ProportionEstimate | null {
  const { n, successes, patients, weights } = totals;
  if (n === 0) return null;
  const trials = weights?.trials ?? totals.trials;
  const hits = weights?.hits ?? totals.hits;
  const [total, ofHits] = weights === null ? [n, successes] : [sumOf(weights.trials), sumOf(weights.hits)];
  const value = successes === n ? 1 : ofHits / total;
  const contributions = new Float64Array(patients.length);
  for (let i = 0; i < contributions.length; i++) {
    contributions[i] = ((hits[i] as number) - value * (trials[i] as number)) / total;
  }
  return shareEstimate({
    value,
    part: { patients, totals: contributions },
    n,
    patients: patients.length,
    successes,
    isPlain: weights === null && patients.length === n,
    isClustered: totals.clustered || weights !== null,
    kish: () => (total * total) / squaresOf(trials),
  });
}

function wilsonAt(value: number, effectiveN: number): (z: number) => Limits {
  return (z) => wilsonLimits(value, effectiveN, z);
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum;
}

function squaresOf(values: Float64Array | Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) * (values[i] as number);
  return sum;
}

interface Share {
  readonly value: number;
  /** Writes the centred outcomes over n. */
  readonly write: (contributions: Float64Array) => void;
}

function equalShare(outcomes: Uint8Array, successes: number): Share {
  const n = outcomes.length;
  const value = successes / n;
  // What a miss and what a hit contributes: there are no others.
  const [miss, hit] = [(0 - value) / n, (1 - value) / n];
  return {
    value,
    write(contributions) {
      for (let i = 0; i < n; i++) contributions[i] = outcomes[i] === 1 ? hit : miss;
    },
  };
}

function weightedShare(outcomes: Uint8Array, successes: number, weights: Float64Array): Share {
  const n = outcomes.length;
  let total = 0;
  let ofSuccesses = 0;
  for (let i = 0; i < n; i++) {
    total += weights[i] as number;
    ofSuccesses += (outcomes[i] as number) * (weights[i] as number);
  }
  // The ends are ends, whatever the rounding.
  const value = successes === n ? 1 : ofSuccesses / total;
  return {
    value,
    write(contributions) {
      for (let i = 0; i < n; i++) {
        contributions[i] = ((weights[i] as number) * ((outcomes[i] as number) - value)) / total;
      }
    },
  };
}

/**
 * The effective number of samples, at most n. Where the outcomes do not vary between patients the clustered variance is
 * nil and says nothing; then all samples of a patient count as one (Kish's (Σm)²/Σm² for m samples a patient).
 */
function effectiveSize(value: number, standardError: number, n: number, kish: () => number): number {
  if (standardError === 0) return kish();
  return Math.min(n, 1 + (value * (1 - value)) / (standardError * standardError));
}

/** Wilson's limits for a share among n samples (n need not be whole); exactly 0 below a share of 0, 1 above one of 1. */
export function wilsonLimits(share: number, n: number, z: number): Limits {
  const square = z * z;
  const centre = (share + square / (2 * n)) / (1 + square / n);
  const margin = (z * Math.sqrt((share * (1 - share)) / n + square / (4 * n * n))) / (1 + square / n);
  return {
    lower: share === 0 ? 0 : Math.max(0, centre - margin),
    upper: share === 1 ? 1 : Math.min(1, centre + margin),
  };
}

/**
 * The difference of two shares in different samples, by square-and-add of Wilson's limits: Newcombe's hybrid score
 * (method 10 of Statistics in Medicine 17 (1998) 873–890) where the groups share no patient; where they do, with the
 * correlation that the shared patients make.
 */
export function proportionDifference(a: ProportionEstimate, b: ProportionEstimate, clustered: boolean): Estimate {
  const method = clustered ? "newcombe-score-effective-n" : "newcombe-score";
  return differenceOf(a, b, { normal: method, otherwise: method }, { n: a.n + b.n, patients: a.patients + b.patients });
}

/**
 * The difference of two shares on the same samples, by Newcombe's square-and-add with a correlation that is shrunk
 * for continuity (method 10 of Statistics in Medicine 17 (1998) 2635–2650); effective sample sizes and the clustered
 * correlation where patients repeat. It has width even where no outcome changed.
 */
export function pairedProportionDifference(a: ProportionEstimate, b: ProportionEstimate, clustered: boolean): Estimate {
  const error = errorOfDifference(a.error, b.error);
  return {
    status: "estimated",
    value: a.value - b.value,
    error,
    standardError: standardErrorOf(error),
    symmetric: false,
    limits: squareAndAdd(a, b, continuityCorrected(correlation(a, b), a, b)),
    range: differenceRange(a, b),
    method: clustered ? "newcombe-paired-effective-n" : "newcombe-paired",
    n: a.n,
    patients: a.patients,
  };
}

/** Newcombe's correction takes n/2 from a positive ad − bc, which is 1/(2n) from a positive covariance, not below 0. */
function continuityCorrected(rho: number, a: ProportionEstimate, b: ProportionEstimate): number {
  if (rho <= 0) return rho;
  const spread = Math.sqrt(a.value * (1 - a.value) * b.value * (1 - b.value));
  return Math.max(0, rho - 1 / (2 * Math.min(a.effectiveN, b.effectiveN) * spread));
}

/** One minus a share: what is not called so. Its error is the share's with the other sign, its limits change places. */
export function complementOf(share: ProportionEstimate): ProportionEstimate {
  const { limits } = share;
  return {
    ...share,
    value: 1 - share.value,
    error: share.error.map((part) => scaledPart(part, -1)),
    limits: (z) => {
      const { lower, upper } = limits(z);
      return { lower: 1 - upper, upper: 1 - lower };
    },
    successes: share.n - share.successes,
  };
}
