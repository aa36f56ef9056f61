import { join } from "node:path";
import type { StepwedgeError } from "../core/errors.js";
import type { RejectionCount } from "../core/record.js";
import { SCORES_FOLDER } from "./evidence.js";
import { REJECTIONS } from "./images.js";
import { writeWhole } from "./parquet.js";
import type { Roster } from "./roster.js";

/** Code of a sample of a score table that lacks the score of a class: the one after those of images. */
export const NO_SCORE = REJECTIONS.length + 1;

const REASONS = [...REJECTIONS, "the table holds no score"] as const;

/** Beside the score tables: which samples were rejected and what was wrong with each. Names files; part of no report. */
export const REJECTIONS_FILE = "rejections.json";

/** The samples of one split that were rejected, each with its code. */
export interface SplitRejections {
  readonly split: RejectionCount["split"];
  readonly rows: readonly { readonly id: string; readonly row: number; readonly code: number }[];
}

/** The rejected samples of a split, in its order. */
export function rejectionsIn(split: RejectionCount["split"], roster: Roster, codes: Float64Array): SplitRejections {
  const rows = Array.from(codes, (code, index) => ({
    id: roster.ids[index] ?? "",
    row: roster.rows[index] ?? -1,
    code,
  })).filter(({ code }) => code > 0);
  return { split, rows };
}

/** For the flow: how many samples of each split were rejected, by reason. */
export function countRejections(rejections: readonly SplitRejections[]): RejectionCount[] {
  return rejections.flatMap(({ split, rows }) =>
    REASONS.flatMap((reason, index) => {
      const count = rows.filter(({ code }) => code === index + 1).length;
      return count === 0 ? [] : [{ split, reason, count }];
    }),
  );
}

/** Writes the rejected samples with the error of each, which is found by loading it once more. */
export async function writeRejections(
  out: string,
  rejections: readonly SplitRejections[],
  faultOf: (row: number) => Promise<StepwedgeError | null>,
): Promise<void> {
  const listed: Record<string, string | number | null>[] = [];
  for (const { split, rows } of rejections) {
    for (const { id, row, code } of rows) {
      const fault = await faultOf(row);
      listed.push({ split, id, row, reason: REASONS[code - 1] ?? "", error: fault === null ? null : fault.format() });
    }
  }
  if (listed.length === 0) return;
  writeWhole(join(out, SCORES_FOLDER, REJECTIONS_FILE), `${JSON.stringify(listed, null, 2)}\n`);
}
