/**
 * How well does the model do over all its classes? For tasks of several classes, on all samples, per subgroup and per
 * condition: averages of the classes' areas (macro, weighted, micro, and Hand and Till's for mutually exclusive classes),
 * decisions by the largest score, and the ranking of a sample's labels.
 *
 * An average is over the classes that allow an estimate; how many, and which were left out and why, stands in every
 * finding, since averages over different classes do not compare. It hides a class in which the model fails: read it
 * beside the classes' own areas.
 *
 * Errors: the classes' influences summed by patient, so that the covariances between classes are in every interval.
 */
import { type AuditMeta, defineAudit, type MetricDescription, type Study, type Subgroup } from "../src/core/audit.js";
import type { Condition } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import { type AucEstimate, areaAlong, type LabelledScores, patientsOf } from "../src/stats/auc.js";
import { type ClassArea, macroAuc, microAuc, prevalenceWeightedAuc } from "../src/stats/averages.js";
import { distinctSubgroups, inPatientOrder, visibleIn } from "../src/stats/cell.js";
import { notEstimable, type Result } from "../src/stats/estimate.js";
import { type FamilyAverages, familyAverages, rankedClass } from "../src/stats/family-averages.js";
import { type Basis, findingOf } from "../src/stats/finding.js";
import { labelRanking, type RankingValues, rankingOf, rankingValues } from "../src/stats/label-ranking.js";
import {
  balancedAccuracy,
  classCounts,
  handTill,
  type MulticlassScores,
  multiclassAccuracy,
  oneVersusRest,
} from "../src/stats/multiclass.js";
import { ascendingOrder } from "../src/stats/order.js";
import { MOST_SAMPLES, type OrderedClass, orderedPairs, pairAreas } from "../src/stats/pair-areas.js";
import { takeCodes, takeDoubles, takeLabels, takeRows, takeTernary } from "../src/stats/take.js";

const AUDIT = "averages";

const LEFT_OUT =
  "Classes with fewer than two positives or two negatives, or all of one patient, are left out and named; an average over fewer classes does not compare with one over all. Counts are of samples: positive are those that are positive for any class.";

const METRICS: readonly MetricDescription[] = [
  {
    id: "auc-macro",
    title: "AUC, mean over classes",
    unit: "1",
    description: `The plain mean of the classes' areas under the ROC curve, each class against the rest (scikit-learn's macro). Interval: normal on the logit scale, with the covariances between classes through shared samples and patients; margins of Newcombe's interval are added for classes whose areas have no variance. Every class counts alike, however rare. ${LEFT_OUT}`,
    better: "higher",
  },
  {
    id: "auc-weighted",
    title: "AUC, mean weighted by positives",
    unit: "1",
    description: `The mean of the classes' areas, each weighted by its positives (scikit-learn's weighted). Interval: as for auc-macro; that the weights are estimated is in the variance. Common classes dominate. ${LEFT_OUT}`,
    better: "higher",
  },
  {
    id: "auc-micro",
    title: "AUC over all samples and classes",
    unit: "1",
    description:
      "The area under the ROC curve of all pairs of a sample and a class taken as one column (scikit-learn's micro): a positive pair is also held against negative pairs of other classes, so that classes whose scores are on another scale lower it. Variance: Obuchowski's (1997), always clustered by patient, since the pairs of a sample depend on one another; interval: normal on the logit scale. No class is left out. Counts are of samples: positive are those that are positive for any class.",
    better: "higher",
  },
  {
    id: "auc-hand-till",
    title: "AUC of Hand and Till",
    unit: "1",
    description: `For mutually exclusive classes: the mean over pairs of classes of the area among the samples of the two alone, both directions averaged (Hand and Till 2001; scikit-learn's ovo macro). Unlike one-versus-rest areas it does not change with the classes' shares. Interval: normal on the logit scale, from the placements of all pairs summed by sample and patient; Newcombe's margins are added for pairs whose placements do not vary. ${LEFT_OUT}`,
    better: "higher",
  },
  {
    id: "accuracy",
    title: "Accuracy by the largest score",
    unit: "1",
    description:
      "For mutually exclusive classes: the share of samples whose largest score is that of their class; of equal scores the first class in the protocol's order is taken. Interval: Wilson (1927), at the effective sample size where patients repeat. Depends on the classes' shares: calling everything the most common class reaches that class's share.",
    better: "higher",
  },
  {
    id: "balanced-accuracy",
    title: "Balanced accuracy by the largest score",
    unit: "1",
    description: `For mutually exclusive classes: the mean, over classes, of the share of a class's samples that are decided right, as for accuracy. Interval: square-and-add of the shares' Wilson intervals. Does not change with the classes' shares. ${LEFT_OUT}`,
    better: "higher",
  },
  {
    id: "label-ranking-precision",
    title: "Label ranking average precision",
    unit: "1",
    description:
      "For several labels a sample: the mean over samples of the mean, over the sample's true labels, of the share of true ones among the labels that score at least as high (scikit-learn's LRAP). Samples without true or without false labels count 1. Interval: Wilson at the effective number of samples, clustered by patient. Asks only for the order within a sample; labels that are missing are left out of it.",
    better: "higher",
  },
  {
    id: "label-ranking-loss",
    title: "Label ranking loss",
    unit: "1",
    description:
      "For several labels a sample: the mean over samples of the share of pairs of a true and a false label in which the false one scores at least as high (scikit-learn's, ties counted as wrong). Samples without true or without false labels count 0. Interval: as for label-ranking-precision.",
    better: "lower",
  },
];

const meta: AuditMeta = {
  id: AUDIT,
  title: "Averages over classes",
  why: "One number for a model of many classes is what papers and vendors quote. It hides the class in which the model fails, so it stands here with its interval and with the classes that it is of.",
  classes: "together",
  needs: ["labels"],
  metrics: METRICS,
  references: [
    "D. J. Hand, R. J. Till, Machine Learning 45 (2001) 171–186",
    "N. A. Obuchowski, Biometrics 53 (1997) 567–578",
    "G. Y. Zou, A. Donner, Statistics in Medicine 27 (2008) 1693–1702",
    "G. Tsoumakas, I. Katakis, I. Vlahavas, Mining multi-label data, in: Data Mining and Knowledge Discovery Handbook, 2010",
  ],
};

/** One average, and what a reader must know of it. */
interface Average {
  readonly metric: string;
  readonly result: Result;
  /** Classes that went in, where some may not have. */
  readonly classes?: ClassesUsed;
}

interface ClassesUsed {
  readonly used: number;
  /** Patients (or effective samples) of the scarcest class among them, on its scarcer side. */
  readonly fewest: number;
  /** `name (why)` of each that was left out. */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
}

interface Averages {
  readonly averages: readonly Average[];
  readonly basis: Basis;
  /** What else must be known of the samples. */
  readonly note: string | null;
}

export default defineAudit({
  meta,
  evaluate(study, { level }) {
    if (study.task === "binary" || study.classes.length < 2) return [];
    const subgroups = distinctSubgroups(study);
    const found = study.conditions.map((condition) => {
      const together = study.task === "multilabel" ? lookTogether(study, subgroups, condition) : null;
      return subgroups.map((subgroup) => {
        const rows = inPatientOrder(subgroup.members, study.patients);
        const visible = visibleIn(study, subgroup);
        const averages =
          study.task === "multiclass"
            ? multiclassAverages(visible, rows, condition)
            : multilabelAverages(visible, rows, condition, together?.(subgroup) ?? null);
        return averages.averages.map((one) => averageFinding(one, averages, subgroup, condition, level));
      });
    });
    return subgroups.flatMap((_, index) => found.flatMap((ofGroups) => ofGroups[index] ?? []));
  },
});

/** What a group's averages need that is made for all groups of a family at once. */
interface Together {
  readonly averages: FamilyAverages;
  readonly micro: Result;
  /** By sample of the study, as `rowKinds` tells them. */
  readonly kinds: Uint8Array;
  /** By sample of the study. */
  readonly ranking: RankingValues;
}

/**
 * Everybody's scores are sorted once, and what is asked of each group is picked out of that order for a whole family at once. null
 * for groups of which something is withheld, and where samples differ in weight: these are looked at one by one.
 */
function lookTogether(
  study: Study,
  subgroups: readonly Subgroup[],
  condition: Condition,
): ((subgroup: Subgroup) => Together | null) | null {
  const [whole] = study.subgroups;
  if (study.weights !== null || whole === undefined || study.count >= MOST_SAMPLES) return null;
  const rows = inPatientOrder(whole.members, study.patients);
  const patients = takeCodes(study.patients, rows);
  // Then the study's columns serve as they are.
  const isInOrder = rows.length === study.count && rows.every((row, position) => row === position);
  const classes = study.classes.map((name): OrderedClass => {
    const [labels, scores] = isInOrder
      ? [study.labels(name), study.scores(condition, name)]
      : [takeTernary(study.labels(name), rows), takeDoubles(study.scores(condition, name), rows)];
    return { labels, scores, order: orderOfDefined(labels, scores) };
  });
  const pairs = orderedPairs(classes, rows.length);
  const ranked = classes.map(({ labels, order, scores }) => rankedClass(order, labels, scores));
  const labels = study.classes.map((name) => study.labels(name));
  const scores = study.classes.map((name) => study.scores(condition, name));
  const ranking = rankingValues({ labels, scores }, study.count);
  const kinds = rowKinds(labels, scores, study.count);
  const positions = new Uint32Array(study.count);
  for (let i = 0; i < rows.length; i++) positions[rows[i] as number] = i;
  let current: ReadonlyMap<Subgroup, Together> = new Map();
  return (subgroup) => {
    if (subgroup.withheld !== undefined) return null;
    if (!current.has(subgroup)) {
      const family = subgroups.filter((one) => one.family === subgroup.family && one.withheld === undefined);
      const group = new Uint16Array(rows.length).fill(family.length);
      family.forEach(({ members }, g) => {
        for (let i = 0; i < members.length; i++) group[positions[members[i] as number] as number] = g;
      });
      const averages = familyAverages(ranked, group, family.length, patients, study.clustered);
      const micro = pairAreas(pairs, group, family.length, patients);
      current = new Map(
        family.map((one, g) => [
          one,
          {
            averages: averages[g] as FamilyAverages,
            micro: micro[g] as Result,
            kinds,
            ranking,
          },
        ]),
      );
    }
    return current.get(subgroup) ?? null;
  };
}

/** The positions that have a label and a score, by ascending score. */
function orderOfDefined(labels: Int8Array, scores: Float64Array): Uint32Array {
  const kept = definedPositions(labels, scores);
  if (kept.length === labels.length) return ascendingOrder(scores);
  return takeRows(kept, ascendingOrder(takeDoubles(scores, kept)));
}

/** Below this many of a class, intervals of averages were seen to cover 89 to 93 % instead of 95 % (docs/methods.md). */
const FEW = 20;

function averageFinding(
  { metric, result, classes }: Average,
  { basis, note }: Averages,
  { values, family }: Subgroup,
  condition: Condition,
  level: number,
): Finding {
  const subject = { audit: AUDIT, metric, class: null, operatingPoint: null, subgroup: values, family, condition };
  if (classes === undefined) return findingOf(subject, result, basis, level, { reason: note });
  const { used, leftOut, fewest } = classes;
  const details = { classes: used, "classes-left-out": leftOut.map(({ name }) => name).join(",") };
  const left =
    leftOut.length === 0 ? null : `left out: ${leftOut.map(({ name, reason }) => `${name} (${reason})`).join("; ")}`;
  const few =
    result.status === "estimated" && fewest < FEW
      ? `the scarcest class is worth only ${Math.round(fewest)} samples: the interval tends to be too short`
      : null;
  const notes = [note, few, left].filter((one) => one !== null);
  return findingOf(subject, result, basis, level, { details, reason: notes.length === 0 ? null : notes.join("; ") });
}

function multilabelAverages(
  study: Study,
  members: Uint32Array,
  condition: Condition,
  together: Together | null,
): Averages {
  if (together !== null) return averagesOfFamily(study, members, together);
  const labels = study.classes.map((name) => study.labels(name));
  const scores = study.classes.map((name) => study.scores(condition, name));
  const { rows, positives, unscored } = labelledRows(members, rowKinds(labels, scores, study.count));
  const patients = takeCodes(study.patients, rows);
  const weights = study.weights === null ? null : takeDoubles(study.weights, rows);
  const columns = {
    scores: scores.map((column) => takeDoubles(column, rows)),
    labels: labels.map((column) => takeTernary(column, rows)),
  };
  const classes = study.classes.map((_, c) =>
    definedSamples(
      columns.labels[c] as Int8Array,
      columns.scores[c] as Float64Array,
      patients,
      study.clustered,
      weights,
    ),
  );
  const counts = { n: rows.length, patients: patientsOf(patients) };
  const orders = ordersOf(classes);
  const ranking = labelRanking({ ...columns, patients, weights });
  return {
    averages: [
      ...areaAverages(study, classes, orders, counts),
      { metric: "auc-micro", result: microAuc(classes, orders) },
      { metric: "label-ranking-precision", result: ranking.averagePrecision },
      { metric: "label-ranking-loss", result: ranking.loss },
    ],
    basis: { counts: { ...counts, positives, negatives: rows.length - positives }, unscored },
    note: null,
  };
}

/** The same out of what was made for the group's whole family. */
function averagesOfFamily(study: Study, members: Uint32Array, { averages, kinds, micro, ranking }: Together): Averages {
  const { rows, positives, unscored } = labelledRows(members, kinds);
  const patients = takeCodes(study.patients, rows);
  const counts = { n: rows.length, patients: patientsOf(patients) };
  const { averagePrecision, loss } = rankingOf(valuesAt(ranking, rows), patients, null);
  const { none, used } = classesUsed(study, averages.areas);
  return {
    averages: [
      { metric: "auc-macro", result: averages.macro(counts) ?? none, classes: used },
      { metric: "auc-weighted", result: averages.weighted(counts) ?? none, classes: used },
      { metric: "auc-micro", result: micro },
      { metric: "label-ranking-precision", result: averagePrecision },
      { metric: "label-ranking-loss", result: loss },
    ],
    basis: { counts: { ...counts, positives, negatives: rows.length - positives }, unscored },
    note: null,
  };
}

function valuesAt({ precisions, losses }: RankingValues, rows: Uint32Array): RankingValues {
  return { precisions: takeDoubles(precisions, rows), losses: takeDoubles(losses, rows) };
}

/** Kinds of samples as bits: with a label and a score of at least one class, positive in one, without the score of a labelled one. */
const [KEPT, IS_POSITIVE, LACKS] = [1, 2, 4] as const;

function rowKinds(labels: readonly Int8Array[], scores: readonly Float64Array[], count: number): Uint8Array {
  const kinds = new Uint8Array(count);
  labels.forEach((column, c) => {
    const scored = scores[c] as Float64Array;
    for (let row = 0; row < count; row++) {
      const label = column[row] as number;
      if (label === -1) continue;
      const kind = Number.isNaN(scored[row]) ? LACKS : label === 1 ? KEPT | IS_POSITIVE : KEPT;
      kinds[row] = (kinds[row] as number) | kind;
    }
  });
  return kinds;
}

/** Rows with a label and a score of at least one class; those that lack the score of a labelled class are counted. */
function labelledRows(members: Uint32Array, kinds: Uint8Array) {
  const kept = new Uint32Array(members.length);
  let [count, positives, unscored] = [0, 0, 0];
  for (let i = 0; i < members.length; i++) {
    const row = members[i] as number;
    const kind = kinds[row] as number;
    kept[count] = row;
    count += kind & KEPT;
    positives += (kind & IS_POSITIVE) >> 1;
    unscored += (kind & LACKS) >> 2;
  }
  return { rows: kept.subarray(0, count), positives, unscored };
}

/** One class's samples that have its label and its score. */
function definedSamples(
  labels: Int8Array,
  scores: Float64Array,
  patients: Int32Array,
  clustered: boolean,
  weights: Float64Array | null,
): LabelledScores {
  const rows = definedPositions(labels, scores);
  if (rows.length === labels.length) return { scores, labels: new Uint8Array(labels), patients, clustered, weights };
  return {
    scores: takeDoubles(scores, rows),
    labels: takeLabels(labels, rows),
    patients: takeCodes(patients, rows),
    clustered,
    weights: weights === null ? null : takeDoubles(weights, rows),
  };
}

function definedPositions(labels: Int8Array, scores: Float64Array): Uint32Array {
  const kept = new Uint32Array(labels.length);
  let count = 0;
  for (let i = 0; i < labels.length; i++) {
    kept[count] = i;
    if (labels[i] !== -1 && !Number.isNaN(scores[i])) count++;
  }
  return kept.subarray(0, count);
}

function multiclassAverages(study: Study, members: Uint32Array, condition: Condition): Averages {
  const labels = study.classes.map((name) => study.labels(name));
  const scores = study.classes.map((name) => study.scores(condition, name));
  const { rows, classes, unscored, ambiguous } = singleClassRows(members, labels, scores);
  const data: MulticlassScores = {
    scores: scores.map((column) => takeDoubles(column, rows)),
    classes,
    patients: takeCodes(study.patients, rows),
    clustered: study.clustered,
    weights: study.weights === null ? null : takeDoubles(study.weights, rows),
  };
  const counts = { n: rows.length, patients: patientsOf(data.patients) };
  const rest = study.classes.map((_, c) => oneVersusRest(data, c));
  const orders = ordersOf(rest);
  const own = classCounts(data);
  const isUsed = (c: number) => (own.samples[c] as number) >= 2 && (own.patients[c] as number) >= 2;
  const used = study.classes.flatMap((_, c) => (isUsed(c) ? [c] : []));
  const leftOut = study.classes.flatMap((name, c) =>
    isUsed(c) ? [] : [{ name, reason: `${own.samples[c]} samples of ${own.patients[c]} patients` }],
  );
  const fewest = Math.min(...used.map((c) => own.patients[c] as number));
  const usedClasses = { used: used.length, leftOut, fewest };
  return {
    averages: [
      ...areaAverages(study, rest, orders, counts),
      { metric: "auc-micro", result: microAuc(rest, orders) },
      { metric: "auc-hand-till", result: handTill(data, used, "equal", orders), classes: usedClasses },
      { metric: "accuracy", result: multiclassAccuracy(data) },
      { metric: "balanced-accuracy", result: balancedAccuracy(data, used), classes: usedClasses },
    ],
    basis: { counts: { ...counts, positives: rows.length, negatives: 0 }, unscored },
    note:
      ambiguous === 0
        ? null
        : `${ambiguous} ${ambiguous === 1 ? "sample has" : "samples have"} the label of no class or of several and ${ambiguous === 1 ? "is" : "are"} left out`,
  };
}

/** Rows of exactly one class, with all labels, and all scores. Rows without any label are no samples of the task. */
function singleClassRows(members: Uint32Array, labels: readonly Int8Array[], scores: readonly Float64Array[]) {
  const positions = new Uint32Array(members.length);
  const codes = new Uint16Array(members.length);
  let count = 0;
  let unscored = 0;
  let ambiguous = 0;
  for (let i = 0; i < members.length; i++) {
    const row = members[i] as number;
    let own = -1;
    let trues = 0;
    let missing = 0;
    let isScored = true;
    for (let c = 0; c < labels.length; c++) {
      const label = (labels[c] as Int8Array)[row] as number;
      if (label === -1) missing++;
      if (Number.isNaN((scores[c] as Float64Array)[row])) isScored = false;
      if (label !== 1) continue;
      own = c;
      trues++;
    }
    if (missing === labels.length) continue;
    if (trues !== 1 || missing > 0) ambiguous++;
    else if (!isScored) unscored++;
    else {
      positions[count] = i;
      codes[count++] = own;
    }
  }
  return {
    rows: takeRows(members, positions.subarray(0, count)),
    classes: codes.subarray(0, count),
    unscored,
    ambiguous,
  };
}

function ordersOf(classes: readonly LabelledScores[]): Uint32Array[] {
  return classes.map(({ scores }) => ascendingOrder(scores));
}

function areaAverages(
  study: Study,
  classes: readonly LabelledScores[],
  orders: readonly Uint32Array[],
  counts: { n: number; patients: number },
): Average[] {
  const areas = classes.map((data, c) => areaAlong(data, orders[c] as Uint32Array));
  const defined = areas.flatMap((area, c): ClassArea[] =>
    area.status === "estimated" ? [{ data: classes[c] as LabelledScores, area }] : [],
  );
  const { none, used } = classesUsed(study, areas);
  const isNone = defined.length === 0;
  return [
    { metric: "auc-macro", result: isNone ? none : macroAuc(defined, counts, study.clustered), classes: used },
    {
      metric: "auc-weighted",
      result: isNone ? none : prevalenceWeightedAuc(defined, counts, study.clustered),
      classes: used,
    },
  ];
}

/** The classes that have an area, and what is said where none has. */
function classesUsed(study: Study, areas: readonly Result<AucEstimate>[]) {
  const leftOut = areas.flatMap((area, c) =>
    area.status === "estimated" ? [] : [{ name: study.classes[c] as string, reason: area.reason }],
  );
  const fewest = Math.min(
    ...areas.flatMap((area) =>
      area.status === "estimated" ? [area.effectivePositives, area.effectiveNegatives, area.patients] : [],
    ),
  );
  const used: ClassesUsed = { used: areas.length - leftOut.length, leftOut, fewest };
  return { used, none: notEstimable(`none of ${areas.length} classes has an estimable AUC`) };
}
