import type { ModelAdapter } from "../core/adapter.js";
import { conditionKey, isClean } from "../core/condition.js";
import type { Numbers, SourceTable } from "../core/data.js";
import { received, StepwedgeError } from "../core/errors.js";
import { findPlugin } from "../core/plugins.js";
import type { Deviation, Flow } from "../core/record.js";
import type { LoadedProtocol } from "../protocol/load.js";
import { type Protocol, parametersOf } from "../protocol/schema.js";
import { pixelContext } from "./pixel-context.js";
import { planTask } from "./plan.js";
import { withRegions } from "./region-source.js";
import type { Roster } from "./roster.js";
import {
  assignSplit,
  checkIds,
  encodePatients,
  recodePatients,
  parseLabels,
  parseScores,
  parseWeights,
  patientNames,
} from "./samples.js";

/** The data as a run needs it: both splits as columns, and the way to the pixels or to the scores. */
export interface PreparedData {
  readonly source: SourceTable;
  readonly tuning: Roster;
  readonly evaluation: Roster;
  readonly flow: Omit<Flow, "rejected" | "classes">;
  readonly deviations: readonly Deviation[];
  /** For tables that hold the scores already: by the condition's key, each class's scores by row of the source. */
  readonly scores: ReadonlyMap<string, Readonly<Record<string, Float64Array>>> | null;
}

/**
 * Opens the data source and makes samples of its rows: ids, labels, patients, splits.
 * @throws StepwedgeError that names the file, the row and the column of the first fault.
 */
export async function prepareData(loaded: LoadedProtocol, adapter: ModelAdapter): Promise<PreparedData> {
  const { protocol } = loaded;
  const source = await findPlugin("data", protocol.data.adapter);
  const held = (await planTask(protocol))?.plugin.meta.reference ?? null;
  const isNumber = held === "number";
  const scoreTables = adapter.scoreTables?.(parametersOf(protocol.model, adapter), protocol.model.classes) ?? null;
  const opened = await source.open(parametersOf(protocol.data, source), {
    baseFolder: loaded.baseFolder,
    seed: protocol.seed,
    columns: textColumns(protocol, isNumber),
    numbers: numberColumns(protocol, [
      ...(scoreTables ?? []).flatMap(({ columns }) => Object.values(columns)),
      ...(isNumber ? Object.values(protocol.data.references).map(({ column }) => column) : []),
    ]),
    imageColumn: adapter.meta.needsImages ? (protocol.data.image ?? null) : null,
    ...pixelContext(protocol.data),
  });
  const { region } = protocol.data;
  const table = region === undefined ? opened : withRegions(opened, region);
  const cells = (name: string): readonly string[] => table.columns.get(name) ?? [];
  const numbers = (name: string): Numbers =>
    table.numbers.get(name) ?? { values: new Float64Array(0), texts: new Map() };
  const ids = cells(protocol.data.id);
  checkIds(ids, table.rowName);

  const labels: Record<string, Int8Array> = Object.fromEntries(
    Object.entries(protocol.data.labels).map(([name, label]) => {
      const column = typeof label === "string" ? label : label.column;
      return [name, parseLabels(cells(column), table.rowName, column, typeof label === "string" ? undefined : label)];
    }),
  );
  // Of other tasks than classification: who has a reference.
  for (const [name, { column }] of Object.entries(protocol.data.references)) {
    labels[name] = isNumber
      ? withNumber(numbers(column), table.rowName, column)
      : Int8Array.from(cells(column), (cell) => (cell === "" ? -1 : 1));
  }
  // Of retrieval, a sample without a class is no query of it, but may be found.
  const relevance = held === "sample" ? { ...labels } : {};
  for (const [name, column] of Object.entries(relevance)) {
    labels[name] = column.map((label) => (label === 1 ? 1 : -1));
  }
  const patients = patientNames(
    protocol.data.patient === undefined ? null : cells(protocol.data.patient),
    ids,
    table.rowName,
  );
  const { split } = protocol.data;
  const sides = assignSplit({
    definition: split,
    cells: "column" in split ? cells(split.column) : null,
    patients: patients.names,
    seed: protocol.seed,
    allowPatientOverlap: protocol.data.allowPatientOverlap,
  });
  const attributes = attributeColumns(protocol);
  const weights =
    protocol.data.weight === undefined
      ? null
      : parseWeights(numbers(protocol.data.weight), table.rowName, protocol.data.weight);
  const allowMissing = protocol.data.unreadable === "reject";
  const comparators = protocol.comparators.map(({ id, columns }) => ({
    id,
    byClass: Object.entries(columns).map(
      ([name, column]) => [name, parseScores(numbers(column), table.rowName, column, false, allowMissing)] as const,
    ),
  }));
  const persons = encodePatients(patients.names, Uint32Array.from(ids.keys())).codes;
  const pick = (all: Float64Array, rows: Uint32Array) => Float64Array.from(rows, (row) => all[row] ?? Number.NaN);
  const byClass = (all: Readonly<Record<string, Int8Array>>, rows: Uint32Array) =>
    Object.fromEntries(
      Object.entries(all).map(([name, column]) => [name, Int8Array.from(rows, (row) => column[row] ?? -1)]),
    );
  const roster = (rows: Uint32Array): Roster => ({
    rows: Int32Array.from(rows),
    ids: Array.from(rows, (row) => ids[row] ?? ""),
    patients: recodePatients(persons, rows),
    persons: Int32Array.from(rows, (row) => persons[row] ?? -1),
    labels: byClass(labels, rows),
    relevance: byClass(relevance, rows),
    attributes: Object.fromEntries(attributes.map((name) => [name, Array.from(rows, (row) => cells(name)[row] ?? "")])),
    weights: weights === null ? null : pick(weights, rows),
    comparators: Object.fromEntries(
      comparators.map(({ id, byClass }) => [
        id,
        Object.fromEntries(byClass.map(([name, scores]) => [name, pick(scores, rows)])),
      ]),
    ),
  });
  const probabilities = parametersOf(protocol.model, adapter).probabilities !== false;
  const scores =
    scoreTables === null
      ? null
      : new Map(
          scoreTables.map(({ columns, condition }) => {
            // The tuning split is never attacked: only the evaluation split needs scores under other conditions.
            const rows = isClean(condition) ? null : sides.evaluation;
            const parsed = Object.entries(columns).map(([name, column]) => [
              name,
              parseScores(numbers(column), table.rowName, column, probabilities, allowMissing, rows),
            ]);
            return [conditionKey(condition), Object.fromEntries(parsed)] as const;
          }),
        );
  if (adapter.meta.needsImages) await table.checkImages?.(allowMissing);
  const tuning = roster(sides.tuning);
  const evaluation = roster(sides.evaluation);
  return {
    source: table,
    tuning,
    evaluation,
    flow: {
      read: table.count,
      tuning: tuning.ids.length,
      evaluation: evaluation.ids.length,
      tuningPatients: new Set(tuning.patients).size,
      evaluationPatients: new Set(evaluation.patients).size,
      excluded: sides.excluded,
    },
    deviations: [...patients.deviations, ...sides.deviations, ...(table.deviations ?? [])],
    scores,
  };
}

/**
 * 1 where a row has a reference number, -1 where its cell is empty.
 * @throws StepwedgeError where a cell is no number
 */
function withNumber({ texts, values }: Numbers, rowName: (row: number) => string, column: string): Int8Array {
  return Int8Array.from(values, (value, row) => {
    if (!Number.isNaN(value)) return 1;
    const text = texts.get(row) ?? "";
    if (text === "") return -1;
    throw new StepwedgeError(`is no number: ${received(text)}`, {
      where: `${rowName(row)}, column "${column}"`,
      remedy: "Give the reference as a number, or leave the cell empty where there is none.",
    });
  });
}

/** Columns that subgroups are made of. */
export function attributeColumns(protocol: Protocol): string[] {
  return [
    ...new Set(
      Object.values(protocol.subgroups).flatMap((definition) => ("column" in definition ? [definition.column] : [])),
    ),
  ];
}

function textColumns(protocol: Protocol, isNumber: boolean): string[] {
  const { data } = protocol;
  const masks = isNumber ? [] : Object.values(data.references).map(({ column }) => column);
  const labels = Object.values(data.labels).map((label) => (typeof label === "string" ? label : label.column));
  const split = "column" in data.split ? [data.split.column] : [];
  const patient = data.patient === undefined ? [] : [data.patient];
  return [...new Set([data.id, ...patient, ...labels, ...masks, ...split, ...attributeColumns(protocol)])];
}

function numberColumns({ comparators, data }: Protocol, scoreColumns: readonly string[]): string[] {
  const weight = data.weight === undefined ? [] : [data.weight];
  const box = data.region === undefined ? [] : [data.region.x, data.region.y, data.region.width, data.region.height];
  const others = comparators.flatMap(({ columns }) => Object.values(columns));
  const spacings = Object.values(data.references).flatMap(({ spacing }) => (Array.isArray(spacing) ? spacing : []));
  return [...new Set([...weight, ...box, ...scoreColumns, ...others, ...spacings])];
}
