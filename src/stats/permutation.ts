import type { FindingTest } from "../core/finding.js";
import type { Random } from "../core/random.js";
import type { LabelledScores } from "./auc.js";
import { orderOf } from "./order.js";

/**
 * Permutation tests of "no difference between the groups". The null, exactly: given how many positives and how many
 * negatives a patient has, the scores of his samples are distributed alike in all groups. Then patients with the same numbers
 * are exchangeable, and groups are dealt anew among them, all samples of a patient together. Patients whose numbers nobody
 * in another group shares stay where they are: they add no evidence and do no harm. Dealing among all patients with positives,
 * however many, would not do: where one group has more images per patient, and so a more certain area, dealt groups
 * would be more or less certain than the true ones (in simulations of alike groups with 1 and 6 images per patient, a nominal
 * 5 % then rejected up to 37 %).
 *
 * Every group keeps its number of samples of each class. The test is exact for that null, at any size. It looks at the gap
 * alone, but a small p-value may also come of distributions that differ while the areas do not.
 *
 * p = (b + 1) / (B + 1), b the permutations whose gap is at least the one seen (B. Phipson, G. K. Smyth, Statistical
 * Applications in Genetics and Molecular Biology 9 (2010) 39). Samples are sorted once; a permutation costs one pass.
 */
export interface Grouped {
  readonly data: LabelledScores;
  /** Group of each sample, 0 … groups − 1. */
  readonly codes: Uint16Array;
  readonly groups: number;
}

/** A permutation test, and what it rested on. */
export interface PermutationTest {
  readonly test: FindingTest;
  /** Patients who could be dealt: those whose numbers of positives and negatives somebody in another group shares. */
  readonly exchangeable: number;
  readonly patients: number;
}

/** The gap of one permutation: a function of the group of each patient. NaN where a group lacks what it is of. */
type GapStatistic = (groupOf: Uint16Array) => number;

/** Rounding must not decide whether a permuted gap reaches the one that was seen. */
const TOLERANCE = 1e-12;

/** Patients numbered, with what they are exchanged within. */
interface Patients {
  readonly count: number;
  /** Positions of the samples by ascending score. */
  readonly order: Uint32Array;
  /** The number of each sample's patient. */
  readonly numbers: Uint32Array;
  readonly groupOf: Uint16Array;
  /** Lists of patients with as many positives and as many negatives, where they are of several groups. */
  readonly strata: readonly Uint32Array[];
}

/** Groups of samples joined into one column; groups must not share samples. */
export function joinGroups(cells: readonly LabelledScores[]): Grouped {
  const count = cells.reduce((sum, cell) => sum + cell.scores.length, 0);
  const scores = new Float64Array(count);
  const labels = new Uint8Array(count);
  const patients = new Int32Array(count);
  const codes = new Uint16Array(count);
  let at = 0;
  cells.forEach((cell, code) => {
    scores.set(cell.scores, at);
    labels.set(cell.labels, at);
    patients.set(cell.patients, at);
    codes.fill(code, at, at + cell.scores.length);
    at += cell.scores.length;
  });
  return { data: { scores, labels, patients, clustered: cells[0]?.clustered ?? false }, codes, groups: cells.length };
}

/**
 * The largest minus the smallest area among the groups. null where a patient has samples in two groups, or where no patient
 * could be dealt.
 */
export function areaGapTest(grouped: Grouped, permutations: number, random: Random): PermutationTest | null {
  return permutationTest(grouped, (patients) => areaGap(grouped, patients), permutations, random);
}

/** The same for sensitivity or specificity at a threshold. */
export function rateGapTest(
  grouped: Grouped,
  threshold: number,
  rate: "sensitivity" | "specificity",
  permutations: number,
  random: Random,
): PermutationTest | null {
  return permutationTest(grouped, (patients) => rateGap(grouped, patients, threshold, rate), permutations, random);
}

/**
 * The least p-value that so many permutations can give is 1/(B + 1): adjusted for a family of tests (Bonferroni, which Holm
 * starts with) it has to be able to reach α. A sentence where it is not; null where it is.
 */
export function tooFewPermutations(permutations: number, family: number, alpha: number): string | null {
  const least = 1 / (permutations + 1);
  if (least * family <= alpha) return null;
  const needed = Math.ceil(family / alpha) - 1;
  return `${permutations} permutations cannot give a p-value below ${least.toPrecision(2)}: among ${family} tests that cannot reach ${alpha}; take at least ${needed}`;
}

function permutationTest(
  grouped: Grouped,
  statisticOf: (patients: Patients) => GapStatistic,
  permutations: number,
  random: Random,
): PermutationTest | null {
  const patients = patientsIn(grouped);
  if (patients === null || patients.strata.length === 0 || permutations < 1) return null;
  const statistic = statisticOf(patients);
  const seen = statistic(patients.groupOf);
  if (Number.isNaN(seen)) return null;
  const dealt = patients.groupOf.slice();
  let reached = 0;
  for (let b = 0; b < permutations; b++) {
    deal(patients, dealt, random);
    if (statistic(dealt) >= seen - TOLERANCE) reached++;
  }
  return {
    test: {
      method: "permutation",
      hypothesis: "scores are distributed alike in all groups, given a patient's labels",
      statistic: seen,
      p: (reached + 1) / (permutations + 1),
    },
    exchangeable: patients.strata.reduce((sum, members) => sum + members.length, 0),
    patients: patients.count,
  };
}

function patientsIn({ data, codes }: Grouped): Patients | null {
  const order = orderOf(data.scores);
  const known = new Map<number, number>();
  const numbers = new Uint32Array(codes.length);
  for (const sample of order) {
    const patient = data.patients[sample] as number;
    let number = known.get(patient);
    if (number === undefined) {
      number = known.size;
      known.set(patient, number);
    }
    numbers[sample] = number;
  }
  const count = known.size;
  const groupOf = new Uint16Array(count);
  const isSeen = new Uint8Array(count);
  for (let i = 0; i < codes.length; i++) {
    const number = numbers[i] as number;
    if (isSeen[number] === 1 && groupOf[number] !== codes[i]) return null;
    isSeen[number] = 1;
    groupOf[number] = codes[i] as number;
  }
  const profiles = profilesOf(data, order, numbers, count);
  return { count, order, numbers, groupOf, strata: strataOf(profiles, groupOf) };
}

/** What is known of a patient beside the group: of each sample 2 · (the score's rank among distinct scores) + label, ascending. */
type Profile = Uint32Array;

function profilesOf(data: LabelledScores, order: Uint32Array, numbers: Uint32Array, count: number): Profile[] {
  const sizes = new Uint32Array(count);
  for (const number of numbers) sizes[number] = (sizes[number] as number) + 1;
  const profiles = Array.from(sizes, (size) => new Uint32Array(size));
  sizes.fill(0);
  let rank = 0;
  for (let i = 0; i < order.length; i++) {
    const sample = order[i] as number;
    if (i > 0 && data.scores[sample] !== data.scores[order[i - 1] as number]) rank++;
    const number = numbers[sample] as number;
    const place = sizes[number] as number;
    (profiles[number] as Profile)[place] = 2 * rank + (data.labels[sample] as number);
    sizes[number] = place + 1;
  }
  for (const profile of profiles) profile.sort();
  return profiles;
}

/**
 * Patients by their numbers of positives and negatives; only strata of several groups. Within a stratum they stand by profile
 * and group, so that neither the order of rows nor patients' codes decide how the groups are dealt.
 */
function strataOf(profiles: readonly Profile[], groupOf: Uint16Array): Uint32Array[] {
  const strata = new Map<string, number[]>();
  profiles.forEach((profile, number) => {
    let positives = 0;
    for (const value of profile) positives += value & 1;
    const key = `${positives} ${profile.length - positives}`;
    const members = strata.get(key);
    if (members === undefined) strata.set(key, [number]);
    else members.push(number);
  });
  const compared = (a: number, b: number) =>
    byProfile(profiles[a] as Profile, profiles[b] as Profile) || (groupOf[a] as number) - (groupOf[b] as number);
  return [...strata]
    .filter(([, members]) => members.some((number) => groupOf[number] !== groupOf[members[0] as number]))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, members]) => Uint32Array.from(members.sort(compared)));
}

/** Lexicographic; the profiles are of one length. */
function byProfile(a: Profile, b: Profile): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Deals the groups anew within every stratum (Fisher and Yates). */
function deal({ strata }: Patients, groupOf: Uint16Array, random: Random): void {
  for (const members of strata) {
    for (let i = members.length - 1; i > 0; i--) {
      const [a, b] = [members[i] as number, members[random.integer(i + 1)] as number];
      const group = groupOf[a] as number;
      groupOf[a] = groupOf[b] as number;
      groupOf[b] = group;
    }
  }
}

function areaGap({ data, groups }: Grouped, { numbers, order }: Patients): GapStatistic {
  const n = order.length;
  const patients = new Uint32Array(n);
  const labels = new Uint8Array(n);
  const isLast = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const sample = order[i] as number;
    patients[i] = numbers[sample] as number;
    labels[i] = data.labels[sample] as number;
    isLast[i] = i + 1 < n && data.scores[order[i + 1] as number] === data.scores[sample] ? 0 : 1;
  }
  const below = new Float64Array(groups); // negatives below the run
  const positives = new Float64Array(groups);
  const twiceWins = new Float64Array(groups);
  const runPositives = new Float64Array(groups);
  const runNegatives = new Float64Array(groups);
  return (groupOf) => {
    for (const sums of [below, positives, twiceWins, runPositives, runNegatives]) sums.fill(0);
    let start = 0;
    for (let i = 0; i < n; i++) {
      const group = groupOf[patients[i] as number] as number;
      if (start === i && isLast[i] === 1) {
        // A score of its own: most are.
        if (labels[i] === 1) {
          twiceWins[group] = (twiceWins[group] as number) + 2 * (below[group] as number);
          positives[group] = (positives[group] as number) + 1;
        } else below[group] = (below[group] as number) + 1;
        start = i + 1;
        continue;
      }
      if (labels[i] === 1) runPositives[group] = (runPositives[group] as number) + 1;
      else runNegatives[group] = (runNegatives[group] as number) + 1;
      if (isLast[i] === 0) continue;
      // Only groups that have samples in the run need closing: those of its samples.
      for (let j = start; j <= i; j++) {
        const g = groupOf[patients[j] as number] as number;
        const [p, q] = [runPositives[g] as number, runNegatives[g] as number];
        if (p + q === 0) continue;
        twiceWins[g] = (twiceWins[g] as number) + p * (2 * (below[g] as number) + q);
        positives[g] = (positives[g] as number) + p;
        below[g] = (below[g] as number) + q;
        runPositives[g] = 0;
        runNegatives[g] = 0;
      }
      start = i + 1;
    }
    return range(groups, (g) => (twiceWins[g] as number) / (2 * (positives[g] as number) * (below[g] as number)));
  };
}

function rateGap(
  { data, groups }: Grouped,
  { numbers, count }: Patients,
  threshold: number,
  rate: "sensitivity" | "specificity",
): GapStatistic {
  const is = rate === "sensitivity" ? 1 : 0;
  const trials = new Uint32Array(count);
  const successes = new Uint32Array(count);
  for (let i = 0; i < numbers.length; i++) {
    if (data.labels[i] !== is) continue;
    const patient = numbers[i] as number;
    trials[patient] = (trials[patient] as number) + 1;
    const call = (data.scores[i] as number) >= threshold ? 1 : 0;
    if (call === is) successes[patient] = (successes[patient] as number) + 1;
  }
  const ofGroup = { trials: new Float64Array(groups), successes: new Float64Array(groups) };
  return (groupOf) => {
    ofGroup.trials.fill(0);
    ofGroup.successes.fill(0);
    for (let patient = 0; patient < count; patient++) {
      const group = groupOf[patient] as number;
      ofGroup.trials[group] = (ofGroup.trials[group] as number) + (trials[patient] as number);
      ofGroup.successes[group] = (ofGroup.successes[group] as number) + (successes[patient] as number);
    }
    return range(groups, (g) => (ofGroup.successes[g] as number) / (ofGroup.trials[g] as number));
  };
}

/** Largest minus smallest; NaN where one is. */
function range(groups: number, gapOf: (group: number) => number): number {
  let [lowest, highest] = [Infinity, -Infinity];
  for (let group = 0; group < groups; group++) {
    const value = gapOf(group);
    if (Number.isNaN(value)) return Number.NaN;
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
  }
  return highest - lowest;
}
