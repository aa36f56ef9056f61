import comparison from "../../audits/comparison.js";
import discrimination from "../../audits/discrimination.js";
import { CLEAN, type Condition } from "../../src/core/condition.js";
import type { Finding } from "../../src/core/finding.js";
import { randomFrom } from "../../src/core/random.js";
import type { GateEntry } from "../../src/protocol/schema.js";
import { testsOf } from "../../src/run/criterion.js";
import { evaluateGates } from "../../src/run/gates.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";
import { cleanStudy, POINT, type StudyColumns, studyOf } from "../support/study.js";

const gate = (entry: Partial<GateEntry>): GateEntry =>
  ({
    id: "R",
    title: "R",
    metric: "auc",
    against: "baseline",
    bound: "lower",
    noWorseThan: 0.02,
    ...entry,
  }) as GateEntry;

type Columns = Omit<StudyColumns, "conditions"> & { readonly scores: readonly number[] };

function findingsOf(columns: Columns, further: readonly string[] = []): Finding[] {
  const study = cleanStudy(columns);
  const parameters = { margin: 0.05, further, replicates: 400 };
  return [
    ...comparison.evaluate(study, { parameters, level: 0.95, seed: 1 }),
    ...discrimination.evaluate(study, {
      parameters: discrimination.meta.parameters?.parse({}) ?? {},
      level: 0.95,
      seed: 1,
    }),
  ];
}

function judged(findings: readonly Finding[], ...entries: Partial<GateEntry>[]) {
  const gates = entries.map((entry, index) => gate({ id: `R${index}`, ...entry }));
  return evaluateGates(gates, findings, testsOf(gates, findings));
}

/** Two models; the audited one has lost its grip on women at site B. */
function planted(rows = 1200): Columns & { readonly families: Readonly<Record<string, readonly string[]>> } {
  const random = randomFrom(11, "planted");
  const at = <T>(make: (row: number) => T) => Array.from({ length: rows }, (_, row) => make(row));
  const labels = at(() => (random.uniform() < 0.45 ? 1 : 0));
  const sex = at(() => (random.uniform() < 0.5 ? "F" : "M"));
  const site = at(() => (random.uniform() < 0.5 ? "A" : "B"));
  const shared = at(() => random.normal());
  const old = at((row) => 2 * (labels[row] as number) + (shared[row] as number) + 0.4 * random.normal());
  const scores = at((row) => {
    const lost = sex[row] === "F" && site[row] === "B";
    return (lost ? 0.6 : 2) * (labels[row] as number) + (shared[row] as number) + 0.4 * random.normal();
  });
  const both = at((row) => `${sex[row]}${site[row]}`);
  return {
    labels,
    scores,
    threshold: 1,
    probabilities: false,
    families: { both, sex },
    comparators: { baseline: old },
  };
}

describe("the paired interval is what is judged", () => {
  interface Paired {
    readonly inputs: Required<ReferenceInputs>;
    readonly expected: { readonly pROC: { readonly paired_score_score2: { readonly ci95_diff: [number, number] } } };
  }

  test.each(["random_n50", "random_n500"])("%s: pROC's limit decides, to the last digit", (name) => {
    const { inputs, expected } = reference<Paired>(`${name}.json`);
    const [lower, upper] = expected.pROC.paired_score_score2.ci95_diff;
    const findings = findingsOf({ labels: inputs.y, scores: inputs.score, comparators: { baseline: inputs.score2 } });
    const at = (limit: number) => judged(findings, { atLeast: limit, noWorseThan: undefined })[0];
    expect(at(lower - 1e-6)?.verdict).toBe("pass");
    expect(at(lower + 1e-6)?.verdict).toBe("inconclusive");
    expect(at(upper + 1e-6)?.verdict).toBe("fail");
    expectClose(at(0)?.observed ?? undefined, lower);
  });

  test("a loss that is borne is a difference of at least minus it", () => {
    const { inputs } = reference<Paired>("random_n500.json");
    const findings = findingsOf({ labels: inputs.y, scores: inputs.score, comparators: { baseline: inputs.score2 } });
    const [none, some] = judged(findings, { noWorseThan: 0 }, { noWorseThan: 0.25 });
    expect(none?.limit).toBe(0);
    expect(Object.is(none?.limit, 0)).toBe(true);
    expect(some).toMatchObject({ limit: -0.25, against: "baseline" });
  });
});

describe("a planted loss", () => {
  const columns = planted();
  const findings = findingsOf(columns, ["average-precision", "accuracy", "auc-gap"]);

  test("is found in its group, named, and found nowhere else", () => {
    const [byGroup, men] = judged(
      findings,
      { subgroups: ["both"], noWorseThan: 0.05 },
      { subgroup: { sex: "M" }, noWorseThan: 0.05 },
    );
    expect(byGroup?.verdict).toBe("fail");
    expect(byGroup?.reason).toContain("both=FB");
    expect(byGroup?.test?.adjusted).toMatchObject({ method: "holm", size: 5 });
    expect(men?.verdict).toBe("pass");
  });

  test("shows in what is resampled, too, and widens the gap", () => {
    const lost = { subgroup: { both: "FB" }, noWorseThan: 0.02 };
    expect(judged(findings, { ...lost, metric: "average-precision" })[0]?.verdict).toBe("fail");
    expect(judged(findings, { ...lost, metric: "accuracy", operatingPoint: POINT })[0]?.verdict).toBe("fail");
    const [gap] = judged(findings, { metric: "auc-gap", subgroups: ["both"], noWorseThan: 0.02 });
    expect(gap?.verdict).toBe("fail");
    const finding = findings.find(({ id }) => id.startsWith("comparison/auc-gap-advantage/disease/both/"));
    const { "model-estimate": own, "comparator-estimate": other } = finding?.details ?? {};
    expect(finding?.estimate).toBeCloseTo((other as number) - (own as number), 12);
    expect(own as number).toBeGreaterThan(other as number);
  });

  test("without Holm's adjustment a gate fails by its interval alone", () => {
    const gates = [gate({ subgroups: ["both"], noWorseThan: 0.05 })];
    const [result] = evaluateGates(gates, findings, testsOf(gates, findings), "none");
    expect(result?.verdict).toBe("fail");
    expect(result?.test?.adjusted).toBeUndefined();
  });
});

describe("the bootstrap of a paired difference", () => {
  test("agrees with the formula where there is one: accuracy against Newcombe, within a tenth of its width", () => {
    const { inputs } = reference<{ inputs: Required<ReferenceInputs> }>("random_n500.json");
    const study = cleanStudy({
      labels: inputs.y,
      scores: inputs.score,
      patients: inputs.patient,
      threshold: 0.5,
      comparators: { baseline: inputs.score2 },
    });
    const parameters = { margin: 0.05, further: ["accuracy"], replicates: 4000 };
    const found = comparison
      .evaluate(study, { parameters, level: 0.95, seed: 3 })
      .find(({ metric }) => metric === "accuracy-advantage");
    const right = (scores: readonly number[], row: number) =>
      (scores[row] as number) >= 0.5 === (inputs.y[row] === 1) ? 1 : 0;
    const differences = inputs.y.map((_, row) => right(inputs.score, row) - right(inputs.score2, row));
    const mean = differences.reduce((sum, one) => sum + one, 0) / differences.length;
    const byPatient = new Map<number, number>();
    differences.forEach((one, row) => {
      const patient = inputs.patient[row] as number;
      byPatient.set(patient, (byPatient.get(patient) ?? 0) + one - mean);
    });
    const squares = [...byPatient.values()].reduce((sum, one) => sum + one * one, 0);
    const error = Math.sqrt(squares) / differences.length;
    expect(found?.estimate).toBeCloseTo(mean, 12);
    expect(found?.interval?.method).toBe("paired-bootstrap-percentile");
    expect(Math.abs((found?.interval?.lower as number) - (mean - 1.96 * error))).toBeLessThan(0.4 * error);
    expect(Math.abs((found?.interval?.upper as number) - (mean + 1.96 * error))).toBeLessThan(0.4 * error);
    expect(Number(found?.details?.["standard-error"]) / error).toBeGreaterThan(0.9);
    expect(Number(found?.details?.["standard-error"]) / error).toBeLessThan(1.1);
  });

  test("claims no p-value that its replicates cannot tell", () => {
    const columns = planted(600);
    const findings = findingsOf({ ...columns, scores: columns.labels.map((_, row) => -row) }, ["average-precision"]);
    const [result] = judged(findings, { metric: "average-precision", noWorseThan: 0 });
    expect(result?.verdict).toBe("fail");
    expect(result?.test?.p).toBeGreaterThanOrEqual(0.9 / 401);
  });
});

describe("nothing passes by absence", () => {
  const columns = planted(400);
  const old = columns.comparators?.baseline as readonly number[];
  const without = (gone: (row: number) => boolean) =>
    findingsOf({ ...columns, comparators: { baseline: old.map((score, row) => (gone(row) ? Number.NaN : score)) } });
  const both = columns.families.both as readonly string[];

  test("a group of which the baseline has scored nobody fails, by name, though the others pass", () => {
    const findings = without((row) => both[row] === "MA");
    const [groups, named, whole] = judged(
      findings,
      { subgroups: ["both"], noWorseThan: 0.9 },
      { subgroup: { both: "MA" }, noWorseThan: 0.9 },
      { noWorseThan: 0.9 },
    );
    expect(groups).toMatchObject({ verdict: "fail", observed: null });
    expect(groups?.reason).toContain('"baseline" has scored no sample of this group');
    expect(groups?.reason).toContain("both=MA");
    expect(named?.verdict).toBe("fail");
    expect(whole?.verdict).toBe("pass");
  });

  test("the samples in common are compared, and those left out are counted", () => {
    const findings = without((row) => row % 4 === 0);
    const area = findings.find(({ id }) => id === "comparison/auc-advantage/disease/all/clean/vs-baseline");
    expect(area).toMatchObject({ status: "measured", n: 300 });
    expect(area?.reason).toContain("100 labelled samples have no score and are left out");
  });

  test("no sample in common at all is inconclusive, with its reason", () => {
    const findings = without(() => true);
    const [whole, groups] = judged(findings, {}, { subgroups: ["both"] });
    expect(whole?.verdict).toBe("inconclusive");
    expect(whole?.reason).toContain("baseline has scored no labelled sample");
    expect(groups?.verdict).toBe("inconclusive");
  });

  test("a class, a condition and a model that the other record lacks fail", () => {
    const attack: Condition = { attack: "square", epsilon: 0.01, norm: "linf", defense: "none" };
    const stronger: Condition = { ...attack, epsilon: 0.02 };
    const study = studyOf({
      ...columns,
      conditions: [CLEAN, attack, stronger].map((condition) => ({ condition, scores: columns.scores })),
    });
    // The baseline was scored clean and at the weaker strength alone.
    const comparators = study.comparators.map((one) => ({
      ...one,
      scores: (_: string, condition: Condition = CLEAN) => (condition.epsilon === 0.02 ? null : Float64Array.from(old)),
    }));
    const context = { parameters: { margin: 0.05, further: [], replicates: 400 }, level: 0.95, seed: 1 };
    const whole = { ...study, comparators };
    const findings = [
      ...comparison.evaluate(whole, context),
      ...discrimination.evaluate(whole, {
        parameters: discrimination.meta.parameters?.parse({}) ?? {},
        level: 0.95,
        seed: 1,
      }),
    ];
    const under = (epsilon?: number): Partial<GateEntry> => ({
      noWorseThan: 0.9,
      condition: { attack: "square", defense: "none", ...(epsilon === undefined ? {} : { epsilon }) },
    });
    const [weak, strong, all, other] = judged(findings, under(0.01), under(0.02), under(), {
      against: "someone-else",
      noWorseThan: 0.9,
    });
    expect(weak?.verdict).toBe("pass");
    expect(strong?.verdict).toBe("fail");
    // Left open, ε means every strength: the one that is missing is named.
    expect(all).toMatchObject({ verdict: "fail" });
    expect(all?.reason).toContain("square@0.0200");
    expect(other?.verdict).toBe("fail");
    // A second class that the audited model has and the baseline has not.
    const second: Finding[] = findings
      .filter(({ audit }) => audit === "discrimination")
      .map((finding) => ({ ...finding, class: "second", id: `${finding.id}-second` }));
    const [classes] = judged([...findings, ...second], { noWorseThan: 0.9 });
    expect(classes?.verdict).toBe("fail");
    expect(classes?.reason).toContain("-second");
  });
});
