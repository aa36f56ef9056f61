import { type AucEstimate, areaUnderCurve } from "../../src/stats/auc.js";
import { normalCdf } from "../../src/stats/normal.js";
import { studentTail, welchTest } from "../../src/stats/student.js";
import { expectClose, labelledScores, type ReferenceInputs, reference } from "../support/reference.js";

interface Unpaired {
  readonly auc1: number;
  readonly auc2: number;
  readonly diff: number;
  readonly se_diff: number;
  readonly D: number;
  readonly df: number;
  readonly p_two_sided_welch_t: number;
}
interface Random {
  readonly inputs: ReferenceInputs;
  readonly expected: { readonly pROC: { readonly unpaired: Readonly<Record<string, Unpaired>> } };
}
const R = reference<{ ptUpper: [number, number, number][] }>("distributions.json");

test.each(R.ptUpper)("R's pt: %d with %d degrees of freedom", (t, degrees, p) => {
  expectClose(studentTail(t, degrees), p, degrees > 1e8 ? 1e-6 : 1e-9);
});

test("a tail and its mirror are one; many degrees of freedom are the normal distribution", () => {
  for (const t of [0, 0.3, 1.7, 6]) expectClose(studentTail(t, 4.5) + studentTail(-t, 4.5), 1, 1e-15);
  expectClose(studentTail(1.3, 1e7), normalCdf(-1.3), 1e-6);
  expect(studentTail(1e200, 3)).toBe(0);
});

describe.each(["random_n50.json", "random_n500.json"])("pROC's unpaired roc.test: %s", (file) => {
  const { inputs, expected } = reference<Random>(file);
  const area = (group: string): AucEstimate => {
    const auc = areaUnderCurve(labelledScores(inputs, { keep: (row) => inputs.group?.[row] === group }));
    if (auc.status !== "estimated") throw new Error(auc.reason);
    return auc;
  };

  test.each(Object.entries(expected.pROC.unpaired))("%s", (pair, wanted) => {
    const [first, second] = pair.split("_vs_") as [string, string];
    const [a, b] = [area(first), area(second)];
    expectClose(a.value, wanted.auc1);
    expectClose(b.value, wanted.auc2);
    const test = welchTest(a.value - b.value, a.variance, b.variance, a.n, b.n);
    if (test.status !== "tested") throw new Error(test.reason);
    expectClose(a.value - b.value, wanted.diff);
    expectClose(Math.sqrt(a.variance + b.variance), wanted.se_diff);
    expectClose(test.statistic, wanted.D);
    expectClose(test.degrees, wanted.df);
    expectClose(test.p, wanted.p_two_sided_welch_t, 1e-6);
  });
});

test("without variance, or with a group of one, there is no test", () => {
  expect(welchTest(0.1, 0, 0, 20, 20)).toMatchObject({ status: "not-estimable" });
  expect(welchTest(0.1, 0.01, 0.01, 20, 1)).toMatchObject({
    status: "not-estimable",
    reason: expect.stringMatching(/20 and 1/),
  });
});
