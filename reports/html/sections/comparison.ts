import { isClean } from "../../../src/core/condition.js";
import type { Finding } from "../../../src/core/finding.js";
import { decimal, isMeasured, metricValue } from "../../common/format.js";
import { conditionTitle, dataName, groupValue, metricTitle } from "../../common/names.js";
import { EVERYBODY, type Group, type StudyView } from "../../common/study.js";
import { adjustmentText, differenceTestOf, pText, shortTest } from "../../common/tests.js";
import { type Cell, column, findingCell, table, textCell } from "../blocks.js";
import { forest } from "../forest.js";
import { defineSection } from "../section.js";

/** Group tables of more rows than this, all classes together, are left to findings.json: the page stays below a megabyte. */
const MOST_ROWS = 600;

/** The model against others on the same patients. */
export default defineSection({
  id: "comparison",
  title: "Comparison with other models",
  order: 79,
  narrows: 1,
  view: ({ study, record }) => {
    const alpha = 1 - record.protocol.confidence;
    const pairs = study.classes.flatMap((className, index) =>
      comparatorsOf(study, className).map((comparator, place) => {
        const of = advantages(study, className, comparator);
        const id = `${index + 1}-${place + 1}`;
        return {
          heading:
            study.classes.length > 1
              ? `${dataName(className)}, against ${dataName(comparator)}`
              : `Against ${dataName(comparator)}`,
          forest: areaForest(study, of, className, comparator, id),
          tables: [
            ...tables(study, of, className, comparator, id, alpha),
            ...conditionTables(study, className, comparator, id, alpha),
          ],
        };
      }),
    );
    const shortened = isShortened(study)
      ? "To keep this page small, groups are shown by AUC, and conditions other than clean by AUC for all patients. Everything else stands in the JSON file."
      : null;
    return pairs.length === 0 ? null : { pairs, shortened };
  },
});

/** Whether all tables together would be too long; decided by what there is, not by what came out. */
function isShortened(study: StudyView): boolean {
  const conditions = Math.max(1, study.conditions.length - 1);
  const measures = 1 + 2 * Math.max(0, ...study.classes.map((name) => study.operatingPoints(name).length));
  return study.classes.length * (study.groups.length + conditions) * measures > MOST_ROWS;
}

function comparatorsOf(study: StudyView, className: string): string[] {
  const names = study.all("auc-advantage", className).map(nameOf);
  return [...new Set(names.filter((name) => name !== null))];
}

/** Hidden findings lose their details: their id still ends with the comparator. */
export function nameOf({ details, id }: Finding): string | null {
  const named = details?.comparator;
  return typeof named === "string" ? named : (/\/vs-([^/]+)$/.exec(id)?.[1] ?? null);
}

type Advantages = (metric: string, group: Group, operatingPoint: string | null) => Finding | undefined;

/** Findings against one comparator, by what they are about. */
function advantages(study: StudyView, className: string, comparator: string): Advantages {
  const keyOf = (values: object, operatingPoint: string | null) =>
    JSON.stringify([Object.entries(values), operatingPoint]);
  const found = new Map<string, Map<string, Finding>>();
  for (const metric of METRICS) {
    const own = study.all(metric, className).filter((finding) => nameOf(finding) === comparator);
    found.set(metric, new Map(own.map((finding) => [keyOf(finding.subgroup, finding.operatingPoint), finding])));
  }
  return (metric, group, operatingPoint) => found.get(metric)?.get(keyOf(group.values, operatingPoint));
}

const METRICS = [
  "auc-advantage",
  "sensitivity-advantage",
  "specificity-advantage",
  "brier-advantage",
  "average-precision-advantage",
  "ppv-advantage",
  "npv-advantage",
  "accuracy-advantage",
] as const;
/** Those at an operating point. */
const AT_POINTS = ["sensitivity", "specificity", "ppv", "npv", "accuracy"].map((rate) => `${rate}-advantage`);

function areaForest(study: StudyView, of: Advantages, className: string, comparator: string, id: string) {
  const row = (group: Group) => ({
    label: group.family === null ? "All patients" : groupValue(group.values),
    finding: of("auc-advantage", group, null),
  });
  return forest({
    id: `comparison-forest-${id}`,
    caption: `AUC of the model minus AUC of ${dataName(comparator)}, ${dataName(className)}, by subgroup, clean images`,
    note: "Square: difference on the images that both models scored. Bar: paired interval. Dashed line: no difference. Right of it the audited model is better.",
    measure: "Difference in AUC",
    reference: 0,
    bodies: [
      { heading: null, rows: [row(EVERYBODY)] },
      ...study.families.map(({ name, groups }) => ({ heading: dataName(name), rows: groups.map(row) })),
    ],
  });
}

/** All patients measure by measure, and, folded, each group. */
function tables(study: StudyView, of: Advantages, className: string, comparator: string, id: string, alpha: number) {
  const points = study.operatingPoints(className).map((point) => point.id);
  const measures = [
    { metric: "auc-advantage", point: null },
    ...points.flatMap((point) => AT_POINTS.map((metric) => ({ metric, point }))),
    { metric: "brier-advantage", point: null },
    { metric: "average-precision-advantage", point: null },
  ].filter(({ metric, point }) => of(metric, EVERYBODY, point) !== undefined);
  const titleOf = ({ metric, point }: (typeof measures)[number]) =>
    `${TITLES[metric] ?? metricTitle(metric)}${point === null ? "" : ` at ${dataName(point)}`}`;
  const all = measures.flatMap((measure) => of(measure.metric, EVERYBODY, measure.point) ?? []);
  const columns = columnsOf(comparator);
  const first = all.find((finding) => typeof finding.details?.margin === "number")?.details?.margin;
  const margin = typeof first === "number" ? decimal(first, 2) : "the margin";
  const overall = table({
    id: `comparison-${id}`,
    caption: `The model against ${dataName(comparator)}, ${dataName(className)}, all patients, clean images`,
    note: `Differences: positive where the audited model is better (for the Brier score: lower). Each model decides at its own locked threshold. p: of no difference (AUC: DeLong or Obuchowski; decisions: McNemar, exact, or z clustered by patient where patients repeat). Not inferior: one-sided p that the loss is below ${margin}, held against ${decimal(alpha / 2, 3)}. Detectable: the smallest true difference that would be found with 80% power. Better and worse: where p and interval both say so. ${adjustmentText(all) ?? ""}`.trim(),
    columns: [column("Measure"), ...columns],
    bodies: [
      {
        heading: null,
        rows: measures.flatMap((measure) => {
          const finding = of(measure.metric, EVERYBODY, measure.point);
          return finding === undefined ? [] : [{ header: textCell(titleOf(measure)), cells: cellsOf(finding, alpha) }];
        }),
      },
    ],
  });
  if (study.families.length === 0 || isShortened(study)) return [overall];
  const byGroup = table({
    id: `comparison-groups-${id}`,
    caption: `The model against ${dataName(comparator)}, ${dataName(className)}, by subgroup, clean images`,
    note: "As above.",
    folded: `The model against ${dataName(comparator)} in each group`,
    columns: [column("Group"), ...columns],
    bodies: measures.map((measure) => ({
      heading: titleOf(measure),
      rows: study.families.flatMap(({ name, groups }) =>
        groups.flatMap((group) => {
          const finding = of(measure.metric, group, measure.point);
          const title = `${dataName(name)}: ${groupValue(group.values)}`;
          return finding === undefined ? [] : [{ header: textCell(title), cells: cellsOf(finding, alpha) }];
        }),
      ),
    })),
  });
  return [overall, byGroup];
}

const TITLES: Readonly<Record<string, string>> = {
  "auc-advantage": "AUC",
  "sensitivity-advantage": "Sensitivity",
  "specificity-advantage": "Specificity",
  "brier-advantage": "Brier score",
  "average-precision-advantage": "Average precision",
  "ppv-advantage": "PPV",
  "npv-advantage": "NPV",
  "accuracy-advantage": "Accuracy",
};

/** Under attacks and defenses that both models were scored under: all patients, condition by condition. */
function conditionTables(study: StudyView, className: string, comparator: string, id: string, alpha: number) {
  const measures = isShortened(study)
    ? (["auc-advantage"] as const)
    : METRICS.filter((metric) => metric !== "brier-advantage");
  const points = [null, ...study.operatingPoints(className).map((point) => point.id)];
  const rows = (metric: string, point: string | null) =>
    study.conditions
      .filter((condition) => !isClean(condition))
      .flatMap((condition) =>
        study
          .all(metric, className, condition)
          .filter((one) => one.family === null && one.operatingPoint === point && nameOf(one) === comparator)
          .map((one) => ({ header: textCell(conditionTitle(condition)), cells: cellsOf(one, alpha) })),
      );
  const bodies = points.flatMap((point) =>
    measures.map((metric) => ({
      heading: `${TITLES[metric] ?? metricTitle(metric)}${point === null ? "" : ` at ${dataName(point)}`}`,
      rows: rows(metric, point),
    })),
  );
  if (bodies.every((body) => body.rows.length === 0)) return [];
  return [
    table({
      id: `comparison-conditions-${id}`,
      caption: `The model against ${dataName(comparator)}, ${dataName(className)}, all patients, under attacks and defenses`,
      note: "Each model is held against what was done to it: an attack that learns has learnt from the model that it attacks. As above otherwise.",
      folded: `The model against ${dataName(comparator)} under attacks and defenses`,
      columns: [column("Condition"), ...columnsOf(comparator)],
      bodies,
    }),
  ];
}

/** What stands beside each difference. */
function columnsOf(comparator: string) {
  return [
    column("Model", true),
    column(dataName(comparator), true),
    column("Difference", true),
    column("p", true),
    column("Not inferior", true),
    column("Detectable", true),
    column("Conclusion"),
  ];
}

function cellsOf(finding: Finding, alpha: number): Cell[] {
  const base = finding.metric.replace(/-advantage$/, "");
  const details = finding.details ?? {};
  const none = textCell("—", { muted: true });
  const number = (key: string, metric: string): Cell => {
    const value = details[key];
    return typeof value === "number" ? textCell(metricValue(metric, value)) : none;
  };
  const inferiority = finding.tests?.find(({ method }) => method === "non-inferiority");
  const p = shortTest(finding);
  return [
    number("model-estimate", base),
    number("comparator-estimate", base),
    findingCell(finding),
    p === null ? none : textCell(p.replace(/^p = /, "")),
    inferiority === undefined ? none : textCell(pText(inferiority.p).replace(/^p = /, "")),
    number("minimum-detectable", finding.metric),
    textCell(conclusion(finding, alpha, inferiority?.p ?? null)),
  ];
}

/** What a difference says, in a word: where p and interval both say so. */
export function conclusion(finding: Finding, alpha: number, inferiority: number | null): string {
  if (!isMeasured(finding)) return "—";
  const test = differenceTestOf(finding);
  // Measures that are resampled have no test: their interval stands alone.
  const p = test?.adjusted?.p ?? test?.p ?? 0;
  const assessment = finding.details?.assessment;
  const within = assessment === "different, within the margin" ? ", within the margin" : "";
  // McNemar's test and the interval are made differently: where they disagree nothing is concluded.
  const { lower = 0, upper = 0 } = finding.interval ?? {};
  if (p <= alpha && (lower > 0 || upper < 0)) return `${finding.estimate > 0 ? "better" : "worse"}${within}`;
  if (assessment === "equivalent within the margin") return "equivalent within the margin";
  return inferiority !== null && inferiority <= alpha / 2 ? "not inferior" : "inconclusive";
}
