import { isClean } from "../../../src/core/condition.js";
import type { Finding } from "../../../src/core/finding.js";
import { inSentence, isMeasured, levelText, metricRange, metricValue } from "../../common/format.js";
import { dataName, groupValue, metricTitle } from "../../common/names.js";
import type { StudyView } from "../../common/study.js";
import { adjustmentText, pText } from "../../common/tests.js";
import { type Cell, column, findingCell, type Table, table, testedCell, textCell } from "../blocks.js";

/** Gaps that stand open; the others are folded. */
const MAIN: ReadonlySet<string> = new Set(["auc-gap", "sensitivity-gap", "specificity-gap", "equalized-odds-gap"]);

/** Largest minus smallest value within each family, in two tables: those that every study is asked for, and the others. */
export function gapTables(study: StudyView, className: string, id: string): Table[] {
  const gaps = study.record.findings.findings.filter(
    (one) => one.class === className && one.metric.endsWith("-gap") && isClean(one.condition),
  );
  const [main, others] = [
    gaps.filter(({ metric }) => MAIN.has(metric)),
    gaps.filter(({ metric }) => !MAIN.has(metric)),
  ];
  return [
    ...(main.length === 0 ? [] : [gapTable(study, className, main, id, false)]),
    ...(others.length === 0 ? [] : [gapTable(study, className, others, `${id}-others`, true)]),
  ];
}

function gapTable(study: StudyView, className: string, gaps: readonly Finding[], id: string, isFolded: boolean): Table {
  const level = gaps.find((one) => one.interval !== null)?.interval?.level;
  const nameOf = (key: unknown) => {
    const group = study.groupOfKey(key);
    return group === undefined ? "—" : groupValue(group.values);
  };
  const hasPermutations = gaps.some((gap) => permutationOf(gap) !== undefined);
  const title = isFolded
    ? `Further gaps within each family for ${dataName(className)}: predictive parity, demographic parity, accuracy and others`
    : `Largest gap within each family for ${dataName(className)}, clean images${level === undefined ? "" : ` (${levelText(level)})`}`;
  return table({
    id,
    caption: title,
    note: [
      "A largest-minus-smallest gap is never negative and grows with the number of groups, also where chance alone is at work: the estimate is biased upward. Less bias: the estimate with that taken off, and an interval that does not pay for it.",
      "Under the gap: the test that all groups are alike, by the largest pairwise difference.",
      hasPermutations ? "Permutation: the same by dealing patients anew; p-values adjusted among themselves." : null,
      adjustmentText(gaps),
    ]
      .filter((part) => part !== null)
      .join(" "),
    folded: isFolded ? title : null,
    columns: [
      column("Measure"),
      column("Gap", true),
      column("Less bias", true),
      ...(hasPermutations ? [column("Permutation", true)] : []),
      column("Best"),
      column("Worst"),
      column("n", true),
    ],
    bodies: [...new Set(gaps.map(({ family }) => family))].map((family) => ({
      heading: family === null ? null : dataName(family),
      rows: gaps
        .filter((gap) => gap.family === family)
        .map((gap) => ({
          header: textCell(
            `${metricTitle(gap.metric)}${gap.operatingPoint === null ? "" : ` at ${dataName(gap.operatingPoint)}`}`,
            { title: inSentence(gap) },
          ),
          cells: [
            testedCell(gap),
            correctedCell(gap),
            ...(hasPermutations ? [permutationCell(gap)] : []),
            textCell(nameOf(gap.details?.best)),
            textCell(nameOf(gap.details?.worst)),
            textCell(gap.status === "suppressed" ? "hidden" : String(gap.n)),
          ],
        })),
    })),
  });
}

function correctedCell(gap: Finding): Cell {
  const [value, lower, upper] = ["", "-lower", "-upper"].map((end) => gap.details?.[`bias-corrected${end}`]);
  if (!isMeasured(gap) || typeof value !== "number") return textCell("—", { muted: true });
  const interval = typeof lower === "number" && typeof upper === "number" ? { lower, upper } : null;
  return textCell(metricValue(gap.metric, value), {
    sub: interval === null ? null : metricRange(gap.metric, interval),
  });
}

function permutationOf(gap: Finding) {
  return gap.tests?.find(({ method }) => method === "permutation");
}

function permutationCell(gap: Finding): Cell {
  const test = permutationOf(gap);
  if (!isMeasured(gap) || test === undefined) {
    const why = gap.details?.["permutation-test"];
    return textCell("—", { muted: true, title: typeof why === "string" ? why : null });
  }
  const [permutations, dealt] = [gap.details?.permutations, gap.details?.["patients-dealt"]];
  const title =
    typeof permutations === "number" && typeof dealt === "number"
      ? `${permutations} permutations of ${dealt} patients`
      : null;
  return textCell(pText(test.p), { sub: test.adjusted === undefined ? null : `${pText(test.adjusted.p)} adj.`, title });
}

/** Ratios of each group's rates to its reference's, and of the smallest to the largest; null where there are none. */
export function ratioTable(study: StudyView, className: string, point: string, id: string): Table | null {
  const bases = ["selection-rate", "sensitivity", "fpr", "fnr"];
  const find = (metric: string, group: { family: string | null; values: Finding["subgroup"] }) =>
    study.find({ metric, class: className, group, operatingPoint: point });
  const bodies = study.families.map(({ name, groups }) => {
    const whole = { family: name, values: {} };
    const [parity, odds] = ["selection-rate-min-max-ratio", "equalized-odds-ratio"].map((metric) =>
      find(metric, whole),
    );
    return {
      heading: dataName(name),
      rows: [
        ...groups.flatMap((group) => {
          const found = bases.map((base) => find(`${base}-ratio`, group));
          if (found.every((one) => one === undefined)) return [];
          const reference = found.find((one) => one?.reference !== undefined)?.reference;
          const over = reference === undefined ? "" : ` over ${groupValue(reference)}`;
          return [
            { header: textCell(`${groupValue(group.values)}${over}`), cells: found.map((one) => findingCell(one)) },
          ];
        }),
        ...(parity === undefined ? [] : [{ header: textCell("Smallest over largest"), cells: [findingCell(parity)] }]),
        ...(odds === undefined
          ? []
          : [{ header: textCell("Equalised odds ratio"), cells: [textCell(""), findingCell(odds)] }]),
      ],
    };
  });
  if (bodies.every(({ rows }) => rows.length === 0)) return null;
  const title = `Ratios of rates at ${dataName(point)} for ${dataName(className)}, clean images`;
  return table({
    id,
    caption: title,
    note: "1: alike. Smallest over largest: of the shares called positive (demographic parity). Equalised odds ratio: the smallest over the largest sensitivity or false positive rate, whichever is smaller. “or more”: the divisor may be 0, so that nothing bounds the ratio. Where the disease is not equally frequent, shares called positive should differ.",
    folded: title,
    columns: [
      column("Group"),
      column("Called positive", true),
      column("Sensitivity", true),
      column("FPR", true),
      column("FNR", true),
    ],
    bodies: bodies.map((body) => ({
      ...body,
      rows: body.rows.map((row) => ({
        ...row,
        cells: [...row.cells, ...bases.slice(row.cells.length).map(() => textCell(""))],
      })),
    })),
  });
}
