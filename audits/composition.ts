/**
 * Who is in the data? Per class and subgroup of the evaluation set: how often the class is positive, how many labels are missing,
 * how large the group is; whether attributes are missing more often among the ill than among the healthy; and whether the
 * tuning split, on which thresholds were chosen, is made up otherwise. No result about the model: what its results rest on.
 *
 * Shares: Wilson 1927, at the effective sample size where patients repeat. Samples count alike, whatever their weights.
 */
import { type AuditMeta, defineAudit, type Study, type Subgroup } from "../src/core/audit.js";
import { CLEAN } from "../src/core/condition.js";
import { type Finding, type FindingTest, subgroupKey } from "../src/core/finding.js";
import {
  type Cell,
  combinedCounts,
  distinctSubgroups,
  familiesOf,
  inPatientOrder,
  isWithheld,
  labelledCell,
  type ScoredCell,
  scoredCell,
} from "../src/stats/cell.js";
import { notEstimable, type Result } from "../src/stats/estimate.js";
import { type GroupResult, gapFinding } from "../src/stats/family-gap.js";
import { findingOf, type Subject } from "../src/stats/finding.js";
import { homogeneityTest } from "../src/stats/homogeneity.js";
import { type ProportionEstimate, proportion, proportionDifference } from "../src/stats/proportion.js";
import { takeCodes } from "../src/stats/take.js";

const AUDIT = "composition";
/** What a subgrouping calls the samples whose attribute is missing. */
const UNKNOWN = "unknown";

const WILSON = "Interval: Wilson (1927), at the effective sample size where patients repeat.";

const meta: AuditMeta = {
  id: AUDIT,
  title: "Composition of the data",
  why: "Results hold for data like these. Groups that are ill more often, labels or attributes that are missing not at random, and a tuning split unlike the evaluation split change what every other number means.",
  needs: ["labels"],
  metrics: [
    {
      id: "prevalence",
      title: "Prevalence",
      unit: "1",
      description: `The share of positives among the labelled samples of a group, in the evaluation set as it is: often enriched, and then not that of use. PPV, NPV and all comparisons of how often a model says yes depend on it. ${WILSON} Sampling weights are not applied.`,
      better: "neither",
    },
    {
      id: "prevalence-gap",
      title: "Gap between groups in prevalence",
      unit: "1",
      description:
        "Largest minus smallest prevalence among the groups of a family, with Wald's test of homogeneity (chi-square, with all dependence through patients). Interval: Newcombe's score (1998), simultaneous over the family's pairs of groups and conservative; the estimate is a maximum and therefore biased upward. A difference between groups in how often they are ill is no fault of the model, but gaps in predictive values and in the share called positive follow from it.",
      better: "neither",
    },
    {
      id: "prevalence-shift",
      title: "Prevalence in the evaluation minus in the tuning split",
      unit: "1",
      description:
        "Per group, with Wald's test that both splits have one prevalence. Interval: Newcombe's hybrid score (1998), with effective sample sizes where patients repeat; the splits are taken to share no patient. A shift means that thresholds were chosen on patients unlike those they are evaluated on. Not estimable for groups that are too small to be shown in the tuning split.",
      better: "neither",
    },
    {
      id: "missing-label-rate",
      title: "Labels that are missing",
      unit: "1",
      description: `The share of a group's samples that have no label of the class and are left out of every result about it; by group only where any is missing. ${WILSON}`,
      better: "lower",
    },
    {
      id: "group-share",
      title: "Share of the evaluation set",
      unit: "1",
      description: `The group's share of all evaluation samples; that of the group "unknown" is the share whose attribute is missing. ${WILSON} In this finding positives are the group's samples and negatives all others.`,
      better: "neither",
    },
    {
      id: "attribute-missing-by-label",
      title: "Attribute missing among positives, minus among negatives",
      unit: "1",
      description:
        "Whether it depends on the label that an attribute is missing: the share of positives without it minus the share of negatives without it, with Wald's test of independence (chi-square, one degree of freedom). Interval: Newcombe's hybrid score (1998) with the correlation through patients with both labels. Where it is not 0, results by that attribute rest on a selection.",
      better: "neither",
    },
  ],
  references: [
    "E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209–212",
    "R. G. Newcombe, Statistics in Medicine 17 (1998) 873–890",
    "J. N. K. Rao, A. J. Scott, Biometrics 48 (1992) 577–585",
  ],
};

export default defineAudit({
  meta,
  overall(study, { level }) {
    const everybody = inPatientOrder((study.subgroups[0] as Subgroup).members, study.patients);
    return distinctSubgroups(study).flatMap((group) =>
      group.family === null ? [] : [groupShare(study, everybody, group, level)],
    );
  },
  evaluate: (study, { level }) => study.classes.flatMap((className) => classFindings(study, className, level)),
});

function classFindings(study: Study, className: string, level: number): Finding[] {
  const labels = study.labels(className);
  const anyMissing = labels.includes(-1);
  const tuning = tuningStudy(study);
  const tuningGroups = new Map(tuning.subgroups.map((group) => [keyOf(group), group]));
  const measured = distinctSubgroups(study).flatMap((group) => {
    const cell = labelledOf(study, group, className);
    const about = { audit: AUDIT, class: className, operatingPoint: null, condition: CLEAN };
    const subject = (metric: string): Subject => ({ ...about, metric, subgroup: group.values, family: group.family });
    return [
      findingOf(subject("prevalence"), prevalenceOf(cell), cell, level),
      ...(anyMissing || group.family === null
        ? [missingLabels(study, subject("missing-label-rate"), group, level)]
        : []),
      ...shift(study, tuning, subject("prevalence-shift"), cell, tuningGroups.get(keyOf(group)), level),
    ];
  });
  return [
    ...measured,
    ...[...familiesOf(study)].flatMap(([family, groups]) => [
      prevalenceGap(study, className, family, groups, level),
      ...groups.flatMap((group) => missingByLabel(study, className, family, group, level)),
    ]),
  ];
}

function keyOf({ family, values }: Subgroup): string {
  return JSON.stringify([family, subgroupKey(values)]);
}

const known = new WeakMap<Cell, ScoredCell>();

/** A group's labelled samples, whether or not they have a score. */
function labelledOf(study: Study, group: Subgroup, className: string): ScoredCell {
  const labelled = labelledCell(study, group, className);
  const cell = known.get(labelled) ?? scoredCell(labelled, []);
  known.set(labelled, cell);
  return cell;
}

const prevalences = new WeakMap<ScoredCell, Result<ProportionEstimate>>();

/** Made once: by itself, in the gap, and against the tuning split. */
function prevalenceOf(cell: ScoredCell): Result<ProportionEstimate> {
  const prevalence = prevalences.get(cell) ?? proportion(cell.labels, cell.patients, cell.clustered);
  prevalences.set(cell, prevalence);
  return prevalence;
}

function prevalenceGap(
  study: Study,
  className: string,
  family: string,
  subgroups: readonly Subgroup[],
  level: number,
): Finding {
  const groups = subgroups.map((subgroup): GroupResult<ProportionEstimate> => {
    const cell = labelledOf(study, subgroup, className);
    return { subgroup, cell, result: prevalenceOf(cell) };
  });
  const subject: Subject = {
    audit: AUDIT,
    metric: "prevalence-gap",
    class: className,
    operatingPoint: null,
    subgroup: {},
    family,
    acrossFamily: true,
    condition: CLEAN,
  };
  const difference = (a: ProportionEstimate, b: ProportionEstimate) => proportionDifference(a, b, study.clustered);
  // No prevalence is the good one: "best" in the details is the higher, "worst" the lower.
  return gapFinding(subject, groups, { difference, better: "higher", quantity: "prevalence" }, level);
}

/** The share of ones among a group's samples; `positives` of its counts are the ones. */
function shareOf(study: Study, rows: Uint32Array, isOne: (row: number) => boolean) {
  const ordered = inPatientOrder(rows, study.patients);
  const outcomes = new Uint8Array(ordered.length);
  let ones = 0;
  for (let i = 0; i < ordered.length; i++) {
    if (!isOne(ordered[i] as number)) continue;
    outcomes[i] = 1;
    ones++;
  }
  const share = proportion(outcomes, takeCodes(study.patients, ordered), study.clustered);
  const patients = share.status === "estimated" ? share.patients : 0;
  const counts = { n: ordered.length, positives: ones, negatives: ordered.length - ones, patients };
  return { share, basis: { counts, unscored: 0 } };
}

function missingLabels(study: Study, subject: Subject, group: Subgroup, level: number): Finding {
  const labels = study.labels(subject.class ?? "");
  const members = isWithheld(group, subject.class) ? new Uint32Array(0) : group.members;
  const { basis, share } = shareOf(study, members, (row) => labels[row] === -1);
  return findingOf(subject, share, basis, level);
}

function groupShare(study: Study, everybody: Uint32Array, group: Subgroup, level: number): Finding {
  const isMember = new Uint8Array(study.count);
  for (const row of group.members) isMember[row] = 1;
  const { basis, share } = shareOf(study, everybody, (row) => isMember[row] === 1);
  const { family, values } = group;
  const about = { audit: AUDIT, metric: "group-share", class: null, operatingPoint: null, condition: CLEAN };
  return findingOf({ ...about, subgroup: values, family }, share, basis, level);
}

/** The tuning split as a study of its own, its patients apart from those of the evaluation. */
function tuningStudy(study: Study): Study {
  const { tuning } = study;
  const offset = study.patientCount;
  return {
    ...study,
    count: tuning.count,
    patients: tuning.patients.map((code) => code + offset),
    labels: (name) => tuning.labels(name),
    subgroups: tuning.count === 0 ? [] : (tuning.subgroups ?? []),
  };
}

/** Prevalence here minus prevalence in the same group of the tuning split; nothing where there is no such group. */
function shift(
  study: Study,
  tuning: Study,
  subject: Subject,
  cell: ScoredCell,
  group: Subgroup | undefined,
  level: number,
): Finding[] {
  if (group === undefined || subject.class === null) return [];
  const other = labelledOf(tuning, group, subject.class);
  if (isWithheld(group, subject.class)) {
    const reason = "this group of the tuning split is hidden to protect patients (privacy.minimumCell)";
    return [findingOf(subject, notEstimable(reason), cell, level)];
  }
  const basis = { counts: combinedCounts([cell, other]), unscored: 0 };
  const [here, there] = [prevalenceOf(cell), prevalenceOf(other)];
  if (here.status === "not-estimable") return [findingOf(subject, here, basis, level)];
  if (there.status === "not-estimable") return [findingOf(subject, there, basis, level)];
  const details = { evaluation: here.value, tuning: there.value, "tuning-n": other.counts.n };
  const tests = waldTest([here, there], "one prevalence in both splits");
  const difference = proportionDifference(here, there, study.clustered);
  return [findingOf(subject, difference, basis, level, { details, tests })];
}

function waldTest(shares: readonly ProportionEstimate[], hypothesis: string): FindingTest[] {
  const test = homogeneityTest(shares);
  if (test === null) return [];
  return [{ method: "wald", hypothesis, statistic: test.chiSquare, degrees: test.degrees, p: test.p }];
}

/** For a family's group of unknown attribute: is it missing more often among positives than among negatives? */
function missingByLabel(study: Study, className: string, family: string, group: Subgroup, level: number): Finding[] {
  const values = Object.values(group.values);
  const isEmpty = group.members.length === 0 && group.withheld === undefined;
  if (values.length !== 1 || values[0] !== UNKNOWN || isEmpty) return [];
  const subject: Subject = {
    audit: AUDIT,
    metric: "attribute-missing-by-label",
    class: className,
    operatingPoint: null,
    subgroup: group.values,
    family,
    condition: CLEAN,
  };
  const labels = study.labels(className);
  const isMissing = new Uint8Array(study.count);
  const members = isWithheld(group, className) ? new Uint32Array(0) : group.members;
  for (const row of members) isMissing[row] = 1;
  const everybody = (study.subgroups[0] as Subgroup).members;
  const shareAmong = (label: number) =>
    shareOf(
      study,
      everybody.filter((row) => labels[row] === label),
      (row) => isMissing[row] === 1,
    ).share;
  const cell = labelledOf(study, study.subgroups[0] as Subgroup, className);
  const [positives, negatives] = [shareAmong(1), shareAmong(0)];
  if (positives.status === "not-estimable" || negatives.status === "not-estimable") {
    return [findingOf(subject, notEstimable("samples of one label only: nothing to compare"), cell, level)];
  }
  const details = { "missing-among-positives": positives.value, "missing-among-negatives": negatives.value };
  const tests = waldTest(
    [positives, negatives],
    "the attribute is missing as often among positives as among negatives",
  );
  const difference = proportionDifference(positives, negatives, study.clustered);
  return [findingOf(subject, difference, cell, level, { details, tests })];
}
