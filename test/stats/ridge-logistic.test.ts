import { randomFrom } from "../../src/core/random.js";
import type { VectorSet } from "../../src/stats/neighbours.js";
import { fitRidgeLogistic, logitsOf } from "../../src/stats/ridge-logistic.js";
import { reference } from "../support/reference.js";

interface Reference {
  readonly x: readonly (readonly number[])[];
  readonly q: readonly (readonly number[])[];
  readonly y: readonly number[];
  readonly y3: readonly number[];
  readonly logistic: readonly {
    readonly l2: number;
    readonly standardise: boolean;
    readonly w: readonly number[];
    readonly b: number;
    readonly p: readonly number[];
  }[];
  readonly softmax: readonly {
    readonly l2: number;
    readonly standardise: boolean;
    readonly w: readonly (readonly number[])[];
    readonly p: readonly (readonly number[])[];
  }[];
}

const sklearn = reference<Reference>("heads-sklearn.json");
const setOf = (rows: readonly (readonly number[])[]): VectorSet => ({
  count: rows.length,
  width: rows[0]?.length ?? 0,
  values: Float32Array.from(rows.flat()),
});
const [features, queries] = [setOf(sklearn.x), setOf(sklearn.q)];
const everyRow = Int32Array.from(sklearn.y.keys());

test.each(sklearn.logistic)("two classes at l2 $l2, standardised $standardise: scikit-learn's weights", (one) => {
  const model = fitRidgeLogistic(features, everyRow, sklearn.y, 1, { ...one, where: "test" });
  one.w.forEach((weight, d) => {
    expect(model.weights[d]).toBeCloseTo(weight, 7);
  });
  expect(model.intercepts[0]).toBeCloseTo(one.b, 5);
  logitsOf(queries, model).forEach((z, i) => {
    expect(1 / (1 + Math.exp(-z))).toBeCloseTo(one.p[i] as number, 8);
  });
});

test.each(sklearn.softmax)(
  "three classes at l2 $l2, standardised $standardise: scikit-learn's probabilities",
  (one) => {
    const model = fitRidgeLogistic(features, everyRow, sklearn.y3, 3, { ...one, where: "test" });
    one.w.flat().forEach((weight, at) => {
      expect(model.weights[at]).toBeCloseTo(weight, 7);
    });
    const logits = logitsOf(queries, model);
    one.p.forEach((row, i) => {
      const own = logits.subarray(3 * i, 3 * i + 3).map(Math.exp);
      const total = own.reduce((sum, value) => sum + value, 0);
      row.forEach((p, k) => {
        expect((own[k] as number) / total).toBeCloseTo(p, 8);
      });
    });
  },
);

test("at the optimum the derivative of the objective is zero, also with more dimensions than samples", () => {
  const random = randomFrom("wide");
  const [n, width, l2] = [40, 300, 0.5];
  const values = Float32Array.from({ length: n * width }, () => random.normal());
  const targets = Array.from({ length: n }, (_, i) => i % 2);
  const rows = Int32Array.from(targets.keys());
  const model = fitRidgeLogistic({ count: n, width, values }, rows, targets, 1, {
    l2,
    standardise: false,
    where: "test",
  });
  const residuals = logitsOf({ count: n, width, values }, model).map(
    (z, i) => 1 / (1 + Math.exp(-z)) - (targets[i] as number),
  );
  for (let d = 0; d < width; d++) {
    const slope = residuals.reduce(
      (sum, r, i) => sum + r * (values[i * width + d] as number),
      l2 * (model.weights[d] as number),
    );
    expect(Math.abs(slope)).toBeLessThan(1e-6);
  }
  expect(Math.abs(residuals.reduce((sum, r) => sum + r, 0))).toBeLessThan(1e-6);
});

test("separable classes and a hardly penalised fit converge all the same; rows left out do not matter", () => {
  const values = Float32Array.from([-2, -1, 1, 2, 1000, -1000]);
  const set = { count: 6, width: 1, values };
  const options = { l2: 1e-4, standardise: false, where: "test" };
  const model = fitRidgeLogistic(set, Int32Array.of(0, 1, 2, 3), [0, 0, 1, 1], 1, options);
  expect(model.weights[0]).toBeGreaterThan(3);
  expect(model.intercepts[0]).toBeCloseTo(0, 6);
});

test("a feature that does not vary is no reason to divide by zero", () => {
  const values = Float32Array.from([0.1, 5, 0.1, 6, 0.1, 7, 0.1, 8]);
  const options = { l2: 1, standardise: true, where: "test" };
  const model = fitRidgeLogistic({ count: 4, width: 2, values }, Int32Array.of(0, 1, 2, 3), [0, 0, 1, 1], 1, options);
  expect(model.scale[0]).toBe(1);
  expect(model.weights[0]).toBeCloseTo(0, 6);
  expect([...model.weights].every(Number.isFinite)).toBe(true);
});
