import type { Study } from "../core/audit.js";
import { type Finding, subgroupKey } from "../core/finding.js";

/**
 * Hides what small groups' findings would tell of single patients: a subgroup with fewer samples than `minimum` keeps
 * its row and its status, but loses estimate, interval, curve and counts. The whole evaluation set is never hidden.
 * Limit: a hidden group can still be computed back from its neighbours and the whole (complementary suppression is
 * not done yet).
 */
export function suppressSmallCells(findings: readonly Finding[], study: Study, minimum: number): Finding[] {
  const small = new Set(
    study.subgroups
      .filter((group) => group.family !== null && group.members.length > 0 && group.members.length < minimum)
      .map((group) => `${group.family} ${subgroupKey(group.values)}`),
  );
  return findings.map((finding) => (isSmall(finding, small) ? hide(finding, minimum) : finding));
}

function isSmall(finding: Finding, small: ReadonlySet<string>): boolean {
  if (finding.family === null) return false;
  const names = [finding.subgroup, ...(finding.reference === undefined ? [] : [finding.reference])];
  return names.some((values) => small.has(`${finding.family} ${subgroupKey(values)}`));
}

function hide({ curve: _curve, details: _details, ...finding }: Finding, minimum: number): Finding {
  return {
    ...finding,
    estimate: null,
    interval: null,
    n: 0,
    positives: 0,
    negatives: 0,
    patients: 0,
    status: "suppressed",
    reason: `fewer than ${minimum} samples: hidden to protect patients (privacy.minimumCell)`,
  };
}
