import { BOUNDARY_MODES, type BoundaryMode, extended } from "../../src/wavelet/boundary.js";

/** Extends a signal by `reach` values on both sides. */
function extend(signal: readonly number[], mode: BoundaryMode, reach: number): number[] {
  return Array.from({ length: signal.length + 2 * reach }, (_, i) =>
    extended(mode, signal.length, i - reach).reduce(
      (sum, [index, weight]) => sum + weight * (signal[index] as number),
      0,
    ),
  );
}

// By hand, from the rules of PyWavelets' documentation of signal extension modes.
test.each([
  ["zero", [0, 0, 1, 2, 3, 5, 0, 0]],
  ["constant", [1, 1, 1, 2, 3, 5, 5, 5]],
  ["symmetric", [2, 1, 1, 2, 3, 5, 5, 3]],
  ["reflect", [3, 2, 1, 2, 3, 5, 3, 2]],
  ["periodic", [3, 5, 1, 2, 3, 5, 1, 2]],
  ["periodization", [3, 5, 1, 2, 3, 5, 1, 2]],
  ["smooth", [-1, 0, 1, 2, 3, 5, 7, 9]],
  ["antisymmetric", [-2, -1, 1, 2, 3, 5, -5, -3]],
  ["antireflect", [-1, 0, 1, 2, 3, 5, 7, 8]],
] as const)("%s continues 1 2 3 5", (mode, expected) => {
  expect(extend([1, 2, 3, 5], mode, 2)).toEqual(expected);
});

test("rules that reach further than the signal is long go on", () => {
  expect(extend([1, 2, 4], "symmetric", 7)).toEqual([1, 1, 2, 4, 4, 2, 1, 1, 2, 4, 4, 2, 1, 1, 2, 4, 4]);
  expect(extend([1, 2], "antisymmetric", 5)).toEqual([-1, 1, 2, -2, -1, 1, 2, -2, -1, 1, 2, -2]);
  expect(extend([1, 2, 4], "reflect", 5)).toEqual([2, 1, 2, 4, 2, 1, 2, 4, 2, 1, 2, 4, 2]);
  expect(extend([1, 2, 4], "antireflect", 4)).toEqual([-5, -4, -2, 0, 1, 2, 4, 6, 7, 8, 10]);
  expect(extend([1, 2, 4], "periodization", 5)).toEqual([4, 1, 2, 4, 4, 1, 2, 4, 4, 1, 2, 4, 4]);
});

test.each(["smooth", "antireflect"] as const)("%s continues a straight line", (mode) => {
  const line = extend([3, 5, 7, 9, 11], mode, 13);
  expect(line).toEqual(Array.from({ length: 31 }, (_, i) => 3 + 2 * (i - 13)));
});

test.each(BOUNDARY_MODES)("%s has an answer for a single sample", (mode) => {
  const [left, sample, right] = extend([6], mode, 1);
  expect(sample).toBe(6);
  const edge = mode === "zero" ? 0 : mode === "antisymmetric" ? -6 : 6;
  expect([left, right]).toEqual([edge, edge]);
});
