import { escapeMarkdown } from "../../../reports/common/markdown.js";
import type { GateResult, Verdict } from "../../core/finding.js";
import type { Findings } from "../../core/record.js";
import { parseProtocolText, readProtocolText } from "../../protocol/source.js";

/*
 * What GitHub Actions shows of a gate: annotations (workflow commands, one line each) and the step's summary. GitHub
 * keeps the first 10 errors and the first 10 warnings of a step, and no summary larger than 1 MiB.
 */
const MOST_OF_A_KIND = 10;
const MOST_BYTES = 1_000_000;
/** Characters of one message: GitHub cuts longer ones where it likes. */
const LONGEST_MESSAGE = 2_000;

/** Where a gate stands in the protocol's file; null where that is not known. */
export type GatePlace = (gate: string) => { readonly file: string; readonly line: number } | null;

/** Gates as they stand in a protocol's file: the annotation then appears beside the criterion. */
export function gatePlaces(file: string): GatePlace {
  const source = parseProtocolText(readProtocolText(file), file);
  const gates = (source.value as { gates?: unknown } | null)?.gates;
  const ids = Array.isArray(gates) ? gates.map((gate) => (gate as { id?: unknown } | null)?.id) : [];
  return (gate) => {
    const index = ids.indexOf(gate);
    return index < 0 ? null : { file, line: source.line(["gates", index]) };
  };
}

/**
 * Workflow commands: an error for each gate that failed, a warning for each that is inconclusive. Where there are more
 * than GitHub shows, the last one of the kind tells how many it stands for.
 */
export function annotations(gates: readonly GateResult[], place: GatePlace = () => null): string[] {
  return [...kind(gates, "fail", "error", place), ...kind(gates, "inconclusive", "warning", place)];
}

function kind(gates: readonly GateResult[], verdict: Verdict, command: string, place: GatePlace): string[] {
  const found = gates.filter((gate) => gate.verdict === verdict);
  const shown = found.length > MOST_OF_A_KIND ? found.slice(0, MOST_OF_A_KIND - 1) : found;
  const lines = shown.map((gate) => {
    const where = place(gate.id);
    const at = where === null ? "" : `file=${property(where.file)},line=${where.line},`;
    return `::${command} ${at}title=${property(`${gate.id} ${verdict}`)}::${data(`${gate.title}: ${gate.reason}`)}`;
  });
  const rest = found.slice(shown.length);
  if (rest.length === 0) return lines;
  const names = rest.map(({ id }) => id).join(", ");
  return [...lines, `::${command} title=${rest.length} more gates ${verdict}::${data(names)}`];
}

/** Text of a command, in which a line break would end it. */
function data(text: string): string {
  const cut = text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)} …` : text;
  return cut.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

/** A value among a command's properties, in which colons and commas part. */
function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

const WORDS: Readonly<Record<Verdict, string>> = {
  fail: "FAIL",
  inconclusive: "INCONCLUSIVE (not a pass)",
  pass: "PASS",
};

/**
 * The step's summary, in GitHub's Markdown: the verdict, the gates with those first that did not pass, preflight
 * checks that failed, deviations. Rows that would take it over GitHub's limit are left out, and counted.
 */
export function stepSummary(title: string, findings: Findings): string {
  const { gates, preflight, deviations } = findings;
  const order: readonly Verdict[] = ["fail", "inconclusive", "pass"];
  const sorted = order.flatMap((verdict) => gates.filter((gate) => gate.verdict === verdict));
  const head = [
    `## ${plain(title)}: ${WORDS[findings.verdict]}`,
    "",
    "This record supports, does not establish, conformity.",
    "",
    ...preflight
      .filter(({ passed }) => !passed)
      .map((check) => `- Preflight failed: ${plain(check.title)}. ${plain(check.detail)}`),
    ...deviations.map((deviation) => `- Deviation: ${plain(deviation.title)}. ${plain(deviation.detail)}`),
    "",
  ];
  if (gates.length === 0) return `${[...head, "No gates: nothing was tested against a criterion."].join("\n")}\n`;
  const rows = sorted.map(
    ({ id, title: name, verdict, limit, observed, reason }) =>
      `| ${[id, name, WORDS[verdict], String(limit), observed === null ? "none" : String(observed), reason].map(plain).join(" | ")} |`,
  );
  const heading = ["| Gate | Criterion | Verdict | Limit | Observed | Reason |", "|---|---|---|---|---|---|"];
  const kept = withinBytes(rows, MOST_BYTES - Buffer.byteLength([...head, ...heading].join("\n")) - 200);
  const left = rows.length - kept.length;
  const note = left === 0 ? [] : ["", `${left} more gates are not shown here, for GitHub's limit: see report.html.`];
  return `${[...head, ...heading, ...kept, ...note].join("\n")}\n`;
}

/** As many of the first lines as fit. */
function withinBytes(lines: readonly string[], most: number): readonly string[] {
  let bytes = 0;
  const end = lines.findIndex((line) => {
    bytes += Buffer.byteLength(line) + 1;
    return bytes > most;
  });
  return end < 0 ? lines : lines.slice(0, end);
}

/** One line of text that Markdown, and the HTML, links and mentions inside it, leave alone. */
function plain(text: string): string {
  return escapeMarkdown(text.slice(0, LONGEST_MESSAGE)).replaceAll("@", "\\@");
}
