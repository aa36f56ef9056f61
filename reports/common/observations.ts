import { attackEffects, defenseEffects, unequalHarm } from "./observations/attacks.js";
import { absentEvidence, deviations, failedChecks, inconclusiveGates, notEstimable } from "./observations/evidence.js";
import { missedTargets, subgroupGaps } from "./observations/groups.js";
import type { Observation, Severity } from "./observations/observation.js";
import {
  outcomeGaps,
  outcomeLosses,
  tellingSentences,
  unequalLosses,
  unknownOutcomes,
} from "./observations/outcomes.js";
import type { StudyView } from "./study.js";

export type { Contrast, Observation, Severity } from "./observations/observation.js";
export { certainSize } from "./observations/observation.js";

const SEVERITIES: readonly Severity[] = ["major", "moderate", "note"];

/** Rules in the order of their concern: clean images before attacked ones, results before the evidence's own limits. */
const CLASS_RULES = [subgroupGaps, missedTargets, attackEffects, unequalHarm, defenseEffects];
const OUTCOME_RULES = [outcomeGaps, outcomeLosses, unequalLosses, tellingSentences, unknownOutcomes];
const RECORD_RULES = [failedChecks, inconclusiveGates, notEstimable, deviations, absentEvidence];

/**
 * The principal observations of a record: by severity, then by rule, then by size. Each is computed from findings by
 * a fixed rule, and none says more than the interval behind it.
 */
export function principalObservations(study: StudyView): readonly Observation[] {
  const heavierFirst = (a: Observation, b: Observation) => b.weight - a.weight;
  const byRule = [
    ...(study.isClassifier ? CLASS_RULES : OUTCOME_RULES).map((rule) =>
      study.classes.flatMap((className) => rule(study, className)).sort(heavierFirst),
    ),
    ...RECORD_RULES.map((rule) => rule(study).sort(heavierFirst)),
  ].flat();
  return SEVERITIES.flatMap((severity) => byRule.filter((observation) => observation.severity === severity));
}
