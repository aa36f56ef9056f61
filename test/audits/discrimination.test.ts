import audit from "../../audits/discrimination.js";
import { CLEAN, type Condition } from "../../src/core/condition.js";
import type { Curve } from "../../src/core/finding.js";
import { randomFrom } from "../../src/core/random.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";
import { CLASS, cleanStudy, expectSound, findingById, POINT, studyOf } from "../support/study.js";

const CONTEXT = { parameters: { partialAuc: { specificity: [0.9, 1] } }, level: 0.95, seed: 1 };
const METRICS = audit.meta.metrics.map((metric) => metric.id);

describe("numbers of other tools", () => {
  test("random_n500: pROC's areas, intervals and Wilson's rates, by group", () => {
    const { inputs, expected } = reference<{
      inputs: Required<ReferenceInputs>;
      expected: {
        pROC: { groups: Record<string, { auc: number; ci95: [number, number]; n_pos: number; n_neg: number }> };
        sklearn_statsmodels: {
          groups: Record<string, { rates_at?: never }>;
          "rates_at_0.5": Record<string, { fnr: number; fpr: number; fnr_wilson95: number[]; fpr_wilson95: number[] }>;
        };
      };
    }>("random_n500.json");
    const study = cleanStudy({
      labels: inputs.y,
      scores: inputs.score,
      families: { group: inputs.group },
      threshold: 0.5,
    });
    const findings = audit.evaluate(study, CONTEXT);
    expectSound(findings, METRICS);
    for (const group of ["overall", "A", "B", "C"]) {
      const key = group === "overall" ? "all" : `group=${group}`;
      const auc = findingById(findings, `discrimination/auc/${CLASS}/${key}/clean`);
      const wanted = expected.pROC.groups[group];
      expectClose(auc.estimate as number, wanted?.auc as number);
      expectClose(auc.interval?.lower, wanted?.ci95[0] as number);
      expectClose(auc.interval?.upper, wanted?.ci95[1] as number);
      expect(auc).toMatchObject({ positives: wanted?.n_pos, negatives: wanted?.n_neg, interval: { method: "delong" } });

      const rates = expected.sklearn_statsmodels["rates_at_0.5"][group];
      if (rates === undefined) continue;
      const sensitivity = findingById(findings, `discrimination/sensitivity/${CLASS}/${POINT}/${key}/clean`);
      const specificity = findingById(findings, `discrimination/specificity/${CLASS}/${POINT}/${key}/clean`);
      expectClose(1 - (sensitivity.estimate as number), rates.fnr);
      expectClose(1 - (specificity.estimate as number), rates.fpr);
      expectClose(1 - (sensitivity.interval?.upper as number), rates.fnr_wilson95[0] as number);
      expectClose(1 - (specificity.interval?.lower as number), rates.fpr_wilson95[1] as number);
    }
  });

  test("clustered: the FDA script's area and variance", () => {
    const { inputs, expected } = reference<{
      inputs: Required<ReferenceInputs>;
      expected: { FDA_doAUCcluster: { auc: number; ci95: [number, number] } };
    }>("clustered.json");
    const study = cleanStudy({ labels: inputs.y, scores: inputs.score, patients: inputs.patient });
    const [auc] = audit.evaluate(study, CONTEXT);
    const wanted = expected.FDA_doAUCcluster;
    expectClose(auc?.estimate as number, wanted.auc);
    expectClose(auc?.interval?.lower, wanted.ci95[0]);
    expectClose(auc?.interval?.upper, wanted.ci95[1]);
    expect(auc).toMatchObject({ n: 638, patients: 220, interval: { method: "obuchowski", level: 0.95 } });
  });
});

describe("average precision and the partial area", () => {
  const { inputs, expected } = reference<{
    inputs: Required<ReferenceInputs> & { weight: number[] };
    expected: {
      pROC: { groups: Record<string, { "pauc_se_1_0.9": number; "pauc_se_1_0.9_mcclish": number }> };
      sklearn_statsmodels: {
        groups: Record<
          string,
          {
            prevalence: number;
            average_precision: number;
            pr_auc_trapezoid: number;
            "pauc_max_fpr_0.1_standardised": number;
            weighted: { auc: number; average_precision: number };
          }
        >;
      };
    };
  }>("random_n500.json");
  const columns = { labels: inputs.y, scores: inputs.score, families: { group: inputs.group } };
  const groups = ["overall", "A", "B", "C"].map((group) => [group, group === "overall" ? "all" : `group=${group}`]);

  test.each(groups)("scikit-learn's numbers: %s", (group, key) => {
    const findings = audit.evaluate(cleanStudy(columns), CONTEXT);
    const wanted = expected.sklearn_statsmodels.groups[group as string];
    const precision = findingById(findings, `discrimination/average-precision/${CLASS}/${key}/clean`);
    expectClose(precision.estimate as number, wanted?.average_precision as number);
    expectClose(precision.details?.prevalence as number, wanted?.prevalence as number);
    expectClose(precision.details?.["trapezoid-area"] as number, wanted?.pr_auc_trapezoid as number);
    const partial = findingById(findings, `discrimination/partial-auc/${CLASS}/${key}/clean`);
    expectClose(partial.estimate as number, wanted?.["pauc_max_fpr_0.1_standardised"] as number);
    expect(partial.details).toMatchObject({ rate: "specificity", low: 0.9, high: 1 });
  });

  test.each(groups)("pROC's numbers over a range of sensitivity: %s", (group, key) => {
    const parameters = audit.meta.parameters?.parse({ partialAuc: { sensitivity: [0.9, 1] } }) ?? {};
    const findings = audit.evaluate(cleanStudy(columns), { ...CONTEXT, parameters });
    const wanted = expected.pROC.groups[group as string];
    const partial = findingById(findings, `discrimination/partial-auc/${CLASS}/${key}/clean`);
    expectClose(partial.estimate as number, wanted?.["pauc_se_1_0.9_mcclish"] as number);
    expectClose(partial.details?.area as number, wanted?.["pauc_se_1_0.9"] as number);
  });

  test.each(groups)("scikit-learn's weighted numbers: %s", (group, key) => {
    const findings = audit.evaluate(cleanStudy({ ...columns, weights: inputs.weight }), CONTEXT);
    const wanted = expected.sklearn_statsmodels.groups[group as string]?.weighted;
    const auc = findingById(findings, `discrimination/auc/${CLASS}/${key}/clean`);
    const precision = findingById(findings, `discrimination/average-precision/${CLASS}/${key}/clean`);
    expectClose(auc.estimate as number, wanted?.auc as number);
    expectClose(precision.estimate as number, wanted?.average_precision as number);
  });

  test("samples without a score take their weights along", () => {
    const scores = inputs.score.map((score, row) => (row % 3 === 0 ? Number.NaN : score));
    const kept = [...inputs.score.keys()].filter((row) => row % 3 !== 0);
    const pick = (values: readonly number[]) => kept.map((row) => values[row] as number);
    const lost = audit.evaluate(
      cleanStudy({ labels: inputs.y, scores, weights: inputs.weight, threshold: 0.5 }),
      CONTEXT,
    );
    const never = audit.evaluate(
      cleanStudy({ labels: pick(inputs.y), scores: pick(inputs.score), weights: pick(inputs.weight), threshold: 0.5 }),
      CONTEXT,
    );
    expect(lost.map(({ estimate, interval }) => [estimate, interval])).toEqual(
      never.map(({ estimate, interval }) => [estimate, interval]),
    );
  });

  test("the range may be one of specificity or of sensitivity, low to high, and nothing else", () => {
    const parse = (partialAuc: unknown) => audit.meta.parameters?.safeParse({ partialAuc }).success;
    expect(parse({ specificity: [0.8, 0.95] })).toBe(true);
    for (const wrong of [{ specificity: [0.9, 0.9] }, { sensitivity: [1, 0.9] }, { specificity: [0.9, 1.1] }, [0.9, 1]])
      expect(parse(wrong)).toBe(false);
    expect(audit.meta.parameters?.parse({})).toEqual({ partialAuc: { specificity: [0.9, 1] }, proportions: "wilson" });
  });

  test("few patients in the range, or few positives, are said", () => {
    const labels = Array.from({ length: 60 }, (_, row) => (row < 8 ? 1 : 0));
    const scores = labels.map((label, row) => label + ((row * 37) % 60) / 40);
    const findings = audit.evaluate(cleanStudy({ labels, scores }), CONTEXT);
    expect(findingById(findings, `discrimination/partial-auc/${CLASS}/all/clean`).reason).toMatch(
      /^the range holds about 5 patients with negatives: /,
    );
    expect(findingById(findings, `discrimination/average-precision/${CLASS}/all/clean`).reason).toMatch(
      /^only 8 patients with positives: the estimate is biased upward/,
    );
  });
});

describe("what cannot be estimated says why", () => {
  const study = cleanStudy({
    labels: [0, 0, 0, 1, 1, 0, -1],
    scores: [0.1, 0.2, 0.3, 0.8, Number.NaN, 0.4, 0.5],
    threshold: 0.9,
  });
  const findings = audit.evaluate(study, CONTEXT);

  test("too few positives, with the unscored one named", () => {
    expect(findingById(findings, `discrimination/auc/${CLASS}/all/clean`)).toMatchObject({
      status: "not-estimable",
      n: 5,
      positives: 1,
      reason:
        "1 positive among 5 samples: AUC needs at least two of each class; 1 labelled sample has no score and is left out",
    });
  });

  test("a predictive value of calls that nobody made", () => {
    expect(findingById(findings, `discrimination/ppv/${CLASS}/${POINT}/all/clean`)).toMatchObject({
      status: "not-estimable",
      reason: expect.stringMatching(/^0 samples called positive among 5 samples/),
    });
    expect(findingById(findings, `discrimination/npv/${CLASS}/${POINT}/all/clean`)).toMatchObject({
      status: "measured",
      estimate: 0.8,
      details: { threshold: 0.9, count: 4, of: 5 },
    });
  });

  test("an operating point without a threshold", () => {
    const lost = cleanStudy({ labels: [0, 1, 0, 1], scores: [0.1, 0.2, 0.3, 0.4], threshold: null });
    const finding = findingById(
      audit.evaluate(lost, CONTEXT),
      `discrimination/sensitivity/${CLASS}/${POINT}/all/clean`,
    );
    expect(finding).toMatchObject({ status: "not-estimable", reason: "no positives to choose a threshold on" });
  });

  test("a perfect small group gets Newcombe's interval and says so", () => {
    const perfect = cleanStudy({ labels: [0, 0, 0, 1, 1, 1], scores: [0.1, 0.2, 0.3, 0.7, 0.8, 0.9] });
    const [auc] = audit.evaluate(perfect, CONTEXT);
    expect(auc).toMatchObject({ estimate: 1, interval: { upper: 1, method: "newcombe" } });
    expectClose(auc?.interval?.lower, 0.5010187607015302);
    expect(auc?.reason).toMatch(/Newcombe/);
  });
});

test("few positives: the finding warns and offers the logit interval of the reference", () => {
  const { inputs, expected } = reference<{
    inputs: Required<ReferenceInputs>;
    expected: { sklearn_statsmodels: { groups: { overall: { logit_delong_ci95: [number, number] } } } };
  }>("random_n50.json");
  const [auc] = audit.evaluate(cleanStudy({ labels: inputs.y, scores: inputs.score }), CONTEXT);
  const [lower, upper] = expected.sklearn_statsmodels.groups.overall.logit_delong_ci95;
  expect(auc?.reason).toMatch(/^only 14 positives: the normal interval tends to be too short/);
  expectClose(auc?.details?.["logit-lower"] as number, lower);
  expectClose(auc?.details?.["logit-upper"] as number, upper);
});

describe("curves", () => {
  const random = randomFrom(5, "curves");
  const labels = Array.from({ length: 200 }, (_, row) => row % 2);
  const scores = () => labels.map((label) => label + 1.2 * random.normal());
  const attack = (epsilon: number, defense = "none"): Condition => ({
    attack: "noise",
    epsilon,
    norm: "linf",
    defense,
  });
  const conditions = [CLEAN, attack(0.01), attack(0.02), attack(0.02, "jpeg"), { ...CLEAN, defense: "jpeg" }];
  const findings = audit.evaluate(
    studyOf({ labels, conditions: conditions.map((condition) => ({ condition, scores: scores() })) }),
    CONTEXT,
  );

  test("stand beside the clean area and the strongest undefended attack's, and nowhere else", () => {
    const withCurve = findings.filter((finding) => finding.curve !== undefined).map((finding) => finding.id);
    expect(withCurve).toEqual([
      `discrimination/auc/${CLASS}/all/clean`,
      `discrimination/auc/${CLASS}/all/noise@0.0200`,
    ]);
  });

  test("rise from the left to the right within their bands", () => {
    const [clean] = findings.flatMap((finding) => finding.curve ?? []);
    const { x, y, lower, upper } = clean as Curve;
    expect([x.length, x[0], x[100], y[100]]).toEqual([101, 0, 1, 1]);
    y.forEach((value, index) => {
      expect(value).toBeGreaterThanOrEqual(y[index - 1] ?? 0);
      expect(lower[index]).toBeLessThanOrEqual(value);
      expect(upper[index]).toBeGreaterThanOrEqual(value);
    });
  });
});
