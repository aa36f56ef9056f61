import { CLEAN, type Condition } from "../../src/core/condition.js";
import type { Finding, FindingTest } from "../../src/core/finding.js";
import { adjustTests } from "../../src/run/multiplicity.js";
import { reference } from "../support/reference.js";

const JPEG: Condition = { ...CLEAN, defense: "jpeg" };

function tested(p: number, others: Partial<Finding> & { readonly equivalence?: number } = {}): Finding {
  const { equivalence, ...changes } = others;
  const tests: FindingTest[] = [{ method: "z", hypothesis: "no difference", statistic: 2, p }];
  if (equivalence !== undefined)
    tests.push({ method: "tost", hypothesis: "a difference of at least 0.05", statistic: 1, p: equivalence });
  return {
    id: "fairness/auc-difference/a/sex=F/clean",
    audit: "fairness",
    metric: "auc-difference",
    class: "a",
    subgroup: { sex: "F" },
    family: "sex",
    condition: CLEAN,
    operatingPoint: null,
    unit: "1",
    estimate: 0.1,
    interval: { lower: 0, upper: 0.2, level: 0.95, method: "delong-difference" },
    n: 10,
    positives: 5,
    negatives: 5,
    patients: 10,
    status: "measured",
    reason: null,
    tests,
    ...changes,
  };
}

const adjustedOf = (finding: Finding | undefined) => finding?.tests?.[0]?.adjusted;

test("a family's tests get R's Benjamini–Hochberg p-values, and the family's size", () => {
  const { expected } = reference<{ expected: { R: { p_adjust: Record<string, { p: number[]; BH: number[] }> } } }>(
    "intervals_multiplicity.json",
  );
  const { p, BH } = expected.R.p_adjust.bh1995_15 as { p: number[]; BH: number[] };
  const found = adjustTests(
    p.map((one) => tested(one)),
    0.95,
  );
  found.forEach((finding, i) => {
    expect(adjustedOf(finding)?.p).toBeCloseTo(BH[i] as number, 9);
    expect(adjustedOf(finding)).toMatchObject({ method: "benjamini-hochberg", size: 15, family: "fairness, clean" });
  });
});

test("families are an audit under a condition; findings without a test do not count", () => {
  const bare = tested(0.01);
  const { tests: _tests, ...untested } = bare;
  const found = adjustTests(
    [tested(0.01), tested(0.04), untested, tested(0.04, { condition: JPEG }), tested(0.03, { audit: "robustness" })],
    0.95,
  );
  expect(found.map((finding) => adjustedOf(finding)?.size)).toEqual([2, 2, undefined, 1, 1]);
  expect(found.map((finding) => adjustedOf(finding)?.p)).toEqual([0.02, 0.04, undefined, 0.04, 0.03]);
});

test("equivalence and non-inferiority are not adjusted; permutation tests beside another make a family of their own", () => {
  const wald: FindingTest = { method: "wald", hypothesis: "no difference", statistic: 4, degrees: 2, p: 0.02 };
  const permutation: FindingTest = { method: "permutation", hypothesis: "no difference", statistic: null, p: 0.03 };
  const both = { tests: [wald, permutation], details: { permutations: 99 } };
  const [found, other] = adjustTests([tested(0, both), tested(0.5, { equivalence: 0.2 })], 0.95);
  expect(found?.tests?.map((test) => [test.adjusted?.size, test.adjusted?.family])).toEqual([
    [2, "fairness, clean"],
    [1, "fairness, clean, permutation tests"],
  ]);
  expect(other?.tests?.map((test) => test.adjusted?.size)).toEqual([2, undefined]);
  expect(found?.reason).toBeNull();
});

test("permutations that are too few for their family are called that", () => {
  const permutation: FindingTest = { method: "permutation", hypothesis: "no difference", statistic: null, p: 0.01 };
  const many = Array.from({ length: 10 }, () => tested(0, { tests: [permutation], details: { permutations: 99 } }));
  expect(
    adjustTests(
      many.map((one) => ({ ...one, tests: [{ ...permutation }] })),
      0.95,
    )[0]?.reason,
  ).toContain("take at least 199");
});

test("what is not significant is inconclusive unless it is shown to lie within the margin", () => {
  const assess = (p: number, equivalence: number) =>
    adjustTests([tested(p, { equivalence })], 0.95)[0]?.details?.assessment;
  expect(assess(0.3, 0.3)).toBe("inconclusive");
  expect(assess(0.3, 0.01)).toBe("equivalent within the margin");
  expect(assess(0.01, 0.3)).toBe("different");
  expect(assess(0.01, 0.01)).toBe("different, within the margin");
  // Adjusted for 20 tests, 0.01 is no longer significant.
  const many = adjustTests(
    [tested(0.01, { equivalence: 0.3 }), ...Array.from({ length: 19 }, () => tested(0.9))],
    0.95,
  );
  expect(many[0]?.details?.assessment).toBe("inconclusive");
});
