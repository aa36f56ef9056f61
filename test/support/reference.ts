import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LabelledScores } from "../../src/stats/auc.js";

/** A file of reference numbers from other tools, as parsed JSON. Its shape is the caller's to know. */
export function reference<Shape>(name: string): Shape {
  return JSON.parse(readFileSync(join(process.cwd(), "test", "reference", name), "utf8")) as Shape;
}

/** Within 1e-9 of the expected number, relatively, or within 1e-12 of it: the reference files' stated tolerance. */
export function expectClose(actual: number | undefined, expected: number, relative = 1e-9, absolute = 1e-12): void {
  if (actual === undefined) throw new Error(`received undefined, expected ${expected}`);
  const allowed = Math.max(absolute, relative * Math.abs(expected));
  if (!(Math.abs(actual - expected) <= allowed)) {
    throw new Error(`received ${actual}, expected ${expected} within ${allowed}`);
  }
}

/** Columns of the reference datasets. */
export interface ReferenceInputs {
  readonly y: readonly number[];
  readonly score: readonly number[];
  readonly score2?: readonly number[];
  readonly group?: readonly string[];
  readonly patient?: readonly number[];
}

/** The rows of a reference dataset that are kept, in patient order; without `patient` every row is its own patient. */
export function labelledScores(
  inputs: ReferenceInputs,
  options: {
    readonly scores?: readonly number[];
    readonly patients?: readonly number[];
    readonly keep?: (row: number) => boolean;
  } = {},
): LabelledScores {
  const patients = options.patients ?? inputs.y.map((_, row) => row);
  const keep = options.keep ?? (() => true);
  const rows = inputs.y
    .map((_, row) => row)
    .filter(keep)
    .sort((a, b) => (patients[a] as number) - (patients[b] as number));
  const scores = options.scores ?? inputs.score;
  return {
    scores: Float64Array.from(rows, (row) => scores[row] as number),
    labels: Uint8Array.from(rows, (row) => inputs.y[row] as number),
    patients: Int32Array.from(rows, (row) => patients[row] as number),
    clustered: options.patients !== undefined,
  };
}
