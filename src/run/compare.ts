import { isClassification } from "../protocol/blocks.js";
import { basename, join, resolve } from "node:path";
import type {
  Change,
  ComparedRecord,
  Comparison,
  ComparisonView,
  Difference,
  GateChange,
  NotComparable,
} from "../core/comparison.js";
import { conditionKey } from "../core/condition.js";
import { StepwedgeError } from "../core/errors.js";
import { type Finding, type GateResult, subgroupKey, type Verdict } from "../core/finding.js";
import { canonicalJson, sha256File } from "../core/hash.js";
import { findPlugin } from "../core/plugins.js";
import { type AuditRecord, linesText } from "../core/record.js";
import { VERSION } from "../core/version.js";
import { BASELINE, COMPARISON } from "../protocol/baseline.js";
import { type AuditEntry, defaultAudit, type Protocol } from "../protocol/schema.js";
import { runAudits } from "./auditing.js";
import { type BaselineFile, isBaseline, sampleDeviations, verifyBaseline } from "./baseline.js";
import { type Evidence, readEvidence } from "./evidence.js";
import { evaluateGates, overallVerdict } from "./gates.js";
import { adjustTests } from "./multiplicity.js";
import { FILES } from "./record.js";
import { comparatorFrom, readScoredRecord, type ScoredRecord } from "./scored-record.js";
import { buildStudy, countGroups } from "./study.js";
import { suppressSmallCells, withholdSmallCells } from "./suppress.js";

export interface CompareOptions {
  /** The predecessor: a finished record, or a baseline. */
  readonly before: string;
  /** The successor: a finished record. Its protocol, groups and labels are those of the comparison. */
  readonly after: string;
  /** What was changed, in words. */
  readonly modification?: string;
}

/**
 * Holds a successor against its predecessor on the samples that both have scored, by the successor's labels, groups,
 * confidence and privacy: paired differences of every class, group and condition, gates that changed, and what the records
 * differ in. Gates of the successor's protocol against the baseline are judged against the predecessor.
 * @throws StepwedgeError where one of them is not finished, or they have no class in common
 */
export async function compareRecords({ before, after, modification }: CompareOptions): Promise<ComparisonView> {
  const blessed = isBaseline(before) ? (await verifyBaseline(before)).file : null;
  const [old, fresh, evidence] = [
    await readScoredRecord(before),
    await readScoredRecord(after),
    await readEvidence(after),
  ];
  const protocol = forComparison(fresh.protocol, await comparisonAudit(fresh.protocol));
  if (!isClassification(protocol.model.task)) {
    throw new StepwedgeError(`is of task ${protocol.model.task}; only classifiers are compared`, {
      where: after,
      remedy: "Hold the two records' findings side by side.",
    });
  }
  const shared = protocol.model.classes.filter((name) => old.protocol.model.classes.includes(name));
  if (shared.length === 0) {
    throw new StepwedgeError("has no class in common with the predecessor", {
      where: after,
      remedy: `Classes there: ${old.protocol.model.classes.join(", ")}; here: ${protocol.model.classes.join(", ")}.`,
    });
  }
  const here = { roster: evidence.evaluation, digests: evidence.images("evaluation")?.digests ?? null };
  const { alignment, comparator } = comparatorFrom(BASELINE, old, here);
  const { rows: _rows, ...samples } = alignment;
  const whole = buildStudy(protocol, evidence, {
    operatingPoints: fresh.operatingPoints,
    others: [comparator],
  });
  const study = withholdSmallCells(whole, protocol.privacy);
  const { findings: audited, tests } = await runAudits(protocol, study);
  const findings = suppressSmallCells(adjustTests(audited, protocol.confidence), study, protocol.privacy.minimumCell);
  const paired = findings.filter(({ audit }) => audit === COMPARISON);
  const regression = evaluateGates(
    protocol.gates,
    // With the successor's own findings beside them, gates know what the predecessor lacks.
    [...paired, ...fresh.findings.findings.filter(({ audit }) => audit !== COMPARISON)],
    tests,
    protocol.multiplicity?.gates,
  );
  const comparison: Comparison = {
    schemaVersion: "1.0",
    stepwedge: VERSION,
    modification: modification ?? null,
    before: await described(before, old, blessed),
    after: await described(after, fresh, null),
    differences: differencesOf(old, fresh),
    samples,
    confidence: protocol.confidence,
    verdict: regression.length === 0 ? null : overallVerdict(regression),
    regression,
    gates: gateChanges(old, fresh),
    findings: paired,
    changes: paired.filter(({ status }) => status === "measured").map((one) => changeOf(one, 1 - protocol.confidence)),
    notComparable: notComparable(old, fresh, evidence, paired),
  };
  const record: AuditRecord = {
    protocol,
    findings: {
      ...fresh.findings,
      findings: paired,
      gates: regression,
      verdict: comparison.verdict ?? "inconclusive",
      groups: countGroups(study),
      deviations: sampleDeviations(comparison.before.name, alignment, old),
    },
    provenance: fresh.provenance,
    perturbations: {},
  };
  return { comparison, record };
}

/** The successor's protocol, reduced to its comparison with one model. */
function forComparison(protocol: Protocol, audit: AuditEntry): Protocol {
  const gates = protocol.gates.filter(({ against }) => against === BASELINE);
  return { ...protocol, audits: [audit], comparators: [], gates };
}

async function comparisonAudit({ audits }: Protocol): Promise<AuditEntry> {
  const known = audits.find(({ id }) => id === COMPARISON);
  return known ?? defaultAudit(COMPARISON, await findPlugin("audits", COMPARISON));
}

async function described(
  folder: string,
  { findings, protocol, provenance }: ScoredRecord,
  blessed: BaselineFile | null,
): Promise<ComparedRecord> {
  return {
    name: blessed?.name ?? basename(resolve(folder)),
    title: protocol.title,
    verdict: findings.verdict,
    protocolSha256: findings.protocolSha256,
    findingsSha256: await sha256File(join(folder, FILES.findings)),
    model: provenance.model,
    data: provenance.data,
    finishedAt: provenance.finishedAt,
  };
}

/** What the records differ in: files by hash, versions, and every field of the protocol. */
function differencesOf(before: ScoredRecord, after: ScoredRecord): Difference[] {
  const [old, fresh] = [before.provenance, after.provenance];
  return [
    ...changed(
      "model",
      { adapter: old.model.adapter, runtime: old.model.runtime, ...old.model.files },
      {
        adapter: fresh.model.adapter,
        runtime: fresh.model.runtime,
        ...fresh.model.files,
      },
    ),
    ...changed(
      "data",
      { ...old.data.files, "all images": old.data.imagesSha256 },
      {
        ...fresh.data.files,
        "all images": fresh.data.imagesSha256,
      },
    ),
    ...changed(
      "software",
      { stepwedge: old.stepwedge, node: old.node, ...old.packages },
      {
        stepwedge: fresh.stepwedge,
        node: fresh.node,
        ...fresh.packages,
      },
    ),
    ...protocolDifferences(before.protocol, after.protocol),
  ];
}

function changed(
  kind: Difference["kind"],
  before: Readonly<Record<string, string | null>>,
  after: Readonly<Record<string, string | null>>,
): Difference[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((what) => (before[what] ?? null) !== (after[what] ?? null))
    .map((what) => ({ kind, what, before: before[what] ?? null, after: after[what] ?? null }));
}

/**
 * Every value in which two protocols differ, by its path; members of lists by their id, such as `gates.REQ-001.atLeast`. A
 * block that only one of them has is one difference.
 */
function protocolDifferences(before: unknown, after: unknown, path = ""): Difference[] {
  const [old, fresh] = [branchesOf(before), branchesOf(after)];
  if (old === null || fresh === null) {
    const [was, is] = [textOf(before), textOf(after)];
    return was === is ? [] : [{ kind: "protocol", what: path, before: was, after: is }];
  }
  return [...new Set([...Object.keys(old), ...Object.keys(fresh)])].flatMap((key) =>
    protocolDifferences(old[key], fresh[key], path === "" ? key : `${path}.${key}`),
  );
}

/** The members of a mapping or of a list of mappings; null for plain values and lists of them. */
function branchesOf(value: unknown): Readonly<Record<string, unknown>> | null {
  if (typeof value !== "object" || value === null) return null;
  if (!Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  const isNamed = value.every((member) => typeof member === "object" && member !== null);
  return isNamed ? Object.fromEntries(value.map((member, index) => [nameOf(member) ?? String(index), member])) : null;
}

function textOf(value: unknown): string | null {
  if (value === undefined) return null;
  return typeof value === "string" ? value : canonicalJson(value);
}

function nameOf(member: unknown): string | null {
  if (typeof member !== "object" || member === null) return null;
  const { id, variant, class: className } = member as { id?: unknown; variant?: unknown; class?: unknown };
  if (typeof id !== "string") return null;
  return [id, variant, className].filter((part) => typeof part === "string").join("/");
}

const RANKS: Readonly<Record<Verdict, number>> = { fail: 0, inconclusive: 1, pass: 2 };

function gateChanges(before: ScoredRecord, after: ScoredRecord): GateChange[] {
  const [old, fresh] = [before.findings.gates, after.findings.gates];
  const ids = [...new Set([...fresh, ...old].map(({ id }) => id))];
  const entryOf = ({ protocol }: ScoredRecord, id: string) => protocol.gates.find((gate) => gate.id === id);
  return ids.map((id): GateChange => {
    const [was, is] = [old.find((gate) => gate.id === id), fresh.find((gate) => gate.id === id)];
    const [asked, asks] = [entryOf(before, id), entryOf(after, id)];
    return {
      id,
      title: is?.title ?? was?.title ?? id,
      before: was === undefined ? null : seen(was),
      after: is === undefined ? null : seen(is),
      change:
        was === undefined
          ? "added"
          : is === undefined
            ? "removed"
            : RANKS[is.verdict] > RANKS[was.verdict]
              ? "better"
              : RANKS[is.verdict] < RANKS[was.verdict]
                ? "worse"
                : "same",
      criterionChanged: asked !== undefined && asks !== undefined && criterionText(asked) !== criterionText(asks),
    };
  });
}

function seen({ verdict, limit, observed }: GateResult) {
  return { verdict, limit, observed };
}

/** A gate without its title, which decides nothing. */
function criterionText({ title: _title, ...criterion }: Protocol["gates"][number]): string {
  return canonicalJson(criterion);
}

function changeOf({ id, interval, tests }: Finding, alpha: number): Change {
  const test = tests?.find(({ method }) => method !== "tost" && method !== "non-inferiority");
  const p = test?.adjusted?.p ?? test?.p;
  const { lower = 0, upper = 0 } = interval ?? {};
  const isClear = p === undefined || p <= alpha;
  const direction = isClear && lower > 0 ? "better" : isClear && upper < 0 ? "worse" : "undecided";
  return { finding: id, direction, adjusted: test?.adjusted !== undefined };
}

function notComparable(
  before: ScoredRecord,
  after: ScoredRecord,
  evidence: Evidence,
  paired: readonly Finding[],
): NotComparable[] {
  const [old, fresh] = [before.protocol.model.classes, after.protocol.model.classes];
  const keys = (record: ScoredRecord) => record.conditions.map(conditionKey);
  const [was, is] = [keys(before), keys(after)];
  const only = <T>(a: readonly T[], b: readonly T[]) => a.filter((one) => !b.includes(one));
  const points = (record: ScoredRecord) => record.operatingPoints.map((point) => `${point.class}/${point.id}`);
  const groupsOf = ({ findings }: ScoredRecord) => findings.groups.map(({ subgroup }) => subgroupKey(subgroup));
  const said = (list: readonly string[], what: string, reason: string) =>
    list.map((name): NotComparable => ({ what: `${what} ${name}`, reason }));
  return [
    ...said(only(fresh, old), "class", "the predecessor does not have it"),
    ...said(only(old, fresh), "class", "the successor does not have it"),
    ...said(only(is, was), "condition", "the predecessor was not scored under it"),
    ...said(only(was, is), "condition", "the successor was not scored under it"),
    ...said(only(points(after), points(before)), "operating point", "the predecessor does not have it"),
    ...said(only(points(before), points(after)), "operating point", "the successor does not have it"),
    ...said(only(groupsOf(before), groupsOf(after)), "group", "the successor's protocol does not define it"),
    ...(evidence.evaluation.ids.length === 0 ? [{ what: "everything", reason: "the successor has no samples" }] : []),
    ...paired
      .filter(({ status }) => status !== "measured")
      .map(({ id, reason, status }) => ({ what: id, reason: reason ?? status })),
  ];
}

/** `comparison.json` as text: members of lists on lines of their own, as in findings.json. */
export function comparisonText(comparison: Comparison): string {
  return linesText(comparison);
}
