/**
 * The least and the greatest value of a linear form over { x >= 0, Ax = b }: what an attacker knows of a hidden count. A
 * two-phase simplex with Bland's rule on dense rows; for tables of a few dozen cells.
 * @returns null where no x fulfils the equations
 */
export function rangeOf(
  form: readonly number[],
  equations: readonly { readonly row: readonly number[]; readonly value: number }[],
): { readonly least: number; readonly greatest: number } | null {
  const greatest = maximum(form, equations);
  const least = maximum(
    form.map((c) => -c),
    equations,
  );
  return greatest === null || least === null ? null : { least: -least, greatest };
}

const ZERO = 1e-9;

function maximum(
  form: readonly number[],
  equations: readonly { readonly row: readonly number[]; readonly value: number }[],
): number | null {
  const [n, m] = [form.length, equations.length];
  // Columns: x, one artificial variable per equation, right-hand side. All values are counts, so at least 0.
  const rows = equations.map(({ row, value }, i) => [...row, ...equations.map((_, j) => (i === j ? 1 : 0)), value]);
  const basis = equations.map((_, i) => n + i);
  const feasible = optimise(
    rows,
    basis,
    Array.from({ length: n + m }, (_, j) => (j < n ? 0 : -1)),
    n + m,
  );
  if (feasible < -1e-6) return null;
  for (const [i, variable] of basis.entries()) {
    if (variable < n) continue;
    const entering = (rows[i] as number[]).findIndex((value, j) => j < n && Math.abs(value) > ZERO);
    if (entering >= 0) pivot(rows, basis, i, entering);
  }
  return optimise(rows, basis, [...form, ...equations.map(() => 0)], n);
}

/** Maximises the form over the first `usable` variables, from a feasible basis; the optimum. */
function optimise(rows: number[][], basis: number[], form: readonly number[], usable: number): number {
  const at = (i: number, j: number) => rows[i]?.[j] as number;
  const last = (rows[0]?.length ?? 1) - 1;
  for (;;) {
    const gain = (j: number) =>
      (form[j] as number) - basis.reduce((sum, variable, i) => sum + (form[variable] as number) * at(i, j), 0);
    const entering = Array.from({ length: usable }, (_, j) => j).find((j) => !basis.includes(j) && gain(j) > ZERO);
    if (entering === undefined) break;
    let leaving = -1;
    for (let i = 0; i < rows.length; i++) {
      if (at(i, entering) <= ZERO) continue;
      const [ratio, best] = [
        at(i, last) / at(i, entering),
        leaving < 0 ? 0 : at(leaving, last) / at(leaving, entering),
      ];
      const tie = Math.abs(ratio - best) <= ZERO;
      if (leaving < 0 || ratio < best - ZERO || (tie && (basis[i] as number) < (basis[leaving] as number))) leaving = i;
    }
    if (leaving < 0) return Number.POSITIVE_INFINITY;
    pivot(rows, basis, leaving, entering);
  }
  return basis.reduce((sum, variable, i) => sum + (form[variable] as number) * at(i, last), 0);
}

function pivot(rows: number[][], basis: number[], leaving: number, entering: number): void {
  const row = rows[leaving] as number[];
  const scale = row[entering] as number;
  rows[leaving] = row.map((value) => value / scale);
  for (let i = 0; i < rows.length; i++) {
    const factor = (rows[i] as number[])[entering] as number;
    if (i !== leaving && factor !== 0)
      rows[i] = (rows[i] as number[]).map((value, j) => value - factor * ((rows[leaving] as number[])[j] as number));
  }
  basis[leaving] = entering;
}
