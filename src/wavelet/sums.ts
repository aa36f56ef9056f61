/** Samples or coefficients. Sums are taken in double precision, whichever it is. */
export type RealArray = Float32Array | Float64Array;

/**
 * The one inner loop of all transforms, whatever their direction, axis and dimension: two weighted sums of the same
 * shifted sequences,
 *
 *   outA[atA + i · outStep] (+)= Σ_j a[j] · values[starts[j] + i · inStep],   i < count,
 *
 * and the same with b into outB. For a line, the sequences are its samples 0, 2, 4 …, its samples 1, 3, 5 … and so
 * on; for a stack of rows they are the rows. Steps of 2 through `values` are for lines: their starts are neighbours.
 */
export interface Task {
  values: Float64Array;
  readonly starts: Int32Array;
  inStep: number;
  count: number;
  outA: Float64Array;
  atA: number;
  outB: Float64Array;
  atB: number;
  outStep: number;
}

/** With `keep`, the sums are added to what the outputs hold. */
export function addSums(task: Task, a: Float64Array, b: Float64Array, keep: boolean): void {
  const terms = a.length;
  let done = 0;
  for (; done + 8 <= terms; done += 8) {
    if (task.inStep === 2) slide8(task, done, a, b, keep || done > 0);
    else add8(task, done, a, b, keep || done > 0);
  }
  if (done + 4 <= terms) {
    add4(task, done, a, b, keep || done > 0);
    done += 4;
  }
  if (done + 2 <= terms) {
    add2(task, done, a, b, keep || done > 0);
    done += 2;
  }
  if (done < terms) add1(task, done, a, b, keep || done > 0);
}

/* Eight, four, two terms or one in one pass: few passes over the outputs, and weights in registers. */

function add8(task: Task, from: number, a: Float64Array, b: Float64Array, keep: boolean): void {
  const { values, inStep, count, outA, outB, outStep, starts } = task;
  let atA = task.atA;
  let atB = task.atB;
  const a0 = a[from] as number;
  const b0 = b[from] as number;
  let p0 = starts[from] as number;
  const a1 = a[from + 1] as number;
  const b1 = b[from + 1] as number;
  let p1 = starts[from + 1] as number;
  const a2 = a[from + 2] as number;
  const b2 = b[from + 2] as number;
  let p2 = starts[from + 2] as number;
  const a3 = a[from + 3] as number;
  const b3 = b[from + 3] as number;
  let p3 = starts[from + 3] as number;
  const a4 = a[from + 4] as number;
  const b4 = b[from + 4] as number;
  let p4 = starts[from + 4] as number;
  const a5 = a[from + 5] as number;
  const b5 = b[from + 5] as number;
  let p5 = starts[from + 5] as number;
  const a6 = a[from + 6] as number;
  const b6 = b[from + 6] as number;
  let p6 = starts[from + 6] as number;
  const a7 = a[from + 7] as number;
  const b7 = b[from + 7] as number;
  let p7 = starts[from + 7] as number;
  for (let i = 0; i < count; i++) {
    const x0 = values[p0] as number;
    const x1 = values[p1] as number;
    const x2 = values[p2] as number;
    const x3 = values[p3] as number;
    const x4 = values[p4] as number;
    const x5 = values[p5] as number;
    const x6 = values[p6] as number;
    const x7 = values[p7] as number;
    const sumA = a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3 + a4 * x4 + a5 * x5 + a6 * x6 + a7 * x7;
    const sumB = b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3 + b4 * x4 + b5 * x5 + b6 * x6 + b7 * x7;
    outA[atA] = keep ? (outA[atA] as number) + sumA : sumA;
    outB[atB] = keep ? (outB[atB] as number) + sumB : sumB;
    p0 += inStep;
    p1 += inStep;
    p2 += inStep;
    p3 += inStep;
    p4 += inStep;
    p5 += inStep;
    p6 += inStep;
    p7 += inStep;
    atA += outStep;
    atB += outStep;
  }
}

/** `add8` along a line: of the eight samples of a sum, six were in the sum before, and need not be read again. */
function slide8(task: Task, from: number, a: Float64Array, b: Float64Array, keep: boolean): void {
  const { values, count, outA, outB, outStep, starts } = task;
  if (count === 0) return;
  let atA = task.atA;
  let atB = task.atB;
  const a0 = a[from] as number;
  const b0 = b[from] as number;
  const a1 = a[from + 1] as number;
  const b1 = b[from + 1] as number;
  const a2 = a[from + 2] as number;
  const b2 = b[from + 2] as number;
  const a3 = a[from + 3] as number;
  const b3 = b[from + 3] as number;
  const a4 = a[from + 4] as number;
  const b4 = b[from + 4] as number;
  const a5 = a[from + 5] as number;
  const b5 = b[from + 5] as number;
  const a6 = a[from + 6] as number;
  const b6 = b[from + 6] as number;
  const a7 = a[from + 7] as number;
  const b7 = b[from + 7] as number;
  let next = starts[from] as number;
  let x0 = values[next++] as number;
  let x1 = values[next++] as number;
  let x2 = values[next++] as number;
  let x3 = values[next++] as number;
  let x4 = values[next++] as number;
  let x5 = values[next++] as number;
  for (let i = 0; i < count; i++) {
    const x6 = values[next] as number;
    const x7 = values[next + 1] as number;
    const sumA = a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3 + a4 * x4 + a5 * x5 + a6 * x6 + a7 * x7;
    const sumB = b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3 + b4 * x4 + b5 * x5 + b6 * x6 + b7 * x7;
    outA[atA] = keep ? (outA[atA] as number) + sumA : sumA;
    outB[atB] = keep ? (outB[atB] as number) + sumB : sumB;
    x0 = x2;
    x1 = x3;
    x2 = x4;
    x3 = x5;
    x4 = x6;
    x5 = x7;
    next += 2;
    atA += outStep;
    atB += outStep;
  }
}

function add4(task: Task, from: number, a: Float64Array, b: Float64Array, keep: boolean): void {
  const { values, inStep, count, outA, outB, outStep, starts } = task;
  let atA = task.atA;
  let atB = task.atB;
  const a0 = a[from] as number;
  const b0 = b[from] as number;
  let p0 = starts[from] as number;
  const a1 = a[from + 1] as number;
  const b1 = b[from + 1] as number;
  let p1 = starts[from + 1] as number;
  const a2 = a[from + 2] as number;
  const b2 = b[from + 2] as number;
  let p2 = starts[from + 2] as number;
  const a3 = a[from + 3] as number;
  const b3 = b[from + 3] as number;
  let p3 = starts[from + 3] as number;
  for (let i = 0; i < count; i++) {
    const x0 = values[p0] as number;
    const x1 = values[p1] as number;
    const x2 = values[p2] as number;
    const x3 = values[p3] as number;
    const sumA = a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3;
    const sumB = b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3;
    outA[atA] = keep ? (outA[atA] as number) + sumA : sumA;
    outB[atB] = keep ? (outB[atB] as number) + sumB : sumB;
    p0 += inStep;
    p1 += inStep;
    p2 += inStep;
    p3 += inStep;
    atA += outStep;
    atB += outStep;
  }
}

function add2(task: Task, from: number, a: Float64Array, b: Float64Array, keep: boolean): void {
  const { values, inStep, count, outA, outB, outStep, starts } = task;
  let atA = task.atA;
  let atB = task.atB;
  const a0 = a[from] as number;
  const b0 = b[from] as number;
  let p0 = starts[from] as number;
  const a1 = a[from + 1] as number;
  const b1 = b[from + 1] as number;
  let p1 = starts[from + 1] as number;
  for (let i = 0; i < count; i++) {
    const x0 = values[p0] as number;
    const x1 = values[p1] as number;
    const sumA = a0 * x0 + a1 * x1;
    const sumB = b0 * x0 + b1 * x1;
    outA[atA] = keep ? (outA[atA] as number) + sumA : sumA;
    outB[atB] = keep ? (outB[atB] as number) + sumB : sumB;
    p0 += inStep;
    p1 += inStep;
    atA += outStep;
    atB += outStep;
  }
}

function add1(task: Task, from: number, a: Float64Array, b: Float64Array, keep: boolean): void {
  const { values, inStep, count, outA, outB, outStep, starts } = task;
  let atA = task.atA;
  let atB = task.atB;
  const a0 = a[from] as number;
  const b0 = b[from] as number;
  let p0 = starts[from] as number;
  for (let i = 0; i < count; i++) {
    const x0 = values[p0] as number;
    const sumA = a0 * x0;
    const sumB = b0 * x0;
    outA[atA] = keep ? (outA[atA] as number) + sumA : sumA;
    outB[atB] = keep ? (outB[atB] as number) + sumB : sumB;
    p0 += inStep;
    atA += outStep;
    atB += outStep;
  }
}
