import { conditionKey } from "../core/condition.js";
import type { Finding, FindingTest } from "../core/finding.js";
import { amended } from "../stats/finding.js";
import { adjusted } from "../stats/multiplicity.js";
import { tooFewPermutations } from "../stats/permutation.js";

/** Tests that hold a difference against a margin: each is a claim of its own and is not adjusted. */
const MARGIN_TESTS: ReadonlySet<string> = new Set(["tost", "non-inferiority"]);

/**
 * Adjusts the tests of no difference for their number (Benjamini and Hochberg 1995: exploration, the share of false
 * alarms among the alarms), and says of every difference what its tests conclude. A family is all tests of one audit
 * under one condition: every metric, class and group that is looked at side by side. A finding with several tests of one
 * hypothesis enters with the first; permutation tests beside it make a family of their own.
 * @param level nominal coverage: α is 1 − level
 */
export function adjustTests(findings: readonly Finding[], level: number): Finding[] {
  const families = new Map<string, FindingTest[]>();
  for (const finding of findings) {
    const primary = primaryTest(finding);
    for (const test of finding.tests ?? []) {
      const isSecond = test.method === PERMUTATION && test !== primary;
      if (test !== primary && !isSecond) continue;
      const family = `${finding.audit}, ${conditionKey(finding.condition)}${isSecond ? ", permutation tests" : ""}`;
      const members = families.get(family);
      if (members === undefined) families.set(family, [test]);
      else members.push(test);
    }
  }
  const adjustments = new Map<FindingTest, NonNullable<FindingTest["adjusted"]>>();
  for (const [family, tests] of families) {
    const p = adjusted(
      tests.map((test) => test.p),
      "benjamini-hochberg",
    );
    tests.forEach((test, place) => {
      const size = tests.length;
      adjustments.set(test, { method: "benjamini-hochberg", p: p[place] as number, family, size });
    });
  }
  return findings.map((finding) => {
    if (finding.tests === undefined) return finding;
    const tests = finding.tests.map((test) => {
      const adjustment = adjustments.get(test);
      return adjustment === undefined ? test : { ...test, adjusted: adjustment };
    });
    return assessed(warned(amended(finding, { tests }), 1 - level), 1 - level);
  });
}

const PERMUTATION = "permutation";

/** The first test that asks whether there is a difference at all. */
function primaryTest(finding: Finding): FindingTest | undefined {
  return finding.tests?.find(({ method }) => !MARGIN_TESTS.has(method));
}

/** Says where a permutation test had too few permutations for its family to ever reach α. */
function warned(finding: Finding, alpha: number): Finding {
  const size = finding.tests?.find(({ method }) => method === PERMUTATION)?.adjusted?.size;
  const permutations = finding.details?.permutations;
  if (size === undefined || typeof permutations !== "number") return finding;
  const warning = tooFewPermutations(permutations, size, Number(alpha.toFixed(6)));
  if (warning === null) return finding;
  return amended(finding, { reason: finding.reason === null ? warning : `${finding.reason}; ${warning}` });
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
