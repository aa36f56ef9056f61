import { StepwedgeError } from "../../core/errors.js";
import type { Deviation } from "../../core/record.js";
import type { RowName } from "./cells.js";

export interface PatientNames {
  /** The patient of each row; where the table does not tell, the sample's id. */
  readonly names: readonly string[];
  readonly deviations: readonly Deviation[];
}

/**
 * The patient of each row. Without a patient column every sample counts as a patient of its own, and the report says so.
 * @throws StepwedgeError that names the first row whose patient is missing
 */
export function patientNames(cells: readonly string[] | null, ids: readonly string[], rowName: RowName): PatientNames {
  if (cells === null) {
    const deviation: Deviation = {
      id: "patients-unknown",
      title: "Patients unknown",
      detail:
        "The protocol names no patient column: intervals assume independent samples, " +
        "and whether a patient is in both the tuning and the evaluation split cannot be checked.",
    };
    return { names: ids, deviations: [deviation] };
  }
  const empty = cells.findIndex((cell) => cell.trim() === "");
  if (empty !== -1) {
    throw new StepwedgeError("the row has no patient", {
      where: rowName(empty),
      remedy:
        "Fill the patient column in every row, or leave data.patient out; then every sample counts as a patient of its own.",
    });
  }
  return { names: cells, deviations: [] };
}

/** Patients of the given rows as codes 0 … count - 1, in the order in which they first appear. */
export function encodePatients(
  names: readonly string[],
  rows: Uint32Array,
): { readonly codes: Int32Array; readonly count: number } {
  const codeOf = new Map<string, number>();
  const codes = Int32Array.from(rows, (row) => {
    const name = names[row] ?? "";
    const known = codeOf.get(name);
    if (known !== undefined) return known;
    codeOf.set(name, codeOf.size);
    return codeOf.size - 1;
  });
  return { codes, count: codeOf.size };
}

/** The same out of codes that are at hand, which spares looking every name up again. */
export function recodePatients(all: Int32Array, rows: Uint32Array): Int32Array {
  const codeOf = new Int32Array(all.length).fill(-1);
  const codes = new Int32Array(rows.length);
  let count = 0;
  for (let i = 0; i < rows.length; i++) {
    const known = all[rows[i] as number] as number;
    if (codeOf[known] === -1) codeOf[known] = count++;
    codes[i] = codeOf[known] as number;
  }
  return codes;
}
