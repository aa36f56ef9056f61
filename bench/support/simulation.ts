import type { Random } from "../../src/core/random.js";
import { type AucEstimate, areaUnderCurve, type LabelledScores } from "../../src/stats/auc.js";
import { rateAt } from "../../src/stats/decisions.js";
import { type Estimate, intervalOf, type Result } from "../../src/stats/estimate.js";
import { normalCdf, normalQuantile } from "../../src/stats/normal.js";
import type { ProportionEstimate } from "../../src/stats/proportion.js";

/**
 * Studies drawn from a known truth. Negatives score N(0, 1), positives of group g N(δ_g, 1), so that the group's area is
 * Φ(δ_g/√2) and its sensitivity at a threshold t is Φ(δ_g − t), exactly. A second score column (the attacked one) shares part
 * of the noise. Where patients repeat, each has 1 to 5 images of one class, and half of a score's variance is the
 * patient's: the case in which repeated images tell least.
 */
export interface Population {
  readonly samples: number;
  readonly prevalence: number;
  readonly clustered: boolean;
  /** True area of each group under the first column; patients fall into the groups by `shares`. */
  readonly areas: readonly number[];
  /** Shares of the groups, adding to 1. */
  readonly shares: readonly number[];
  /** By how much the area is lower under the second column, in every group. */
  readonly drop: number;
}

export interface DrawnStudy {
  /** The whole set, then the same rows under the second column. */
  readonly first: LabelledScores;
  readonly second: LabelledScores;
  /** Each group under the first column. */
  readonly groups: readonly LabelledScores[];
}

/** Correlation of the noise under the two columns. */
const PAIRED = 0.7;
/** Share of a score's variance that is the patient's where patients repeat. */
const WITHIN = 0.5;
const MOST_IMAGES = 5;

export function effectOf(area: number): number {
  return Math.SQRT2 * normalQuantile(area);
}

/** The threshold at which a group of this area has a sensitivity. */
export function thresholdFor(sensitivity: number, area: number): number {
  return effectOf(area) - normalQuantile(sensitivity);
}

export function sensitivityOf(area: number, threshold: number): number {
  return normalCdf(effectOf(area) - threshold);
}

export function drawStudy(population: Population, random: Random): DrawnStudy {
  const { samples, prevalence, clustered, areas, shares, drop } = population;
  const labels = new Uint8Array(samples);
  const patients = new Int32Array(samples);
  const group = new Uint8Array(samples);
  const columns = [new Float64Array(samples), new Float64Array(samples)] as const;
  const effects = areas.map(effectOf);
  const dropped = areas.map((area) => effectOf(area - drop));
  const ofPatient = clustered ? Math.sqrt(WITHIN) : 0;
  const ofImage = clustered ? Math.sqrt(1 - WITHIN) : 1;
  const [common, own] = [Math.sqrt(PAIRED), Math.sqrt(1 - PAIRED)];
  for (let i = 0, patient = 0; i < samples; patient++) {
    const label = random.uniform() < prevalence ? 1 : 0;
    const g = groupOf(shares, random.uniform());
    const images = clustered ? 1 + random.integer(MOST_IMAGES) : 1;
    const [shared, first, second] = clustered ? [random.normal(), random.normal(), random.normal()] : [0, 0, 0];
    for (let k = 0; k < images && i < samples; k++, i++) {
      labels[i] = label;
      patients[i] = patient;
      group[i] = g;
      const here = random.normal();
      columns[0][i] =
        label * (effects[g] as number) +
        ofPatient * (common * shared + own * first) +
        ofImage * (common * here + own * random.normal());
      columns[1][i] =
        label * (dropped[g] as number) +
        ofPatient * (common * shared + own * second) +
        ofImage * (common * here + own * random.normal());
    }
  }
  const whole = (scores: Float64Array): LabelledScores => ({ scores, labels, patients, clustered });
  const first = whole(columns[0]);
  return {
    first,
    second: whole(columns[1]),
    groups: areas.length === 1 ? [first] : areas.map((_, g) => membersOf(first, group, g)),
  };
}

function groupOf(shares: readonly number[], u: number): number {
  let below = 0;
  for (let g = 0; g < shares.length - 1; g++) {
    below += shares[g] as number;
    if (u < below) return g;
  }
  return shares.length - 1;
}

function membersOf(data: LabelledScores, group: Uint8Array, g: number): LabelledScores {
  let count = 0;
  for (let i = 0; i < group.length; i++) if (group[i] === g) count++;
  const scores = new Float64Array(count);
  const labels = new Uint8Array(count);
  const patients = new Int32Array(count);
  for (let i = 0, next = 0; i < group.length; i++) {
    if (group[i] !== g) continue;
    scores[next] = data.scores[i] as number;
    labels[next] = data.labels[i] as number;
    patients[next++] = data.patients[i] as number;
  }
  return { scores, labels, patients, clustered: data.clustered };
}

/** The share of patients in each group times its value: exact for quantities that are means over positives. */
export function mixture(shares: readonly number[], values: readonly number[]): number {
  return values.reduce((sum, value, g) => sum + value * (shares[g] as number), 0);
}

/** How often something held among the draws in which it could be judged. */
export class Tally {
  held = 0;
  judged = 0;
  drawn = 0;

  /** @param outcome null where the draw does not allow the quantity */
  add(outcome: boolean | null): void {
    this.drawn++;
    if (outcome === null) return;
    this.judged++;
    if (outcome) this.held++;
  }

  /** In percent; NaN where never judged. */
  get percent(): number {
    return (100 * this.held) / this.judged;
  }
}

export function covers(limits: { readonly lower: number; readonly upper: number }, truth: number): boolean {
  return limits.lower <= truth && truth <= limits.upper;
}

export function estimateCovers(result: Result, truth: number, level = 0.95): boolean | null {
  return result.status === "estimated" ? covers(intervalOf(result, level), truth) : null;
}

/** The estimates where all are estimable, else null. */
export function allEstimated<E extends Estimate>(results: readonly Result<E>[]): E[] | null {
  const estimates = results.flatMap((result) => (result.status === "estimated" ? [result] : []));
  return estimates.length === results.length ? estimates : null;
}

export function areasOf(groups: readonly LabelledScores[]): AucEstimate[] | null {
  return allEstimated(groups.map((group) => areaUnderCurve(group)));
}

export function sensitivitiesOf(groups: readonly LabelledScores[], threshold: number): ProportionEstimate[] | null {
  const rates = allEstimated(groups.map((group) => rateAt(group, threshold, "sensitivity")));
  return rates?.every((rate) => rate.patients >= 2) === true ? rates : null;
}
