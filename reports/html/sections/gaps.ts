import { isClean } from "../../../src/core/condition.js";
import { inSentence, levelText } from "../../common/format.js";
import { dataName, groupTitle, groupValue, metricTitle } from "../../common/names.js";
import type { StudyView } from "../../common/study.js";
import { column, findingCell, table, textCell } from "../blocks.js";
import { forest } from "../forest.js";
import { defineSection } from "../section.js";

const MAIN = "auc-difference";

/** How far the groups of a family lie apart on clean images. */
export default defineSection({
  id: "gaps",
  title: "Gaps between groups",
  order: 80,
  view: ({ study }) => {
    const classes = study.classes.flatMap((className, index) => {
      const view = {
        heading: study.classes.length > 1 ? dataName(className) : null,
        differences: differencePlots(study, className, index),
        gaps: gapTable(study, className, index),
      };
      return view.differences.length === 0 && view.gaps === null ? [] : [view];
    });
    return classes.length === 0 ? null : { classes };
  },
});

/** One forest plot of differences per metric (and operating point); AUC first. */
function differencePlots(study: StudyView, className: string, index: number) {
  const found = study.record.findings.findings.filter(
    (one) => one.class === className && one.metric.endsWith("-difference") && isClean(one.condition),
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
    return plot === null ? [] : [plot];
  });
}

/** Largest minus smallest value within each family. */
function gapTable(study: StudyView, className: string, index: number) {
  const gaps = study.record.findings.findings.filter(
    (one) => one.class === className && one.metric.endsWith("-gap") && isClean(one.condition),
  );
  if (gaps.length === 0) return null;
  const detail = (key: unknown) => {
    const group = study.groupOfKey(key);
    return group === undefined ? "—" : groupValue(group.values);
  };
  const level = gaps.find((one) => one.interval !== null)?.interval?.level;
  return table({
    id: `gaps-${index + 1}`,
    caption: `Largest gap within each family for ${dataName(className)}, clean images${level === undefined ? "" : ` (${levelText(level)})`}`,
    note: "A largest-minus-smallest gap is never negative and grows with the number of groups, also where chance alone is at work: read it with its interval.",
    columns: [
      column("Family"),
      column("Measure"),
      column("Gap", true),
      column("Highest"),
      column("Lowest"),
      column("n", true),
    ],
    bodies: [
      {
        heading: null,
        rows: gaps.map((gap) => ({
          header: textCell(gap.family === null ? groupTitle(gap.subgroup) : dataName(gap.family)),
          cells: [
            textCell(
              `${metricTitle(gap.metric)}${gap.operatingPoint === null ? "" : ` at ${dataName(gap.operatingPoint)}`}`,
              { title: inSentence(gap) },
            ),
            findingCell(gap),
            textCell(detail(gap.details?.best)),
            textCell(detail(gap.details?.worst)),
            textCell(String(gap.n)),
          ],
        })),
      },
    ],
  });
}
