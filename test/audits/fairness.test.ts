import audit from "../../audits/fairness.js";
import { randomFrom } from "../../src/core/random.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";
import { CLASS, cleanStudy, expectSound, findingById, POINT } from "../support/study.js";

const CONTEXT = { parameters: audit.meta.parameters?.parse({}) ?? {}, level: 0.95, seed: 1 };
const METRICS = audit.meta.metrics.map((metric) => metric.id);

/** Two samples of each of `patients` patients, half of them positive, in groups whose separation is given. */
function planted(separation: Readonly<Record<string, number>>, patients: number, key: string) {
  const random = randomFrom(11, key);
  const groups = Object.keys(separation);
  const rows = Array.from({ length: 2 * patients }, (_, row) => {
    const patient = row >> 1;
    const group = groups[patient % groups.length] as string;
    const label = (patient >> 2) % 2;
    return { patient, group, label, score: label * (separation[group] as number) + random.normal() };
  });
  return cleanStudy({
    labels: rows.map((row) => row.label),
    scores: rows.map((row) => row.score),
    patients: rows.map((row) => row.patient),
    families: { site: rows.map((row) => row.group) },
    threshold: 0.5,
  });
}

describe("random_n500: the unpaired comparisons of pROC", () => {
  const { inputs, expected } = reference<{
    inputs: Required<ReferenceInputs>;
    expected: {
      pROC: { unpaired: Record<string, { diff: number; ci95_diff_normal: [number, number] }> };
      sklearn_statsmodels: { gap: { auc_max_minus_min: number; worst_group: string; best_group: string } };
    };
  }>("random_n500.json");
  const findings = audit.evaluate(
    cleanStudy({ labels: inputs.y, scores: inputs.score, families: { group: inputs.group }, threshold: 0.5 }),
    CONTEXT,
  );

  test("ids are unique, metrics declared, intervals around estimates", () => expectSound(findings, METRICS));

  test.each(["B", "C"])("difference of %s from A, the largest group", (group) => {
    const finding = findingById(findings, `fairness/auc-difference/${CLASS}/group=${group}/clean`);
    const wanted = expected.pROC.unpaired[`A_vs_${group}`];
    expect(finding.reference).toEqual({ group: "A" });
    expectClose(finding.estimate as number, -(wanted?.diff as number));
    expectClose(finding.interval?.lower, -(wanted?.ci95_diff_normal[1] as number));
    expectClose(finding.interval?.upper, -(wanted?.ci95_diff_normal[0] as number));
    expect(finding.interval?.method).toBe("delong-difference");
  });

  test("the gap, its groups, and an interval that allows for three pairs", () => {
    const gap = findingById(findings, `fairness/auc-gap/${CLASS}/group/clean`);
    const wanted = expected.sklearn_statsmodels.gap;
    expectClose(gap.estimate as number, wanted.auc_max_minus_min);
    expect(gap).toMatchObject({
      subgroup: {},
      family: "group",
      n: 500,
      patients: 500,
      details: {
        best: `group=${wanted.best_group}`,
        worst: `group=${wanted.worst_group}`,
        "groups-compared": 3,
        "groups-left-out": "",
      },
      interval: { level: 0.95, method: "bonferroni-delong-difference" },
    });
    // pROC's 95 % intervals, stretched from z = 1.96 to the z of three pairs; |difference| may be as large as any of them.
    const stretch = 2.3939797998185104 / 1.959963984540054;
    const uppers = Object.values(expected.pROC.unpaired).map(
      ({ diff, ci95_diff_normal: [, upper] }) => Math.abs(diff) + stretch * (upper - diff),
    );
    expect(gap.interval?.lower).toBe(0);
    expectClose(gap.interval?.upper, Math.max(...uppers));
  });
});

describe("planted and null studies, clustered", () => {
  test("a planted gap is found and its group named", () => {
    const findings = audit.evaluate(planted({ north: 2.4, south: 2.4, west: 0.7 }, 600, "gap"), CONTEXT);
    expectSound(findings, METRICS);
    const gap = findingById(findings, `fairness/auc-gap/${CLASS}/site/clean`);
    expect(gap.details).toMatchObject({ worst: "site=west" });
    expect(gap.interval?.lower).toBeGreaterThan(0.1);
    expect(gap.interval?.method).toBe("bonferroni-obuchowski-difference");
    const sensitivity = findingById(findings, `fairness/sensitivity-gap/${CLASS}/${POINT}/site/clean`);
    expect(sensitivity).toMatchObject({ details: { worst: "site=west" } });
    expect(sensitivity.interval?.lower).toBeGreaterThan(0);
  });

  test("without a gap the intervals reach 0 in nearly all of 40 studies", () => {
    let flagged = 0;
    for (let study = 0; study < 40; study++) {
      const findings = audit.evaluate(planted({ north: 1.5, south: 1.5, west: 1.5 }, 150, `null-${study}`), CONTEXT);
      const gap = findingById(findings, `fairness/auc-gap/${CLASS}/site/clean`);
      if ((gap.interval?.lower ?? 0) > 0) flagged++;
    }
    expect(flagged).toBeLessThanOrEqual(4); // P(more than 4 | 40, 5 %) is about 5 %; Bonferroni makes it less
  });
});

describe("groups that cannot be compared", () => {
  const labels = [0, 1, 0, 1, 0, 1, 0, 1, 0, 0];
  const scores = [0.1, 0.6, 0.3, 0.2, 0.4, 0.9, 0.2, 0.7, 0.5, 0.6];

  test("are named, with the reason, and the gap is about the others", () => {
    const site = ["a", "a", "a", "a", "b", "b", "b", "b", "unknown", "unknown"];
    const findings = audit.evaluate(cleanStudy({ labels, scores, families: { site } }), CONTEXT);
    const gap = findingById(findings, `fairness/auc-gap/${CLASS}/site/clean`);
    expect(gap).toMatchObject({ status: "measured", n: 8, details: { "groups-left-out": "site=unknown" } });
    expect(gap.reason).toMatch(/site=unknown \(0 positives among 2 samples/);
    expect(findingById(findings, `fairness/auc-difference/${CLASS}/site=unknown/clean`)).toMatchObject({
      status: "not-estimable",
      reference: { site: "a" },
    });
  });

  test("a rate that one patient makes is left out of the comparison, however many images he has", () => {
    const site = ["a", "a", "a", "a", "a", "b", "b", "b", "b", "b"];
    const patients = [0, 1, 2, 3, 4, 5, 6, 5, 7, 8]; // b has two positives, both of patient 5
    const ofB = [0, 1, 0, 1, 0, 1, 0, 1, 0, 0];
    const findings = audit.evaluate(
      cleanStudy({ labels: ofB, scores, families: { site }, patients, threshold: 0.5 }),
      CONTEXT,
    );
    expect(findingById(findings, `fairness/sensitivity-gap/${CLASS}/${POINT}/site/clean`)).toMatchObject({
      status: "not-estimable",
      details: { "groups-left-out": "site=b" },
      reason: expect.stringMatching(/site=b \(sensitivity rests on one patient/),
    });
  });

  test("leave no gap where only one group is left", () => {
    const site = ["a", "a", "a", "a", "a", "a", "a", "a", "b", "b"];
    const findings = audit.evaluate(cleanStudy({ labels, scores, families: { site } }), CONTEXT);
    expect(findingById(findings, `fairness/auc-gap/${CLASS}/site/clean`)).toMatchObject({
      status: "not-estimable",
      reason: expect.stringMatching(/^1 of 2 groups has an estimable AUC: a gap needs two; left out: site=b/),
    });
  });
});

test("patients in both groups narrow the difference's interval: two views of one chest", () => {
  const random = randomFrom(3, "views");
  const rows = Array.from({ length: 400 }, (_, row) => ({ patient: row >> 1, view: row % 2 === 0 ? "AP" : "PA" }));
  const severity = Array.from({ length: 200 }, (_, patient) => (patient % 2) + 1.2 * random.normal());
  const columns = {
    labels: rows.map(({ patient }) => patient % 2),
    scores: rows.map(({ patient }) => (severity[patient] as number) + 0.3 * random.normal()),
    families: { view: rows.map(({ view }) => view) },
  };
  const width = (patients: number[] | undefined) => {
    const study = cleanStudy(patients === undefined ? columns : { ...columns, patients });
    const finding = findingById(audit.evaluate(study, CONTEXT), `fairness/auc-difference/${CLASS}/view=PA/clean`);
    return (finding.interval?.upper ?? Number.NaN) - (finding.interval?.lower ?? Number.NaN);
  };
  expect(width(rows.map(({ patient }) => patient))).toBeLessThan(0.6 * width(undefined));
});
