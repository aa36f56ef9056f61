import type { OperatingPoint } from "../../../src/core/audit.js";
import { decimal, epsilonText, integer, listed, methodText, shortHash } from "../../common/format.js";
import { dataName, metricTitle } from "../../common/names.js";
import { outcomesOf } from "../../common/outcomes.js";
import type { StudyView } from "../../common/study.js";
import { column, table, textCell } from "../blocks.js";
import { defineSection, type PageContext } from "../section.js";

/** How the numbers were made, in brief: thresholds, intervals, attacks and defenses. */
export default defineSection({
  id: "method",
  title: "Method in brief",
  order: 60,
  view: (context) => ({
    operatingPoints: operatingPointTable(context),
    level: decimal(context.record.protocol.confidence * 100, 0),
    intervals: intervalMethods(context.study),
    conditions: conditionTable(context),
    terms: [
      ...outcomesOf(context.study).map(({ description, id, title }) => ({
        term: metricTitle(id),
        meaning: `${title}. ${description}`,
      })),
      ...GLOSSARY.filter(({ metric }) => context.record.findings.findings.some((one) => one.metric === metric)).map(
        ({ metric, meaning }) => ({ term: metricTitle(metric), meaning }),
      ),
    ],
  }),
});

function operatingPointTable({ record, study }: PageContext) {
  const { operatingPoints } = record.findings;
  if (operatingPoints.length === 0) return null;
  const chosen = (point: OperatingPoint) =>
    point.chosenOn === "tuning"
      ? `tuning set (n = ${integer(point.n)}, ${integer(point.positives)} positive)`
      : "given in the protocol";
  return table({
    id: "operating-points",
    caption: "Operating points: chosen once, then locked for every group and condition",
    note: `${study.isClassifier ? "A score at or above the threshold is called positive." : "The score is the task's measure of success, in [0, 1]; attacks look for answers below the threshold."} Seal: the first digits of the SHA-256 of the point as findings.json has it, threshold and rule included; a point that is moved later has another.`,
    columns: [
      column("Operating point"),
      ...(study.classes.length > 1 ? [column("Class")] : []),
      column("Rule"),
      column("Chosen on"),
      column("Threshold", true),
      column("Seal"),
    ],
    bodies: [
      {
        heading: null,
        rows: operatingPoints.map((point) => ({
          header: textCell(dataName(point.id)),
          cells: [
            ...(study.classes.length > 1 ? [textCell(dataName(point.class))] : []),
            textCell(point.rule),
            textCell(chosen(point)),
            point.threshold === null
              ? textCell("not estimable", { muted: true, sub: point.reason })
              : textCell(decimal(point.threshold, 4)),
            textCell(shortHash(point.sha256)),
          ],
        })),
      },
    ],
  });
}

/** Which interval was used for which metrics, as the findings say. */
function intervalMethods(study: StudyView) {
  const byMethod = new Map<string, Set<string>>();
  for (const { interval, metric } of study.record.findings.findings) {
    if (interval === null) continue;
    const metrics = byMethod.get(interval.method) ?? new Set();
    byMethod.set(interval.method, metrics.add(metric));
  }
  return [...byMethod].map(([method, metrics]) => ({
    method: methodText(method),
    metrics: listed([...metrics].map(metricTitle)),
  }));
}

/** What was done to the images: one line per attack and defense, with what the protocol asked of it. */
function conditionTable({ record, study }: PageContext) {
  const { attacks, defenses } = record.protocol;
  if (attacks.length + defenses.length === 0) return null;
  const searched = new Set(study.series.filter((series) => series.searched).map((series) => series.attack));
  const describe = (entry: Readonly<Record<string, unknown>>) =>
    Object.entries(entry)
      .filter(([key, value]) => key !== "id" && value !== undefined && value !== null)
      .map(([key, value]) => `${dataName(key)} ${dataName(parameterText(key, value))}`)
      .join("; ");
  const row = (entry: Readonly<Record<string, unknown>> & { readonly id: string }, kind: string) => ({
    header: textCell(dataName(entry.id)),
    cells: [textCell(kind), textCell(describe(entry) || "defaults")],
  });
  return table({
    id: "conditions",
    caption: "What was done to the images",
    columns: [column("Id"), column("Kind"), column("Parameters")],
    bodies: [
      {
        heading: null,
        rows: [
          ...attacks.map((entry) =>
            row(entry, searched.has(entry.id) ? "attack, searched by queries" : "control, asks the model nothing"),
          ),
          ...defenses.map((entry) => row(entry, "defense")),
        ],
      },
    ],
  });
}

function parameterText(key: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((one) => parameterText(key, one)).join(", ");
  if (key === "epsilon" && typeof value === "number") return epsilonText(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const GLOSSARY: readonly { readonly metric: string; readonly meaning: string }[] = [
  {
    metric: "auc",
    meaning:
      "Area under the ROC curve: how often a positive image scores higher than a negative one. It is blind to a shift of all scores together.",
  },
  { metric: "sensitivity", meaning: "Share of the positive images called positive at the locked threshold." },
  { metric: "specificity", meaning: "Share of the negative images called negative at the locked threshold." },
  {
    metric: "ppv",
    meaning: "Share of the images called positive that are positive, at the prevalence of this evaluation set.",
  },
  {
    metric: "npv",
    meaning: "Share of the images called negative that are negative, at the prevalence of this evaluation set.",
  },
  {
    metric: "likelihood-ratio-positive",
    meaning: "Sensitivity over 1 − specificity: the factor by which a positive call raises the odds of disease.",
  },
  {
    metric: "likelihood-ratio-negative",
    meaning: "1 − sensitivity over specificity: the factor by which a negative call changes the odds of disease.",
  },
  {
    metric: "net-benefit",
    meaning:
      "True positives per patient, less false positives at what they are worth where the threshold probability is the risk at which treating and not treating are worth the same.",
  },
  { metric: "auc-difference", meaning: "AUC of a group minus AUC of its reference group." },
  { metric: "auc-gap", meaning: "Largest minus smallest AUC of the groups of one family." },
  { metric: "auc-drop", meaning: "AUC on clean images minus AUC on the changed images of the same patients." },
  {
    metric: "fooling-rate",
    meaning: "Share of the images whose decision at the locked threshold is another than on the clean image.",
  },
  {
    metric: "fooling-excess",
    meaning:
      "Decisions changed by the attack minus decisions changed by the control of the same size, in percentage points (pp).",
  },
];
