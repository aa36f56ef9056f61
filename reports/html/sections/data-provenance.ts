import type { AuditRecord } from "../../../src/core/record.js";
import { dataName } from "../../common/names.js";
import { defineSection } from "../section.js";
import { checksView, DATA_STATEMENTS, statementsView } from "../statements.js";

/** Where the test data come from, and whether anything was learnt from the patients that it was tested on. */
export default defineSection({
  id: "data-provenance",
  title: "Data provenance and independence",
  order: 48,
  view: ({ record }) => ({
    split: splitText(record),
    checks: checksView(record, [
      "splits-independent",
      "duplicates-checked",
      "patients-known",
      "operating-points-apart",
      "data-hashed",
      "demographics-by-split",
      "missing-counted",
    ]),
    statements: statementsView(record, DATA_STATEMENTS),
  }),
});

function splitText({ protocol }: AuditRecord): string | null {
  const split = protocol.data.split as { readonly column?: unknown; readonly tuning?: unknown } | undefined;
  if (split === undefined) return null;
  if (typeof split.column === "string") return `by the column ${dataName(split.column)} of the table`;
  return typeof split.tuning === "number"
    ? `a seeded draw of patients, ${Math.round(split.tuning * 100)}% of them for tuning`
    : null;
}
