import { conditionKey } from "../core/condition.js";
import type { Finding, FindingTest } from "../core/finding.js";
import { amended } from "../stats/finding.js";
import { adjusted } from "../stats/multiplicity.js";

/** Tests that hold a difference against a margin: each is a claim of its own and is not adjusted. */
const MARGIN_TESTS: ReadonlySet<string> = new Set(["tost", "non-inferiority"]);

/**
 * Adjusts the tests of no difference for their number (Benjamini and Hochberg 1995: exploration, the share of false
 * alarms among the alarms), and says of every difference what its tests conclude. A family is all tests of one audit
 * under one condition: every metric, class and group that is looked at side by side. A finding with several tests of one
 * hypothesis (Wald's and a permutation test) enters with the first.
 * @param level nominal coverage: α is 1 − level
 */
export function adjustTests(findings: readonly Finding[], level: number): Finding[] {
  const families = new Map<string, number[]>();
  findings.forEach((finding, index) => {
    if (primaryTest(finding) === undefined) return;
    const family = `${finding.audit}, ${conditionKey(finding.condition)}`;
    families.set(family, [...(families.get(family) ?? []), index]);
  });
  const changed = [...findings];
  for (const [family, members] of families) {
    const p = adjusted(
      members.map((index) => primaryTest(findings[index] as Finding)?.p ?? null),
      "benjamini-hochberg",
    );
    members.forEach((index, place) => {
      const finding = findings[index] as Finding;
      const adjustment = { method: "benjamini-hochberg", p: p[place] as number, family, size: members.length } as const;
      changed[index] = assessed(withAdjustment(finding, adjustment), 1 - level);
    });
  }
  return changed;
}

/** The first test that asks whether there is a difference at all. */
function primaryTest(finding: Finding): FindingTest | undefined {
  return finding.tests?.find(({ method }) => !MARGIN_TESTS.has(method));
}

function withAdjustment(finding: Finding, adjustment: NonNullable<FindingTest["adjusted"]>): Finding {
  const primary = primaryTest(finding);
  const tests = (finding.tests ?? []).map((test) => (test === primary ? { ...test, adjusted: adjustment } : test));
  return amended(finding, { tests });
}

/**
 * What a difference's tests say together. One that is not significant is not thereby absent: unless it is shown to lie
 * within the margin, the answer is "inconclusive".
 */
function assessed(finding: Finding, alpha: number): Finding {
  const equivalence = finding.tests?.find(({ method }) => method === "tost");
  const p = primaryTest(finding)?.adjusted?.p;
  if (equivalence === undefined || p === undefined) return finding;
  const [isDifferent, isWithin] = [p <= alpha, equivalence.p <= alpha];
  const assessment = isDifferent
    ? isWithin
      ? "different, within the margin"
      : "different"
    : isWithin
      ? "equivalent within the margin"
      : "inconclusive";
  return amended(finding, { details: { ...finding.details, assessment } });
}
