import fc from "fast-check";
import { type ExplorerCell, cellsOf } from "../../../reports/html/explorer/cells.js";
import { packed, unpacked } from "../../../reports/html/explorer/packed.js";
import { boundedRate, decisionsAt, differenceAt, predictiveAt } from "../../../reports/html/explorer/rates.js";
import { conditionKey } from "../../../src/core/condition.js";
import type { Explorer, ExplorerTable, ThresholdCounts } from "../../../src/core/explorer.js";
import { type Finding, subgroupKey } from "../../../src/core/finding.js";
import type { AuditRecord } from "../../../src/core/record.js";
import { decisionTable } from "../../../src/stats/decision-table.js";
import { criticalValue } from "../../../src/stats/normal.js";
import { predictiveValue } from "../../../src/stats/likelihood-ratio.js";
import { rateAt } from "../../../src/stats/decisions.js";
import { proportionDifference } from "../../../src/stats/proportion.js";
import { sharedCounts, thresholdCounts, thresholdGrid } from "../../../src/stats/threshold-counts.js";
import { fakeRecord } from "../../support/fake-record.js";

const Z = criticalValue(0.95);

describe("at the locked point the explorer shows what the findings say", () => {
  const record = fakeRecord();
  const explorer = record.explorer as Explorer;
  const [of] = explorer.classes;
  const tables = of?.tables ?? [];
  const place = of?.points[0]?.place ?? -1;

  test("every condition is there, and the locked threshold is on the grid as it is", () => {
    expect(tables.length).toBeGreaterThan(20);
    expect(of?.thresholds[place]).toBe(record.findings.operatingPoints[0]?.threshold);
  });

  const measures = ["sensitivity", "specificity", "ppv", "npv"] as const;

  test.each(measures)("%s, in every group under every condition", (metric) => {
    const compared = eachGroup((table, group, counts) => {
      const finding = find(record, metric, table, group);
      const rate = boundedRate(decisionsAt(counts, place)[metric], Z);
      if (finding?.status !== "measured") return expect(rate).toBeNull();
      close(rate, finding, counts);
    });
    expect(compared).toBeGreaterThan(150);
  });

  test.each(["sensitivity", "specificity"] as const)("differences in %s from the same reference", (metric) => {
    let compared = 0;
    eachGroup((table, group, counts) => {
      const finding = find(record, `${metric}-difference`, table, group);
      if (finding === undefined || finding.status !== "measured" || counts.reference === null) return;
      const reference = counts.reference.group;
      if (subgroupKey(finding.reference ?? {}) !== subgroupKey(explorer.groups[reference]?.subgroup ?? {})) return;
      const other = table.groups[reference] as ThresholdCounts;
      if (counts.reference.shared === "withheld") return;
      close(differenceAt(metric, counts, other, counts.reference.shared, place, Z), finding, counts);
      compared++;
    });
    expect(compared).toBeGreaterThan(50);
  });

  test.each(["ppv", "npv"] as const)("%s at the stated prevalence", (metric) => {
    eachGroup((table, group, counts) => {
      const finding = find(record, `${metric}-at-prevalence`, table, group);
      if (finding?.status === "measured")
        close(predictiveAt(decisionsAt(counts, place), metric, 0.02, Z), finding, counts);
    });
  });

  test("withheld groups have no counts, and say so in every cell", () => {
    const [clean] = tables;
    const hidden = clean?.groups.flatMap((group, index) => (group === null ? [index] : [])) ?? [];
    expect(hidden.length).toBeGreaterThan(1);
    for (const index of hidden) {
      const cells = cellsOf(clean?.groups ?? [], index, place, null, Z);
      expect(new Set(cells.map(({ text }: ExplorerCell) => text))).toEqual(new Set(["–", "suppressed"]));
      expect(record.findings.groups[index]?.classes.pneumonia ?? null).toBeNull();
    }
  });

  function eachGroup(look: (table: ExplorerTable, group: number, counts: ThresholdCounts) => void): number {
    let seen = 0;
    for (const table of tables)
      table.groups.forEach((counts, group) => {
        if (counts === null) return;
        look(table, group, counts);
        seen++;
      });
    return seen;
  }

  function find({ findings }: AuditRecord, metric: string, table: ExplorerTable, group: number): Finding | undefined {
    const { family, subgroup } = explorer.groups[group] ?? { family: null, subgroup: {} };
    return findings.findings.find(
      (one) =>
        one.metric === metric &&
        one.family === family &&
        subgroupKey(one.subgroup) === subgroupKey(subgroup) &&
        conditionKey(one.condition) === conditionKey(table.condition) &&
        one.audit !== "comparison",
    );
  }

  function close(
    shown: { value: number; lower: number; upper: number; approximate: boolean } | null,
    { estimate, interval }: Finding,
    { clustered }: ThresholdCounts,
  ): void {
    expect(shown?.value).toBeCloseTo(estimate as number, 11);
    expect(shown?.approximate).toBe(clustered === "withheld");
    if (clustered === "withheld") return;
    expect(shown?.lower).toBeCloseTo(interval?.lower as number, 9);
    expect(shown?.upper).toBeCloseTo(interval?.upper as number, 9);
  }
});

/** Samples of patients with one to three samples, scores with ties. */
const samples = fc
  .array(
    fc.record({
      patient: fc.nat(8),
      label: fc.constantFrom(0, 1),
      score: fc.nat(12).map((level) => level / 12),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((rows) => {
    const sorted = [...rows].sort((x, y) => x.patient - y.patient);
    return {
      scores: Float64Array.from(sorted, ({ score }) => score),
      labels: Uint8Array.from(sorted, ({ label }) => label),
      patients: Int32Array.from(sorted, ({ patient }) => patient),
      clustered: true,
    };
  });
const GRID = Float64Array.of(0.95, 0.8, 0.61, 0.5, 0.33, 0.1, 0);

describe("at every place of the grid the counts give what the samples give", () => {
  test("rates, predictive values and differences, whoever repeats and is shared", () => {
    fc.assert(
      fc.property(samples, samples, (own, other) => {
        const counts = { ...thresholdCounts(own, GRID), reference: null };
        const reference = { ...thresholdCounts(other, GRID), reference: null };
        const shared = sharedCounts(own, other, GRID);
        GRID.forEach((threshold, place) => {
          const at = decisionsAt(counts, place);
          for (const rate of ["sensitivity", "specificity", "ppv", "npv"] as const) {
            const wanted = rateAt(own, threshold, rate);
            if (wanted.status === "estimated") near(boundedRate(at[rate], Z), wanted.value, wanted.limits(Z));
            else expect(at[rate]).toBeNull();
          }
          for (const rate of ["ppv", "npv"] as const) {
            const wanted = predictiveValue(decisionTable(own, threshold), 0.1, rate);
            const shown = predictiveAt(at, rate, 0.1, Z);
            if (wanted.status === "estimated") near(shown, wanted.value, wanted.limits(Z));
            else expect(shown).toBeNull();
          }
          for (const rate of ["sensitivity", "specificity"] as const) {
            const [a, b] = [rateAt(own, threshold, rate), rateAt(other, threshold, rate)];
            const shown = differenceAt(rate, counts, reference, shared, place, Z);
            if (a.status !== "estimated" || b.status !== "estimated") expect(shown).toBeNull();
            else near(shown, a.value - b.value, proportionDifference(a, b, true).limits(Z));
          }
        });
      }),
      { numRuns: 150 },
    );
  });

  function near(
    shown: { value: number; lower: number; upper: number } | null,
    value: number,
    limits: { lower: number; upper: number },
  ) {
    expect(shown?.value).toBeCloseTo(value, 10);
    expect(shown?.lower).toBeCloseTo(Math.max(-1, limits.lower), 7);
    expect(shown?.upper).toBeCloseTo(Math.min(1, limits.upper), 7);
  }

  test("few repeating patients are not told of", () => {
    const own = {
      scores: Float64Array.of(0.1, 0.9, 0.4),
      labels: Uint8Array.of(0, 1, 1),
      patients: Int32Array.of(1, 1, 2),
      clustered: true,
    };
    expect(thresholdCounts(own, GRID, 2).clustered).toBe("withheld");
    expect(sharedCounts(own, own, GRID, 3)).toBe("withheld");
    const at = decisionsAt({ ...thresholdCounts(own, GRID, 2), reference: null }, 4);
    expect(at.sensitivity).toMatchObject({ n: 2, effectiveN: 1, approximate: true });
  });
});

describe("the grid", () => {
  test("falls, holds the given thresholds exactly, and leaves at least so many samples between two others", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 400 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        (values, given, least) => {
          const scores = Float64Array.from(values);
          const { thresholds, places } = thresholdGrid(scores, [given], { most: 30, least });
          expect(thresholds[places[0] as number]).toBe(given);
          const called = Array.from(thresholds, (one) => scores.filter((score) => score >= one).length);
          for (let i = 1; i < thresholds.length; i++) {
            expect(thresholds[i]).toBeLessThan(thresholds[i - 1] as number);
            expect((called[i] as number) - (called[i - 1] as number)).toBeGreaterThanOrEqual(least);
          }
          expect(thresholds.length).toBeLessThanOrEqual(31);
        },
      ),
    );
  });
});

test("infinite scores are counted, and make no threshold", () => {
  const scores = Float64Array.of(-Infinity, -Infinity, 0.2, 0.4, Infinity, Infinity);
  const { thresholds } = thresholdGrid(scores, [0.4], { most: 10, least: 1 });
  expect([...thresholds].every(Number.isFinite)).toBe(true);
  const data = {
    scores,
    labels: Uint8Array.of(0, 1, 0, 1, 1, 0),
    patients: Int32Array.of(0, 1, 2, 3, 4, 5),
    clustered: false,
  };
  expect(thresholdCounts(data, Float64Array.of(0.4, 0.2))).toMatchObject({
    truePositives: [2, 2],
    falsePositives: [1, 2],
  });
});

test("packed counts are read back, and hold nothing that a page could take for markup", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(0), fc.nat(70), fc.nat(100_000))), (changes) => {
      let sum = 0;
      const counts = changes.map((change) => (sum += change));
      expect(unpacked(packed(counts))).toEqual(counts);
      expect(packed(counts)).toMatch(/^[\w-]*$/);
    }),
  );
});
