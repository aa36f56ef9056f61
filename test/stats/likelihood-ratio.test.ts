import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import type { LabelledScores } from "../../src/stats/auc.js";
import { decisionTable } from "../../src/stats/decision-table.js";
import { rateAt } from "../../src/stats/decisions.js";
import { intervalOf, type Summary } from "../../src/stats/estimate.js";
import { exactShare } from "../../src/stats/exact-share.js";
import { likelihoodRatio, predictiveValue, youdenIndex } from "../../src/stats/likelihood-ratio.js";
import type { ProportionEstimate } from "../../src/stats/proportion.js";
import { studentQuantile, studentTail } from "../../src/stats/student.js";
import { expectClose, labelledScores, type ReferenceInputs, reference } from "../support/reference.js";

interface Table {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

interface Expected {
  readonly survey: Readonly<
    Record<"sensitivity" | "specificity", { estimate: number; se: number; svyciprop_beta95: [number, number] }>
  >;
  readonly epiR: {
    readonly tables: readonly (Table & {
      readonly youden: number;
      readonly lr_positive: number;
      readonly lr_positive95: [number, number];
      readonly lr_negative: number;
      readonly lr_negative95: [number, number];
    })[];
  };
}

const expected = reference<Expected>("decisions-r.json");
const Z = 1.959963984540054;

/** Samples of that table at a threshold of 0.5, each repeated as `copies` samples of its patient. */
function samples({ tp, fp, fn, tn }: Table, copies = 1): LabelledScores {
  const cells = [
    [tp, 1, 0.9],
    [fp, 0, 0.9],
    [fn, 1, 0.1],
    [tn, 0, 0.1],
  ] as const;
  const rows = cells.flatMap(([count, label, score]) =>
    Array.from({ length: count * copies }, () => ({ label, score })),
  );
  return {
    scores: Float64Array.from(rows, ({ score }) => score),
    labels: Uint8Array.from(rows, ({ label }) => label),
    patients: Int32Array.from(rows, (_, row) => Math.floor(row / copies)),
    clustered: copies > 1,
  };
}

function estimated<E extends { readonly status: string }>(result: E): Extract<E, { status: "estimated" }> {
  if (result.status !== "estimated") throw new Error(`not estimated: ${JSON.stringify(result)}`);
  return result as Extract<E, { status: "estimated" }>;
}

function expectInterval(estimate: Summary, [lower, upper]: readonly [number, number], relative = 1e-9): void {
  const interval = intervalOf(estimate, 0.95);
  expectClose(interval.lower, lower, relative);
  expectClose(interval.upper, upper, relative);
}

describe("likelihood ratios as in R's epiR", () => {
  test.each(expected.epiR.tables)("$tp/$fp/$fn/$tn", (table) => {
    const data = samples(table);
    const positive = estimated(likelihoodRatio(decisionTable(data, 0.5), "positive"));
    expectClose(positive.value, table.lr_positive);
    expectInterval(positive, table.lr_positive95);
    expect(positive.method).toBe("log-delta");
    const negative = estimated(likelihoodRatio(decisionTable(data, 0.5), "negative"));
    expectClose(negative.value, table.lr_negative);
    expectInterval(negative, table.lr_negative95);
    expectClose(estimated(youdenIndex(decisionTable(data, 0.5))).value, table.youden);
  });

  test("patients who repeat themselves count once", () => {
    const table = expected.epiR.tables[1] as (typeof expected.epiR.tables)[number];
    const twice = estimated(likelihoodRatio(decisionTable(samples(table, 2), 0.5), "positive"));
    expectClose(twice.value, table.lr_positive);
    // The effective number is the patients' but for the 1 of 1 + p(1 − p)/Var.
    expectInterval(twice, table.lr_positive95, 0.02);
  });
});

test("patients with samples of both labels: the error of the jackknife over patients", () => {
  const random = randomFrom(8, "likelihood-ratio");
  const patients = 120;
  const rows = Array.from({ length: patients }, (_, patient) => {
    const own = random.normal();
    return [1, 0, 0].map((label) => ({
      patient,
      label,
      score: 0.5 + 0.4 * (label - 0.5) + 0.3 * own + 0.1 * random.normal(),
    }));
  }).flat();
  const dataWithout = (left: number): LabelledScores => {
    const kept = rows.filter(({ patient }) => patient !== left);
    return {
      scores: Float64Array.from(kept, ({ score }) => score),
      labels: Uint8Array.from(kept, ({ label }) => label),
      patients: Int32Array.from(kept, ({ patient }) => patient),
      clustered: true,
    };
  };
  for (const call of ["positive", "negative"] as const) {
    const logRatio = (left: number) =>
      Math.log(estimated(likelihoodRatio(decisionTable(dataWithout(left), 0.5), call)).value);
    const replicates = Array.from({ length: patients }, (_, left) => logRatio(left));
    const mean = replicates.reduce((sum, value) => sum + value, 0) / patients;
    const squares = replicates.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const { lower, upper } = intervalOf(estimated(likelihoodRatio(decisionTable(dataWithout(-1), 0.5), call)), 0.95);
    const error = Math.log(upper / lower) / (2 * Z);
    expectClose(error, Math.sqrt(((patients - 1) / patients) * squares), 0.04);
  }
});

describe("predictive values at a stated prevalence", () => {
  const table = { tp: 87, fp: 52, fn: 42, tn: 319 };
  const data = samples(table);
  const [positives, negatives] = [129, 371];
  const [se, sp] = [87 / 129, 319 / 371];

  test.each([0.02, 0.3, 0.9])("Mercaldo, Lau and Zhou's equations at %d", (prevalence) => {
    const logit = (p: number) => Math.log(p / (1 - p));
    const expit = (x: number) => 1 / (1 + Math.exp(-x));
    const ppv = (se * prevalence) / (se * prevalence + (1 - sp) * (1 - prevalence));
    const ofPpv = Math.sqrt((1 - se) / (se * positives) + sp / ((1 - sp) * negatives));
    const found = estimated(predictiveValue(decisionTable(data, 0.5), prevalence, "ppv"));
    expectClose(found.value, ppv);
    expectInterval(found, [expit(logit(ppv) - Z * ofPpv), expit(logit(ppv) + Z * ofPpv)]);
    const npv = (sp * (1 - prevalence)) / ((1 - se) * prevalence + sp * (1 - prevalence));
    const ofNpv = Math.sqrt(se / ((1 - se) * positives) + (1 - sp) / (sp * negatives));
    const other = estimated(predictiveValue(decisionTable(data, 0.5), prevalence, "npv"));
    expectClose(other.value, npv);
    expectInterval(other, [expit(logit(npv) - Z * ofNpv), expit(logit(npv) + Z * ofNpv)]);
    expect(other.method).toBe("logit-delta");
    // To first order the limits are those of the standard error that covariances are made of, but for n − 1 in place of n.
    expectClose(found.standardError, ppv * (1 - ppv) * ofPpv, 0.005);
    expectClose(other.standardError, npv * (1 - npv) * ofNpv, 0.005);
  });

  test("at the prevalence of the sample they are the shares of calls that are right", () => {
    for (const value of ["ppv", "npv"] as const) {
      const stated = estimated(predictiveValue(decisionTable(data, 0.5), positives / 500, value));
      expectClose(stated.value, estimated(rateAt(data, 0.5, value)).value);
    }
  });
});

describe("empty cells", () => {
  test("no false positive: no ratio, but a lower limit; a PPV of 1 with a lower limit", () => {
    const data = samples({ tp: 20, fp: 0, fn: 5, tn: 40 });
    const ratio = likelihoodRatio(decisionTable(data, 0.5), "positive");
    expect(ratio).toMatchObject({ status: "not-estimable" });
    expect("reason" in ratio && ratio.reason).toMatch(/no false positive among 40 negatives/);
    const lower = "lower" in ratio ? ratio.lower(Z) : Number.NaN;
    // Between what Wilson's upper limit of 0/40 leaves of the sensitivity and what both limits leave.
    expect(lower).toBeGreaterThan(0.6 / 0.0877);
    expect(lower).toBeLessThan(0.8 / 0.0877);
    const ppv = estimated(predictiveValue(decisionTable(data, 0.5), 0.1, "ppv"));
    expect(ppv.value).toBe(1);
    expectInterval(ppv, [lower / (lower + 9), 1]);
    expect(ppv.method).toBe("mover-ratio-wilson");
  });

  test("no true positive: a ratio of 0 with an upper limit", () => {
    const ratio = estimated(likelihoodRatio(decisionTable(samples({ tp: 0, fp: 4, fn: 25, tn: 40 }), 0.5), "positive"));
    expect(ratio.value).toBe(0);
    const { lower, upper } = intervalOf(ratio, 0.95);
    expect(lower).toBe(0);
    expect(upper).toBeGreaterThan(0.5);
    expect(upper).toBeLessThan(10);
  });

  test("nobody called positive: 0 / 0", () => {
    const data = samples({ tp: 0, fp: 0, fn: 25, tn: 40 });
    expect(likelihoodRatio(decisionTable(data, 0.5), "positive")).toMatchObject({ status: "not-estimable" });
    expect(predictiveValue(decisionTable(data, 0.5), 0.1, "ppv")).toMatchObject({ status: "not-estimable" });
    expect(estimated(predictiveValue(decisionTable(data, 0.5), 0.1, "npv")).value).toBeCloseTo(0.9, 12);
    expect(likelihoodRatio(decisionTable(samples({ tp: 3, fp: 0, fn: 2, tn: 0 }), 0.5), "positive")).toMatchObject({
      reason: expect.stringContaining("0 negatives"),
    });
  });

  test("whatever the table: limits hold the estimate, stay in range, and are finite", () => {
    const count = fc.integer({ min: 0, max: 30 });
    fc.assert(
      fc.property(count, count, count, count, fc.integer({ min: 1, max: 3 }), (tp, fp, fn, tn, copies) => {
        const data = samples({ tp, fp, fn, tn }, copies);
        const results = [
          likelihoodRatio(decisionTable(data, 0.5), "positive"),
          likelihoodRatio(decisionTable(data, 0.5), "negative"),
          predictiveValue(decisionTable(data, 0.5), 0.02, "ppv"),
          predictiveValue(decisionTable(data, 0.5), 0.02, "npv"),
          youdenIndex(decisionTable(data, 0.5)),
        ];
        for (const result of results) {
          if (result.status === "not-estimable") {
            expect(result.reason).toMatch(/\w/);
            continue;
          }
          const { lower, upper } = intervalOf(result, 0.95);
          expect(lower).toBeLessThanOrEqual(result.value + 1e-12);
          expect(upper).toBeGreaterThanOrEqual(result.value - 1e-12);
          expect(upper).toBeLessThan(1e6);
          expect(upper).toBeGreaterThan(lower);
          expect(result.standardError).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});

describe("exact limits", () => {
  interface Proportions {
    readonly expected: {
      readonly R: {
        readonly one_proportion: readonly {
          readonly k: number;
          readonly n: number;
          readonly clopper_pearson95: [number, number];
        }[];
      };
    };
  }

  test("Clopper and Pearson's, as in R, where no patient repeats", () => {
    for (const { k, n, clopper_pearson95 } of reference<Proportions>("intervals_multiplicity.json").expected.R
      .one_proportion) {
      const data = samples({ tp: k, fp: 0, fn: n - k, tn: 1 });
      const share = exactShare(estimated(rateAt(data, 0.5, "sensitivity")));
      expectInterval(share, clopper_pearson95, 1e-9);
      expect(share.method).toBe("clopper-pearson");
    }
  });

  test.each(["sensitivity", "specificity"] as const)("Korn and Graubard's %s, as in R's survey", (rate) => {
    const { inputs } = reference<{ inputs: Required<ReferenceInputs> }>("clustered.json");
    const data = labelledScores(inputs, { patients: inputs.patient });
    const share = estimated(rateAt({ ...data, clustered: true }, 0.5, rate));
    const wanted = expected.survey[rate];
    expectClose(share.value, wanted.estimate);
    expectClose(share.standardError, wanted.se);
    // R's effective number lacks the 1 that ours has; with R's, R's limits.
    const theirs: ProportionEstimate = { ...share, effectiveN: share.effectiveN - 1 };
    expectInterval(exactShare(theirs), wanted.svyciprop_beta95, 1e-8);
    expect(exactShare(share).method).toBe("korn-graubard");
    const [ours, r] = [exactShare(share), exactShare(theirs)].map((one) => intervalOf(one, 0.95));
    expect((ours?.upper as number) - (ours?.lower as number)).toBeLessThan((r?.upper as number) - (r?.lower as number));
  });

  test("quantiles of Student's distribution invert its tail", () => {
    expectClose(studentQuantile(0.025, 10), 2.228138851964939);
    expectClose(studentQuantile(0.025, 1), 12.706204736174698);
    for (const degrees of [1, 3.5, 69, 1e5]) {
      for (const tail of [1e-8, 0.001, 0.025, 0.4]) {
        expectClose(studentTail(studentQuantile(tail, degrees), degrees), tail, 1e-8);
      }
    }
  });
});
