import { CLEAN } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import { sha256 } from "../src/core/hash.js";
import { type AuditRecord, findingsText } from "../src/core/record.js";
import { defineReport } from "../src/core/report.js";
import {
  counted,
  countsShort,
  estimateText,
  instant,
  integer,
  intervalText,
  levelText,
  listed,
} from "./common/format.js";
import { escapeMarkdown, markdownTable } from "./common/markdown.js";
import { conditionTitle, dataName, groupTitle, metricTitle } from "./common/names.js";
import { principalObservations } from "./common/observations.js";
import { DEVICE_KEYS, deviceOf, STATEMENTS, type StatementKey, statementOf } from "./common/statements.js";
import { outcomesOf, primaryOutcomes } from "./common/outcomes.js";
import { type Group, type Series, StudyView } from "./common/study.js";

/**
 * A model card for those who use or buy the device: what it is for, what it was tested on, how well it did and for whom,
 * when it goes wrong, and what nobody has stated. It follows the order that FDA's draft guidance of January 2025 proposes
 * (Appendix E; Mitchell et al., Model Cards for Model Reporting, 2019). `report.md` is another thing: the verdict of this
 * run with its gates, for those who decide about a release.
 */
export default defineReport({
  id: "model-card",
  title: "Model card in Markdown",
  file: "model-card.md",
  render: (record) => {
    const study = new StudyView(record);
    const blocks = [
      `# Model card: ${escapeMarkdown(dataName(record.protocol.title))}`,
      "This card supports, does not establish, conformity. NOT APPROVED: it is not signed. Statements are the author's and were not verified.",
      "## Device",
      device(record),
      "## Intended use",
      intendedUse(record),
      "## Test data",
      ...testData(record),
      "## Performance",
      ...study.classes.flatMap((className) => performance(study, className)),
      "## Subgroups",
      ...subgroups(study),
      "## Robustness",
      ...robustness(study),
      "## Biases and failure modes",
      ...biases(study),
      "## Limitations and gaps of the data",
      ...limitations(record),
      "## Oversight, monitoring and changes",
      statements(record, ["humanOversight", "monitoring", "changes", "userInformation"]),
      "## Provenance",
      provenance(record),
    ];
    return `${blocks.join("\n\n")}\n`;
  },
});

const NOT_STATED = "**Not stated.**";

function device({ protocol, provenance }: AuditRecord): string {
  const stated = deviceOf(protocol.submission);
  return markdownTable(
    ["What", "Value"],
    [
      ...DEVICE_KEYS.map((key) => [key.charAt(0).toUpperCase() + key.slice(1), stated[key] ?? "Not stated"]),
      ["Task", typeof protocol.model.task === "string" ? protocol.model.task : "not stated"],
      ["Classes", listed(protocol.model.classes.map(dataName))],
      ["Runtime", `${provenance.model.adapter}: ${provenance.model.runtime}`],
    ],
  );
}

function intendedUse(record: AuditRecord): string {
  const use = (record.protocol.intendedUse ?? "").trim();
  return [
    use === "" ? `${NOT_STATED} Without an intended use no result can be judged as sufficient.` : escapeMarkdown(use),
    statements(record, ["targetPopulation", "users", "environment"]),
  ].join("\n\n");
}

/** One item per statement; those that were not made are named. */
function statements({ protocol }: AuditRecord, keys: readonly StatementKey[]): string {
  return keys
    .map((key) => {
      const paragraphs = statementOf(protocol.submission, key);
      const text = paragraphs.length === 0 ? NOT_STATED : paragraphs.map(escapeMarkdown).join(" ");
      return `- ${STATEMENTS[key].title}: ${text}`;
    })
    .join("\n");
}

function testData(record: AuditRecord): string[] {
  const { flow, groups, duplicates } = record.findings;
  const excluded = flow.excluded.reduce((sum, { count }) => sum + count, 0);
  const rejected = flow.rejected.reduce((sum, one) => sum + (one.split === "evaluation" ? one.count : 0), 0);
  const rows = groups.map(({ family, subgroup, n, patients }) => [
    family === null ? "" : dataName(family),
    groupTitle(subgroup),
    n === null ? "hidden" : integer(n),
    patients === null ? "hidden" : integer(patients),
  ]);
  return [
    `${counted(flow.evaluation, "image")} of ${counted(flow.evaluationPatients, "patient")} were evaluated; ${counted(flow.tuning, "image")} of ${counted(flow.tuningPatients, "patient")} tuned thresholds and attacks; ${counted(excluded, "row")} of ${integer(flow.read)} read were left out; ${counted(rejected, "evaluation image")} had no score. ${
      duplicates.unchecked === null
        ? `${counted(duplicates.exact.pairs, "pair")} of images were one file.`
        : `Duplicates were ${escapeMarkdown(duplicates.unchecked)}.`
    }`,
    statements(record, [
      "sites",
      "inclusion",
      "referenceStandard",
      "readerVariability",
      "trainingData",
      "missingDemographics",
    ]),
    ...(rows.length === 0 ? [] : [markdownTable(["Division", "Group", "Images", "Patients"], rows)]),
  ];
}

/** Metrics of the whole set on clean images: without a threshold, at each operating point, and of calibration. */
const OVERALL = [
  "auc",
  "average-precision",
  "calibration-slope",
  "calibration-intercept",
  "observed-expected",
  "brier",
];
const AT_POINT = ["sensitivity", "specificity", "ppv", "npv", "ppv-at-prevalence", "npv-at-prevalence"];

function performance(study: StudyView, className: string): string[] {
  const points = study.operatingPoints(className);
  const found = [
    ...["agreement-lower", "agreement-upper", "agreement-slope"].map((metric) => ({
      finding: study.find({ metric, class: className }),
      at: "",
    })),
    ...outcomesOf(study).map(({ id }) => ({
      finding: study.find({ metric: id, class: className }),
      at: ", mean over cases",
    })),
    ...outcomesOf(study).map(({ id }) => ({
      finding: study.find({ metric: `${id}-worst-decile`, class: className }),
      at: "",
    })),
    ...OVERALL.map((metric) => ({ finding: study.find({ metric, class: className }), at: "" })),
    ...points.flatMap((point) =>
      AT_POINT.map((metric) => ({
        finding: study.find({ metric, class: className, operatingPoint: point.id }),
        at: ` at ${dataName(point.id)}`,
      })),
    ),
  ];
  const rows = found.flatMap(({ finding, at }) =>
    finding === undefined ? [] : [[`${metricTitle(finding.metric)}${at}`, ...numbers(finding)]],
  );
  const thresholds = points.map(
    ({ id, rule, threshold }) =>
      `- ${escapeMarkdown(dataName(id))}: asked for ${escapeMarkdown(rule)}; ${threshold === null ? "not estimable" : `locked at ${threshold.toFixed(4)}`}`,
  );
  return [
    `### ${escapeMarkdown(dataName(className))}, all patients, clean images`,
    ...(!study.isClassifier
      ? []
      : thresholds.length === 0
        ? ["No operating point is declared."]
        : [thresholds.join("\n")]),
    rows.length === 0
      ? "Nothing was measured."
      : markdownTable(["Measure", "Estimate", interval(study), countsHeading(study)], rows),
  ];
}

function countsHeading({ isClassifier }: StudyView): string {
  return isClassifier ? "n (positive / negative)" : "n";
}

function interval(study: StudyView): string {
  return levelText(study.record.protocol.confidence);
}

function numbers(finding: Finding): string[] {
  return [estimateText(finding), intervalText(finding) ?? finding.reason ?? "none", countsShort(finding)];
}

function subgroups(study: StudyView): string[] {
  if (study.families.length === 0) return ["No subgroups were declared: differences between groups were not examined."];
  const tables = study.classes.flatMap((className) => {
    const point = study.operatingPoints(className)[0];
    const metrics = [
      ...mainMetrics(study).map((metric) => ({ metric, operatingPoint: null })),
      ...(point === undefined || !study.isClassifier
        ? []
        : ["sensitivity", "specificity"].map((metric) => ({ metric, operatingPoint: point.id }))),
    ];
    const cell = (group: Group, query: (typeof metrics)[number]) => {
      const finding = study.find({ ...query, class: className, group, condition: CLEAN });
      const limits = intervalText(finding);
      return limits === null ? estimateText(finding) : `${estimateText(finding)} (${limits})`;
    };
    const rows = study.families.flatMap(({ groups }) =>
      groups.map((group) => {
        const auc = study.find({ metric: mainMetrics(study)[0] ?? "auc", class: className, group });
        return [
          groupTitle(group.values),
          auc === undefined ? "" : countsShort(auc),
          ...metrics.map((query) => cell(group, query)),
        ];
      }),
    );
    const headings = metrics.map(
      ({ metric, operatingPoint }) =>
        `${metricTitle(metric)}${operatingPoint === null ? "" : ` at ${dataName(operatingPoint)}`} (${interval(study)})`,
    );
    return [
      `### ${escapeMarkdown(dataName(className))}`,
      markdownTable(["Group", countsHeading(study), ...headings], rows),
    ];
  });
  return [...tables, "No difference found is not proof that there is none."];
}

/** What groups and conditions are told by: AUC, or the task's primary outcomes. */
function mainMetrics(study: StudyView): readonly string[] {
  return study.isClassifier ? ["auc"] : primaryOutcomes(study).map(({ id }) => id);
}

function robustness(study: StudyView): string[] {
  const rows = study.classes.flatMap((className) =>
    study.series.flatMap((series) => strongest(study, series, className)),
  );
  if (rows.length === 0) return ["Not examined: no attack and no corruption was run."];
  const headings = [
    "Class",
    "What was done to the images",
    ...(study.isClassifier
      ? [`Decisions changed (${interval(study)})`, `AUC (${interval(study)})`]
      : mainMetrics(study).map((metric) => `${metricTitle(metric)} (${interval(study)})`)),
  ];
  return [
    "Each change of the images at its largest strength; attacks are lower bounds on what can be done.",
    markdownTable(headings, rows),
  ];
}

/** The largest strength of a series: what it changed, and what was left. */
function strongest(study: StudyView, series: Series, className: string): string[][] {
  const condition = series.conditions.at(-1);
  if (condition === undefined) return [];
  const point = study.operatingPoints(className)[0]?.id ?? null;
  const show = (metric: string, operatingPoint: string | null) => {
    const finding = study.find({ metric, class: className, condition, operatingPoint });
    const limits = intervalText(finding);
    return limits === null ? estimateText(finding) : `${estimateText(finding)} (${limits})`;
  };
  const kind = series.searched ? "" : " (control)";
  if (!study.isClassifier)
    return [
      [dataName(className), `${conditionTitle(condition)}${kind}`, ...mainMetrics(study).map((one) => show(one, null))],
    ];
  return [[dataName(className), `${conditionTitle(condition)}${kind}`, show("fooling-rate", point), show("auc", null)]];
}

function biases(study: StudyView): string[] {
  const found = principalObservations(study).filter(({ severity }) => severity !== "note");
  const list = found.map(({ title, text }) => `- **${escapeMarkdown(title)}.** ${escapeMarkdown(text)}`).join("\n");
  return [
    found.length === 0
      ? "No rule of this card found anything to point out. That is not evidence that there is nothing."
      : list,
    statements(study.record, ["biasMitigation", "vulnerableGroups", "failureModes", "consequences", "repeatability"]),
  ];
}

function limitations(record: AuditRecord): string[] {
  const { findings, deviations, requirements = [] } = record.findings;
  const silent = findings.filter(({ status }) => status !== "measured").length;
  const unmet = requirements.flatMap((source) => source.requirements).filter(({ state }) => state === "unmet").length;
  const gaps = [
    `- ${counted(silent, "finding")} of ${integer(findings.length)} could not be estimated or were suppressed.`,
    ...deviations.map(({ title, detail }) => `- Deviation: ${escapeMarkdown(title)}. ${escapeMarkdown(detail)}`),
    ...(unmet === 0
      ? []
      : [`- ${counted(unmet, "traced requirement")} unmet: see the traceability matrix of report.html.`]),
    "- Intervals do not cover another hospital, another device, another time, or errors of the reference standard.",
  ];
  return [gaps.join("\n"), statements(record, ["limitations"])];
}

function provenance({ findings, provenance: { model, data, seed, stepwedge, finishedAt } }: AuditRecord): string {
  const files = Object.entries({ ...model.files, ...data.files });
  return markdownTable(
    ["What", "Value"],
    [
      ["Protocol SHA-256", findings.protocolSha256],
      ["findings.json SHA-256", sha256(findingsText(findings))],
      ...files.map(([name, hash]) => [`${dataName(name)} SHA-256`, hash]),
      ...(data.imagesSha256 === null
        ? []
        : [[`${counted(data.images, "image")}, SHA-256 of their list`, data.imagesSha256]]),
      ["Seed", String(seed)],
      ["stepwedge", stepwedge],
      ["Finished", instant(finishedAt)],
    ],
  );
}
