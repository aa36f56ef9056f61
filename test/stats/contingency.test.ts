import { type CountTest, mcnemarCorrected, mcnemarExact } from "../../src/stats/contingency.js";
import type { NotEstimable } from "../../src/stats/estimate.js";
import { expectClose, reference } from "../support/reference.js";

const { expected } = reference<{
  expected: { R: { two_sample: Record<string, number> } };
}>("intervals_multiplicity.json");
const twoSample = expected.R.two_sample;
const R = reference<{ mcnemar: number[][] }>("distributions.json");

function tested(result: CountTest | NotEstimable): CountTest {
  if (result.status !== "tested") throw new Error(result.reason);
  return result;
}

describe("McNemar's tests", () => {
  test("R: 10 and 3 discordant pairs", () => {
    expectClose(mcnemarExact(10, 3).p, twoSample.mcnemar_exact_b10_c3 as number);
    expectClose(tested(mcnemarCorrected(10, 3)).p, twoSample.mcnemar_chisq_cc_b10_c3 as number);
  });

  test.each(R.mcnemar)("R: %d and %d discordant pairs", (b, c, exact, statistic, p) => {
    expectClose(mcnemarExact(b, c).p, exact, 1e-10);
    const corrected = tested(mcnemarCorrected(b, c));
    expectClose(corrected.statistic as number, statistic);
    expectClose(corrected.p, p);
    expect(mcnemarExact(c, b).p).toBe(mcnemarExact(b, c).p);
  });

  test("without discordant pairs nothing speaks for a difference", () => {
    expect(mcnemarExact(0, 0)).toEqual({ status: "tested", statistic: null, p: 1 });
    expect(mcnemarCorrected(0, 0)).toMatchObject({
      status: "not-estimable",
      reason: expect.stringContaining("no pair"),
    });
  });

  test("the exact test raises a false alarm at most as often as it says", () => {
    const n = 24;
    let alarms = 0;
    let chance = 0.5 ** n;
    for (let b = 0; b <= n; b++) {
      if (mcnemarExact(b, n - b).p <= 0.05) alarms += chance;
      chance *= (n - b) / (b + 1);
    }
    expect(alarms).toBeGreaterThan(0.01);
    expect(alarms).toBeLessThanOrEqual(0.05);
  });
});
