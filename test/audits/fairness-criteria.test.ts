import fc from "fast-check";
import audit from "../../audits/fairness.js";
import { randomFrom } from "../../src/core/random.js";
import type { Finding } from "../../src/core/finding.js";
import { adjustTests } from "../../src/run/multiplicity.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";
import { CLASS, cleanStudy, expectSound, findingById, POINT, type StudyColumns } from "../support/study.js";

const METRICS = audit.meta.metrics.map((metric) => metric.id);
const contextOf = (given: object = {}) => ({
  parameters: audit.meta.parameters?.parse({ permutations: 0, ...given }) ?? {},
  level: 0.95,
  seed: 1,
});
type Columns = Omit<StudyColumns, "conditions"> & { readonly scores: readonly number[] };
const findingsOf = (columns: Columns, given: object = {}) => audit.evaluate(cleanStudy(columns), contextOf(given));
const pathOf = (metric: string, group: string, hasPoint = true) =>
  `fairness/${metric}/${CLASS}/${hasPoint ? `${POINT}/` : ""}${group}/clean`;

/* Fairlearn's numbers through the audit itself. */

interface Frame {
  readonly by_group: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly ratio_between_groups: Readonly<Record<string, number>>;
}
interface Case {
  readonly inputs_ref?: string;
  readonly inputs?: {
    readonly y: number[];
    readonly y_pred: number[];
    readonly g1: string[];
    readonly weight: number[];
  };
  readonly one_attribute: Frame;
  readonly dpd: number;
  readonly dpr: number;
  readonly eod: number;
  readonly eor: number;
  readonly eopd: number;
  readonly dpd_weighted?: number;
  readonly eod_weighted?: number;
}
const { cases } = reference<{ expected: { fairlearn: { cases: Record<string, Case> } } }>("fairness_metricframe.json")
  .expected.fairlearn;

/** The data of a case; those of `random_n5000` are not given and are made anew out of each group's counts. */
function columnsOf({ inputs, inputs_ref, one_attribute }: Case): Columns & { readonly weights?: number[] } {
  if (inputs !== undefined) {
    return { labels: inputs.y, scores: inputs.y_pred, families: { group: inputs.g1 }, threshold: 0.5 };
  }
  if (inputs_ref !== "random_n5000") {
    const { inputs: stored } = reference<{ inputs: Required<ReferenceInputs> }>(`${inputs_ref}.json`);
    return { labels: stored.y, scores: stored.score, families: { group: stored.group }, threshold: 0.5 };
  }
  const rows = Object.entries(one_attribute.by_group).flatMap(
    ([group, { count = 0, selection_rate = 0, tpr = 0, fpr = 0 }]) => {
      const positives = Math.round((count * (selection_rate - fpr)) / (tpr - fpr));
      const [hits, alarms] = [Math.round(tpr * positives), Math.round(fpr * (count - positives))];
      return Array.from({ length: count }, (_, i) => {
        const label = i < positives ? 1 : 0;
        const isCalled = label === 1 ? i < hits : i - positives < alarms;
        return { group, label, score: isCalled ? 1 : 0 };
      });
    },
  );
  return {
    labels: rows.map(({ label }) => label),
    scores: rows.map(({ score }) => score),
    families: { group: rows.map(({ group }) => group) },
    threshold: 0.5,
  };
}

describe.each(Object.entries(cases))("%s, as Fairlearn has it", (_, wanted) => {
  const columns = columnsOf(wanted);
  const findings = findingsOf(columns);
  const estimate = (metric: string) => findingById(findings, pathOf(metric, "group")).estimate ?? undefined;

  test("demographic parity, equalised odds and equal opportunity, as difference and as ratio", () => {
    expectSound(findings, METRICS);
    expectClose(estimate("selection-rate-gap"), wanted.dpd);
    expectClose(estimate("selection-rate-min-max-ratio"), wanted.dpr);
    expectClose(estimate("equalized-odds-gap"), wanted.eod);
    expectClose(estimate("equalized-odds-ratio"), wanted.eor);
    expectClose(estimate("sensitivity-gap"), wanted.eopd);
  });

  test("each group's rate, and its ratio to the reference's", () => {
    const { by_group } = wanted.one_attribute;
    for (const [group, numbers] of Object.entries(by_group)) {
      const own = findingById(findings, pathOf("selection-rate", `group=${group}`));
      expectClose(own.estimate ?? undefined, numbers.selection_rate as number);
      const ratio = findings.find(({ id }) => id === pathOf("selection-rate-ratio", `group=${group}`));
      if (ratio === undefined) continue;
      const to = by_group[ratio.reference?.group as string]?.selection_rate as number;
      expectClose(ratio.estimate ?? undefined, (numbers.selection_rate as number) / to);
    }
  });

  const weights = wanted.inputs?.weight;
  if (weights === undefined) return;
  test("with sample weights", () => {
    const weighted = findingsOf({ ...columns, weights });
    const weightedGap = (metric: string) => findingById(weighted, pathOf(metric, "group")).estimate ?? undefined;
    expectClose(weightedGap("selection-rate-gap"), wanted.dpd_weighted as number);
    expectClose(weightedGap("equalized-odds-gap"), wanted.eod_weighted as number);
  });
});

describe.each(["random_n50", "random_n500"])("%s: rates and homogeneity", (name) => {
  const { inputs, expected } = reference<{
    inputs: Required<ReferenceInputs>;
    expected: {
      sklearn_statsmodels: {
        homogeneity_auc_groups: { Q: number; df: number; p: number };
        "rates_at_0.5": Record<string, { fnr: number; fpr: number; selection_rate: number }>;
      };
    };
  }>(`${name}.json`);
  const { homogeneity_auc_groups, "rates_at_0.5": rates } = expected.sklearn_statsmodels;
  const findings = findingsOf({
    labels: inputs.y,
    scores: inputs.score,
    families: { group: inputs.group },
    threshold: 0.5,
  });

  test("Wald's test of the areas stands with their gap", () => {
    const { tests } = findingById(findings, pathOf("auc-gap", "group", false));
    const test = tests?.find(({ method }) => method === "wald");
    expect(test).toMatchObject({ degrees: homogeneity_auc_groups.df });
    expectClose(test?.statistic ?? undefined, homogeneity_auc_groups.Q);
    expectClose(test?.p, homogeneity_auc_groups.p, 1e-6);
  });

  test.each(Object.entries(rates))(
    "the rates of %s stand in its comparisons, with a named reference",
    (group, wanted) => {
      const other = group === "A" ? "B" : "A";
      const against = findingsOf(
        { labels: inputs.y, scores: inputs.score, families: { group: inputs.group }, threshold: 0.5 },
        { reference: { group: other } },
      );
      const difference = findingById(against, pathOf("sensitivity-difference", `group=${group}`));
      expect(difference).toMatchObject({
        reference: { group: other },
        details: { "reference-chosen": `named in the protocol: group=${other}` },
      });
      expectClose(difference.details?.["group-estimate"] as number, 1 - wanted.fnr);
      expectClose(difference.estimate ?? undefined, (rates[other]?.fnr as number) - wanted.fnr);
      const specificity = findingById(against, pathOf("specificity-difference", `group=${group}`));
      expectClose(specificity.details?.["group-estimate"] as number, 1 - wanted.fpr);
      const ratio = findingById(against, pathOf("fpr-ratio", `group=${group}`));
      expectClose(ratio.estimate ?? undefined, wanted.fpr / (rates[other]?.fpr as number));
    },
  );
});

/* Laws that hold on any data. */

/** Patients with one to three images, scores with ties; groups by patient, or image by image where `mixed`. */
function cohort(seed: number, groups: readonly string[], mixed = false, patients = 60) {
  const random = randomFrom("fairness laws", seed);
  const rows = Array.from({ length: patients }, (_, patient) => {
    const group = groups[patient % groups.length] as string;
    const [severity, label] = [random.normal(), random.integer(2)];
    return Array.from({ length: 1 + random.integer(3) }, () => ({
      patient,
      label,
      group: mixed ? (groups[random.integer(groups.length)] as string) : group,
      score: Math.round(8 * (label + 0.7 * severity + 0.7 * random.normal())) / 8,
    }));
  }).flat();
  return rows;
}
type Row = ReturnType<typeof cohort>[number];

function columnsFrom(rows: readonly Row[]): Columns {
  return {
    labels: rows.map(({ label }) => label),
    scores: rows.map(({ score }) => score),
    patients: rows.map(({ patient }) => patient),
    families: { site: rows.map(({ group }) => group) },
    threshold: 0.5,
  };
}

/** Estimates, limits and p-values of findings, by id. */
function numbersOf(findings: readonly Finding[]): Map<string, (number | null | undefined)[]> {
  return new Map(
    findings.map(({ id, estimate, interval, tests = [] }) => [
      id,
      [estimate, interval?.lower, interval?.upper, ...tests.map(({ p }) => p)],
    ]),
  );
}

function expectSame(a: ReturnType<typeof numbersOf>, b: ReturnType<typeof numbersOf>): void {
  expect([...b.keys()]).toEqual([...a.keys()]);
  for (const [id, numbers] of a) {
    numbers.forEach((number, i) => {
      const other = b.get(id)?.[i];
      if (typeof number !== "number" || typeof other !== "number") expect([id, other]).toEqual([id, number]);
      else if (Math.abs(other - number) > 1e-9 * Math.max(1, Math.abs(number)))
        throw new Error(`${id}: ${number}, ${other}`);
    });
  }
}

const SEEDS = fc.integer({ min: 0, max: 1e6 });
const FEW = { numRuns: 12 };
const EVERYTHING = { against: ["reference", "rest", "overall"] };

test("the order of rows, and with it of patients, changes nothing, permutation tests included", () => {
  fc.assert(
    fc.property(SEEDS, (seed) => {
      const rows = cohort(seed, ["a", "b", "c"]);
      const order = randomFrom("order", seed).permutation(rows.length);
      const shuffled = [...order].map((row) => rows[row] as Row);
      // Codes are given by first appearance, as the program does.
      const codes = new Map(
        [...new Set(shuffled.map(({ patient }) => patient))].map((patient, code) => [patient, code]),
      );
      const recoded = shuffled.map((row) => ({ ...row, patient: codes.get(row.patient) as number }));
      const given = { ...EVERYTHING, permutations: 60 };
      expectSame(numbersOf(findingsOf(columnsFrom(rows), given)), numbersOf(findingsOf(columnsFrom(recoded), given)));
    }),
    FEW,
  );
});

test("of two groups the difference from the rest is that from the other, and the two are opposite", () => {
  fc.assert(
    fc.property(SEEDS, fc.boolean(), (seed, mixed) => {
      const findings = findingsOf(columnsFrom(cohort(seed, ["a", "b"], mixed)));
      for (const metric of ["auc", "sensitivity", "specificity", "ppv", "accuracy"]) {
        const of = (kind: string, group: string) =>
          findings.find(({ id }) => id === pathOf(`${metric}-${kind}`, `site=${group}`, metric !== "auc"));
        const [a, b] = [of("difference-rest", "a"), of("difference-rest", "b")];
        if (a?.interval == null || b?.interval == null) continue;
        expectClose(a.estimate ?? undefined, -(b.estimate as number));
        expectClose(a.interval.lower, -b.interval.upper);
        expectClose(a.tests?.[0]?.p, b.tests?.[0]?.p as number);
        const fromReference = of("difference", "a") ?? of("difference", "b");
        const twin = fromReference?.subgroup.site === "a" ? a : b;
        expectClose(fromReference?.estimate ?? undefined, twin.estimate as number);
        expectClose(fromReference?.interval?.lower, twin.interval?.lower as number);
      }
    }),
    FEW,
  );
});

test("a group that is everybody differs from everybody by nothing", () => {
  const findings = findingsOf(columnsFrom(cohort(5, ["all"])), { against: ["overall"] });
  for (const metric of ["sensitivity", "specificity", "ppv", "selection-rate"]) {
    expect(findingById(findings, pathOf(`${metric}-difference-overall`, "site=all"))).toMatchObject({ estimate: 0 });
  }
  expect(findingById(findings, pathOf("auc-difference-overall", "site=all", false))).toMatchObject({
    estimate: 0,
    interval: { lower: 0, upper: 0 },
  });
});

test("the difference of shares from everybody is the difference from the rest, times the rest's part", () => {
  fc.assert(
    fc.property(SEEDS, (seed) => {
      const findings = findingsOf(columnsFrom(cohort(seed, ["a", "b", "c"], true)), EVERYTHING);
      for (const group of ["a", "b", "c"]) {
        const rest = findingById(findings, pathOf("selection-rate-difference-rest", `site=${group}`));
        const overall = findingById(findings, pathOf("selection-rate-difference-overall", `site=${group}`));
        const { "reference-n": outside, "group-n": inside } = rest.details as {
          "reference-n": number;
          "group-n": number;
        };
        expectClose(overall.estimate ?? undefined, ((rest.estimate as number) * outside) / (inside + outside));
      }
    }),
    FEW,
  );
});

/* The variance of a difference from everybody, against leaving out every patient once. */

describe("overlapping samples: a jackknife over patients, by brute force", () => {
  const rows = cohort(11, ["a", "b", "c"], true, 240);
  const estimateOf = (kept: readonly Row[], metric: string, hasPoint: boolean) => {
    const found = findingById(findingsOf(columnsFrom(kept), EVERYTHING), pathOf(metric, "site=a", hasPoint));
    return found;
  };

  test.each([
    ["auc-difference-overall", false],
    ["auc-difference-rest", false],
    ["sensitivity-difference-overall", true],
    ["sensitivity-difference-rest", true],
    ["ppv-difference-overall", true],
  ] as const)("%s", (metric, hasPoint) => {
    const found = estimateOf(rows, metric, hasPoint);
    const patients = [...new Set(rows.map(({ patient }) => patient))];
    const left = patients.map((patient) =>
      rawDifference(
        rows.filter((row) => row.patient !== patient),
        metric,
      ),
    );
    expectClose(rawDifference(rows, metric), found.estimate as number);
    const mean = left.reduce((sum, value) => sum + value, 0) / left.length;
    const squares = left.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const jackknifed = Math.sqrt(((left.length - 1) / left.length) * squares);
    const width = (found.interval?.upper as number) - (found.interval?.lower as number);
    // Normal intervals to the jackknife's own second-order terms; score intervals are a little shorter or longer than ± z·SE.
    expect(width / (2 * 1.959963984540054) / jackknifed).toBeGreaterThan(0.95);
    expect(width / (2 * 1.959963984540054) / jackknifed).toBeLessThan(1.05);
  });
});

/** The difference, straight from its definition, pair by pair and sample by sample. */
function rawDifference(rows: readonly Row[], metric: string): number {
  const inside = rows.filter(({ group }) => group === "a");
  const against = metric.endsWith("overall") ? rows : rows.filter(({ group }) => group !== "a");
  const value = metric.startsWith("auc") ? rawArea : metric.startsWith("ppv") ? rawPpv : rawSensitivity;
  return value(inside) - value(against);
}

function rawArea(rows: readonly Row[]): number {
  const [positives, negatives] = [rows.filter(({ label }) => label === 1), rows.filter(({ label }) => label === 0)];
  let wins = 0;
  for (const x of positives) for (const y of negatives) wins += x.score > y.score ? 1 : x.score === y.score ? 0.5 : 0;
  return wins / (positives.length * negatives.length);
}

function rawSensitivity(rows: readonly Row[]): number {
  const positives = rows.filter(({ label }) => label === 1);
  return positives.filter(({ score }) => score >= 0.5).length / positives.length;
}

function rawPpv(rows: readonly Row[]): number {
  const called = rows.filter(({ score }) => score >= 0.5);
  return called.filter(({ label }) => label === 1).length / called.length;
}

/* Tests and what they conclude. */

test("differences carry a margin, the least difference that would be found, and both tests; the record concludes", () => {
  const findings = adjustTests(findingsOf(columnsFrom(cohort(3, ["a", "b"])), { margin: 0.1 }), 0.95);
  const difference = findingById(findings, pathOf("sensitivity-difference-rest", "site=a"));
  expect(difference.tests?.map(({ method }) => method)).toEqual(["inverted-interval", "tost"]);
  expect(difference.tests?.[1]?.hypothesis).toContain("0.1");
  expect(difference.details).toMatchObject({ margin: 0.1, assessment: "inconclusive" });
  expect(difference.details?.["minimum-detectable"]).toBeGreaterThan(0.1);
});

test("equalised odds: the larger gap, the smaller p doubled, and no less than either gap's limits", () => {
  const findings = findingsOf(columnsFrom(cohort(8, ["a", "b", "c"], false, 300)));
  const odds = findingById(findings, pathOf("equalized-odds-gap", "site"));
  const gaps = ["sensitivity", "specificity"].map((rate) => findingById(findings, pathOf(`${rate}-gap`, "site")));
  expect(odds.estimate).toBe(Math.max(...gaps.map(({ estimate }) => estimate as number)));
  const ps = gaps.map(({ tests }) => tests?.[0]?.p as number);
  expectClose(odds.tests?.[0]?.p, Math.min(1, 2 * Math.min(...ps)));
  expect(odds.interval?.upper).toBeGreaterThanOrEqual(
    Math.max(...gaps.map(({ interval }) => interval?.upper ?? 0)) - 1e-12,
  );
  expect(odds.details).toMatchObject({ "groups-left-out": "" });
});

test("permutation tests stand with the gaps on clean images alone, say how many patients were dealt, and why there is none", () => {
  const columns = columnsFrom(cohort(9, ["a", "b"]));
  const gapOf = (given: object, of: Columns = columns) =>
    findingById(findingsOf(of, given), pathOf("auc-gap", "site", false));
  const tested = gapOf({ permutations: 200 });
  expect(tested.tests?.map(({ method }) => method)).toEqual(["largest-pair", "wald", "permutation"]);
  expect(tested.tests?.[2]?.statistic).toBeCloseTo(tested.estimate as number, 12);
  expect(tested.details).toMatchObject({ permutations: 200 });
  expect(tested.details?.["patients-dealt"]).toBeGreaterThan(50);
  expect(gapOf({ permutations: 0 }).tests?.map(({ method }) => method)).toEqual(["largest-pair", "wald"]);
  expect(
    gapOf({ permutations: 1_000_000 }, columnsFrom(cohort(9, ["a", "b"], false, 300))).details?.["permutation-test"],
  ).toMatch(/too large/);
  const weights = columns.labels.map((_, row) => 1 + (row % 3));
  expect(gapOf({ permutations: 50 }, { ...columns, weights }).details?.["permutation-test"]).toMatch(/unequal weight/);
  const split = columnsFrom(cohort(9, ["a", "b"], true));
  expect(gapOf({ permutations: 50 }, split).details?.["permutation-test"]).toMatch(/no patient could be dealt/);
});

test("a reference that is no group of its family is said to be missing, by its name", () => {
  const findings = findingsOf(columnsFrom(cohort(1, ["a", "b"])), { reference: { site: "z" } });
  expect(findingById(findings, pathOf("auc-difference", "site=a", false))).toMatchObject({
    status: "not-estimable",
    reason: "the reference z is no group of site",
  });
});
