import audit from "../../audits/calibration.js";
import { randomFrom } from "../../src/core/random.js";
import { CLASS, cleanStudy, expectSound, findingById } from "../support/study.js";

const CONTEXT = { parameters: { bins: 10 }, level: 0.95, seed: 1 };
const id = (metric: string, group = "all") => `calibration/${metric}/${CLASS}/${group}/clean`;

/** Calibrated samples of two sites; `shift` moves the second site's probabilities down on the logit. */
function drawn(seed: number, n: number, shift = 0) {
  const random = randomFrom(seed, "calibration-audit");
  const site = Array.from({ length: n }, (_, i) => (i % 2 === 0 ? "a" : "b"));
  const truth = site.map(() => 1.4 * random.normal() - 0.4);
  return {
    labels: truth.map((logit) => (random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0)),
    scores: truth.map((logit, i) => 1 / (1 + Math.exp(-(logit - (site[i] === "b" ? shift : 0))))),
    site,
  };
}

test("a site whose risks are told too low stands out: intercept, gap and its test", () => {
  const { labels, scores, site } = drawn(1, 1200, 1);
  const findings = audit.evaluate(cleanStudy({ labels, scores, families: { site } }), CONTEXT);
  const [a, b] = ["a", "b"].map((one) => findingById(findings, id("calibration-intercept", `site=${one}`)));
  expect(a?.interval?.lower).toBeLessThan(0);
  expect(a?.interval?.upper).toBeGreaterThan(0);
  expect(b?.interval?.lower).toBeGreaterThan(0.6);
  expect(b?.tests?.[0]).toMatchObject({ hypothesis: "an intercept of 0" });
  expect(b?.tests?.[0]?.p).toBeLessThan(1e-6);
  const gap = findings.find((one) => one.metric === "calibration-intercept-gap");
  expect(gap?.interval?.lower).toBeGreaterThan(0.5);
  expect(gap?.tests?.map(({ method }) => method)).toEqual(["largest-pair", "wald"]);
  expectSound(
    findings,
    audit.meta.metrics.map((metric) => metric.id),
  );
});

test("the reliability curve counts its samples and leaves sparse bins out", () => {
  const { labels, scores } = drawn(2, 400);
  const { curve, details } = findingById(audit.evaluate(cleanStudy({ labels, scores }), CONTEXT), id("brier"));
  expect(curve?.kind).toBe("calibration");
  expect(Math.min(...(curve?.n ?? []))).toBeGreaterThanOrEqual(10);
  expect((curve?.n ?? []).reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(400);
  const prevalence = labels.filter((label) => label === 1).length / 400;
  expect(details?.["of-prevalence-alone"]).toBeCloseTo(prevalence * (1 - prevalence), 12);
});

test("recalibration on tuning patients helps where the probabilities are off, and not where they are right", () => {
  const gainOf = (shift: number) => {
    const [tuning, evaluation] = [drawn(3, 1000, shift), drawn(4, 1000, shift)];
    // Both sites alike, so that one recalibration can mend both.
    const whole = (one: ReturnType<typeof drawn>) => ({
      labels: one.labels.filter((_, i) => one.site[i] === "b"),
      scores: one.scores.filter((_, i) => one.site[i] === "b"),
    });
    const study = cleanStudy({ ...whole(evaluation), tuning: whole(tuning) });
    return findingById(audit.evaluate(study, CONTEXT), id("brier-recalibration-gain"));
  };
  expect(gainOf(1.2).interval?.lower).toBeGreaterThan(0);
  expect(gainOf(0).interval?.lower).toBeLessThan(0);
});

test("without tuning samples there is no recalibration; scores that are no probabilities are not applicable", () => {
  const { labels, scores, site } = drawn(5, 100);
  const columns = { labels, scores, families: { site } };
  const [without] = audit.evaluate(cleanStudy(columns), CONTEXT).filter(({ metric }) => metric.startsWith("brier-rec"));
  expect(without).toMatchObject({ status: "not-estimable", reason: expect.stringContaining("no tuning samples") });
  const raw = audit.evaluate(cleanStudy({ ...columns, probabilities: false }), CONTEXT);
  expect(new Set(raw.map(({ status }) => status))).toEqual(new Set(["not-applicable"]));
  expect(new Set(raw.map(({ subgroup }) => subgroup.site))).toEqual(new Set([undefined, "a", "b"]));
});
