import { OUTCOMES, type OutcomeDescription } from "../../src/core/outcome.js";
import type { StudyView } from "./study.js";

/** What tasks other than classification measured, as reports order it. */

/** The outcomes that the record has findings about, the first that a reader is shown first. */
export function outcomesOf(study: StudyView): readonly OutcomeDescription[] {
  const present = new Set(study.record.findings.findings.map(({ metric }) => metric));
  const found = (OUTCOMES as readonly OutcomeDescription[]).filter(({ id }) => present.has(id));
  return [...found.filter(({ primary }) => primary === true), ...found.filter(({ primary }) => primary !== true)];
}

/** Those that a summary shows: the primary ones, or, where the task has none, its first three. */
export function primaryOutcomes(study: StudyView): readonly OutcomeDescription[] {
  const all = outcomesOf(study);
  const primary = all.filter((one) => one.primary === true);
  return primary.length > 0 ? primary : all.slice(0, 3);
}

/** Whether a smaller mean is the worse one. */
export function isWorseLower({ better }: OutcomeDescription): boolean {
  return better === "higher";
}

/** "higher is better", "lower is better", "0 is best": what a number of it means. */
export function directionText({ better, ofReference }: OutcomeDescription): string {
  if (ofReference === true) return "no answer changes it";
  return better === "neither" ? "0 is best" : `${better} is better`;
}
