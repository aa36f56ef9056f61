import { received, StepwedgeError } from "../../core/errors.js";
import { sha256 } from "../../core/hash.js";
import { randomFrom } from "../../core/random.js";
import type { Deviation, Flow } from "../../core/record.js";
import { asList } from "./cells.js";

/** Either a column that says where each row belongs, or the share of patients that a seeded draw sends to tuning. */
export type SplitDefinition =
  | {
      readonly column: string;
      readonly tuning?: string | readonly string[] | undefined;
      readonly evaluation: string | readonly string[];
    }
  | { readonly tuning: number };

export interface SplitInput {
  readonly definition: SplitDefinition;
  /** Cells of the definition's column; null where the definition has none. */
  readonly cells: readonly string[] | null;
  /** The patient of each row (see `patientNames`). */
  readonly patients: readonly string[];
  readonly seed: number;
  /** True: a patient may be on both sides; the report then shows it as a deviation. */
  readonly allowPatientOverlap: boolean;
}

export interface Split {
  /** Rows of the tuning side, ascending. */
  readonly tuning: Uint32Array;
  /** Rows of the evaluation side, ascending. */
  readonly evaluation: Uint32Array;
  /** Rows on neither side, by reason. */
  readonly excluded: Flow["excluded"];
  readonly deviations: readonly Deviation[];
}

/** Patients are named by the begin of their SHA-256, so that a message or report can be passed on. */
const SHORT_HASH = 12;
const NAMED_PATIENTS = 5;

/**
 * Splits rows into a tuning side (thresholds, universal attacks) and an evaluation side (everything reported).
 * @throws StepwedgeError where a side is empty or, unless it is allowed, patients are on both sides
 */
export function assignSplit(input: SplitInput): Split {
  const { definition } = input;
  const sides = "column" in definition ? sidesByColumn(definition, input) : sidesByPatient(definition.tuning, input);
  if (sides.evaluation.length === 0) throw emptySide("evaluation", input);
  if (sides.tuning.length === 0 && wantsTuning(definition)) throw emptySide("tuning", input);
  return { ...sides, deviations: checkOverlap(sides, input) };
}

type Sides = Omit<Split, "deviations">;

function sidesByColumn(definition: Extract<SplitDefinition, { column: string }>, input: SplitInput): Sides {
  const tuningValues = new Set(asList(definition.tuning ?? []));
  const evaluationValues = new Set(asList(definition.evaluation));
  const both = [...tuningValues].find((value) => evaluationValues.has(value));
  if (both !== undefined) {
    throw new StepwedgeError(`${received(both)} is both the tuning and the evaluation split`, {
      where: "data.split",
      remedy: "Tune on one part of the data and evaluate on another.",
    });
  }
  const tuning: number[] = [];
  const evaluation: number[] = [];
  const others = new Map<string, number>();
  const cells = input.cells ?? [];
  for (let row = 0; row < cells.length; row++) {
    const value = (cells[row] ?? "").trim();
    if (tuningValues.has(value)) tuning.push(row);
    else if (evaluationValues.has(value)) evaluation.push(row);
    else others.set(value, (others.get(value) ?? 0) + 1);
  }
  const excluded = [...others.keys()].sort().map((value) => ({
    reason: value === "" ? "split is empty" : `split is ${received(value)}`,
    count: others.get(value) ?? 0,
  }));
  return { tuning: Uint32Array.from(tuning), evaluation: Uint32Array.from(evaluation), excluded };
}

/**
 * A patient's side depends on the seed and on the patient's name alone: neither the order of the rows nor other
 * patients matter, so that a table that grows keeps everybody where they were. The share is met on average only.
 */
function sidesByPatient(share: number, input: SplitInput): Sides {
  if (share <= 0) {
    const everyRow = Uint32Array.from(input.patients.keys());
    return { tuning: new Uint32Array(0), evaluation: everyRow, excluded: [] };
  }
  const inTuning = new Map<string, boolean>();
  const tuning: number[] = [];
  const evaluation: number[] = [];
  for (let row = 0; row < input.patients.length; row++) {
    const patient = input.patients[row] ?? "";
    let side = inTuning.get(patient);
    if (side === undefined) {
      side = randomFrom(input.seed, "split", patient).uniform() < share;
      inTuning.set(patient, side);
    }
    (side ? tuning : evaluation).push(row);
  }
  return { tuning: Uint32Array.from(tuning), evaluation: Uint32Array.from(evaluation), excluded: [] };
}

function checkOverlap(sides: Sides, input: SplitInput): readonly Deviation[] {
  if (sides.tuning.length === 0) return [];
  const tuningPatients = new Set(Array.from(sides.tuning, (row) => input.patients[row] ?? ""));
  const shared = new Set<string>();
  for (const row of sides.evaluation) {
    const patient = input.patients[row] ?? "";
    if (tuningPatients.has(patient)) shared.add(patient);
  }
  if (shared.size === 0) return [];
  const hashes = [...shared].map((patient) => sha256(patient).slice(0, SHORT_HASH)).sort();
  const named = hashes.slice(0, NAMED_PATIENTS).join(", ");
  const further = hashes.length > NAMED_PATIENTS ? ` and ${hashes.length - NAMED_PATIENTS} more` : "";
  const count = `${shared.size} ${shared.size === 1 ? "patient is" : "patients are"}`;
  const detail = `${count} in both the tuning and the evaluation split (SHA-256 begins ${named}${further})`;
  if (!input.allowPatientOverlap) {
    throw new StepwedgeError(detail, {
      where: "data.split",
      remedy: "Put every patient on one side, or set data.allowPatientOverlap to true; the report will then say so.",
    });
  }
  return [
    {
      id: "patient-overlap",
      title: "Patients in both splits",
      detail: `${detail}. Thresholds and universal attacks have seen them: results are too favourable to both.`,
    },
  ];
}

function wantsTuning(definition: SplitDefinition): boolean {
  return "column" in definition ? definition.tuning !== undefined : definition.tuning > 0;
}

function emptySide(side: "tuning" | "evaluation", input: SplitInput): StepwedgeError {
  const { definition } = input;
  if (!("column" in definition)) {
    return new StepwedgeError(`no patient falls to the ${side} side`, {
      where: "data.split.tuning",
      remedy: "Give more patients, another share or another seed.",
    });
  }
  const found = [...new Set((input.cells ?? []).map((cell) => cell.trim()))].sort().slice(0, 20);
  return new StepwedgeError(`no row has the ${side} value ${received(definition[side])}`, {
    where: `data.split.${side}`,
    remedy: `Column ${JSON.stringify(definition.column)} holds: ${found.map((value) => JSON.stringify(value)).join(", ")}.`,
  });
}
