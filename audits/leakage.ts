/**
 * What does an embedding tell of the patient? For each subgrouping of the protocol, a probe is fitted on the tuning split's clean
 * embeddings that tells each group from the others, and tried on evaluation patients: the area under its ROC curve is how well
 * the attribute can be read. One half: nothing of it was found by this probe. Two probes, since they find different things: a
 * straight cut (logistic regression), and the nearest neighbours. The straight cut is also held against cuts that are fitted after
 * the groups were dealt out to the tuning patients by lot.
 *
 * What can be read is not what a model uses, but what anybody who holds the embeddings can learn from them, and what a
 * classifier over them can lean on. Groups that differ in disease or in device can be told by these, too.
 */
import { z } from "zod";
import { type AuditMeta, defineAudit, type Study, type StudyEmbeddings, type Subgroup } from "../src/core/audit.js";
import { CLEAN } from "../src/core/condition.js";
import type { Finding, FindingTest } from "../src/core/finding.js";
import { type Random, randomFrom } from "../src/core/random.js";
import { pAtMost, signedZ } from "../src/stats/assessment.js";
import { areaUnderCurve, type LabelledScores, patientsOf } from "../src/stats/auc.js";
import { type ClassArea, macroAuc } from "../src/stats/averages.js";
import { familiesOf, inPatientOrder } from "../src/stats/cell.js";
import { notEstimable, type Result } from "../src/stats/estimate.js";
import { findingOf, type Subject } from "../src/stats/finding.js";
import { measured, nearestNeighbours, type VectorSet } from "../src/stats/neighbours.js";
import { fitRidgeLogistic, logitsOf } from "../src/stats/ridge-logistic.js";
import { takeCodes, takeDoubles } from "../src/stats/take.js";

const AUDIT = "leakage";
/** What a subgrouping calls the samples whose attribute is missing: nothing that an image could tell. */
const UNKNOWN = "unknown";

const parameters = z.strictObject({
  l2: z.number().positive().default(1).describe("Of the linear probe: weight of the penalty ½ l2 ‖w‖²."),
  k: z.int().min(1).max(1000).default(20).describe("Of the other probe: how many neighbours vote."),
  most: z
    .int()
    .min(10)
    .default(5000)
    .describe("Tuning samples that the probes learn from at most; of more, so many are drawn by the seed."),
});
type Parameters = z.output<typeof parameters>;

const INTERVAL =
  "Interval: DeLong's, Obuchowski's where patients repeat. One-sided test that the area is at most one half, by the interval's own limits. Of two groups both have the same area.";

/** Lots that are drawn, and fewer where a fit is dear: sums of products of tuning samples × dimensions. */
const LOTS = 199;
const LEAST_LOTS = 19;
const LOT_WORK = 4e7;

const meta: AuditMeta = {
  id: AUDIT,
  title: "What embeddings tell of the patient",
  why: "An embedding that tells sex, age or the scanner can pass them on to whatever is built on it, and to whoever holds it. Equal results between groups do not rule this out.",
  needs: ["embeddings", "subgroups"],
  classes: "together",
  parameters,
  metrics: [
    {
      id: "leakage-auc",
      title: "AUC of a linear probe for the group",
      unit: "1",
      better: "lower",
      description: `How well a logistic regression on clean embeddings, fitted on tuning patients, tells the group from the family's other groups on evaluation patients; positives are the group's samples. Below one half it is worse than chance, which is chance. ${INTERVAL} A second test is by permutation: how often a probe reads the true groups as well after the tuning patients exchanged theirs by lot (${LOTS} times, at least ${LEAST_LOTS} where embeddings are large); the details hold the mean and the highest of these areas. They spread widely about one half where few patients make the tuning split, or where the group is what embeddings differ in most. A low area says that this probe found nothing, not that nothing is there: more tuning patients or another probe may find more.`,
    },
    {
      id: "leakage-auc-neighbours",
      title: "AUC of the nearest neighbours for the group",
      unit: "1",
      better: "lower",
      description: `As leakage-auc, by the share of the group among the nearest tuning embeddings (cosine): finds what no straight cut can. ${INTERVAL}`,
    },
    {
      id: "leakage-macro-auc",
      title: "AUC of linear probes, mean over the groups",
      unit: "1",
      better: "lower",
      description:
        "The plain mean of leakage-auc over the groups of the family that it can be estimated for: one number for an attribute. Interval: as for macro averages of classes.",
    },
  ],
  references: [
    "J. W. Gichoya et al., AI recognition of patient race in medical imaging, Lancet Digital Health 4 (2022) e406–e414",
    "B. Glocker et al., Algorithmic encoding of protected characteristics, eBioMedicine 89 (2023) 104467",
    "G. Alain, Y. Bengio, arXiv:1610.01644 (2016)",
    "E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837–845",
  ],
};

export default defineAudit<typeof parameters>({
  meta,
  evaluate: () => [],
  overall(study, { level, parameters: given, seed }) {
    const { embeddings } = study;
    if (embeddings === undefined) return [];
    return [...familiesOf(study)].flatMap(([family, groups]) => {
      // Crossed families are told by their parts.
      if (groups.some(({ values }) => Object.keys(values).length !== 1)) return [];
      const known = groups.filter(({ values }) => Object.values(values)[0] !== UNKNOWN);
      if (known.length < 2) return [];
      const probed = probe(study, embeddings, family, known, given, randomFrom(seed, AUDIT, family));
      return familyFindings(study, family, known, probed, level);
    });
  },
});

/** How each group of a family can be told, aligned with the groups. */
interface Probed {
  readonly linear: readonly Reading[];
  readonly neighbours: readonly Reading[];
  /** Areas of the linear probe after each lot. */
  readonly lots: readonly Float64Array[];
}

interface Reading {
  /** Evaluation samples of the family, the group's as positives. */
  readonly data: LabelledScores;
  readonly result: ReturnType<typeof areaUnderCurve>;
  /** Tuning samples of the group, and of the family. */
  readonly learnt: readonly [own: number, all: number];
}

function probe(
  study: Study,
  { evaluation, tuning, width }: StudyEmbeddings,
  family: string,
  groups: readonly Subgroup[],
  { k, l2, most }: Parameters,
  random: Random,
): Probed {
  const names = groups.map(nameOf);
  const tuningGroups = (study.tuning.subgroups ?? []).filter((group) => group.family === family);
  const learning = membersOf(
    names.map((name) => tuningGroups.find((group) => nameOf(group) === name)?.members ?? new Uint32Array(0)),
    tuning,
    width,
    most,
    random,
  );
  const asked = membersOf(
    groups.map(({ members }) => members),
    evaluation,
    width,
    Number.POSITIVE_INFINITY,
    random,
  );
  const rows = inPatientOrder(asked.rows, study.patients);
  const codes = codesBy(asked, rows);
  const queries = vectorsOf(evaluation, rows, width);
  const references = vectorsOf(tuning, learning.rows, width);
  const shared = {
    patients: takeCodes(study.patients, rows),
    clustered: study.clustered,
    weights: study.weights === null ? null : takeDoubles(study.weights, rows),
  };
  const reading = (index: number, learnt: Int32Array, score: () => Float64Array): Reading => {
    const labels = Uint8Array.from(codes, (code) => Number(code === index));
    const own = learnt.reduce((count, code) => count + Number(code === index), 0);
    const all = learnt.length;
    const few = own < 2 || all - own < 2;
    const data = { ...shared, labels, scores: few ? new Float64Array(labels.length) : score() };
    const reason = `the tuning split shows ${own} samples of the group and ${all - own} of the others (groups that are too small to be shown count as none): a probe needs two of each`;
    return { data, result: few ? notEstimable(reason) : areaUnderCurve(data), learnt: [own, all] };
  };
  const linear = (learnt: Int32Array, index: number) =>
    reading(index, learnt, () => linearScores(references, learnt, index, queries, l2));
  const votes =
    learning.rows.length === 0 || rows.length === 0
      ? null
      : nearestNeighbours(queries, measured(references), { k: Math.min(k, learning.rows.length), metric: "cosine" });
  return {
    linear: groups.map((_, index) => linear(learning.codes, index)),
    lots: lotAreas(groups.length, learning, study.tuning.patients, width, random, linear),
    neighbours: groups.map((_, index) =>
      reading(index, learning.codes, () =>
        votes === null ? new Float64Array(rows.length) : sharesOf(votes.indices, votes.k, learning.codes, index),
      ),
    ),
  };
}

function nameOf({ values }: Subgroup): string {
  return String(Object.values(values)[0]);
}

/** Samples of any group that have an embedding, ascending, with the number of their group. */
interface Members {
  readonly rows: Uint32Array;
  readonly codes: Int32Array;
}

function membersOf(
  groups: readonly Uint32Array[],
  values: Float32Array,
  width: number,
  most: number,
  random: Random,
): Members {
  const all = groups
    .flatMap((members, code) => Array.from(members, (row): [number, number] => [row, code]))
    .filter(([row]) => !Number.isNaN(values[row * width]))
    .sort(([a], [b]) => a - b);
  const drawn =
    all.length <= most
      ? all
      : Array.from(random.permutation(all.length).subarray(0, most).sort(), (at) => all[at] as [number, number]);
  return {
    rows: Uint32Array.from(drawn, ([row]) => row),
    codes: Int32Array.from(drawn, ([, code]) => code),
  };
}

/** The groups of the same rows in another order. */
function codesBy({ codes, rows }: Members, order: Uint32Array): Int32Array {
  const known = new Map(Array.from(rows, (row, at) => [row, codes[at] as number]));
  return Int32Array.from(order, (row) => known.get(row) ?? -1);
}

function vectorsOf(values: Float32Array, rows: Uint32Array, width: number): VectorSet {
  const own = new Float32Array(rows.length * width);
  rows.forEach((row, at) => {
    own.set(values.subarray(row * width, (row + 1) * width), at * width);
  });
  return { count: rows.length, width, values: own };
}

/** Each patient is given the group of another one's first sample. */
function shuffledByPatient({ codes, rows }: Members, patients: Int32Array, random: Random): Int32Array {
  const firsts = new Map<number, number>();
  rows.forEach((row, at) => {
    const patient = patients[row] as number;
    if (!firsts.has(patient)) firsts.set(patient, codes[at] as number);
  });
  const owned = [...firsts.values()];
  const order = random.permutation(owned.length);
  const dealt = new Map([...firsts.keys()].map((patient, at) => [patient, owned[order[at] as number] as number]));
  return Int32Array.from(rows, (row) => dealt.get(patients[row] as number) as number);
}

/** By group, the areas of probes that learnt groups dealt out by lot; those that cannot be estimated are left out. */
function lotAreas(
  groups: number,
  learning: Members,
  patients: Int32Array,
  width: number,
  random: Random,
  read: (codes: Int32Array, index: number) => Reading,
): Float64Array[] {
  const wanted = Math.floor(LOT_WORK / Math.max(1, learning.rows.length * width));
  const lots = Array.from({ length: Math.min(LOTS, Math.max(LEAST_LOTS, wanted)) }, () =>
    shuffledByPatient(learning, patients, random),
  );
  const areasOf = (index: number) =>
    Float64Array.from(
      lots.flatMap((lot) => {
        const { result } = read(lot, index);
        return result.status === "estimated" ? [result.value] : [];
      }),
    );
  const first = areasOf(0);
  // Two groups are told from each other: one's area is the other's.
  return Array.from({ length: groups }, (_, index) => (index === 0 || groups === 2 ? first : areasOf(index)));
}

function linearScores(
  references: VectorSet,
  codes: Int32Array,
  index: number,
  queries: VectorSet,
  l2: number,
): Float64Array {
  const targets = Uint8Array.from(codes, (code) => Number(code === index));
  const everyone = Int32Array.from(codes.keys());
  return logitsOf(
    queries,
    fitRidgeLogistic(references, everyone, targets, 1, { l2, standardise: true, where: "audits.leakage.l2" }),
  );
}

function sharesOf(indices: Int32Array, k: number, codes: Int32Array, index: number): Float64Array {
  const shares = new Float64Array(indices.length / k);
  for (let query = 0; query < shares.length; query++) {
    let hits = 0;
    for (let rank = 0; rank < k; rank++) hits += Number(codes[indices[query * k + rank] as number] === index);
    shares[query] = hits / k;
  }
  return shares;
}

function familyFindings(
  study: Study,
  family: string,
  groups: readonly Subgroup[],
  { linear, lots, neighbours }: Probed,
  level: number,
): Finding[] {
  const subject = (metric: string, group: Subgroup | null): Subject => ({
    audit: AUDIT,
    metric,
    class: null,
    operatingPoint: null,
    subgroup: group?.values ?? {},
    family,
    ...(group === null ? { acrossFamily: true } : {}),
    condition: CLEAN,
  });
  const ofGroup = (metric: string, readings: readonly Reading[], lotsOf: (index: number) => Float64Array | null) =>
    groups.map((group, index) => {
      const { data, learnt, result } = readings[index] as Reading;
      const areas = result.status === "estimated" ? lotsOf(index) : null;
      const details = {
        "tuning-samples": learnt[1],
        "tuning-samples-of-the-group": learnt[0],
        ...(areas === null || areas.length === 0 ? {} : lotDetails(areas)),
      };
      const tests = [...chanceTest(result), ...lotTest(result, areas)];
      return findingOf(subject(metric, group), result, basisOf(data), level, { details, tests });
    });
  return [
    ...ofGroup("leakage-auc", linear, (index) => lots[index] as Float64Array),
    ...ofGroup("leakage-auc-neighbours", neighbours, () => null),
    macroFinding(subject("leakage-macro-auc", null), linear, level, study.clustered),
  ];
}

function basisOf({ labels, patients }: LabelledScores) {
  const positives = labels.reduce((count, label) => count + label, 0);
  const n = labels.length;
  return { counts: { n, positives, negatives: n - positives, patients: patientsOf(patients) }, unscored: 0 };
}

/** "Nothing can be read": the area is at most one half. */
function chanceTest(result: Result): FindingTest[] {
  if (result.status !== "estimated") return [];
  const [p, z] = [pAtMost(result, 0.5), signedZ(result, 0.5)];
  if (p === null || z === null) return [];
  const method = result.symmetric ? "z" : "inverted-interval";
  return [{ method, hypothesis: "an area of at most one half", statistic: z, p }];
}

function lotDetails(areas: Float64Array) {
  const mean = areas.reduce((sum, area) => sum + area, 0) / areas.length;
  const highest = areas.reduce((most, area) => Math.max(most, area), 0);
  return { permutations: areas.length, "mean-after-permutation": mean, "highest-after-permutation": highest };
}

/** "The tuning patients' own groups teach a probe no more than groups dealt out by lot." */
function lotTest(result: Result, areas: Float64Array | null): FindingTest[] {
  if (result.status !== "estimated" || areas === null || areas.length === 0) return [];
  const asHigh = areas.reduce((count, area) => count + Number(area >= result.value - 1e-12), 0);
  const p = (1 + asHigh) / (1 + areas.length);
  return [{ method: "permutation", hypothesis: "groups dealt out by lot teach as much", statistic: result.value, p }];
}

function macroFinding(subject: Subject, readings: readonly Reading[], level: number, clustered: boolean): Finding {
  const areas = readings.flatMap(({ data, result }): ClassArea[] =>
    result.status === "estimated" ? [{ data, area: result }] : [],
  );
  const { n, patients } = basisOf((readings[0] as Reading).data).counts;
  // Every sample is a positive of one of the groups.
  const basis = { counts: { n, positives: n, negatives: 0, patients }, unscored: 0 };
  const result =
    areas.length === 0
      ? notEstimable("no group can be told from the others")
      : macroAuc(areas, { n, patients }, clustered);
  const left = readings.length - areas.length;
  const reason = left === 0 || areas.length === 0 ? null : `${left} of ${readings.length} groups are left out`;
  return findingOf(subject, result, basis, level, { reason });
}
