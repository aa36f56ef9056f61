import { criticalValue } from "../../src/stats/normal.js";
import { wilsonLimits } from "../../src/stats/proportion.js";
import { agrestiCoullLimits, correctedWilsonLimits, waldLimits } from "../../src/stats/share-limits.js";
import { expectClose, reference } from "../support/reference.js";

type Pair = readonly [number, number];
const { expected } = reference<{
  expected: {
    R: { one_proportion: { k: number; n: number; wilson_cc95: Pair }[] };
    statsmodels: { one_proportion: { k: number; n: number; agresti_coull95: Pair; wald95: Pair }[] };
  };
}>("intervals_multiplicity.json");
const Z = criticalValue(0.95);

test.each(expected.R.one_proportion)("R's corrected Wilson: $k of $n", ({ k, n, wilson_cc95 }) => {
  const { lower, upper } = correctedWilsonLimits(k, n, Z);
  expectClose(lower, wilson_cc95[0]);
  expectClose(upper, wilson_cc95[1]);
});

test.each(expected.statsmodels.one_proportion)("statsmodels: $k of $n", ({ k, n, agresti_coull95, wald95 }) => {
  const agrestiCoull = agrestiCoullLimits(k, n, Z);
  expectClose(agrestiCoull.lower, agresti_coull95[0]);
  expectClose(agrestiCoull.upper, agresti_coull95[1]);
  const wald = waldLimits(k / n, n, Z);
  expectClose(wald.lower, wald95[0]);
  expectClose(wald.upper, wald95[1]);
});

test("corrected limits and Agresti and Coull's contain Wilson's", () => {
  for (let n = 1; n <= 40; n++) {
    for (let k = 0; k <= n; k++) {
      const wilson = wilsonLimits(k / n, n, Z);
      for (const wider of [correctedWilsonLimits(k, n, Z), agrestiCoullLimits(k, n, Z)]) {
        expect(wider.lower).toBeLessThanOrEqual(wilson.lower + 1e-12);
        expect(wider.upper).toBeGreaterThanOrEqual(wilson.upper - 1e-12);
      }
    }
  }
});
