import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Comparison, ComparisonView, Difference } from "../../src/core/comparison.js";
import { isClean } from "../../src/core/condition.js";
import type { Finding, Verdict } from "../../src/core/finding.js";
import { counted, decimal, instant, listed as inWords, metricValue, shortHash } from "../common/format.js";
import { dataName } from "../common/names.js";
import { findingAnchor, StudyView } from "../common/study.js";
import { shortTest } from "../common/tests.js";
import { type Cell, column, findingCell, table, textCell } from "../html/blocks.js";
import { VERDICT_WORDS, verdictBanner } from "../html/masthead.js";
import { contentSecurityPolicy, loadStyle, loadTemplates } from "../html/page.js";
import { pageScript } from "../html/script.js";
import type { PageContext } from "../html/section.js";
import { findingGrids } from "../html/sections/all-findings.js";
import sideBySide from "../html/sections/comparison.js";
import deviations from "../html/sections/deviations.js";
import gates from "../html/sections/gates.js";
import { changed, EXPLORATION, familyText, measureTitle, samplesText, tally, where, whom } from "./differences.js";

const TEMPLATES = join(dirname(fileURLToPath(import.meta.url)), "templates");

/** Rows of a table of changes beyond this many stand in comparison.json alone. */
const MOST_ROWS = 150;

/** Renders `comparison.html`: one self-contained page in the look of the report, made of its parts. */
export async function renderComparisonPage({ comparison, record }: ComparisonView): Promise<string> {
  const study = new StudyView(record);
  const context: PageContext = { record, study, observations: [], room: Infinity, linked: new Set() };
  const templates = loadTemplates(TEMPLATES);
  const sections: { id: string; title: string; number: number; body: string }[] = [];
  const add = (id: string, title: string, template: string, view: object | null) => {
    if (view === null) return;
    sections.push({ id, title, number: sections.length + 1, body: templates.render(template, view) });
  };
  add("summary", "Summary", "comparison-summary", summary(comparison));
  add("modification", "What was changed", "comparison-differences", differences(comparison));
  add("acceptance", "Acceptance criteria", "gates", await gates.view(context));
  add("gates", "Gates that changed", "comparison-gates", gateChanges(comparison));
  add("worse", "What got worse, and for whom", "comparison-changes", changes(comparison, "worse"));
  add("better", "What got better, and for whom", "comparison-changes", changes(comparison, "better"));
  add("side-by-side", "Side by side", "comparison", await sideBySide.view(context));
  add("not-comparable", "What could not be compared", "comparison-gaps", notComparable(comparison));
  const departures = (await deviations.view(context)) as object;
  add("deviations", "Deviations", "deviations", departures);
  add("method", "Method in brief", "comparison-method", { family: familyText(comparison), level: levelOf(comparison) });
  add("all-findings", "All differences", "all-findings", findingGrids(context, listed(comparison), "comparison.json"));
  const style = loadStyle();
  const script = pageScript(false);
  return templates.render("comparison-page", {
    title: comparison.after.title,
    policy: contentSecurityPolicy(style, script),
    style,
    script,
    sections,
    stepwedge: comparison.stepwedge,
    masthead: head(comparison),
  });
}

/** As many as keep the page below a megabyte. */
const MOST_LISTED = 1000;

/** What the page refers to, then all patients, then clean images, measure by measure, as much as fits. */
function listed(comparison: Comparison): readonly Finding[] {
  const { findings, regression } = comparison;
  if (findings.length <= MOST_LISTED) return findings;
  const shown = (["worse", "better"] as const).flatMap((direction) =>
    changed(comparison, direction)
      .slice(0, MOST_ROWS)
      .map(({ finding }) => finding.id),
  );
  const kept = new Set([...shown, ...regression.flatMap((gate) => gate.findings)]);
  const isWhole = ({ family }: Finding) => family === null;
  for (const isNext of [isWhole, ({ condition }: Finding) => isClean(condition)]) {
    for (const metric of new Set(findings.map((finding) => finding.metric))) {
      const members = findings.filter(
        (finding) => finding.metric === metric && isNext(finding) && !kept.has(finding.id),
      );
      if (kept.size + members.length > MOST_LISTED) continue;
      for (const { id } of members) kept.add(id);
    }
  }
  return findings.filter(({ id }) => kept.has(id));
}

function levelOf({ confidence }: Comparison): string {
  return decimal(confidence * 100, 0);
}

function head(comparison: Comparison) {
  const { after, before, regression, verdict } = comparison;
  return {
    title: `${after.title}: ${dataName(after.name)} against ${dataName(before.name)}`,
    steps: Array.from({ length: 11 }, (_, index) => index * 12),
    facts: [
      { term: "Predecessor", value: `${before.title}, finished ${instant(before.finishedAt)}` },
      { term: "Successor", value: `${after.title}, finished ${instant(after.finishedAt)}` },
      { term: "Samples in common", value: String(comparison.samples.common) },
    ],
    verdict: verdict === null ? null : verdictBanner({ verdict, gates: regression }),
    exploration: verdict === null ? EXPLORATION : null,
  };
}

function summary(comparison: Comparison) {
  const worse = changed(comparison, "worse");
  const gatesWorse = comparison.gates.filter(({ change }) => change === "worse" || change === "removed");
  return {
    modification: comparison.modification,
    samples: samplesText(comparison),
    tally: tally(comparison),
    worse: worse.slice(0, 12).map(({ finding }) => ({ href: anchor(finding), text: sentence(finding) })),
    more: worse.length > 12 ? `and ${counted(worse.length - 12, "more difference")} below` : null,
    gatesWorse: gatesWorse.map(({ id, title, before, after }) => ({
      text: `${dataName(id)} ${title}: ${word(before)} before, ${word(after)} now`,
    })),
  };
}

function word(side: { readonly verdict: Verdict } | null): string {
  return side === null ? "not asked" : VERDICT_WORDS[side.verdict].toLowerCase();
}

function anchor({ id }: Finding): string {
  return `#${findingAnchor(id)}`;
}

function sentence(finding: Finding): string {
  const { class: className, estimate, interval, metric } = finding;
  const limits =
    interval === null ? "" : ` (${metricValue(metric, interval.lower)} to ${metricValue(metric, interval.upper)})`;
  const of = className === null ? "" : `, ${dataName(className)}`;
  return `${measureTitle(finding)}${of}, ${whom(finding)}, ${where(finding)}: ${metricValue(metric, estimate ?? 0)}${limits}`;
}

const KINDS: readonly (readonly [Difference["kind"], string])[] = [
  ["model", "Model"],
  ["data", "Data"],
  ["protocol", "Protocol"],
  ["software", "Software"],
];

function differences(comparison: Comparison) {
  const { after, before } = comparison;
  const value = (text: string | null): Cell => {
    if (text === null) return textCell("none", { muted: true });
    return textCell(/^[0-9a-f]{64}$/.test(text) ? `${shortHash(text)}…` : dataName(text), { title: text });
  };
  const identity = [
    { kind: "Record", what: "findings.json", before: before.findingsSha256, after: after.findingsSha256 },
    { kind: "Record", what: "protocol", before: before.protocolSha256, after: after.protocolSha256 },
  ];
  const rows = (list: readonly { what: string; before: string | null; after: string | null }[]) =>
    list.map((one) => ({ header: textCell(dataName(one.what)), cells: [value(one.before), value(one.after)] }));
  return {
    modification: comparison.modification,
    table: table({
      id: "differences",
      caption: "What the records differ in",
      note: "Hashes are SHA-256, cut to twelve digits; in full on hover and in comparison.json. What is not listed is the same in both.",
      columns: [column("What"), column(dataName(before.name)), column(dataName(after.name))],
      bodies: [
        { heading: "Record", rows: rows(identity) },
        ...KINDS.map(([kind, heading]) => ({
          heading,
          rows: rows(comparison.differences.filter((one) => one.kind === kind)),
        })),
      ],
    }),
    // Tables of scores have no file of a model.
    sameModel:
      Object.keys(after.model.files).length > 0 && comparison.differences.every(({ kind }) => kind !== "model"),
  };
}

const CHANGES = {
  better: "better",
  worse: "worse",
  same: "as before",
  added: "added",
  removed: "removed",
} as const;

function gateChanges({ gates: all, before, after }: Comparison) {
  if (all.length === 0) return { table: null };
  const cell = (side: { readonly verdict: Verdict } | null) =>
    side === null ? textCell("none", { muted: true }) : textCell(VERDICT_WORDS[side.verdict], { tone: side.verdict });
  return {
    table: table({
      id: "gate-changes",
      caption: "Gates of both records, each as judged in its own",
      note: "A gate whose criterion was changed asks another question than before: its verdicts are not to be compared.",
      columns: [column("Gate"), column(dataName(before.name)), column(dataName(after.name)), column("Change")],
      bodies: [
        {
          heading: null,
          rows: all.map((gate) => ({
            header: textCell(`${dataName(gate.id)} ${gate.title}`),
            cells: [
              cell(gate.before),
              cell(gate.after),
              textCell(CHANGES[gate.change], { sub: gate.criterionChanged ? "the criterion was changed" : null }),
            ],
          })),
        },
      ],
    }),
  };
}

function changes(comparison: Comparison, direction: "better" | "worse") {
  const all = changed(comparison, direction);
  const { after, before } = comparison;
  const number = (finding: Finding, key: string): Cell => {
    const found = finding.details?.[key];
    const base = finding.metric.replace(/-advantage$/, "");
    return typeof found === "number" ? textCell(metricValue(base, found)) : textCell("—", { muted: true });
  };
  const classes = [...new Set(all.map(({ finding }) => finding.class))];
  return {
    none: all.length === 0 ? `Nothing is shown to be ${direction}. That is no proof that nothing is.` : null,
    omitted:
      all.length > MOST_ROWS
        ? `${counted(all.length - MOST_ROWS, "smaller difference")} in comparison.json alone.`
        : null,
    table:
      all.length === 0
        ? null
        : table({
            id: `changes-${direction}`,
            caption: `Differences in which ${dataName(after.name)} is ${direction}: adjusted test and interval both say so`,
            note: "Clean images first, then by size. Positive where the successor is better. p is adjusted within its condition; measures without p are resampled and not adjusted.",
            columns: [
              column("Group"),
              column("Measure"),
              column("Condition"),
              column(dataName(before.name), true),
              column(dataName(after.name), true),
              column("Difference", true),
              column("p", true),
              column("n", true),
            ],
            bodies: classes.map((name) => ({
              heading: name === null ? null : dataName(name),
              rows: all
                .slice(0, MOST_ROWS)
                .filter(({ finding }) => finding.class === name)
                .map(({ finding }) => ({
                  header: textCell(whom(finding), { href: anchor(finding) }),
                  cells: [
                    textCell(measureTitle(finding)),
                    textCell(where(finding)),
                    number(finding, "comparator-estimate"),
                    number(finding, "model-estimate"),
                    findingCell(finding),
                    textCell(shortTest(finding)?.replace(/^p = /, "") ?? "—"),
                    textCell(String(finding.n)),
                  ],
                })),
            })),
          }),
  };
}

function notComparable({ notComparable: list }: Comparison) {
  const reasons = new Map<string, string[]>();
  for (const { what, reason } of list) reasons.set(reason, [...(reasons.get(reason) ?? []), what]);
  return {
    none: list.length === 0 ? "Everything that both records hold was compared." : null,
    entries: [...reasons].map(([reason, whats]) => ({
      reason,
      count: whats.length,
      examples: inWords(whats.slice(0, 8).map(dataName)) + (whats.length > 8 ? " and others" : ""),
    })),
  };
}
