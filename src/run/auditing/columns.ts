import type { Comparator, OperatingPoint, Study, Subgroup, TuningSamples } from "../../core/audit.js";
import { CLEAN, type Condition, conditionKey } from "../../core/condition.js";
import { MEASURES, type Measure } from "../../core/measures.js";

/**
 * A study as plain columns in shared memory: what a thread can be given at no cost. `columnsOf` and `studyOf` undo one another.
 */
export interface StudyColumns
  extends Pick<
    Study,
    | "count"
    | "task"
    | "classes"
    | "probabilities"
    | "weights"
    | "patients"
    | "patientCount"
    | "clustered"
    | "subgroups"
    | "conditions"
    | "operatingPoints"
    | "attackKnowledge"
  > {
  readonly labels: ReadonlyMap<string, Int8Array>;
  /** By condition, then class. */
  readonly scores: ReadonlyMap<string, ReadonlyMap<string, Float64Array>>;
  /** By condition, then measure. */
  readonly measures: ReadonlyMap<string, ReadonlyMap<Measure, Float64Array>>;
  readonly tuning: Pick<TuningSamples, "count" | "patients"> & {
    readonly labels: ReadonlyMap<string, Int8Array>;
    readonly scores: ReadonlyMap<string, Float64Array>;
    readonly subgroups: readonly Subgroup[] | null;
  };
  readonly comparators: readonly {
    readonly id: string;
    /** By condition, then class. */
    readonly scores: ReadonlyMap<string, ReadonlyMap<string, Float64Array>>;
    readonly operatingPoints: readonly OperatingPoint[];
  }[];
}

export function columnsOf(study: Study): StudyColumns {
  const { classes, comparators, conditions, tuning } = study;
  const byClass = <T>(of: (name: string) => T | null): ReadonlyMap<string, T> =>
    new Map(
      classes.flatMap((name): [string, T][] => {
        const column = of(name);
        return column === null ? [] : [[name, column]];
      }),
    );
  return {
    count: study.count,
    task: study.task,
    classes,
    probabilities: study.probabilities,
    weights: study.weights === null ? null : shared(study.weights),
    patients: shared(study.patients),
    patientCount: study.patientCount,
    clustered: study.clustered,
    subgroups: study.subgroups.map(sharedGroup),
    conditions,
    operatingPoints: study.operatingPoints,
    attackKnowledge: study.attackKnowledge,
    labels: byClass((name) => shared(study.labels(name))),
    scores: new Map(
      conditions.map((condition) => [
        conditionKey(condition),
        byClass((name) => shared(study.scores(condition, name))),
      ]),
    ),
    measures: new Map(conditions.map((condition) => [conditionKey(condition), measuresOf(study, condition)])),
    tuning: {
      count: tuning.count,
      patients: shared(tuning.patients),
      labels: byClass((name) => shared(tuning.labels(name))),
      scores: byClass((name) => shared(tuning.scores(name))),
      subgroups: tuning.subgroups?.map(sharedGroup) ?? null,
    },
    comparators: comparators.map(({ id, operatingPoints, scores }) => ({
      id,
      operatingPoints,
      scores: new Map(
        conditions.map((condition) => [
          conditionKey(condition),
          byClass((name) => {
            const column = scores(name, condition);
            return column === null ? null : shared(column);
          }),
        ]),
      ),
    })),
  };
}

function measuresOf(study: Study, condition: Condition): ReadonlyMap<Measure, Float64Array> {
  return new Map(
    MEASURES.flatMap((measure): [Measure, Float64Array][] => {
      const column = study.measures(condition, measure);
      return column === null ? [] : [[measure, shared(column)]];
    }),
  );
}

function sharedGroup(group: Subgroup): Subgroup {
  return { ...group, members: shared(group.members) };
}

/** The column in shared memory; itself where it is there already. */
function shared<T extends Int8Array | Int32Array | Uint32Array | Float64Array>(column: T): T {
  if (column.buffer instanceof SharedArrayBuffer) return column;
  const make = column.constructor as new (buffer: SharedArrayBuffer) => T;
  const copy = new make(new SharedArrayBuffer(column.byteLength));
  copy.set(column);
  return copy;
}

export function studyOf(columns: StudyColumns): Study {
  const { comparators, labels, measures, scores, tuning, ...rest } = columns;
  return {
    ...rest,
    labels: (name) => known(labels.get(name), name),
    scores: (condition, name) => known(scores.get(conditionKey(condition))?.get(name), name),
    measures: (condition, measure) => measures.get(conditionKey(condition))?.get(measure) ?? null,
    tuning: {
      count: tuning.count,
      patients: tuning.patients,
      labels: (name) => known(tuning.labels.get(name), name),
      scores: (name) => known(tuning.scores.get(name), name),
      ...(tuning.subgroups === null ? {} : { subgroups: tuning.subgroups }),
    },
    comparators: comparators.map(
      ({ id, operatingPoints, scores: own }): Comparator => ({
        id,
        operatingPoints,
        scores: (name, condition = CLEAN) => own.get(conditionKey(condition))?.get(name) ?? null,
      }),
    ),
  };
}

function known<T>(column: T | undefined, name: string): T {
  if (column === undefined) throw new Error(`there is no column of class "${name}"`);
  return column;
}
