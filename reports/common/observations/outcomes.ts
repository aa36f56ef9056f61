import { CLEAN } from "../../../src/core/condition.js";
import type { OutcomeDescription } from "../../../src/core/outcome.js";
import { inSentence, integer, isMeasured } from "../format.js";
import { attackTitle, dataName, groupTitle, metricTitle, strengthTitle } from "../names.js";
import { primaryOutcomes } from "../outcomes.js";
import type { StudyView } from "../study.js";
import { certainLoss, certainSize, forClass, ids, type Observation } from "./observation.js";

/** Observations of tasks other than classification: on the primary outcomes, measured case by case. */

/** Of outcomes in [0, 1]: from this certain size on a difference belongs to the decision. */
const LARGE = 0.05;

/** One observation per family and outcome whose gap is certain: who gets less. */
export function outcomeGaps(study: StudyView, className: string): Observation[] {
  return primaryOutcomes(study).flatMap((outcome) =>
    study.families.flatMap(({ name }): Observation[] => {
      const gap = study.all(`${outcome.id}-gap`, className).find(({ family }) => family === name);
      if (certainSize(gap) === 0) return [];
      const [worst, best] = [study.groupOfKey(gap?.details?.worst), study.groupOfKey(gap?.details?.best)];
      if (worst === undefined || best === undefined) return [];
      const value = (group: typeof worst) => study.find({ metric: outcome.id, class: className, group });
      const [low, high] = [value(worst), value(best)];
      const title = metricTitle(outcome.id);
      return [
        {
          severity: isLarge(outcome, certainSize(gap)) ? "major" : "moderate",
          weight: weightOf(outcome, certainSize(gap)),
          title: `${title}${forClass(study, className)} is worse on ${groupTitle(worst.values)} than on ${groupTitle(best.values)}`,
          text:
            `${title} is ${inSentence(low)} on ${groupTitle(worst.values)} (n = ${integer(low?.n ?? 0)}) against ${inSentence(high)} on ` +
            `${groupTitle(best.values)} (n = ${integer(high?.n ?? 0)}): gap ${inSentence(gap)}. Harder cases, weaker references or a model that ` +
            "works less well for the group can all cause it; these figures cannot tell them apart.",
          evidence: ids(gap, low, high),
          contrast: null,
        },
      ];
    }),
  );
}

/** One observation per searched attack without defense: what it takes of the first outcome that it takes anything of. */
export function outcomeLosses(study: StudyView, className: string): Observation[] {
  const outcomes = primaryOutcomes(study).filter(({ better }) => better !== "neither");
  return study
    .seriesBehind("none")
    .filter((series) => series.searched)
    .flatMap((series): Observation[] => {
      const condition = series.conditions.at(-1) ?? CLEAN;
      const found = outcomes.map((outcome) => ({
        outcome,
        drop: study.find({ metric: `${outcome.id}-drop`, class: className, condition }),
        left: study.find({ metric: outcome.id, class: className, condition }),
      }));
      const felt = found.find(({ drop }) => certainLoss(drop) > 0);
      const told = felt ?? found[0];
      if (told === undefined) return [];
      const { drop, left, outcome } = told;
      const control = study.series
        .filter((one) => !one.searched && one.defense === "none")
        .flatMap(({ conditions }) => conditions)
        .find((one) => strengthTitle(one) === strengthTitle(condition));
      const plain =
        control === undefined
          ? undefined
          : study.find({ metric: `${outcome.id}-drop`, class: className, condition: control });
      const words =
        control === undefined
          ? "No control of the same size was run."
          : `The control ${attackTitle(control)} of the same size takes ${inSentence(plain)}.`;
      const title = metricTitle(outcome.id);
      const isWorse = felt !== undefined;
      return [
        {
          severity: !isWorse ? "note" : isLarge(outcome, certainLoss(drop)) ? "major" : "moderate",
          weight: weightOf(outcome, certainLoss(drop)),
          title: isWorse
            ? `${attackTitle(series)} worsens ${title}${forClass(study, className)} at ${strengthTitle(condition)}`
            : `No effect of ${attackTitle(series)} on ${title}${forClass(study, className)} was seen`,
          text: `At ${strengthTitle(condition)} the loss of ${title} is ${inSentence(drop)}, to ${inSentence(left)} (n = ${integer(drop?.n ?? 0)}). ${words} A longer search may find more.`,
          evidence: ids(drop, left, plain),
          contrast: null,
        },
      ];
    });
}

/** Families in which the attack takes more of an outcome from one group than from another. */
export function unequalLosses(study: StudyView, className: string): Observation[] {
  return primaryOutcomes(study).flatMap((outcome) =>
    study
      .seriesBehind("none")
      .filter((series) => series.searched)
      .flatMap((series): Observation[] => {
        const largest = series.conditions
          .flatMap((condition) => study.all(`${outcome.id}-drop-gap`, className, condition))
          .filter((one) => certainSize(one) > 0)
          .sort((a, b) => certainSize(b) - certainSize(a))[0];
        if (largest === undefined) return [];
        const worst = study.groupOfKey(largest.details?.worst);
        return [
          {
            severity: "moderate",
            weight: weightOf(outcome, certainSize(largest)),
            title: `${attackTitle(series)} takes more from some groups than from others${forClass(study, className)}`,
            text: `At ${strengthTitle(largest.condition)} the loss of ${metricTitle(outcome.id)} differs by ${inSentence(largest)}, n = ${integer(largest.n)}, between the groups of ${dataName(largest.family ?? "all")}${worst === undefined ? "" : `: most on ${groupTitle(worst.values)}`}.`,
            evidence: [largest.id],
            contrast: null,
          },
        ];
      }),
  );
}

/** From this p on, adjusted for the families of a class by Bonferroni, sentences are said to tell the group. */
const TELLING = 0.05;

/** Families whose groups the sentences give away. */
export function tellingSentences(study: StudyView, className: string): Observation[] {
  const found = study.all("sentence-group-information", className).filter(({ tests }) => tests !== undefined);
  return found.flatMap((one): Observation[] => {
    const p = one.tests?.[0]?.p;
    if (p === undefined || p * found.length > TELLING) return [];
    return [
      {
        severity: "moderate",
        weight: one.estimate ?? 1,
        title: `Sentences tell ${dataName(one.family ?? "")}${forClass(study, className)}`,
        text: `They hold ${isMeasured(one) ? inSentence(one) : (one.reason ?? "something")} about ${dataName(one.family ?? "")} (p = ${p.toFixed(3)} that they hold none, n = ${integer(one.n)}). Groups that differ in how ill they are can cause it too.`,
        evidence: [one.id],
        contrast: null,
      },
    ];
  });
}

/** Groups about whose first outcome nothing is known. */
export function unknownOutcomes(study: StudyView, className: string): Observation[] {
  const [outcome] = primaryOutcomes(study);
  if (outcome === undefined) return [];
  const silent = study.groups
    .map((group) => study.find({ metric: outcome.id, class: className, group }))
    .filter((one) => one !== undefined && !isMeasured(one));
  if (silent.length === 0) return [];
  const names = silent.map((one) => groupTitle(one?.subgroup ?? {}));
  return [
    {
      severity: "moderate",
      weight: 0,
      title: `No ${metricTitle(outcome.id)}${forClass(study, className)} could be given for ${integer(silent.length)} of ${integer(study.groups.length)} groups`,
      text: `${names.join("; ")}: too few patients, or nothing that it is defined for. The record says nothing about how the model does there.`,
      evidence: ids(...silent),
      contrast: null,
    },
  ];
}

function isLarge({ range }: OutcomeDescription, certain: number): boolean {
  return range[1] === 1 && certain >= LARGE;
}

/** Outcomes in units of their own do not compare with shares: they come after them. */
function weightOf({ range }: OutcomeDescription, certain: number): number {
  return range[1] === 1 ? certain : 0;
}
