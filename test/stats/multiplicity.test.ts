import fc from "fast-check";
import { type Adjustment, adjusted, familySize } from "../../src/stats/multiplicity.js";
import { expectClose, reference } from "../support/reference.js";

/** Our names of the methods in the reference file. */
const NAMES: Readonly<Record<string, Adjustment>> = {
  holm: "holm",
  BH: "benjamini-hochberg",
  BY: "benjamini-yekutieli",
  hochberg: "hochberg",
  bonferroni: "bonferroni",
  sidak: "sidak",
};

type Family = Readonly<Record<string, readonly (number | null)[]>>;
const { expected } = reference<{ expected: Record<"R" | "statsmodels", { p_adjust: Record<string, Family> }> }>(
  "intervals_multiplicity.json",
);

const cases = (["R", "statsmodels"] as const).flatMap((tool) =>
  Object.entries(expected[tool].p_adjust).flatMap(([family, columns]) =>
    Object.keys(columns)
      .filter((column) => column !== "p" && column !== "note")
      .map((column) => ({ tool, family, column, pValues: columns.p ?? [], wanted: columns[column] ?? [] })),
  ),
);

test("every method of the reference file has a name here", () => {
  expect(cases.length).toBeGreaterThan(30);
  expect(cases.filter(({ column }) => NAMES[column] === undefined)).toEqual([]);
});

test.each(cases)("$tool, $family: $column", ({ column, pValues, wanted }) => {
  const result = adjusted(pValues, NAMES[column] as Adjustment);
  expect(result).toHaveLength(wanted.length);
  wanted.forEach((value, i) => {
    if (value === null) expect(result[i]).toBeNull();
    else expectClose(result[i] as number, value);
  });
});

const family = fc.array(fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 8 }), { maxLength: 40 });
const methods = Object.values(NAMES);

test("adjusted p-values are at least the p-values, at most 1, in their order, whatever the order of the tests", () => {
  fc.assert(
    fc.property(family, fc.constantFrom(...methods), (pValues, method) => {
      const result = adjusted(pValues, method);
      const backwards = adjusted([...pValues].reverse(), method).reverse();
      expect(backwards).toEqual(result);
      pValues.forEach((p, i) => {
        if (p === null) {
          expect(result[i]).toBeNull();
          return;
        }
        expect((result[i] as number) >= p * (1 - 1e-12) && (result[i] as number) <= 1).toBe(true);
        pValues.forEach((q, j) => {
          if (q !== null && q <= p) expect(result[j]).toBeLessThanOrEqual(result[i] as number);
        });
      });
    }),
  );
});

test("a family of one is left as it is; an empty one is empty; missing tests do not count", () => {
  for (const method of methods) {
    expectClose(adjusted([0.03], method)[0] as number, 0.03);
    expect(adjusted([], method)).toEqual([]);
    expect(adjusted([null], method)).toEqual([null]);
    expect(adjusted([0.01, null, 0.04], method).filter((p) => p !== null)).toEqual(adjusted([0.01, 0.04], method));
  }
  expect(familySize([0.1, null, 0.2])).toBe(2);
});

test("Holm rejects whatever Bonferroni rejects, Hochberg what Holm does, Benjamini–Hochberg what Hochberg does", () => {
  fc.assert(
    fc.property(family, (pValues) => {
      const [bonferroni, holm, hochberg, bh] = (["bonferroni", "holm", "hochberg", "benjamini-hochberg"] as const).map(
        (method) => adjusted(pValues, method),
      );
      const atMost = (a: typeof holm, b: typeof holm) =>
        pValues.every((p, i) => p === null || (a?.[i] as number) <= (b?.[i] as number) * (1 + 1e-12));
      expect(atMost(holm, bonferroni) && atMost(hochberg, holm) && atMost(bh, hochberg)).toBe(true);
    }),
  );
});

test("what is no probability is a fault of the caller", () => {
  for (const p of [Number.NaN, -0.1, 1.1]) expect(() => adjusted([0.1, p], "holm")).toThrow(RangeError);
});
