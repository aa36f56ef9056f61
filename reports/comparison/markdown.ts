import type { ComparisonView } from "../../src/core/comparison.js";
import type { Finding, Verdict } from "../../src/core/finding.js";
import { estimateText, intervalText, metricValue, shortHash } from "../common/format.js";
import { escapeMarkdown, markdownTable } from "../common/markdown.js";
import { shortTest } from "../common/tests.js";
import { changed, EXPLORATION, familyText, measureTitle, samplesText, tally, where, whom } from "./differences.js";

/** Changes beyond this many stand in comparison.json alone. */
const MOST_ROWS = 100;
const VERDICTS = { pass: "PASS", fail: "FAIL", inconclusive: "INCONCLUSIVE (not a pass)" } as const;

/** Renders `comparison.md`, for pull requests and change files. */
export function renderComparisonMarkdown({ comparison }: ComparisonView): string {
  const { after, before, differences, gates, modification, notComparable, regression, verdict } = comparison;
  const word = (side: { readonly verdict: Verdict } | null) => (side === null ? "none" : VERDICTS[side.verdict]);
  const blocks = [
    `# ${escapeMarkdown(`${after.title}: ${after.name} against ${before.name}`)}`,
    verdict === null ? EXPLORATION : `**Verdict of the gates against the baseline: ${VERDICTS[verdict]}**`,
    "This report supports, does not establish, conformity.",
    ...(modification === null ? [] : ["## Modification", escapeMarkdown(modification)]),
    escapeMarkdown(samplesText(comparison)),
    tally(comparison),
    ...(regression.length === 0
      ? []
      : [
          "## Acceptance criteria",
          markdownTable(
            ["Gate", "Criterion", "Verdict", "Reason"],
            regression.map((gate) => [gate.id, gate.title, VERDICTS[gate.verdict], gate.reason]),
          ),
        ]),
    ...(gates.length === 0
      ? []
      : [
          "## Gates of both records",
          markdownTable(
            ["Gate", before.name, after.name, "Change"],
            gates.map((gate) => [
              gate.id,
              word(gate.before),
              word(gate.after),
              `${gate.change}${gate.criterionChanged ? " (the criterion was changed)" : ""}`,
            ]),
          ),
        ]),
    ...(["worse", "better"] as const).flatMap((direction) => changeBlock(comparison, direction)),
    "## Not comparable",
    notComparable.length === 0
      ? "Nothing."
      : [...countedBy(notComparable.map(({ reason }) => reason))]
          .map(([reason, count]) => `- ${count}: ${escapeMarkdown(reason)}`)
          .join("\n"),
    "## What the records differ in",
    markdownTable(
      ["What", before.name, after.name],
      [
        ["findings.json", shortHash(before.findingsSha256), shortHash(after.findingsSha256)],
        ["protocol", shortHash(before.protocolSha256), shortHash(after.protocolSha256)],
        ...differences.map((one) => [`${one.kind}: ${one.what}`, short(one.before), short(one.after)]),
      ],
    ),
    familyText(comparison),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function changeBlock(comparison: ComparisonView["comparison"], direction: "worse" | "better"): string[] {
  const all = changed(comparison, direction);
  const number = (finding: Finding, key: string) => {
    const value = finding.details?.[key];
    return typeof value === "number" ? metricValue(finding.metric.replace(/-advantage$/, ""), value) : "—";
  };
  const rows = all.slice(0, MOST_ROWS).map(({ finding }) => {
    const interval = intervalText(finding);
    const difference = estimateText(finding) + (interval === null ? "" : ` (${interval})`);
    return [
      finding.class ?? "all classes",
      whom(finding),
      measureTitle(finding),
      where(finding),
      number(finding, "comparator-estimate"),
      number(finding, "model-estimate"),
      difference,
      shortTest(finding) ?? "—",
    ];
  });
  const { after, before } = comparison;
  const heading = `## What got ${direction}, and for whom`;
  if (all.length === 0) return [heading, `Nothing is shown to be ${direction}. That is no proof that nothing is.`];
  const columns = ["Class", "Group", "Measure", "Condition", before.name, after.name, "Difference", "p"];
  const more = all.length > MOST_ROWS ? [`${all.length - MOST_ROWS} more in comparison.json.`] : [];
  return [heading, markdownTable(columns, rows), ...more];
}

function short(value: string | null): string {
  if (value === null) return "none";
  return /^[0-9a-f]{64}$/.test(value) ? shortHash(value) : value.slice(0, 120);
}

function countedBy(reasons: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}
