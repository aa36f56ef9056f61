import type { RejectionCount } from "../../../src/core/record.js";
import { counted, integer } from "../../common/format.js";
import { completenessTables } from "../cohort/completeness.js";
import { demographics, labelTables, missingTable, referenceTable, splitTable } from "../cohort/composition.js";
import { duplicateTable, exampleTable } from "../cohort/duplicates.js";
import { defineSection } from "../section.js";

/** What became of every row of the table, who the patients are, what is missing, and what is there twice. */
export default defineSection({
  id: "data",
  title: "Data and flow",
  order: 50,
  narrows: 1,
  view: (context) => {
    const { duplicates, flow } = context.record.findings;
    const excluded = flow.excluded.reduce((sum, { count }) => sum + count, 0);
    const rejected = (split: RejectionCount["split"]) =>
      flow.rejected
        .filter((one) => one.split === split)
        .map(({ reason, count }) => ({ reason, count: integer(count) }));
    const completeness = completenessTables(context);
    return {
      read: counted(flow.read, "row"),
      excluded: flow.excluded.map(({ reason, count }) => ({ reason, count: integer(count) })),
      excludedTotal: integer(excluded),
      tuning: counted(flow.tuning, "image"),
      tuningPatients: counted(flow.tuningPatients, "patient"),
      tuningRejected: rejected("tuning"),
      evaluation: counted(flow.evaluation, "image"),
      evaluationPatients: counted(flow.evaluationPatients, "patient"),
      evaluationRejected: rejected("evaluation"),
      labels: context.study.isClassifier ? splitTable(context) : referenceTable(context),
      demographics: demographics(context),
      classes: context.study.isClassifier ? labelTables(context) : [],
      missing: missingTable(context),
      completeness,
      complete: flow.rejected.some(({ split }) => split === "evaluation")
        ? "The audit of data completeness was not asked for."
        : `Every ${context.study.isClassifier ? "labelled evaluation sample has a score" : "evaluation sample with a reference was answered"}.`,
      unchecked: duplicates.unchecked === null ? null : `Duplicates were ${duplicates.unchecked}.`,
      duplicates: duplicateTable(duplicates),
      examples: exampleTable(duplicates),
    };
  },
});
