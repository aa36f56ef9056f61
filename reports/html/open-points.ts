import type { GateResult, Verdict } from "../../src/core/finding.js";
import type { AuditRecord, TracedRequirement, TracedSource, TraceState } from "../../src/core/record.js";
import { counted, integer } from "../common/format.js";
import { dataName } from "../common/names.js";
import { gateAnchor, requirementAnchor } from "../common/study.js";

/** What stands between this report and a decision: each failed or open gate and requirement by name, at the top of the page. */
export function openPoints({ findings, protocol }: AuditRecord) {
  const { gates, deviations, requirements } = findings;
  return {
    failed: gatePoints(gates, "fail"),
    inconclusive: gatePoints(gates, "inconclusive"),
    noGates: gates.length === 0,
    unmet: requirementPoints(requirements, "unmet"),
    undecided: requirementPoints(requirements, "inconclusive"),
    untraced: untraced(requirements),
    tally: tallyText(requirements),
    deviations: deviations.length === 0 ? null : counted(deviations.length, "deviation"),
    noUse: (protocol.intendedUse ?? "").trim() === "",
  };
}

function gatePoints(gates: readonly GateResult[], verdict: Verdict) {
  const chosen = gates.filter((gate) => gate.verdict === verdict);
  if (chosen.length === 0) return null;
  return {
    count: counted(chosen.length, "acceptance criterion", "acceptance criteria"),
    entries: chosen.map((gate) => ({
      href: `#${gateAnchor(gate.id)}`,
      id: dataName(gate.id),
      title: gate.title === gate.id ? null : gate.title,
      reason: gate.reason,
    })),
  };
}

/** Requirements in a state by what they lack, the gravest lack first, then by source. */
function requirementPoints(sources: readonly TracedSource[] | undefined, state: TraceState) {
  const causes = CAUSES.flatMap(({ lack, words }) => {
    const lists = (sources ?? []).flatMap((source) => {
      const rows = source.requirements.filter((row) => row.state === state && (row.lacks[0] ?? null) === lack);
      return rows.length === 0 ? [] : [{ source: sourceName(source), entries: rows.map((row) => entry(source, row)) }];
    });
    const count = lists.reduce((sum, { entries }) => sum + entries.length, 0);
    return count === 0 ? [] : [{ words: words === null ? null : `${words} (${integer(count)})`, count, lists }];
  });
  if (causes.length === 0) return null;
  return {
    count: counted(
      causes.reduce((sum, { count }) => sum + count, 0),
      "requirement",
    ),
    causes,
  };
}

const CAUSES = [
  { lack: "gate", words: "Tested, and a criterion fails or is missing" },
  { lack: "evidence", words: "Evidence is missing in this record" },
  { lack: "statement", words: "Not stated by the author" },
  { lack: null, words: null },
] as const;

function entry(source: TracedSource, { id, section, title }: TracedRequirement) {
  return { href: `#${requirementAnchor(source.id, id)}`, section: dataName(section), title: dataName(title) };
}

/** "EU AI Act"; a draft is called one wherever it is named. */
export function sourceName({ short, status }: TracedSource): string {
  return `${dataName(short)}${status === "draft" ? " (draft)" : ""}`;
}

function untraced(requirements: readonly TracedSource[] | undefined): string | null {
  if (requirements === undefined)
    return "Requirements were not traced: the record is of an earlier version. `stepwedge evaluate` on it traces them.";
  return requirements.length === 0 ? "The protocol asks for no requirement to be traced." : null;
}

const STATE_ORDER = ["met", "evidence-present", "unmet", "inconclusive", "not-applicable"] as const;

export const STATE_WORDS: Readonly<Record<TraceState, string>> = {
  met: "Met",
  "evidence-present": "Evidence present",
  unmet: "Unmet",
  inconclusive: "Inconclusive",
  "not-applicable": "Not applicable",
};

/** How many requirements are in each state, in a fixed order. */
export function stateCounts(rows: readonly { readonly state: TraceState }[]) {
  return STATE_ORDER.map((state) => ({ state, count: rows.filter((row) => row.state === state).length }));
}

/** "Of 56 requirements traced: 3 met, 24 with evidence that no gate tests, …" */
function tallyText(sources: readonly TracedSource[] | undefined): string | null {
  const rows = (sources ?? []).flatMap((source) => source.requirements);
  if (rows.length === 0) return null;
  const words: Readonly<Record<TraceState, string>> = {
    met: "met",
    "evidence-present": "reported, but tested by no gate",
    unmet: "unmet",
    inconclusive: "inconclusive",
    "not-applicable": "not applicable",
  };
  const parts = stateCounts(rows)
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${integer(count)} ${words[state]}`);
  return `Of ${counted(rows.length, "requirement")} traced: ${parts.join(", ")}.`;
}
