import type { Condition } from "../../../src/core/condition.js";
import { CLEAN } from "../../../src/core/condition.js";
import type { Finding } from "../../../src/core/finding.js";
import { inSentence, integer, isMeasured, metricRange, metricValue } from "../format.js";
import { attackTitle, dataName, groupTitle, strengthTitle } from "../names.js";
import type { Series, StudyView } from "../study.js";
import { certainLoss, certainSize, forClass, ids, type Observation } from "./observation.js";

/** Observations on attacked images: what an attack does beyond noise of the same size, to whom, and behind what. */

/** AUC counts as untouched while the upper limit of its drop stays below this. */
const UNTOUCHED_AUC = 0.05;
/** A share of changed decisions from which on an attack belongs to the decision. */
const MANY_DECISIONS = 0.1;

/** What the report knows of one attacked condition, overall. */
interface Effect {
  readonly condition: Condition;
  readonly operatingPoint: string | null;
  readonly flipped: Finding | undefined;
  readonly excess: Finding | undefined;
  readonly dropExcess: Finding | undefined;
  readonly drop: Finding | undefined;
  readonly auc: Finding | undefined;
}

function effectOf(study: StudyView, className: string, condition: Condition, operatingPoint: string | null): Effect {
  const overall = { class: className, condition };
  const control = study.strongestControl(condition, className, operatingPoint)?.attack;
  const versus = control === undefined ? {} : { control };
  return {
    condition,
    operatingPoint,
    flipped: study.find({ ...overall, metric: "fooling-rate", operatingPoint }),
    excess: study.find({ ...overall, ...versus, metric: "fooling-excess", operatingPoint }),
    drop: study.find({ ...overall, metric: "auc-drop" }),
    dropExcess: study.find({ ...overall, ...versus, metric: "auc-drop-excess" }),
    auc: study.find({ ...overall, metric: "auc" }),
  };
}

/**
 * One observation per searched attack without defense. Where some strength changes many decisions while AUC stays
 * untouched, that is what is told (at the largest such strength); otherwise what it takes beyond the control, at the
 * largest strength where it takes anything; otherwise that nothing beyond chance or noise was seen.
 */
export function attackEffects(study: StudyView, className: string): Observation[] {
  const point = study.operatingPoints(className)[0]?.id ?? null;
  return study
    .seriesBehind("none")
    .filter((series) => series.searched)
    .map((series) => {
      const effects = series.conditions.map((condition) => effectOf(study, className, condition, point));
      const blind = effects.filter(isBlindSpot).at(-1);
      if (blind !== undefined) return blindSpot(study, className, blind);
      const felt = effects.filter(isFelt).at(-1);
      return felt === undefined ? withoutEffect(study, className, series, effects) : loss(study, className, felt);
    });
}

/** Many decisions change, more than by the control, and AUC does not tell. */
function isBlindSpot({ flipped, excess, drop }: Effect): boolean {
  const many = isMeasured(flipped) && flipped.interval !== null && flipped.interval.lower >= MANY_DECISIONS;
  const beyondControl = excess === undefined || certainLoss(excess) > 0;
  const untouched = isMeasured(drop) && drop.interval !== null && drop.interval.upper < UNTOUCHED_AUC;
  return many && beyondControl && untouched;
}

function blindSpot(study: StudyView, className: string, effect: Effect): Observation {
  const { condition, flipped, excess, drop, auc } = effect;
  const control = controlWords(study, className, effect, "fooling-rate", (text) => `changes ${text}`);
  return {
    severity: "major",
    weight: flipped?.estimate ?? 0,
    title: `${attackTitle(condition)} overturns decisions${forClass(study, className)} while AUC looks untouched`,
    text:
      `At ${strengthTitle(condition)} it changes ${inSentence(flipped)} of ${integer(flipped?.n ?? 0)} decisions at the locked ` +
      `threshold, while the drop of AUC is only ${inSentence(drop)}, to ${inSentence(auc)}. ${control.words}` +
      `An audit that looks at AUC alone would miss it.`,
    evidence: ids(flipped, excess, drop, auc, ...control.findings),
    contrast: null,
  };
}

/** It takes something, and more than the control where there is one. */
function isFelt({ drop, dropExcess, flipped, excess }: Effect): boolean {
  const lowersAuc = certainLoss(drop) > 0 && (dropExcess === undefined || certainLoss(dropExcess) > 0);
  const overturns = certainLoss(flipped) >= MANY_DECISIONS && (excess === undefined || certainLoss(excess) > 0);
  return lowersAuc || overturns;
}

function loss(study: StudyView, className: string, effect: Effect): Observation {
  const { condition, flipped, excess, drop, dropExcess, auc } = effect;
  const lowersAuc = certainLoss(drop) > 0 && (dropExcess === undefined || certainLoss(dropExcess) > 0);
  const control = lowersAuc
    ? controlWords(study, className, effect, "auc-drop", (text) => `lowers AUC by ${text}`)
    : controlWords(study, className, effect, "fooling-rate", (text) => `changes ${text}`);
  const decisions = isMeasured(flipped)
    ? `, and ${inSentence(flipped)} of decisions at the locked threshold change`
    : "";
  const certain = certainLoss(dropExcess ?? drop);
  return {
    severity: certain >= UNTOUCHED_AUC || certainLoss(excess) >= MANY_DECISIONS ? "major" : "moderate",
    weight: Math.max(certain, certainLoss(excess)),
    title: `${attackTitle(condition)} ${lowersAuc ? "lowers AUC" : "overturns decisions"}${forClass(study, className)} at ${strengthTitle(condition)}`,
    text:
      `The drop of AUC is ${inSentence(drop)}, to ${inSentence(auc)}${decisions} ` +
      `(n = ${integer(drop?.n ?? 0)}). ${control.words}`.trimEnd(),
    evidence: ids(drop, dropExcess, auc, flipped, ...control.findings),
    contrast: null,
  };
}

function withoutEffect(study: StudyView, className: string, series: Series, effects: readonly Effect[]): Observation {
  const last = effects.at(-1);
  const control =
    last === undefined ? null : controlWords(study, className, last, "auc-drop", (text) => `lowers AUC by ${text}`);
  return {
    severity: "note",
    weight: 0,
    title: `No effect of ${attackTitle(series)} beyond chance and plain noise was seen${forClass(study, className)}`,
    text:
      `At ${strengthTitle(last?.condition ?? CLEAN)} the drop of AUC is ${inSentence(last?.drop)}, and ` +
      `${inSentence(last?.flipped)} of decisions change (n = ${integer(last?.drop?.n ?? 0)}). ${control?.words ?? ""}` +
      "A longer search may find more: this is a lower bound on what an attacker can do.",
    evidence: ids(last?.drop, last?.dropExcess, last?.flipped, last?.excess, ...(control?.findings ?? [])),
    contrast: null,
  };
}

/** The control's effect beside the attack's, and the excess where it was measured. */
function controlWords(
  study: StudyView,
  className: string,
  { condition, operatingPoint, excess, dropExcess }: Effect,
  metric: "fooling-rate" | "auc-drop",
  verb: (text: string) => string,
): { readonly words: string; readonly findings: readonly Finding[] } {
  const control = study.strongestControl(condition, className, operatingPoint);
  if (control === undefined) return { words: "No control of the same size was run. ", findings: [] };
  const point = metric === "fooling-rate" ? operatingPoint : null;
  const found = study.find({ metric, class: className, condition: control, operatingPoint: point });
  const beyond = metric === "fooling-rate" ? excess : dropExcess;
  const words = isMeasured(beyond) ? `; the attack's excess over it is ${inSentence(beyond)}` : "";
  return {
    words: `The control ${attackTitle(control)} of the same size ${verb(inSentence(found))}${words}. `,
    findings: found === undefined ? [] : [found],
  };
}

/** Families in which the attack takes more from one group than from another, with an interval that excludes zero. */
export function unequalHarm(study: StudyView, className: string): Observation[] {
  return study
    .seriesBehind("none")
    .filter((series) => series.searched)
    .flatMap((series) => {
      const largest = series.conditions
        .flatMap((condition) => study.all("auc-drop-gap", className, condition))
        .filter((one) => certainSize(one) > 0)
        .sort((a, b) => certainSize(b) - certainSize(a))[0];
      return largest === undefined ? [] : [harmObservation(study, className, largest)];
    });
}

function harmObservation(study: StudyView, className: string, gap: Finding): Observation {
  const between =
    gap.reference === undefined
      ? `the groups of ${dataName(gap.family ?? "all")}${extremes(study, gap)}`
      : `${groupTitle(gap.subgroup)} and ${groupTitle(gap.reference)}`;
  return {
    severity: "moderate",
    weight: certainSize(gap),
    title: `${attackTitle(gap.condition)} takes more from some groups than from others${forClass(study, className)}`,
    text: `At ${strengthTitle(gap.condition)} the drop of AUC differs by ${inSentence(gap)}, n = ${integer(gap.n)}, between ${between}.`,
    evidence: [gap.id],
    contrast: null,
  };
}

function extremes(study: StudyView, gap: Finding): string {
  const [worst, best] = [study.groupOfKey(gap.details?.worst), study.groupOfKey(gap.details?.best)];
  if (worst === undefined || best === undefined) return "";
  return `: most on ${groupTitle(worst.values)}, least on ${groupTitle(best.values)}`;
}

/**
 * Per defense: what it costs on clean images, and what is left of it once the attacker knows it. Only attacks that do
 * more than noise of their size say anything about a defense.
 */
export function defenseEffects(study: StudyView, className: string): Observation[] {
  const point = study.operatingPoints(className)[0]?.id ?? null;
  return study.defenses.flatMap((defense) => {
    const cost = effectOf(study, className, { ...CLEAN, defense }, point);
    const strongest = study
      .seriesBehind("none")
      .filter((series) => series.searched)
      .flatMap((series) => series.conditions)
      .filter((condition) => isFelt(effectOf(study, className, condition, point)))
      .map((condition) => compareBehind(study, className, condition, defense, point))
      .filter((row) => isMeasured(row.adaptive) && isMeasured(row.open))
      .sort((a, b) => strongestKnown(b) - strongestKnown(a))[0];
    const costWords = isMeasured(cost.drop)
      ? `On clean images the drop of AUC is ${inSentence(cost.drop)}${isMeasured(cost.flipped) ? `, and ${inSentence(cost.flipped)} of decisions change` : ""}.`
      : "";
    if (strongest === undefined) {
      if (costWords === "") return [];
      return [defenseNote(study, className, defense, costWords, ids(cost.drop, cost.flipped))];
    }
    const { open, oblivious, adaptive, condition } = strongest;
    const kept = strongestKnown(strongest) >= 0.5 * (open?.estimate ?? 0) && certainLoss(adaptive) > 0;
    const fellShort = isMeasured(oblivious) && (adaptive?.estimate ?? 0) < oblivious.estimate;
    const caution = fellShort ? " The search through the defense fell short of the one without it." : "";
    const what = open?.metric === "auc-drop" ? "the drop of AUC" : "the share of decisions changed";
    const unaware = isMeasured(oblivious) ? `, ${value(oblivious)} against an attacker who does not know of it` : "";
    return [
      {
        severity: kept ? ("moderate" as const) : ("note" as const),
        weight: strongestKnown(strongest),
        title: kept
          ? `${defense} does not stop an attacker who knows of it${forClass(study, className)}`
          : `${defense} reduces the attack, as far as was searched${forClass(study, className)}`,
        text:
          `Under ${attackTitle(condition)} at ${strengthTitle(condition)} ${what} is ${value(open)} without defense${unaware}, ` +
          `and ${value(adaptive)} against one who searches through it (n = ${integer(adaptive?.n ?? 0)}).${caution} ${costWords}`.trimEnd(),
        evidence: ids(adaptive, oblivious, open, cost.drop, cost.flipped),
        contrast: null,
      },
    ];
  });
}

function defenseNote(
  study: StudyView,
  className: string,
  defense: string,
  text: string,
  evidence: readonly string[],
): Observation {
  const title = `What ${defense} costs${forClass(study, className)}`;
  return { severity: "note", weight: 0, title, text, evidence, contrast: null };
}

function compareBehind(
  study: StudyView,
  className: string,
  condition: Condition,
  defense: string,
  operatingPoint: string | null,
) {
  const metric = operatingPoint === null ? "auc-drop" : "fooling-rate";
  const at = (behind: Condition) => study.find({ metric, class: className, condition: behind, operatingPoint });
  return {
    condition,
    open: at(condition),
    oblivious: at({ ...condition, defense, adaptive: false }) ?? at({ ...condition, defense }),
    adaptive: at({ ...condition, defense, adaptive: true }),
  };
}

/** Who knows of a defense can still use what was found without it: the larger effect counts. */
function strongestKnown({ adaptive, oblivious }: ReturnType<typeof compareBehind>): number {
  return Math.max(adaptive?.estimate ?? 0, oblivious?.estimate ?? 0);
}

function value(finding: Finding | undefined): string {
  if (!isMeasured(finding) || finding.interval === null) return inSentence(finding);
  return `${metricValue(finding.metric, finding.estimate)} (${metricRange(finding.metric, finding.interval)})`;
}
