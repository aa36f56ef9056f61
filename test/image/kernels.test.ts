import {
  composeWeights,
  type Kernel,
  kernelWeights,
  resampleColumns,
  resampleRows,
  type Weights,
} from "../../src/image/kernels.js";
import { reference } from "../support/reference.js";

interface Case {
  readonly height: number;
  readonly width: number;
  readonly toHeight: number;
  readonly toWidth: number;
  readonly data: readonly number[];
  readonly results: Readonly<Record<Kernel, readonly number[]>>;
}
const { cases } = reference<{ readonly cases: readonly Case[] }>("kernels-pillow.json");
const kernels: readonly Kernel[] = ["nearest", "box", "bilinear", "bicubic", "lanczos"];

/** The matrix that weights stand for, one row per output line. */
function matrix({ first, size, values, stride }: Weights, from: number): number[][] {
  return Array.from(first, (start, out) => {
    const row = new Array<number>(from).fill(0);
    for (let k = 0; k < (size[out] as number); k++) row[start + k] = values[out * stride + k] as number;
    return row;
  });
}

describe.each(cases)("$width×$height to $toWidth×$toHeight", (one) => {
  test.each(kernels)("%s is Pillow's, in floating point", (kernel) => {
    const source = Float32Array.from(one.data);
    const half = new Float32Array(one.toHeight * one.width);
    const target = new Float32Array(one.toHeight * one.toWidth);
    resampleRows(source, half, one.width, kernelWeights(kernel, one.height, one.toHeight));
    resampleColumns(half, target, one.width, kernelWeights(kernel, one.width, one.toWidth));
    for (const [index, value] of one.results[kernel].entries()) expect(target[index]).toBeCloseTo(value, 3);
  });
});

test.each(kernels)("%s: weights of a line sum to one, antialiased or not, larger or smaller", (kernel) => {
  for (const [from, to] of [
    [160, 48],
    [48, 160],
    [7, 7],
    [5, 1],
    [1, 5],
  ] as const) {
    for (const antialias of [true, false]) {
      for (const row of matrix(kernelWeights(kernel, from, to, antialias), from)) {
        expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
      }
    }
  }
});

test("without antialiasing, bilinear reduction to a third reads single lines", () => {
  const rows = matrix(kernelWeights("bilinear", 9, 3, false), 9);
  expect(rows.map((row) => row.indexOf(1))).toEqual([1, 4, 7]);
});

test("one resize after another is their matrices' product", () => {
  const inner = kernelWeights("lanczos", 21, 8);
  const outer = kernelWeights("bicubic", 8, 21);
  const [A, B] = [matrix(outer, 8), matrix(inner, 21)];
  const product = A.map((row) =>
    Array.from({ length: 21 }, (_, j) => row.reduce((sum, weight, k) => sum + weight * (B[k]?.[j] as number), 0)),
  );
  const composed = matrix(composeWeights(outer, inner), 21);
  for (const [i, row] of product.entries()) {
    for (const [j, weight] of row.entries()) expect(composed[i]?.[j]).toBeCloseTo(weight, 12);
  }
});
