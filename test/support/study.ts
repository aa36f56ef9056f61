import type { OperatingPoint, Study, Subgroup } from "../../src/core/audit.js";
import { CLEAN, type Condition, conditionKey, isClean } from "../../src/core/condition.js";
import type { Finding } from "../../src/core/finding.js";
import type { Measure } from "../../src/core/measures.js";

/** The columns of a study of one class, `disease`. */
export interface StudyColumns {
  /** 1, 0, or -1 where the label is missing. */
  readonly labels: readonly number[];
  /** Scores by condition; the first is clean. NaN where a sample could not be scored. */
  readonly conditions: readonly {
    readonly condition: Condition;
    readonly scores: readonly number[];
    readonly measures?: Readonly<Partial<Record<Measure, readonly number[]>>>;
  }[];
  /** Patient codes; every sample its own patient where left out. */
  readonly patients?: readonly number[];
  /** Families of groups: the group of every sample, by family. Groups stand in alphabetical order. */
  readonly families?: Readonly<Record<string, readonly string[]>>;
  readonly threshold?: number | null;
  readonly attackKnowledge?: Readonly<Record<string, string>>;
  readonly weights?: readonly number[];
  /** The tuning split's clean scores and labels, every sample its own patient. */
  readonly tuning?: { readonly labels: readonly number[]; readonly scores: readonly number[] };
  /** Other models' scores, by name, each with the same threshold. */
  readonly comparators?: Readonly<Record<string, readonly number[]>>;
  /** False: scores are no probabilities. */
  readonly probabilities?: boolean;
}

export const CLASS = "disease";
export const POINT = "screening";

/** A study as audits see it, out of plain columns. */
export function studyOf(columns: StudyColumns): Study {
  const count = columns.labels.length;
  const patients = Int32Array.from(columns.patients ?? columns.labels.keys());
  const labels = Int8Array.from(columns.labels);
  const scores = new Map(
    columns.conditions.map(({ condition, scores }) => [conditionKey(condition), Float64Array.from(scores)]),
  );
  const whole: Subgroup = { family: null, values: {}, members: Uint32Array.from(columns.labels.keys()) };
  const families = Object.entries(columns.families ?? {}).flatMap(([family, groups]) =>
    [...new Set(groups)].sort().map((group) => ({
      family,
      values: { [family]: group },
      members: Uint32Array.from([...groups.keys()].filter((row) => groups[row] === group)),
    })),
  );
  const point: OperatingPoint = {
    id: POINT,
    class: CLASS,
    threshold: columns.threshold ?? null,
    rule: "threshold",
    chosenOn: "protocol",
    n: 0,
    positives: 0,
    reason: columns.threshold === null ? "no positives to choose a threshold on" : null,
    sha256: "0".repeat(64),
  };
  const patientCount = new Set(patients).size;
  return {
    count,
    task: "binary",
    classes: [CLASS],
    probabilities: columns.probabilities ?? true,
    weights: columns.weights === undefined ? null : Float64Array.from(columns.weights),
    patients,
    patientCount,
    clustered: patientCount < count,
    labels: () => labels,
    scores: (condition) => scores.get(conditionKey(condition)) ?? new Float64Array(count).fill(Number.NaN),
    measures(condition, measure) {
      const found = columns.conditions.find((one) => conditionKey(one.condition) === conditionKey(condition));
      const values = found?.measures?.[measure];
      return values === undefined ? null : Float64Array.from(values);
    },
    subgroups: [whole, ...families],
    conditions: columns.conditions.map(({ condition }) => condition),
    operatingPoints: columns.threshold === undefined ? [] : [point],
    attackKnowledge: columns.attackKnowledge ?? {},
    tuning: {
      count: columns.tuning?.labels.length ?? 0,
      patients: Int32Array.from(columns.tuning?.labels.keys() ?? []),
      labels: () => Int8Array.from(columns.tuning?.labels ?? []),
      scores: () => Float64Array.from(columns.tuning?.scores ?? []),
    },
    comparators: Object.entries(columns.comparators ?? {}).map(([id, other]) => ({
      id,
      scores: (_name, condition = CLEAN) => (isClean(condition) ? Float64Array.from(other) : null),
      operatingPoints: columns.threshold === undefined ? [] : [point],
    })),
  };
}

/** A study with clean scores alone. */
export function cleanStudy(columns: Omit<StudyColumns, "conditions"> & { readonly scores: readonly number[] }): Study {
  return studyOf({ ...columns, conditions: [{ condition: CLEAN, scores: columns.scores }] });
}

/**
 * The study with several classes in place of its one.
 * @param classes labels and scores by class; scores under every condition
 */
export function withClasses(
  study: Study,
  task: "multiclass" | "multilabel",
  classes: Readonly<
    Record<string, { readonly labels: readonly number[]; readonly scores: (condition: Condition) => readonly number[] }>
  >,
): Study {
  const of = (name: string) => {
    const found = classes[name];
    if (found === undefined) throw new Error(`there is no class ${name}`);
    return found;
  };
  return {
    ...study,
    task,
    classes: Object.keys(classes),
    labels: (name) => Int8Array.from(of(name).labels),
    scores: (condition, name) => Float64Array.from(of(name).scores(condition)),
  };
}

/** The finding of an id; throws with the ids that there are. */
export function findingById(findings: readonly Finding[], id: string): Finding {
  const finding = findings.find((one) => one.id === id);
  if (finding === undefined) throw new Error(`no ${id} among\n${findings.map((one) => one.id).join("\n")}`);
  return finding;
}

/** What every list of findings owes its readers: unique ids, and numbers where measured, a reason where not. */
export function expectSound(findings: readonly Finding[], metrics: readonly string[]): void {
  expect(new Set(findings.map((finding) => finding.id)).size).toBe(findings.length);
  for (const finding of findings) {
    expect(metrics).toContain(finding.metric);
    expect(finding.positives + finding.negatives).toBe(finding.n);
    expect(finding.patients).toBeLessThanOrEqual(finding.n);
    if (finding.status === "not-estimable") {
      expect([finding.estimate, finding.interval]).toEqual([null, null]);
      expect(finding.reason).toMatch(/\w/);
      continue;
    }
    const [estimate, interval] = [finding.estimate ?? Number.NaN, finding.interval];
    expect(interval?.lower).toBeLessThanOrEqual(estimate + 1e-12);
    expect(interval?.upper).toBeGreaterThanOrEqual(estimate - 1e-12);
  }
}
