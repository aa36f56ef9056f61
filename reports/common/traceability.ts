import { type Condition, isClean } from "../../src/core/condition.js";
import type { Finding, GateResult } from "../../src/core/finding.js";
import { outcomeOfMetric } from "../../src/core/outcome.js";
import { canonicalJson, sha256 } from "../../src/core/hash.js";
import type { AuditRecord, TracedRequirement, TracedSource } from "../../src/core/record.js";
import { type Attribute, familiesAbout } from "./attributes.js";
import { EXEMPTIONS, type FactInput, FACTS, isSearched } from "./facts.js";
import { counted, integer, listed } from "./format.js";
import { dataName } from "./names.js";
import type { AppliedRequirements, FindingMatcher, GateMatcher, Requirement } from "./requirement-file.js";
import { deviceOf, STATEMENTS, type StatementKey, statementOf } from "./statements.js";

/*
 * Requirement → gates → findings → hash of the evidence → state. A pure function of the record and of the files: the
 * same ones give the same rows, and nothing of a clock or a machine is looked at.
 *
 * A requirement is `met` only where acceptance gates that are linked with it all pass. Where the record merely reports
 * what was asked for, it is `evidence-present`: whether that is good enough, nobody has tested.
 */

/** Ids of findings are listed in a row up to so many; beyond, their number and hash stand for them. */
export const MOST_LISTED = 60;

/** Traces every requirement of every file. */
export function traceRequirements(record: FactInput, applied: readonly AppliedRequirements[]): TracedSource[] {
  const index = new EvidenceIndex(record);
  return applied.map(({ file, sha256: hash, path, notApplicable }) => ({
    id: file.id,
    title: file.title,
    short: file.short ?? file.id,
    issuer: file.source.issuer,
    date: file.source.date ?? null,
    status: file.status,
    version: file.version,
    retrieved: file.retrieved,
    note: file.note ?? null,
    path,
    sha256: hash,
    requirements: file.requirements.map((requirement) => trace(requirement, notApplicable[requirement.id], index)),
  }));
}

/** One piece of evidence that was looked for. */
interface Piece {
  /** What kind of thing is lacking where it is missing. */
  readonly kind: TracedRequirement["lacks"][number];
  readonly state: "present" | "missing" | "undecided";
  readonly detail: string;
}

function trace(requirement: Requirement, waived: string | undefined, index: EvidenceIndex): TracedRequirement {
  const { id, section, requirement: text, basis, evidencedBy = {} } = requirement;
  const row = { id, title: requirement.title ?? text, section, requirement: text, basis };
  const exempt = waived === undefined ? exemption(requirement, index.record) : `The protocol says: ${waived}`;
  if (exempt !== null) return { ...row, state: "not-applicable", reason: exempt, ...NO_EVIDENCE };

  const gates = linkedGates(requirement, index);
  const matched = (evidencedBy.findings ?? []).map((matcher) => ({ matcher, found: index.findingsOf(matcher) }));
  const facts = (evidencedBy.facts ?? []).map((fact) => ({ fact, ...FACTS[fact].look(index.record) }));
  const pieces: Piece[] = [
    ...matched.map(({ matcher, found }) => pieceOf(matcher, found, index)),
    ...facts.map(({ state, detail }): Piece => ({ kind: "evidence", state, detail })),
    ...(evidencedBy.stated ?? []).map((key) => statementPiece(key, index.record)),
    ...unknownGates(requirement, index),
  ];
  const findings = index.distinct([
    ...matched.flatMap(({ found }) => found),
    ...gates.flatMap((gate) => gate.findings.flatMap((finding) => index.byId.get(finding) ?? [])),
  ]);
  return {
    ...row,
    ...judge(gates, pieces),
    gates: gates.map((gate) => gate.id),
    findings: {
      count: findings.length,
      ids: findings.length > MOST_LISTED ? null : findings.map((finding) => finding.id),
    },
    evidenceSha256: index.evidenceHash(gates, findings, facts),
  };
}

const NO_EVIDENCE = { lacks: [], gates: [], findings: { count: 0, ids: [] }, evidenceSha256: null } as const;

function exemption({ notApplicableWhen = [] }: Requirement, record: FactInput): string | null {
  for (const circumstance of notApplicableWhen) {
    const reason = EXEMPTIONS[circumstance](record);
    if (reason !== null) return reason;
  }
  return null;
}

/**
 * The state of a requirement. What fails or is missing decides first, then what is open; `met` needs gates, all of which
 * pass; the rest is reported, and no more.
 */
export function judge(
  gates: readonly Pick<GateResult, "id" | "verdict" | "reason">[],
  pieces: readonly Piece[],
): Pick<TracedRequirement, "state" | "reason" | "lacks"> {
  const withVerdict = (verdict: GateResult["verdict"]) => gates.filter((gate) => gate.verdict === verdict);
  const [failed, open, passed] = [withVerdict("fail"), withVerdict("inconclusive"), withVerdict("pass")];
  const inState = (state: Piece["state"]) =>
    pieces.filter((piece) => piece.state === state).map(({ detail }) => detail);
  const [absent, undecided, shown] = [inState("missing"), inState("undecided"), inState("present")];
  const sentences = [
    sentence("Missing: ", absent, "; "),
    ...(failed.length > 0 ? [`${gateList(failed)} ${failed.length === 1 ? "fails" : "fail"}.`] : []),
    ...(open.length > 0 ? [`${gateList(open)} ${open.length === 1 ? "is" : "are"} inconclusive.`] : []),
    sentence("Undecided: ", undecided, "; "),
    ...(passed.length > 0 ? [`${gateList(passed)} ${passed.length === 1 ? "passes" : "pass"}.`] : []),
    sentence("Reported: ", shown, "; "),
  ].filter((part) => part !== "");
  const state =
    failed.length + absent.length > 0
      ? "unmet"
      : open.length + undecided.length > 0
        ? "inconclusive"
        : gates.length > 0
          ? "met"
          : "evidence-present";
  const lacking = new Set(pieces.filter((piece) => piece.state === "missing").map(({ kind }) => kind));
  if (failed.length > 0) lacking.add("gate");
  return { state, reason: sentences.join(" "), lacks: LACKS.filter((kind) => lacking.has(kind)) };
}

const LACKS = ["gate", "evidence", "statement"] as const;

function sentence(lead: string, parts: readonly string[], separator: string): string {
  return parts.length === 0 ? "" : `${lead}${parts.join(separator)}.`;
}

function gateList(gates: readonly { readonly id: string }[]): string {
  return `${gates.length === 1 ? "Gate" : "Gates"} ${listed(gates.map(({ id }) => dataName(id)))}`;
}

/** The gates that test a requirement: those that it names, and those that its matchers describe; in the record's order. */
function linkedGates({ gates = [], evidencedBy }: Requirement, index: EvidenceIndex): readonly GateResult[] {
  const matchers = evidencedBy?.gates ?? [];
  const matched = index.record.protocol.gates
    .filter((entry) => gates.includes(entry.id) || matchers.some((matcher) => index.gateMatches(entry, matcher)))
    .map(({ id }) => id);
  return index.record.findings.gates.filter((gate) => matched.includes(gate.id));
}

/** Gates that a requirement names and that were not judged: nothing passes by absence. */
function unknownGates({ gates = [] }: Requirement, { record }: EvidenceIndex): Piece[] {
  const known = new Set(record.findings.gates.map(({ id }) => id));
  return gates
    .filter((id) => !known.has(id))
    .map((id) => ({ kind: "gate", state: "missing", detail: `the protocol has no gate ${dataName(id)}` }));
}

function pieceOf(matcher: FindingMatcher, found: readonly Finding[], index: EvidenceIndex): Piece {
  const kind = "evidence";
  const measured = found.filter(({ status }) => status === "measured").length;
  if (found.length === 0) {
    const { attribute, what } = matcher;
    const isAsked = attribute === undefined || index.familiesOf(attribute).size > 0;
    return { kind, state: "missing", detail: isAsked ? what : `${what} (the protocol has no such subgroups)` };
  }
  if (measured === 0) {
    const detail = `${matcher.what}: none of ${counted(found.length, "finding")} has a number`;
    return { kind, state: "undecided", detail };
  }
  const silent = found.length - measured;
  const rest = silent === 0 ? "" : `, ${integer(silent)} of them without a number`;
  return { kind, state: "present", detail: `${matcher.what} (${counted(found.length, "finding")}${rest})` };
}

function statementPiece(key: StatementKey | "intendedUse" | "device", { protocol }: FactInput): Piece {
  const piece = (isStated: boolean, stated: string, absent: string): Piece =>
    isStated
      ? { kind: "statement", state: "present", detail: stated }
      : { kind: "statement", state: "missing", detail: absent };
  if (key === "intendedUse")
    return piece((protocol.intendedUse ?? "").trim() !== "", "intended use", "the intended use (not stated)");
  if (key === "device") {
    const { name, version, manufacturer } = deviceOf(protocol.submission);
    const isStated = [name, version, manufacturer].every((part) => part !== undefined);
    const words = "name, version and manufacturer of the device";
    return piece(isStated, words, `${words} (not stated: submission.device)`);
  }
  const { title } = STATEMENTS[key];
  const words = `${title.charAt(0).toLowerCase()}${title.slice(1)}`;
  const isStated = statementOf(protocol.submission, key).length > 0;
  return piece(isStated, `${words}, as stated by the author`, `${words} (not stated: submission.${key})`);
}

type GateView = AuditRecord["protocol"]["gates"][number];

/** A record, arranged to find the evidence of many requirements quickly. */
class EvidenceIndex {
  readonly byId: ReadonlyMap<string, Finding>;
  private readonly searched: ReadonlySet<string>;
  private readonly families = new Map<Attribute, ReadonlySet<string>>();
  private readonly hashes = new Map<Finding, string>();

  constructor(readonly record: FactInput) {
    this.byId = new Map(record.findings.findings.map((finding) => [finding.id, finding]));
    // By the attack alone: gates may leave its strength open.
    this.searched = new Set(record.findings.attacks.filter(isSearched).map(({ condition }) => condition.attack));
  }

  findingsOf(matcher: FindingMatcher): readonly Finding[] {
    const { audit, metric, condition, attribute, groups, curve, operatingPoint, tested } = matcher;
    const families = attribute === undefined ? null : this.familiesOf(attribute);
    return this.record.findings.findings.filter(
      (finding) =>
        (audit === undefined || audit.includes(finding.audit)) &&
        (metric === undefined || this.isAsked(metric, finding.metric)) &&
        (families === null || (finding.family !== null && families.has(finding.family))) &&
        (groups === undefined || (finding.family !== null) === groups) &&
        (curve === undefined || finding.curve?.kind === curve) &&
        (operatingPoint === undefined || finding.operatingPoint !== null) &&
        (tested === undefined || (finding.tests ?? []).length > 0) &&
        (condition === undefined || condition.some((kind) => this.isOfKind(finding.condition, kind))),
    );
  }

  gateMatches(entry: GateView, { metric, condition, attribute, groups, limit }: GateMatcher): boolean {
    const asked = groupsOf(entry);
    const given = entry.condition as Partial<Condition> | undefined;
    const under: Condition = {
      epsilon: 0,
      ...given,
      attack: given?.attack ?? "none",
      defense: given?.defense ?? "none",
    };
    return (
      (metric === undefined || (typeof entry.metric === "string" && this.isAsked(metric, entry.metric))) &&
      (groups === undefined || asked.length > 0 === groups) &&
      (attribute === undefined || asked.some((family) => this.familiesOf(attribute).has(family))) &&
      (limit === undefined || entry.bound !== "estimate") &&
      (condition === undefined || condition.some((kind) => this.isOfKind(under, kind)))
    );
  }

  /** Of tasks other than classification the primary outcomes stand where classifiers have AUC. */
  private isAsked(asked: readonly string[], metric: string): boolean {
    if (asked.includes(metric)) return true;
    const outcome = outcomeOfMetric(metric);
    if (outcome === null || outcome.outcome.primary !== true) return false;
    const instead = {
      mean: "auc",
      "worst-decile": null,
      gap: "auc-gap",
      drop: "auc-drop",
      "drop-gap": "auc-drop-gap",
    } as const;
    const analogue = instead[outcome.of];
    return analogue !== null && asked.includes(analogue);
  }

  distinct(findings: readonly Finding[]): readonly Finding[] {
    const wanted = new Set(findings);
    return wanted.size === 0 ? [] : this.record.findings.findings.filter((finding) => wanted.has(finding));
  }

  /**
   * SHA-256 of the canonical JSON of `{ protocol, gates, findings, facts }`: the protocol's hash, and for each gate and
   * finding, by id, the SHA-256 of its own canonical JSON in findings.json; facts with what was found. Null without any.
   */
  evidenceHash(
    gates: readonly GateResult[],
    findings: readonly Finding[],
    facts: readonly { readonly fact: string; readonly state: string; readonly detail: string }[],
  ): string | null {
    if (gates.length + findings.length + facts.length === 0) return null;
    return sha256(
      canonicalJson({
        protocol: this.record.findings.protocolSha256,
        gates: Object.fromEntries(gates.map((gate) => [gate.id, sha256(canonicalJson(gate))])),
        findings: Object.fromEntries(findings.map((finding) => [finding.id, this.hashOf(finding)])),
        facts: Object.fromEntries(facts.map(({ fact, state, detail }) => [fact, { state, detail }])),
      }),
    );
  }

  private hashOf(finding: Finding): string {
    const known = this.hashes.get(finding) ?? sha256(canonicalJson(finding));
    this.hashes.set(finding, known);
    return known;
  }

  familiesOf(attribute: Attribute): ReadonlySet<string> {
    const known = this.families.get(attribute) ?? familiesAbout(this.record.protocol, attribute);
    this.families.set(attribute, known);
    return known;
  }

  private isOfKind(condition: Condition, kind: NonNullable<FindingMatcher["condition"]>[number]): boolean {
    switch (kind) {
      case "clean":
        return isClean(condition);
      case "perturbed":
        return condition.attack !== "none";
      case "attacked":
        return this.searched.has(condition.attack);
      case "corrupted":
        return condition.severity !== undefined;
      case "defended":
        return condition.defense !== "none";
    }
  }
}

/** The families that a gate looks at; of one group, the attributes that it is named by. */
function groupsOf(entry: GateView): readonly string[] {
  if (Array.isArray(entry.subgroups)) return entry.subgroups.map(String);
  return Object.keys((entry.subgroup ?? {}) as object);
}
