import comparison from "../../audits/comparison.js";
import { randomFrom } from "../../src/core/random.js";
import type { GateEntry } from "../../src/protocol/schema.js";
import { testsOf } from "../../src/run/criterion.js";
import { evaluateGates } from "../../src/run/gates.js";
import { cleanStudy, POINT } from "../support/study.js";

/*
 * What a gate against a baseline does when there is nothing to find, and when there is exactly as much as it must not let
 * pass. Verdicts are counted over seeds. The bounds are those that a rate of α exceeds with a chance below 0.001
 * (binomial): 20 of 200 at α = 0.05, 13 of 200 at α/2, which is what one two-sided interval leaves on a side.
 */
const SEEDS = 200;
const LEVEL = 0.95;
const MOST_AT_5_PERCENT = 20;
const MOST_AT_2_5_PERCENT = 13;

interface Cohort {
  readonly labels: number[];
  readonly patients: number[];
  readonly sex: string[];
  readonly own: number[];
  readonly old: number[];
}

/**
 * Two models of the same patients, half of whom have two images: each sees the disease through what the patient and the
 * image look like, which both share, and through an error of its own of equal size.
 * @param loss what the audited model's separation lacks
 */
function cohort(
  seed: number,
  { loss = 0, count = 240 }: { readonly loss?: number; readonly count?: number } = {},
): Cohort {
  const random = randomFrom(seed, "A/A");
  const out: Cohort = { labels: [], patients: [], sex: [], own: [], old: [] };
  for (let patient = 0; out.labels.length < count; patient++) {
    const label = random.uniform() < 0.45 ? 1 : 0;
    const sex = random.uniform() < 0.5 ? "F" : "M";
    const looks = 0.6 * random.normal();
    for (let image = 0; image <= patient % 2; image++) {
      const shared = looks + 0.5 * random.normal();
      out.labels.push(label);
      out.patients.push(patient);
      out.sex.push(sex);
      out.own.push((SEPARATION - loss) * label + shared + OWN * random.normal());
      out.old.push(SEPARATION * label + shared + OWN * random.normal());
    }
  }
  return out;
}

const SEPARATION = 1.6;
const OWN = 0.6;
const SPREAD = Math.sqrt(0.6 ** 2 + 0.5 ** 2 + OWN ** 2);

const gate = (entry: Partial<GateEntry>): GateEntry =>
  ({ id: "R", title: "R", against: "baseline", bound: "lower", noWorseThan: 0, ...entry }) as GateEntry;

/** Verdicts of gates on a cohort, from the real audit. */
function verdicts({ labels, old, own, patients, sex }: Cohort, gates: readonly GateEntry[], further: string[] = []) {
  const study = cleanStudy({
    labels,
    patients,
    scores: own,
    families: { sex },
    threshold: SEPARATION / 2,
    probabilities: false,
    comparators: { baseline: old },
  });
  const parameters = { margin: 0.05, further, replicates: 400 };
  const findings = comparison.evaluate(study, { parameters, level: LEVEL, seed: 1 });
  return evaluateGates(gates, findings, testsOf(gates, findings)).map(({ verdict }) => verdict);
}

function count(wanted: string, of: (seed: number) => readonly string[], seeds = SEEDS): number {
  let found = 0;
  for (let seed = 0; seed < seeds; seed++) if (of(seed).includes(wanted)) found++;
  return found;
}

const AREA = gate({ id: "auc", metric: "auc" });
const RATES = [
  gate({ id: "sensitivity", metric: "sensitivity", operatingPoint: POINT }),
  gate({ id: "specificity", metric: "specificity", operatingPoint: POINT }),
];
const GROUPS = [
  gate({ id: "auc-by-sex", metric: "auc", subgroups: ["sex"] }),
  gate({ id: "sensitivity-by-sex", metric: "sensitivity", subgroups: ["sex"] }),
];

describe("the same model against itself", () => {
  const itself = (seed: number) => {
    const one = cohort(seed);
    return { ...one, own: one.old };
  };

  test("never fails, and its area passes at a margin of 0", () => {
    const gates = [AREA, ...RATES, ...GROUPS];
    for (let seed = 0; seed < SEEDS; seed++) {
      const found = verdicts(itself(seed), gates);
      expect(found).not.toContain("fail");
      expect(found[0]).toBe("pass");
    }
  });
});

describe("two models that are equally good, margin 0", () => {
  test.each([
    ["auc", AREA],
    ["sensitivity", RATES[0] as GateEntry],
    ["specificity", RATES[1] as GateEntry],
  ] as const)("a gate on %s fails no more often than α", (_, one) => {
    expect(count("fail", (seed) => verdicts(cohort(seed), [one]))).toBeLessThanOrEqual(MOST_AT_2_5_PERCENT);
  });

  test("five gates with seven findings fail together no more often than α, by Holm", () => {
    const gates = [AREA, ...RATES, ...GROUPS];
    expect(count("fail", (seed) => verdicts(cohort(seed), gates))).toBeLessThanOrEqual(MOST_AT_5_PERCENT);
  });

  test("nor does the bootstrap's interval of average precision and of the gap", () => {
    const one = [gate({ metric: "average-precision" })];
    const gap = [gate({ metric: "auc-gap", subgroups: ["sex"] })];
    expect(count("fail", (seed) => verdicts(cohort(seed), one, ["average-precision"]))).toBeLessThanOrEqual(
      MOST_AT_2_5_PERCENT,
    );
    expect(count("fail", (seed) => verdicts(cohort(seed), gap, ["auc-gap"]))).toBeLessThanOrEqual(MOST_AT_2_5_PERCENT);
  });
});

describe("a model that is worse by exactly the margin", () => {
  const loss = 0.5;
  // Areas of two normal populations: Φ(separation / (spread · √2)).
  const area = (separation: number) => normalCdf(separation / (SPREAD * Math.SQRT2));
  const margin = area(SEPARATION) - area(SEPARATION - loss);
  const rate = (separation: number) => normalCdf((separation - SEPARATION / 2) / SPREAD);
  const rateMargin = rate(SEPARATION) - rate(SEPARATION - loss);

  test("passes no more often than α, in area and in sensitivity", () => {
    expect(margin).toBeGreaterThan(0.05);
    const areas = [gate({ metric: "auc", noWorseThan: margin })];
    const rates = [gate({ metric: "sensitivity", operatingPoint: POINT, noWorseThan: rateMargin })];
    expect(count("pass", (seed) => verdicts(cohort(seed, { loss }), areas))).toBeLessThanOrEqual(MOST_AT_2_5_PERCENT);
    expect(count("pass", (seed) => verdicts(cohort(seed, { loss }), rates))).toBeLessThanOrEqual(MOST_AT_2_5_PERCENT);
  });

  test("and mostly fails where no loss at all is borne: the gate can see", () => {
    const found = count("fail", (seed) => verdicts(cohort(seed, { loss }), [AREA]), 60);
    expect(found).toBeGreaterThan(45);
    const equal = gate({ metric: "auc", noWorseThan: margin });
    expect(count("pass", (seed) => verdicts(cohort(seed), [equal]), 60)).toBeGreaterThan(45);
  });
});

/** By Simpson's rule: no code of the product decides what the margin is. */
function normalCdf(z: number): number {
  const [steps, from] = [2000, -8];
  const width = (z - from) / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const x = from + i * width;
    sum += (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2) * Math.exp((-x * x) / 2);
  }
  return (sum * width) / 3 / Math.sqrt(2 * Math.PI);
}
