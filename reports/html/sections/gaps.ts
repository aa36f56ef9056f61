import { isClean } from "../../../src/core/condition.js";
import { dataName, groupValue, metricTitle } from "../../common/names.js";
import type { StudyView } from "../../common/study.js";
import type { Table } from "../blocks.js";
import { forest } from "../forest.js";
import { crossGroupTables } from "../gaps/cross-group.js";
import { diagnosisTable } from "../gaps/diagnosis.js";
import { mainMeasures, restTable } from "../gaps/differences.js";
import { gapTables, ratioTable } from "../gaps/families.js";
import { defineSection } from "../section.js";

/** Drawn in the open; those of sensitivity and specificity are folded, others stand among all findings alone. */
const MAIN = "auc-difference";
const DRAWN: ReadonlySet<string> = new Set([MAIN, "sensitivity-difference", "specificity-difference"]);

/** How far the groups of a family lie apart on clean images: what every study is asked for first, details folded. */
export default defineSection({
  id: "gaps",
  title: "Gaps between groups",
  order: 80,
  narrows: 2,
  view: ({ study }) => {
    if (!study.isClassifier) return null;
    const classes = study.classes.flatMap((className, index) => {
      const id = `${index + 1}`;
      const points = study.operatingPoints(className).map((point) => point.id);
      const plots = differencePlots(study, className, index);
      const [area, ...rates] = mainMeasures(study, className).map((measure, place) =>
        restTable(study, className, measure, `rest-${id}-${place + 1}`, place > 0),
      );
      const perPoint = (make: typeof ratioTable, name: string) =>
        points.map((point, place) => make(study, className, point, `${name}-${id}-${place + 1}`));
      const view = {
        heading: study.classes.length > 1 ? dataName(className) : null,
        main: present([area ?? null, ...rates]),
        gaps: gapTables(study, className, `gaps-${id}`),
        diagnosis: present(perPoint(diagnosisTable, "diagnosis")),
        plots: plots.filter(({ isMain }) => isMain).map(({ plot }) => plot),
        folded: plots.filter(({ isMain }) => !isMain).map(({ plot }) => plot),
        details: [...present(perPoint(ratioTable, "ratios")), ...crossGroupTables(study, className, `cross-${id}`)],
      };
      const tables = view.main.length + view.gaps.length + view.diagnosis.length + view.details.length;
      return plots.length + tables === 0 ? [] : [view];
    });
    return classes.length === 0 ? null : { classes };
  },
});

function present(tables: readonly (Table | null)[]): Table[] {
  return tables.filter((one) => one !== null);
}

/** One forest plot of differences per metric (and operating point); AUC first. */
function differencePlots(study: StudyView, className: string, index: number) {
  const found = study.record.findings.findings.filter(
    (one) => one.class === className && DRAWN.has(one.metric) && isClean(one.condition),
  );
  const kinds = [...new Map(found.map((one) => [`${one.metric} ${one.operatingPoint ?? ""}`, one])).values()];
  kinds.sort((a, b) => Number(b.metric === MAIN) - Number(a.metric === MAIN));
  return kinds.flatMap(({ metric, operatingPoint }, place) => {
    const at = operatingPoint === null ? "" : ` at ${dataName(operatingPoint)}`;
    const plot = forest({
      id: `differences-${index + 1}-${place + 1}`,
      caption: `${metricTitle(metric)}${at} of ${dataName(className)}: each group minus its reference group, clean images`,
      note: "Dashed line: no difference. n counts both groups.",
      measure: metricTitle(metric),
      reference: 0,
      bodies: study.families.map(({ name }) => ({
        heading: dataName(name),
        rows: found
          .filter((one) => one.family === name && one.metric === metric && one.operatingPoint === operatingPoint)
          .map((finding) => ({
            label: `${groupValue(finding.subgroup)} − ${groupValue(finding.reference ?? {})}`,
            finding,
          })),
      })),
    });
    return plot === null ? [] : [{ plot, isMain: metric === MAIN }];
  });
}
