import { type Condition, conditionKey } from "../core/condition.js";
import { type Finding, type FindingTest, type GateResult, subgroupKey, type Verdict } from "../core/finding.js";
import { baseMetric } from "../protocol/baseline.js";
import type { GateCondition, GateEntry } from "../protocol/schema.js";
import { adjusted } from "../stats/multiplicity.js";
import { criterionKey, criterionOf, isAbout, type KnownTests, neededWords, pOfMeeting } from "./criterion.js";

/** How one finding stands against a gate. `margin` is how far the number lies on the good side of the limit. */
interface Judgement {
  readonly finding: Finding;
  readonly verdict: Verdict;
  readonly observed: number | null;
  readonly margin: number;
  readonly reason: string;
  /** One-sided p-value of "the criterion is met"; null where it is judged by the estimate, or cannot be computed. */
  readonly p: number | null;
}

/** A gate with what it found, before anything is adjusted. */
interface Judged {
  readonly gate: GateEntry;
  readonly judgements: readonly Judgement[];
  /** The result of a gate that found nothing to judge. */
  readonly failed: GateResult | null;
}

/**
 * Holds findings against the acceptance criteria. A gate passes when every finding it names passes; it fails when one
 * fails, or when it names a group, condition or metric that does not exist; otherwise it is inconclusive.
 *
 * To pass, every finding of every gate must hold by itself: that needs no adjustment, since a bad model has to slip through
 * all of them. To fail takes one, and among many one fails by chance: a finding fails only where its whole interval misses
 * the limit and the hypothesis that it meets its criterion is rejected, one-sided, after Holm's adjustment for all findings
 * that the gates look at. So a model that meets all criteria fails with a chance of at most 1 − confidence.
 * A gate against another model judges paired differences in the same way.
 * @param tests p-values that were computed beside the findings
 * @param adjustment `none`: a finding fails wherever its whole interval misses the limit
 */
export function evaluateGates(
  gates: readonly GateEntry[],
  findings: readonly Finding[],
  tests: KnownTests = new Map(),
  adjustment: "holm" | "none" = "holm",
): GateResult[] {
  const all = gates.map((gate) => judgeGate(gate, findings, tests));
  const judged = adjustment === "none" ? all.map(unadjusted) : withHolm(all);
  return judged.map(({ gate, judgements, failed }) => failed ?? conclude(gate, judgements));
}

/** Fail beats inconclusive beats pass. Without gates nothing was tested, and nothing passes. */
export function overallVerdict(gates: readonly GateResult[]): Verdict {
  if (gates.some((gate) => gate.verdict === "fail")) return "fail";
  if (gates.length === 0 || gates.some((gate) => gate.verdict === "inconclusive")) return "inconclusive";
  return "pass";
}

function judgeGate(gate: GateEntry, findings: readonly Finding[], tests: KnownTests): Judged {
  const criterion = criterionOf(gate);
  const ofMetric = findings.filter((finding) => isAbout(finding, criterion) && isNarrowedTo(gate, finding));
  const named = ofMetric.filter((finding) => matchesGroup(gate, finding));
  const missing = missingGroup(gate, ofMetric) ?? missingInOther(gate, named, findings);
  if (missing !== null || named.length === 0) {
    const reason = missing ?? `There is no finding of "${gate.metric}" for ${describe(gate)}.`;
    const ids = named.map((finding) => finding.id);
    const failed: GateResult = { ...headOf(gate), verdict: "fail", observed: null, findings: ids, reason };
    return { gate, judgements: [], failed };
  }
  return { gate, judgements: named.map((finding) => judge(gate, finding, tests)), failed: null };
}

function headOf(gate: GateEntry): Pick<GateResult, "id" | "title" | "limit" | "against"> {
  const { against, id, title } = gate;
  return { id, title, limit: criterionOf(gate).limit, ...(against === undefined ? {} : { against }) };
}

/** Whether a finding is of the class, the operating point and the condition that the gate means. */
function isNarrowedTo(gate: GateEntry, finding: Finding): boolean {
  return (
    (gate.class === undefined || finding.class === gate.class) &&
    (gate.operatingPoint === undefined || finding.operatingPoint === gate.operatingPoint) &&
    matchesCondition(finding.condition, gate.condition)
  );
}

/**
 * What the gate names, the audited model has, and the other model has not: a class, a condition, an operating point, or a
 * group of which it has scored nobody, though it has scored others. It would pass, or be excused, by absence. Where the
 * other has scored no sample at all the gate is inconclusive.
 */
function missingInOther(gate: GateEntry, named: readonly Finding[], all: readonly Finding[]): string | null {
  if (gate.against === undefined) return null;
  const placeOf = ({ class: name, condition, family, operatingPoint, subgroup }: Finding) =>
    JSON.stringify([name, conditionKey(condition), family, subgroupKey(subgroup), operatingPoint]);
  const compared = new Set(named.map(placeOf));
  const base = baseMetric(gate.metric);
  const unmatched = all.find(
    (finding) =>
      finding.metric === base &&
      isNarrowedTo(gate, finding) &&
      matchesGroup(gate, finding) &&
      !compared.has(placeOf(finding)),
  );
  if (unmatched !== undefined) return `There is nothing of "${gate.against}" to hold ${unmatched.id} against.`;
  const lost = named.find((finding) => finding.details?.["samples-in-common"] === 0);
  if (lost === undefined) return null;
  const criterion = criterionOf(gate);
  const whole = all.find(
    (finding) =>
      finding.family === null &&
      finding.class === lost.class &&
      isAbout(finding, criterion) &&
      conditionKey(finding.condition) === conditionKey(lost.condition),
  );
  if (whole === undefined || whole.details?.["samples-in-common"] === 0) return null;
  return `${lost.id}: "${gate.against}" has scored no sample of this group.`;
}

/** What a test of a criterion is called where it is printed. */
const CRITERION = { method: "inverted-interval", hypothesis: "the criterion is met" } as const;

/** A judgement with its test, adjusted for all judgements that have one. */
type Tested = Judgement & { readonly test?: FindingTest };

/** Judgements with their tests as they are. */
function unadjusted(judged: Judged): Omit<Judged, "judgements"> & { readonly judgements: Tested[] } {
  const judgements = judged.judgements.map((judgement): Tested => {
    if (judgement.p === null) return judgement;
    return { ...judgement, test: { ...CRITERION, statistic: null, p: judgement.p } };
  });
  return { ...judged, judgements };
}

/** Turns failures that Holm's adjustment does not bear out into inconclusive judgements. */
function withHolm(judged: readonly Judged[]): (Omit<Judged, "judgements"> & { readonly judgements: Tested[] })[] {
  const all = judged.flatMap(({ judgements }) => judgements);
  const p = adjusted(
    all.map((judgement) => judgement.p),
    "holm",
  );
  const size = all.filter((judgement) => judgement.p !== null).length;
  const family = "all findings that the gates look at";
  let next = 0;
  return judged.map((one) => ({
    ...one,
    judgements: one.judgements.map((judgement) => {
      const ofFamily = p[next++] ?? null;
      if (judgement.p === null || ofFamily === null) return judgement;
      const adjustment = { method: "holm", p: ofFamily, family, size } as const;
      const test: FindingTest = { ...CRITERION, statistic: null, p: judgement.p, adjusted: adjustment };
      const level = judgement.finding.interval?.level ?? Number.NaN;
      if (judgement.verdict !== "fail" || ofFamily <= 1 - level) return { ...judgement, test };
      const reason = judgement.reason.replace(
        /, and so is the whole interval\.$/,
        `, and so is the whole interval; but among ${size} findings that the gates look at, chance is not excluded (Holm-adjusted one-sided p = ${format(ofFamily)}).`,
      );
      return { ...judgement, test, verdict: "inconclusive", reason };
    }),
  }));
}

function conclude(gate: GateEntry, judgements: readonly Tested[]): GateResult {
  const verdict = overall(judgements);
  const decisive = judgements
    .filter((judgement) => judgement.verdict === verdict)
    .reduce((kept, other) => (other.margin < kept.margin ? other : kept));
  const { test } = decisive;
  const count = judgements.length === 1 ? "" : ` Worst of ${judgements.length} findings: ${decisive.finding.id}.`;
  return {
    ...headOf(gate),
    verdict,
    observed: decisive.observed,
    ...(test === undefined ? {} : { test }),
    findings: judgements.map(({ finding }) => finding.id),
    reason: `${decisive.reason}${count}`,
  };
}

function overall(judgements: readonly Judgement[]): Verdict {
  for (const verdict of ["fail", "inconclusive"] as const) {
    if (judgements.some((judgement) => judgement.verdict === verdict)) return verdict;
  }
  return "pass";
}

/**
 * Passes when the chosen limit of the interval is on the good side; fails when the whole interval is on the bad side;
 * else the data do not settle it. A gate on the estimate alone knows no third verdict.
 */
function judge(gate: GateEntry, finding: Finding, tests: KnownTests): Judgement {
  const { estimate, interval, status } = finding;
  const open = (reason: string): Judgement => ({
    finding,
    verdict: "inconclusive",
    observed: null,
    margin: Number.NEGATIVE_INFINITY,
    reason,
    p: null,
  });
  if (status !== "measured" || estimate === null)
    return open(`${finding.id} is ${status}: ${finding.reason ?? "no reason given"}`);
  if (gate.bound !== "estimate" && interval === null) return open(`${finding.id} has no interval`);

  const lower = gate.bound === "estimate" ? estimate : (interval?.lower ?? Number.NaN);
  const upper = gate.bound === "estimate" ? estimate : (interval?.upper ?? Number.NaN);
  const observed = gate.bound === "upper" ? upper : lower;
  const { limit, sign } = criterionOf(gate);
  const margin = sign * (observed - limit);
  const best = sign > 0 ? upper : lower;
  const reached = margin >= 0;
  const reachable = sign * (best - limit) >= 0;
  const left = leftOut(finding);
  const verdict: Verdict = reached ? (left === null ? "pass" : "inconclusive") : reachable ? "inconclusive" : "fail";
  const of = gate.against === undefined ? "" : ` of the difference from "${gate.against}"`;
  const what = gate.bound === "estimate" ? `The estimate${of}` : `The ${gate.bound} limit${of}`;
  const comparison = `${what} ${format(observed)} is ${relation(observed, limit)} ${format(limit)}`;
  const explanation =
    verdict === "pass"
      ? "."
      : verdict === "fail"
        ? gate.bound === "estimate"
          ? "."
          : ", and so is the whole interval."
        : left !== null && reached
          ? `, but groups are left out: ${left}.`
          : `, but the interval (${format(lower)} to ${format(upper)}) reaches across it: ${neededWords(finding, limit, sign)}.`;
  const p =
    gate.bound === "estimate"
      ? null
      : (tests.get(criterionKey(finding, limit, sign)) ?? pOfMeeting(finding, limit, sign));
  return { finding, verdict, observed, margin, reason: `${comparison}${explanation}`, p };
}

/** Groups that a max–min gap could not take in: what is claimed of all groups is not known of these. */
function leftOut(finding: Finding): string | null {
  const left = finding.details?.["groups-left-out"];
  return typeof left === "string" && left !== "" ? left : null;
}

function matchesGroup(gate: GateEntry, finding: Finding): boolean {
  if (gate.subgroups !== undefined) return finding.family !== null && gate.subgroups.includes(finding.family);
  if (gate.subgroup !== undefined) return subgroupKey(sorted(finding.subgroup)) === subgroupKey(sorted(gate.subgroup));
  return finding.family === null;
}

/** A family or group that the gate names and that has no finding: it would pass by absence. */
function missingGroup(gate: GateEntry, ofMetric: readonly Finding[]): string | null {
  const family = gate.subgroups?.find((name) => !ofMetric.some((finding) => finding.family === name));
  if (family !== undefined) return `There is no finding of "${gate.metric}" for a subgrouping called "${family}".`;
  if (gate.subgroup === undefined || ofMetric.some((finding) => matchesGroup(gate, finding))) return null;
  return `There is no group ${subgroupKey(gate.subgroup)}.`;
}

/** Whether a condition is one that a gate means; a gate that names none means clean. */
export function matchesCondition(
  condition: Condition,
  wanted: GateCondition = { attack: "none", defense: "none" },
): boolean {
  const { attack, defense, epsilon, severity, objective, adaptive } = wanted;
  if (condition.attack !== attack || condition.defense !== defense) return false;
  if (epsilon !== undefined && Math.abs(condition.epsilon - epsilon) > 1e-9) return false;
  if (severity !== undefined && condition.severity !== severity) return false;
  if (objective !== undefined && condition.objective !== objective) return false;
  return adaptive === undefined || condition.adaptive === adaptive;
}

function describe(gate: GateEntry): string {
  const { attack = "none", defense = "none" } = gate.condition ?? {};
  const group =
    gate.subgroups?.join(", ") ?? (gate.subgroup === undefined ? "the whole set" : subgroupKey(gate.subgroup));
  const against = gate.against === undefined ? "" : ` against "${gate.against}"`;
  return `${group}, attack "${attack}", defense "${defense}"${against}`;
}

function sorted(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function relation(observed: number, limit: number): string {
  return observed === limit ? "equal to" : observed < limit ? "below" : "above";
}

function format(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(4);
}
