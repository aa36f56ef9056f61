import fc from "fast-check";
import { ascendingOrder } from "../../src/stats/order.js";

/** The slow way: a stable comparison sort. */
function expected(values: Float64Array): number[] {
  return [...values.keys()].sort((a, b) => {
    const [x, y] = [values[a] as number, values[b] as number];
    return x < y ? -1 : x > y ? 1 : a - b;
  });
}

const double = fc.oneof(
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -0, 1, 1 + Number.EPSILON, 1 - Number.EPSILON / 2, Infinity, -Infinity, Number.MIN_VALUE),
);

test("few values: stable and numerical", () => {
  fc.assert(
    fc.property(fc.array(double, { maxLength: 40 }), (numbers) => {
      const values = Float64Array.from(numbers);
      expect([...ascendingOrder(values)]).toEqual(expected(values));
    }),
  );
});

test("many values, with ties and neighbours one ulp apart: the same as few", () => {
  fc.assert(
    fc.property(fc.array(double, { minLength: 30, maxLength: 60 }), (numbers) => {
      const values = Float64Array.from({ length: 1500 }, (_, i) => numbers[(i * 7) % numbers.length] as number);
      expect([...ascendingOrder(values)]).toEqual(expected(values));
    }),
    { numRuns: 30 },
  );
});

test("many distinct values within one part in a million, as saturated scores are", () => {
  const values = Float64Array.from({ length: 5000 }, (_, i) => 1 - ((i * 7919) % 5000) * 1e-12);
  expect([...ascendingOrder(values)]).toEqual(expected(values));
});
