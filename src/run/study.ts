import type { Comparator, OperatingPoint, Study, StudyOutcomes, Subgroup } from "../core/audit.js";
import { CLEAN, conditionKey, isClean } from "../core/condition.js";
import { subgroupKey } from "../core/finding.js";
import type { Flow, GroupCount, LabelCount } from "../core/record.js";
import type { Protocol } from "../protocol/schema.js";
import { isWithheld } from "../stats/cell.js";
import type { Evidence } from "./evidence.js";
import { chooseOperatingPoints } from "./operating-points.js";
import type { Roster } from "./roster.js";
import { buildSubgroups } from "./samples.js";

/** What a study is made of beside the evidence. */
export interface StudyParts {
  readonly operatingPoints: readonly OperatingPoint[];
  /** Models to compare with beside those of the table, such as the baseline. */
  readonly others?: readonly Comparator[];
  /** What the task measures; undefined of classifiers. */
  readonly outcomes?: Pick<StudyOutcomes, "ids" | "unit" | "recorded"> | undefined;
}

/** The evaluation set as audits see it. Rosters carry the attributes, so subgroups may be new ones. */
export function buildStudy(
  protocol: Protocol,
  evidence: Evidence,
  { operatingPoints, others = [], outcomes }: StudyParts,
): Study {
  const { evaluation, index, tuning } = evidence;
  const count = evaluation.ids.length;
  const patientCount = new Set(evaluation.patients).size;
  const scores = new Map<string, Float64Array>();
  return {
    count,
    task: protocol.model.task,
    classes: protocol.model.classes,
    probabilities: protocol.model.probabilities !== false,
    weights: evaluation.weights,
    patients: evaluation.patients,
    patientCount,
    clustered: patientCount < count,
    labels: (className) => evaluation.labels[className] ?? new Int8Array(count).fill(-1),
    scores(condition, className) {
      const key = `${conditionKey(condition)} ${className}`;
      const known = scores.get(key) ?? evidence.scores(condition, className);
      scores.set(key, known);
      return known;
    },
    measures: (condition, measure) => evidence.measures(condition, measure),
    ...(outcomes === undefined
      ? {}
      : { outcomes: { ...outcomes, of: (condition, name, outcome) => evidence.outcome(condition, name, outcome) } }),
    ...(evidence.embeddings === null ? {} : { embeddings: evidence.embeddings }),
    subgroups: subgroupsOf(protocol, evaluation),
    conditions: index.conditions,
    operatingPoints,
    attackKnowledge: index.attackKnowledge,
    tuning: {
      count: tuning.ids.length,
      patients: tuning.patients,
      labels: (className) => tuning.labels[className] ?? new Int8Array(tuning.ids.length).fill(-1),
      scores: (className) => evidence.tuningScores(className),
      subgroups: subgroupsOf(protocol, tuning),
    },
    comparators: [...protocol.comparators.map(({ id }) => comparatorOf(protocol, evidence, id)), ...others],
  };
}

function subgroupsOf({ subgroups }: Protocol, { attributes, ids }: Roster): Subgroup[] {
  const everybody = Uint32Array.from(ids.keys());
  return buildSubgroups(
    subgroups,
    new Map(Object.entries(attributes)),
    everybody,
    (row) => `sample ${ids[row] ?? row}`,
  );
}

/** Another model's scores, with thresholds chosen on its own tuning scores as the audited model's are on its own. */
function comparatorOf(protocol: Protocol, { evaluation, tuning }: Evidence, id: string): Comparator {
  const ofTuning = tuning.comparators[id] ?? {};
  const scored = protocol.model.classes.filter((name) => ofTuning[name] !== undefined);
  return {
    id,
    scores: (className, condition = CLEAN) =>
      isClean(condition) ? (evaluation.comparators[id]?.[className] ?? null) : null,
    operatingPoints: chooseOperatingPoints(protocol.operatingPoints, scored, (className) => ({
      scores: ofTuning[className] ?? new Float64Array(0),
      labels: tuning.labels[className] ?? new Int8Array(0),
    })),
  };
}

/** The demographics table: who is in each group, by class, and in the same group of the tuning split. What is withheld is null. */
export function countGroups(study: Study): GroupCount[] {
  const tuning = new Map((study.tuning.subgroups ?? []).map((group) => [groupKey(group), group]));
  return study.subgroups.map((group) => {
    const same = tuning.get(groupKey(group));
    return {
      family: group.family,
      subgroup: group.values,
      ...countMembers(study, study.classes, group),
      ...(same === undefined ? {} : { tuning: countMembers(study.tuning, study.classes, same) }),
    };
  });
}

function groupKey({ family, values }: Subgroup): string {
  return JSON.stringify([family, subgroupKey(values)]);
}

function countMembers(
  split: Pick<Study, "patients" | "labels">,
  classes: readonly string[],
  group: Subgroup,
): Pick<GroupCount, "n" | "patients" | "classes"> {
  const hidden = isWithheld(group, null);
  return {
    n: hidden ? null : group.members.length,
    patients: hidden ? null : distinctPatients(split.patients, group.members),
    classes: Object.fromEntries(
      classes.map((name) => [name, isWithheld(group, name) ? null : countLabels(split.labels(name), group)]),
    ),
  };
}

/** Without a set, which would be slow for the groups of a large study. */
function distinctPatients(patients: Int32Array, members: Uint32Array): number {
  let [highest, count] = [-1, 0];
  for (let i = 0; i < members.length; i++) highest = Math.max(highest, patients[members[i] as number] as number);
  const seen = new Uint8Array(highest + 1);
  for (let i = 0; i < members.length; i++) {
    const patient = patients[members[i] as number] as number;
    count += 1 - (seen[patient] as number);
    seen[patient] = 1;
  }
  return count;
}

/** What became of every row, and the labels of both splits. */
export function flowOf({ evaluation, index, tuning }: Evidence, classes: readonly string[]): Flow {
  const labelsOf = (labels: Int8Array | undefined): LabelCount => {
    const counts = [0, 0, 0];
    for (const label of labels ?? []) counts[label + 1] = (counts[label + 1] as number) + 1;
    const [missing = 0, negatives = 0, positives = 0] = counts;
    return { positives, negatives, missing };
  };
  return {
    ...index.flow,
    rejected: index.rejected,
    classes: Object.fromEntries(
      classes.map((name) => [
        name,
        { tuning: labelsOf(tuning.labels[name]), evaluation: labelsOf(evaluation.labels[name]) },
      ]),
    ),
  };
}

function countLabels(labels: Int8Array, { members }: Subgroup): LabelCount {
  let [positives, missing] = [0, 0];
  for (let i = 0; i < members.length; i++) {
    const label = labels[members[i] as number] as number;
    positives += label === 1 ? 1 : 0;
    missing += label === -1 ? 1 : 0;
  }
  return { positives, negatives: members.length - positives - missing, missing };
}
