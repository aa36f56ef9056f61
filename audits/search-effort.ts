/**
 * How much must an attacker ask? For attacks that ask the model about every image: the median number of queries until a
 * decision flips within ε, per class, subgroup, ε and defense.
 *
 * Images whose decision does not flip within the budget have only shown that they take more: Kaplan and Meier's median
 * takes them as censored at what they spent. Success is counted by the harness on the quantised image, not by the attack.
 */
import { type AuditMeta, defineAudit, type Study, type Subgroup } from "../src/core/audit.js";
import type { Condition } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import { distinctSubgroups, labelledCell, scoredCell } from "../src/stats/cell.js";
import { notEstimable } from "../src/stats/estimate.js";
import { findingOf, measured, type Subject } from "../src/stats/finding.js";
import { closedInterval, kaplanMeier, medianTime } from "../src/stats/survival.js";

const AUDIT = "search-effort";

const meta: AuditMeta = {
  id: AUDIT,
  title: "Effort of attacks",
  why: "An attack that needs ten questions is a danger wherever the model answers anyone; one that needs ten thousand can be noticed and stopped. Rate limits are set by such numbers.",
  needs: ["labels", "attacks", "operating-points"],
  metrics: [
    {
      id: "median-queries",
      title: "Median queries until a decision flips",
      unit: "query",
      description:
        "Queries that the attack spent on an image until its decision at the class's first operating point first differed from the clean one within ε: the median over labelled samples. Kaplan–Meier (1958), images that did not flip being censored at what they spent; interval: Brookmeyer–Crowley (1982) on the log(−log) scale, by patient. It depends on the budget only where the median is not reached.",
      better: "higher",
    },
  ],
  references: [
    "E. L. Kaplan, P. Meier, JASA 53 (1958) 457–481",
    "R. Brookmeyer, J. Crowley, Biometrics 38 (1982) 29–41",
  ],
};

export default defineAudit({
  meta,
  evaluate(study, { level }) {
    return study.classes.flatMap((className) =>
      distinctSubgroups(study).flatMap((subgroup) =>
        study.conditions.flatMap((condition) => {
          const spent = study.measures(condition, "search.queries");
          const success = study.measures(condition, "search.queries-to-success");
          if (spent === null || success === null || spent.every(Number.isNaN)) return [];
          // An attacker who does not know of the defense asks what he asks without it: that condition's finding says it.
          if (condition.adaptive === false) return [];
          return effortFinding(study, className, subgroup, condition, { spent, success }, level);
        }),
      ),
    );
  },
});

/** Columns by sample: queries spent, and queries at the first flip within ε (NaN: none). */
interface Effort {
  readonly spent: Float64Array;
  readonly success: Float64Array;
}

function effortFinding(
  study: Study,
  className: string,
  subgroup: Subgroup,
  condition: Condition,
  { spent, success }: Effort,
  level: number,
): Finding {
  const cell = labelledCell(study, subgroup, className);
  const scored = scoredCell(cell, [spent]);
  const rows = cell.rows.filter((row) => !Number.isNaN(spent[row]));
  const point = study.operatingPoints.find((one) => one.class === className);
  const subject: Subject = {
    audit: AUDIT,
    metric: "median-queries",
    class: className,
    operatingPoint: point?.id ?? null,
    subgroup: subgroup.values,
    family: subgroup.family,
    condition,
  };
  const times = Float64Array.from(rows, (row) =>
    Number.isNaN(success[row]) ? (spent[row] as number) : (success[row] as number),
  );
  const events = Uint8Array.from(rows, (row) => (Number.isNaN(success[row]) ? 0 : 1));
  const flipped = events.reduce((sum, event) => sum + event, 0);
  const total = rows.reduce((sum, row) => sum + (spent[row] as number), 0);
  const details = { flipped, "mean-queries": rows.length === 0 ? null : total / rows.length };
  const inQueries = (finding: Finding): Finding => ({ ...finding, unit: "query" });
  const found = medianTime(kaplanMeier({ times, events, patients: scored.patients }), level);
  if (found.median === null) {
    const reason = `${flipped} of ${rows.length} decisions flipped within the budget: the median lies beyond it`;
    return inQueries(findingOf(subject, notEstimable(reason), scored, level, { details }));
  }
  const largest = times.reduce((kept, time) => Math.max(kept, time), 0);
  const open = found.upper === null ? `the upper limit lies beyond the budget` : null;
  return inQueries(
    measured(subject, found.median, closedInterval(found, largest, level), scored, { details, reason: open }),
  );
}
