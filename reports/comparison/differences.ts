import type { Change, Comparison } from "../../src/core/comparison.js";
import { conditionKey } from "../../src/core/condition.js";
import type { Finding } from "../../src/core/finding.js";
import { counted, listed } from "../common/format.js";
import { conditionTitle, dataName, groupTitle, metricTitle } from "../common/names.js";

/** What every rendering of a comparison says in the same words. */

/** Measured differences that came out one way, the heaviest first: clean images before others, then by size. */
export function changed(
  { changes, findings }: Comparison,
  direction: Change["direction"],
): readonly { readonly finding: Finding; readonly change: Change }[] {
  const byId = new Map(findings.map((finding) => [finding.id, finding]));
  return changes
    .filter((change) => change.direction === direction)
    .flatMap((change) => {
      const finding = byId.get(change.finding);
      return finding === undefined ? [] : [{ finding, change }];
    })
    .sort((a, b) => {
      const [cleanA, cleanB] = [a, b].map(({ finding }) => (conditionKey(finding.condition) === "clean" ? 0 : 1));
      return (
        (cleanA as number) - (cleanB as number) || Math.abs(b.finding.estimate ?? 0) - Math.abs(a.finding.estimate ?? 0)
      );
    });
}

/** "AUC": what a paired difference is of. */
export function measureTitle({ metric, operatingPoint }: Finding): string {
  const point = operatingPoint === null ? "" : ` at ${dataName(operatingPoint)}`;
  return `${metricTitle(metric.replace(/-advantage$/, ""))}${point}`;
}

export function whom({ family, subgroup }: Finding): string {
  return family !== null && Object.keys(subgroup).length === 0 ? `across ${dataName(family)}` : groupTitle(subgroup);
}

export function where({ condition }: Finding): string {
  return conditionTitle(condition);
}

/** The counts of the summary, and what they do not mean. */
export function tally(comparison: Comparison): string {
  const { changes, findings } = comparison;
  const count = (direction: Change["direction"]) => changes.filter((one) => one.direction === direction).length;
  const silent = findings.length - changes.length;
  const parts = [
    `${count("worse")} worse`,
    `${count("better")} better`,
    `${count("undecided")} undecided`,
    `${silent} not measured`,
  ];
  return `Of ${counted(findings.length, "paired difference")}: ${listed(parts)}. Undecided is no proof that the models are alike.`;
}

/** Which family a difference's test was adjusted for. */
export function familyText({ findings }: Comparison): string {
  const families = new Map<string, number>();
  for (const { tests } of findings) {
    const adjusted = tests?.[0]?.adjusted;
    if (adjusted !== undefined) families.set(adjusted.family, adjusted.size);
  }
  if (families.size === 0) return "No test was made.";
  const named = [...families].map(([family, size]) => `${family} (${size} tests)`);
  return `p-values of no difference are adjusted by Benjamini and Hochberg within each condition, over all classes, groups and measures: ${named.join("; ")}.`;
}

export const EXPLORATION =
  "The successor's protocol has no gate against the baseline: no criterion was fixed beforehand, and what follows is exploration.";

/** What was compared, in a sentence. */
export function samplesText({ samples, before }: Comparison): string {
  const { common, imagesChecked, onlyHere, onlyThere, otherImage } = samples;
  const left = onlyHere + onlyThere + otherImage;
  const images = imagesChecked
    ? ""
    : " The image files' hashes are not known, so that ids alone decide which samples are the same.";
  const out =
    left === 0
      ? " None was left out."
      : ` Left out: ${onlyHere} that ${dataName(before.name)} has not scored, ${onlyThere} that only it has scored, ${otherImage} whose image file is another one.`;
  return `${counted(common, "sample")} in common.${out}${images}`;
}
