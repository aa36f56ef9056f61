import audit from "../../audits/resampling.js";
import { randomFrom } from "../../src/core/random.js";
import { type ReferenceInputs, reference } from "../support/reference.js";
import { CLASS, cleanStudy, findingById, POINT } from "../support/study.js";

const PARAMETERS = { replicates: 1000, interval: "percentile", largest: 2000 };
const CONTEXT = { parameters: PARAMETERS, level: 0.95, seed: 7 };
const ALL = `resampling/auc-resampled/${CLASS}/all/clean`;

test("patients are drawn, not images: the numbers of a cluster bootstrap made elsewhere", () => {
  const { inputs, expected } = reference<{
    inputs: Required<ReferenceInputs>;
    expected: {
      numpy: {
        monte_carlo: {
          cluster_bootstrap_sd: number;
          cluster_bootstrap_percentile95: readonly [number, number];
          naive_stratified_bootstrap_sd: number;
        };
      };
    };
  }>("clustered.json");
  const study = cleanStudy({ labels: inputs.y, scores: inputs.score, patients: inputs.patient });
  const found = findingById(
    audit.evaluate(study, { ...CONTEXT, parameters: { ...PARAMETERS, replicates: 4000 } }),
    ALL,
  );
  const { monte_carlo: wanted } = expected.numpy;
  // The reference draws from all patients at once, ours within strata: the same within its stated tolerances.
  expect(Math.abs((found.interval?.lower as number) - wanted.cluster_bootstrap_percentile95[0])).toBeLessThan(0.006);
  expect(Math.abs((found.interval?.upper as number) - wanted.cluster_bootstrap_percentile95[1])).toBeLessThan(0.006);
  const sd = found.details?.["standard-error"] as number;
  expect(Math.abs(sd / wanted.cluster_bootstrap_sd - 1)).toBeLessThan(0.05);
  expect(sd).toBeGreaterThan(1.5 * wanted.naive_stratified_bootstrap_sd);
  expect(found.details).toMatchObject({ replicates: 4000, failed: 0 });
});

function small(order: readonly number[] = Array.from({ length: 60 }, (_, row) => row)) {
  const random = randomFrom(2, "resampling");
  const drawn = Array.from({ length: 60 }, (_, row) => ({ label: row % 3 === 0 ? 1 : 0, noise: random.normal() }));
  const rows = order.map((row) => drawn[row] as { label: number; noise: number });
  return cleanStudy({
    labels: rows.map(({ label }) => label),
    scores: rows.map(({ label, noise }) => 1.2 * label + noise),
    threshold: 0.8,
    families: { site: order.map((row) => (row < 50 ? "large" : "small")) },
  });
}

test("the order of rows does not matter, the seed does", () => {
  const strip = (study: ReturnType<typeof small>, seed = 7) =>
    audit.evaluate(study, { ...CONTEXT, seed }).map(({ id, estimate, interval }) => ({ id, estimate, interval }));
  const reversed = Array.from({ length: 60 }, (_, row) => 59 - row);
  expect(strip(small(reversed))).toEqual(strip(small()));
  expect(strip(small(), 8)).not.toEqual(strip(small()));
});

test("BCa and percentile differ, both lie in [0, 1], and large groups are left out", () => {
  const at = (changes: object) => audit.evaluate(small(), { ...CONTEXT, parameters: { ...PARAMETERS, ...changes } });
  const [bca, percentile] = [at({ interval: "bca" }), at({})].map((findings) => findingById(findings, ALL));
  expect(bca?.interval).toMatchObject({ method: "bootstrap-bca" });
  expect(percentile?.interval).toMatchObject({ method: "bootstrap-percentile" });
  expect(bca?.interval?.lower).not.toBe(percentile?.interval?.lower);
  for (const { interval } of at({ interval: "bca" })) {
    if (interval === null) continue;
    expect(interval.lower).toBeGreaterThanOrEqual(0);
    expect(interval.upper).toBeLessThanOrEqual(1);
  }
  const groups = new Set(at({ largest: 20 }).map((finding) => finding.subgroup.site));
  expect(groups).toEqual(new Set(["small"]));
});

test("an error that no patient shows is not estimated: a sensitivity of 1 has no bootstrap interval", () => {
  const study = cleanStudy({ labels: [1, 1, 1, 0, 0, 0], scores: [3, 4, 5, 0, 1, 2], threshold: 2.5 });
  const findings = audit.evaluate(study, CONTEXT);
  const sensitivity = findingById(findings, `resampling/sensitivity-resampled/${CLASS}/${POINT}/all/clean`);
  expect(sensitivity).toMatchObject({ status: "not-estimable", estimate: null, interval: null });
  expect(sensitivity.reason).toContain("replicates are equal");
});
