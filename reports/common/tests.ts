import type { Finding, FindingTest } from "../../src/core/finding.js";
import { decimal, isMeasured } from "./format.js";

/** How tests are written, in every report. */

/** "p < 0.001", "p = 0.034". */
export function pText(p: number): string {
  if (p < 0.001) return "p < 0.001";
  return p > 0.999 ? "p > 0.999" : `p = ${decimal(p)}`;
}

/** The first test of a finding that is not one of equivalence or non-inferiority: of "no difference". */
export function differenceTestOf(finding: Finding | undefined): FindingTest | undefined {
  return finding?.tests?.find(({ method }) => method !== "tost" && method !== "non-inferiority");
}

/** The p-value that a table shows: adjusted for its family of tests where it is, "adj." then standing behind it. */
export function shortTest(finding: Finding | undefined): string | null {
  const test = differenceTestOf(finding);
  if (!isMeasured(finding) || test === undefined) return null;
  return test.adjusted === undefined ? pText(test.p) : `${pText(test.adjusted.p)} adj.`;
}

/** "Benjamini–Hochberg over 24 tests"; null where the findings' tests are not adjusted. */
export function adjustmentText(findings: readonly (Finding | undefined)[]): string | null {
  const adjusted = findings.flatMap((finding) => differenceTestOf(finding)?.adjusted ?? []);
  const [first] = adjusted;
  if (first === undefined) return null;
  const name = first.method === "holm" ? "Holm" : "Benjamini–Hochberg";
  const sizes = [...new Set(adjusted.map(({ size }) => size))].sort((a, b) => a - b);
  const size = sizes.length === 1 ? String(sizes[0]) : `${sizes[0]} to ${sizes.at(-1)}`;
  return `p adj.: ${name}, ${size} tests in the family.`;
}
