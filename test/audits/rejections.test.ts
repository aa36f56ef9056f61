import fc from "fast-check";
import rejections from "../../audits/rejections.js";
import type { Finding } from "../../src/core/finding.js";
import { cleanStudy, expectSound, findingById } from "../support/study.js";

const CONTEXT = { parameters: {}, level: 0.95, seed: 1 };
const METRICS = rejections.meta.metrics.map((metric) => metric.id);
const id = (metric: string, group = "all", point = "") => `rejections/${metric}/disease/${point}${group}/clean`;
const NONE = Number.NaN;

// Ten positives, ten negatives, threshold 0.5; of women two positives and one negative have no score.
const LABELS = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const SCORES = [0.9, 0.8, 0.7, 0.6, 0.4, 0.9, 0.8, 0.3, NONE, NONE, 0.1, 0.2, 0.3, 0.6, 0.1, 0.2, 0.4, 0.1, 0.7, NONE];
const SEX = LABELS.map((_, row) => (row % 10 < 5 ? "M" : "F"));
const study = cleanStudy({ labels: LABELS, scores: SCORES, families: { sex: SEX }, threshold: 0.5 });
const findings = rejections.evaluate(study, CONTEXT);
const estimateOf = (one: string) => findingById(findings, one).estimate;

test("the share of labelled samples without a score, with Wilson's interval", () => {
  const women = findingById(findings, id("rejection-rate", "sex=F"));
  expect(women).toMatchObject({ estimate: 0.3, n: 10, positives: 5, negatives: 5 });
  expect(women.details).toEqual({ unscored: 3, "unscored-positives": 2, of: 10 });
  // Wilson's formula in Python: 3 of 10.
  expect(women.interval?.lower).toBeCloseTo(0.10779126740630099, 9);
  expect(women.interval?.upper).toBeCloseTo(0.6032218525388544, 9);
  expect(estimateOf(id("rejection-rate"))).toBeCloseTo(3 / 20, 12);
  expect(estimateOf(id("rejection-rate", "sex=M"))).toBe(0);
});

test("sensitivity and specificity if every such sample were wrong, and if every one were right", () => {
  // Women: 2 of 3 scored positives are found, 3 of 4 scored negatives are not called.
  expect(estimateOf(id("sensitivity-worst-case", "sex=F", "screening/"))).toBeCloseTo(2 / 5, 12);
  expect(estimateOf(id("sensitivity-best-case", "sex=F", "screening/"))).toBeCloseTo(4 / 5, 12);
  expect(estimateOf(id("specificity-worst-case", "sex=F", "screening/"))).toBeCloseTo(3 / 5, 12);
  expect(estimateOf(id("specificity-best-case", "sex=F", "screening/"))).toBeCloseTo(4 / 5, 12);
  expect(estimateOf(id("sensitivity-worst-case", "sex=M", "screening/"))).toBeCloseTo(4 / 5, 12);
});

test("the gap between groups in the rate", () => {
  const gap = findingById(findings, id("rejection-rate-gap", "sex"));
  expect(gap.estimate).toBeCloseTo(0.3, 12);
  expect(gap.details).toMatchObject({ best: "sex=M", worst: "sex=F" });
});

test("where nothing is missing, one finding per class says so", () => {
  const complete = cleanStudy({ labels: LABELS, scores: SCORES.map((score) => (Number.isNaN(score) ? 0.5 : score)) });
  const found = rejections.evaluate(complete, CONTEXT);
  expect(found.map((one) => one.id)).toEqual([id("rejection-rate")]);
  expect(found[0]).toMatchObject({ estimate: 0, n: 20, details: { unscored: 0 } });
});

test("a sample without a label counts nowhere, scored or not", () => {
  const more = cleanStudy({ labels: [...LABELS, -1, -1], scores: [...SCORES, NONE, 0.5], threshold: 0.5 });
  expect(findingById(rejections.evaluate(more, CONTEXT), id("rejection-rate")).estimate).toBeCloseTo(3 / 20, 12);
});

/** AUC by its definition. */
function areaOf(labels: readonly number[], scores: readonly number[]): number {
  let sum = 0;
  let pairs = 0;
  labels.forEach((label, i) => {
    labels.forEach((other, j) => {
      if (label !== 1 || other !== 0) return;
      pairs++;
      const difference = (scores[i] as number) - (scores[j] as number);
      sum += difference > 0 ? 1 : difference === 0 ? 0.5 : 0;
    });
  });
  return sum / pairs;
}

test("whatever the missing scores are, every result lies between the worst and the best case, which are both reached", () => {
  const sample = fc.record({
    label: fc.constantFrom(0, 1),
    score: fc.integer({ min: 0, max: 8 }),
    known: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(sample, { minLength: 8, maxLength: 30 }),
      fc.infiniteStream(fc.integer({ min: -2, max: 10 })),
      (samples, fill) => {
        const labels = samples.map(({ label }) => label);
        const positives = labels.filter((label) => label === 1).length;
        fc.pre(positives >= 2 && labels.length - positives >= 2 && samples.some(({ known }) => !known));
        const scores = samples.map(({ score, known }) => (known ? score / 8 : NONE));
        const found = rejections.evaluate(cleanStudy({ labels, scores, threshold: 0.5 }), CONTEXT);
        expectSound(found, METRICS);
        const of = (one: string) => findingById(found, one).estimate ?? NONE;
        const [least, most] = [of(id("auc-worst-case")), of(id("auc-best-case"))];
        const filled = scores.map((score) => (Number.isNaN(score) ? (fill.next().value as number) / 8 : score));
        const area = areaOf(labels, filled);
        expect(area).toBeGreaterThanOrEqual(least - 1e-12);
        expect(area).toBeLessThanOrEqual(most + 1e-12);
        const extreme = (sign: number) =>
          areaOf(
            labels,
            scores.map((score, row) => (Number.isNaN(score) ? sign * (labels[row] === 1 ? 9 : -9) : score)),
          );
        expect(least).toBeCloseTo(extreme(-1), 12);
        expect(most).toBeCloseTo(extreme(1), 12);
      },
    ),
    { numRuns: 200, seed: 7 },
  );
});

test("patients with several images widen the interval", () => {
  const patients = LABELS.map((_, row) => row >> 1);
  const clustered = rejections.evaluate(
    cleanStudy({ labels: LABELS, scores: SCORES, patients, families: { sex: SEX }, threshold: 0.5 }),
    CONTEXT,
  );
  const width = (all: readonly Finding[]) => {
    const { interval } = findingById(all, id("rejection-rate"));
    return (interval?.upper ?? NONE) - (interval?.lower ?? NONE);
  };
  expect(width(clustered)).toBeGreaterThan(width(findings));
  expect(findingById(clustered, id("rejection-rate")).interval?.method).toBe("wilson-effective-n");
});
