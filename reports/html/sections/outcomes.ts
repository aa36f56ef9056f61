import { dataName, metricTitle } from "../../common/names.js";
import { attackTitle } from "../../common/names.js";
import { outcomesOf, primaryOutcomes } from "../../common/outcomes.js";
import type { OutcomeDescription } from "../../../src/core/outcome.js";
import type { StudyView } from "../../common/study.js";
import type { Figure } from "../blocks.js";
import {
  agreementTable,
  conditionOutcomes,
  outcomeForest,
  outcomeGapTable,
  outcomeLosses,
  outcomeTable,
  worstTable,
} from "../outcomes/tables.js";
import { stabilityTable, symbolTable } from "../outcomes/symbols.js";
import { defineSection } from "../section.js";
import { strengthLegend, strengthPanel, withStyles } from "../strength-panel.js";
import { strengthGroups, strengthPoints, valueAxis } from "../strengths.js";

/** Tasks other than classification: what was measured of every case, for whom it is worse, and what attacks take. */
export default defineSection({
  id: "outcomes",
  title: "Outcomes case by case",
  order: 71,
  narrows: 3,
  view: ({ study }) => {
    const all = outcomesOf(study);
    if (all.length === 0) return null;
    const primary = primaryOutcomes(study);
    const classes = study.classes.map((className, index) => {
      const id = `${index + 1}`;
      const forests = all.map((outcome) => ({
        isOpen: primary.includes(outcome),
        plot: outcomeForest(study, className, outcome, `${id}-${outcome.id}`),
      }));
      return {
        heading: study.classes.length > 1 ? dataName(className) : null,
        outcomes: outcomeTable(study, className, all, id),
        agreement: agreementTable(study, className, id),
        symbols: present([symbolTable(study, className, id), stabilityTable(study, className, id)]),
        gaps: outcomeGapTable(
          study,
          className,
          all.filter((one) => one.ofReference === undefined),
          id,
        ),
        plots: present(forests.map(({ isOpen, plot }) => (isOpen ? plot : null))),
        folded: present(forests.map(({ isOpen, plot }) => (isOpen ? null : plot))),
        worst: worstTable(study, className, all, id),
        conditions: conditionOutcomes(study, className, primary, id),
        figures: strengthFigures(study, className, primary, id),
        losses: present(primary.map((outcome) => outcomeLosses(study, className, outcome, `${id}-${outcome.id}`))),
      };
    });
    return { classes, hasConditions: study.conditions.length > 1 };
  },
});

function present<Value>(values: readonly (Value | null)[]): Value[] {
  return values.filter((one) => one !== null);
}

/** The primary outcomes against the strength of the change, side by side, per scale of strength. */
function strengthFigures(
  study: StudyView,
  className: string,
  shown: readonly OutcomeDescription[],
  id: string,
): Figure[] {
  return strengthGroups(study.seriesBehind("none")).flatMap((group): Figure[] => {
    const panels = shown.flatMap((outcome) => {
      const lines = withStyles(group).map(({ series, style }) => ({
        name: attackTitle(series),
        style,
        points: strengthPoints(study, series, { metric: outcome.id, class: className }),
      }));
      const points = lines.flatMap((line) => line.points);
      // What nothing changed needs no picture.
      if (points.every(({ value }) => value === points[0]?.value)) return [];
      const values = valueAxis(outcome.id, points, {
        from: outcome.better === "lower" ? 0 : null,
        to: outcome.better === "higher" && outcome.range[1] === 1 ? 1 : null,
      });
      const unit = study.unitOf(outcome.id);
      const title = metricTitle(outcome.id);
      const subtitle = `${unit === "1" ? "" : `in ${dataName(unit)}, `}all patients`;
      return [strengthPanel({ title, subtitle, metric: outcome.id, lines, group, values })];
    });
    if (panels.length === 0) return [];
    return [
      {
        id: `outcome-strength-${id}-${group.id}`,
        caption: `Outcomes of ${dataName(className)} against the strength of the change, no defense`,
        note: "Vertical bars: intervals. Gray: controls, which ask the model nothing; an attack counts for what it does beyond them.",
        legend: strengthLegend(group),
        panels,
        size: "medium",
      },
    ];
  });
}
