import type { Matrix, Operators } from "../../src/training/network.js";
import { Wavelet1d } from "../../src/wavelet/dwt1d.js";
import type { FilterBank } from "../../src/wavelet/filters.js";

/** What a level's bands are read and written with along one axis. */
interface AxisLevel {
  readonly length: number;
  readonly analysis: { readonly low: Matrix; readonly high: Matrix };
  readonly synthesis: { readonly low: Matrix; readonly high: Matrix };
}

/** The bands of a transform as values of a program: details finest first, each with 3 × channels maps. */
export interface Bands<V> {
  readonly details: readonly V[];
  readonly approximation: V | null;
}

/**
 * The wavelet transform (periodization, any size) inside a program. Every band is a matrix product with the plane from
 * both sides, so that gradients flow through it; the matrices' columns are the transform's own impulse responses.
 */
export class Pyramid {
  readonly #rows: readonly AxisLevel[];
  readonly #columns: readonly AxisLevel[];

  /** Levels `skipped` + 1 to `skipped` + `levels` of the transform of a plane; finer details are none of its bands. */
  constructor(
    readonly height: number,
    readonly width: number,
    readonly levels: number,
    bank: FilterBank,
    skipped = 0,
  ) {
    this.#rows = axisLevels(height, skipped + levels, bank).slice(skipped);
    this.#columns = axisLevels(width, skipped + levels, bank).slice(skipped);
  }

  /** Height and width of a level's bands; level 0 is the finest. */
  sizeOf(level: number): readonly [height: number, width: number] {
    return [this.#row(level).length, this.#column(level).length];
  }

  analyse<V>(ops: Operators<V>, planes: V): { readonly details: readonly V[]; readonly approximation: V } {
    const details = Array.from({ length: this.levels }, (_, level) => {
      const [rows, columns] = [this.#row(level).analysis, this.#column(level).analysis];
      return ops.concatenate(
        ops.sandwich(planes, rows.high, columns.low),
        ops.sandwich(planes, rows.low, columns.high),
        ops.sandwich(planes, rows.high, columns.high),
      );
    });
    const last = this.levels - 1;
    const { low: rows } = this.#row(last).analysis;
    return { details, approximation: ops.sandwich(planes, rows, this.#column(last).analysis.low) };
  }

  synthesise<V>(ops: Operators<V>, { details, approximation }: Bands<V>): V {
    const parts = details.flatMap((bands, level) => {
      const channels = (ops.shapeOf(bands)[1] as number) / 3;
      const [rows, columns] = [this.#row(level).synthesis, this.#column(level).synthesis];
      return [
        ops.sandwich(ops.channels(bands, 0, channels), rows.high, columns.low),
        ops.sandwich(ops.channels(bands, channels, 2 * channels), rows.low, columns.high),
        ops.sandwich(ops.channels(bands, 2 * channels, 3 * channels), rows.high, columns.high),
      ];
    });
    if (approximation !== null) parts.push(this.#synthesiseLow(ops, approximation));
    return parts.reduce((sum, part) => ops.add(sum, part));
  }

  /** The part of the planes that their approximation band holds. */
  lowPart<V>(ops: Operators<V>, planes: V): V {
    const last = this.levels - 1;
    const low = ops.sandwich(planes, this.#row(last).analysis.low, this.#column(last).analysis.low);
    return this.#synthesiseLow(ops, low);
  }

  #synthesiseLow<V>(ops: Operators<V>, approximation: V): V {
    const last = this.levels - 1;
    return ops.sandwich(approximation, this.#row(last).synthesis.low, this.#column(last).synthesis.low);
  }

  #row(level: number): AxisLevel {
    return this.#rows[level] as AxisLevel;
  }

  #column(level: number): AxisLevel {
    return this.#columns[level] as AxisLevel;
  }
}

/** Every level's matrices between a line of `length` samples and that level's coefficients; the finest level first. */
function axisLevels(length: number, levels: number, bank: FilterBank): AxisLevel[] {
  const found: AxisLevel[] = [];
  let down = identity(length);
  let up = identity(length);
  for (let level = 0; level < levels; level++) {
    const step = oneLevel(down.rows, bank);
    const analysis = { low: multiply(step.analysis.low, down), high: multiply(step.analysis.high, down) };
    const synthesis = { low: multiply(up, step.synthesis.low), high: multiply(up, step.synthesis.high) };
    found.push({ length: step.length, analysis, synthesis });
    down = analysis.low;
    up = synthesis.low;
  }
  return found;
}

/** One level, from the transform's answers to unit impulses. */
function oneLevel(length: number, bank: FilterBank): AxisLevel {
  const plan = new Wavelet1d(length, 1, bank);
  const bands = plan.createCoefficients();
  const [low, high] = [bands.approximation, bands.details[0] as Float64Array];
  const half = low.length;
  const analysis = { low: zeros(half, length), high: zeros(half, length) };
  const line = new Float64Array(length);
  for (let sample = 0; sample < length; sample++) {
    plan.forward(line.fill(0).fill(1, sample, sample + 1), bands);
    setColumn(analysis.low, sample, low);
    setColumn(analysis.high, sample, high);
  }
  const synthesis = { low: zeros(length, half), high: zeros(length, half) };
  for (const [band, matrix] of [
    [low, synthesis.low],
    [high, synthesis.high],
  ] as const) {
    for (let k = 0; k < half; k++) {
      low.fill(0);
      high.fill(0);
      band[k] = 1;
      setColumn(matrix, k, plan.inverse(bands, line));
    }
  }
  return { length: half, analysis, synthesis };
}

function zeros(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float32Array(rows * columns) };
}

function setColumn({ columns, data }: Matrix, column: number, values: Float64Array): void {
  values.forEach((value, row) => {
    data[row * columns + column] = value;
  });
}

function identity(size: number): Matrix {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * size + i] = 1;
  return { rows: size, columns: size, data };
}

function multiply(a: Matrix, b: Matrix): Matrix {
  const data = new Float32Array(a.rows * b.columns);
  for (let row = 0; row < a.rows; row++) {
    for (let k = 0; k < a.columns; k++) {
      const factor = a.data[row * a.columns + k] as number;
      if (factor === 0) continue; // short filters: most are
      for (let column = 0; column < b.columns; column++) {
        const at = row * b.columns + column;
        data[at] = (data[at] as number) + factor * (b.data[k * b.columns + column] as number);
      }
    }
  }
  return { rows: a.rows, columns: b.columns, data };
}
