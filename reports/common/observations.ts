import { attackEffects, defenseEffects, unequalHarm } from "./observations/attacks.js";
import { absentEvidence, deviations, failedChecks, inconclusiveGates, notEstimable } from "./observations/evidence.js";
import { missedTargets, subgroupGaps } from "./observations/groups.js";
import type { Observation, Severity } from "./observations/observation.js";
import type { StudyView } from "./study.js";

export type { Contrast, Observation, Severity } from "./observations/observation.js";

const ORDER: Readonly<Record<Severity, number>> = { major: 0, moderate: 1, note: 2 };

/**
 * The principal observations of a record, most important first. Each is computed from findings by a fixed rule, and
 * none says more than the interval behind it.
 */
export function principalObservations(study: StudyView): readonly Observation[] {
  const ofClasses = study.classes.flatMap((className) => [
    ...subgroupGaps(study, className),
    ...missedTargets(study, className),
    ...attackEffects(study, className),
    ...unequalHarm(study, className),
    ...defenseEffects(study, className),
  ]);
  const ofRecord = [failedChecks, inconclusiveGates, notEstimable, deviations, absentEvidence].flatMap((rule) =>
    rule(study),
  );
  return [...ofClasses, ...ofRecord].sort((a, b) => ORDER[a.severity] - ORDER[b.severity] || b.weight - a.weight);
}
