import { Matrix, solve } from "ml-matrix";
import { chiSquareTail } from "./chi-square.js";
import type { Estimate } from "./estimate.js";
import { covariance } from "./influence.js";

export interface HomogeneityTest {
  readonly chiSquare: number;
  readonly degrees: number;
  readonly p: number;
}

/** Below this share of the largest eigenvalue, a covariance matrix counts as singular. */
const SINGULAR = 1e-12;

/**
 * Wald's test that k estimates of one quantity are equal: θᵀWθ − (1ᵀWθ)²/(1ᵀW1) with W the inverse of their covariance
 * matrix, chi-square with k − 1 degrees of freedom under the null (Cochran's Q for correlated estimates). It is a large
 * sample test: with small groups it rejects too often. null where fewer than two vary, or the matrix is singular.
 */
export function homogeneityTest(estimates: readonly Estimate[]): HomogeneityTest | null {
  const k = estimates.length;
  if (k < 2 || estimates.some((estimate) => estimate.standardError === 0)) return null;
  const errors = estimates.map((estimate) => estimate.error);
  const covariances = new Matrix(errors.map((a) => errors.map((b) => covariance(a, b))));
  const scales = estimates.map((estimate) => estimate.standardError);
  // In correlations, so that estimates of very different precision do not look like a singular matrix.
  const correlations = new Matrix(scales.map((a, i) => scales.map((b, j) => covariances.get(i, j) / (a * b))));
  if (isSingular(correlations)) return null;
  const weighted = (values: readonly number[]) => {
    const solved = solve(correlations, Matrix.columnVector(values.map((value, i) => value / (scales[i] as number))));
    return scales.map((scale, i) => solved.get(i, 0) / scale);
  };
  const values = estimates.map((estimate) => estimate.value);
  const ofValues = weighted(values);
  const ofOnes = weighted(values.map(() => 1));
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  const pooled = sum(ofValues) / sum(ofOnes);
  // θᵀW(θ − pooled·1): differences first, for precision.
  const chiSquare = Math.max(0, sum(ofValues.map((value, i) => value * ((values[i] as number) - pooled))));
  return { chiSquare, degrees: k - 1, p: chiSquareTail(chiSquare, k - 1) };
}

function isSingular(correlations: Matrix): boolean {
  // A Cholesky factorisation by hand would do; ml-matrix's has no tolerance, so the pivots are looked at here.
  const a = correlations.to2DArray();
  for (let i = 0; i < a.length; i++) {
    const pivot = a[i]?.[i] ?? 0;
    if (!(pivot > SINGULAR)) return true;
    for (let j = i + 1; j < a.length; j++) {
      const factor = (a[j]?.[i] ?? 0) / pivot;
      for (let c = i; c < a.length; c++) (a[j] as number[])[c] = (a[j]?.[c] ?? 0) - factor * (a[i]?.[c] ?? 0);
    }
  }
  return false;
}
