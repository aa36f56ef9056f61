import type { TracedRequirement, TracedSource, TraceState } from "../../../src/core/record.js";
import { integer, shortHash } from "../../common/format.js";
import { dataName } from "../../common/names.js";
import { gateAnchor, requirementAnchor } from "../../common/study.js";
import { column, table, textCell } from "../blocks.js";
import { STATE_WORDS, sourceName, stateCounts } from "../open-points.js";
import { defineSection } from "../section.js";

/** What was asked of the evidence, source by source: requirement, gates, findings, hash of the evidence, state. */
export default defineSection({
  id: "traceability",
  title: "Traceability",
  order: 135,
  view: ({ record }) => {
    const { requirements } = record.findings;
    if (requirements === undefined || requirements.length === 0) {
      const why =
        requirements === undefined
          ? "Requirements were not traced: the record is of an earlier version of stepwedge."
          : "The protocol asks for no requirement to be traced.";
      return { absent: why, overview: null, sources: [] };
    }
    return { absent: null, overview: overview(requirements), sources: requirements.map(sourceView) };
  },
});

function overview(sources: readonly TracedSource[]) {
  return table({
    id: "trace-overview",
    caption: "Requirements by source and state",
    columns: [
      column("Source"),
      ...stateCounts([]).map(({ state }) => column(STATE_WORDS[state], true)),
      column("All", true),
    ],
    bodies: [
      {
        heading: null,
        rows: sources.map((source) => ({
          header: textCell(sourceName(source), { href: `#${sourceAnchor(source)}` }),
          cells: [
            ...stateCounts(source.requirements).map(({ count }) => textCell(integer(count), { muted: count === 0 })),
            textCell(integer(source.requirements.length)),
          ],
        })),
      },
    ],
  });
}

function sourceAnchor({ id }: TracedSource): string {
  return requirementAnchor(id, "");
}

const TONES: Readonly<Record<TraceState, string>> = {
  met: "pass",
  "evidence-present": "is-note",
  unmet: "fail",
  inconclusive: "inconclusive",
  "not-applicable": "is-note",
};

const BASES: Readonly<Record<TracedRequirement["basis"], string | null>> = {
  text: null,
  own: null,
  secondary: "from a secondary source",
  memory: "from memory, not confirmed",
};

function sourceView(source: TracedSource) {
  const { title, issuer, date, status, version, retrieved, sha256, path, note } = source;
  return {
    anchor: sourceAnchor(source),
    title,
    about: [
      `${issuer}${date === null ? "" : `, ${date}`}`,
      status,
      `requirement file ${dataName(path ?? source.id)}, version ${version}, SHA-256 ${shortHash(sha256)}`,
      `retrieved ${retrieved}`,
    ].join("; "),
    note,
    rows: source.requirements.map((row) => rowView(source, row)),
  };
}

function rowView(source: TracedSource, row: TracedRequirement) {
  const { id, section, requirement, basis, state, reason, gates, evidenceSha256 } = row;
  return {
    anchor: requirementAnchor(source.id, id),
    id: dataName(id),
    section: dataName(section),
    requirement,
    basis: BASES[basis],
    tone: TONES[state],
    state: STATE_WORDS[state],
    reason,
    gates: gates.map((gate) => ({ href: `#${gateAnchor(gate)}`, id: dataName(gate) })),
    hash: evidenceSha256 === null ? null : shortHash(evidenceSha256),
  };
}
