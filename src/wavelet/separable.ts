import { type AxisPlan, type Edges, planAxis } from "./axis.js";
import type { BoundaryMode } from "./boundary.js";
import type { FilterBank } from "./filters.js";
import { addSums, type RealArray, type Task } from "./sums.js";

/**
 * One level of the separable transform in any number of dimensions. An array of d dimensions gives 2^d bands; the bits
 * of a band's number say along which axes it is high-pass, the first axis being the highest bit: as PyWavelets' `dwtn`
 * names them in order, aa, ad, da, dd.
 *
 * It is a recursion over the axes. A line is transformed by filter sums; a stack of lines (or of stacks) by
 * transforming each of its layers and summing over neighbouring layers. Layers are taken as they are needed and only
 * F of them are kept, so that the work stays in the cache and the scratch memory small.
 */
export interface Separable {
  /** Coefficients in each band. */
  readonly bandSize: number;
  readonly bandShape: readonly number[];
  /** Number of bands. */
  readonly bands: number;
  /** Samples. */
  readonly size: number;
  /** Reads samples from `from` on, writes each band from `at` on. */
  analyse(input: RealArray, from: number, bands: readonly Float64Array[], at: number): void;
  /** Reads each band from `at` on, writes samples from `to` on. */
  synthesise(bands: readonly Float64Array[], at: number, output: RealArray, to: number): void;
}

/** The outermost axis comes first in `shape`. No output may overlap an input. */
export function separable(shape: readonly number[], bank: FilterBank, mode: BoundaryMode): Separable {
  const [length, ...rest] = shape;
  if (length === undefined) throw new RangeError("a transform needs at least one axis");
  const axis = planAxis(length, bank, mode);
  return rest.length === 0 ? new Line(axis) : new Stack(axis, separable(rest, bank, mode));
}

/** Samples side by side. */
class Line implements Separable {
  readonly bandSize: number;
  readonly bandShape: readonly number[];
  readonly bands = 2;
  readonly size: number;
  readonly #axis: AxisPlan;
  readonly #task: Task;
  /** A line in double precision. */
  readonly #line: Float64Array;

  constructor(axis: AxisPlan) {
    this.#axis = axis;
    this.size = axis.length;
    this.bandSize = axis.bandLength;
    this.bandShape = [axis.bandLength];
    this.#line = new Float64Array(axis.length);
    this.#task = createTask(axis.taps, this.#line);
  }

  analyse(input: RealArray, from: number, bands: readonly Float64Array[], at: number): void {
    const [low, high] = bands as [Float64Array, Float64Array];
    const { first, last, origin, low: lowWeights, high: highWeights, edges } = this.#axis.analysis;
    const wide = input instanceof Float64Array;
    const line = wide ? input : this.#line;
    const start = wide ? from : 0;
    if (!wide) widen(input, from, this.#line);

    const task = this.#task;
    task.values = line;
    for (let i = 0; i < task.starts.length; i++) task.starts[i] = start + 2 * first + origin + i;
    task.inStep = 2;
    task.count = last - first;
    task.outA = low;
    task.atA = at + first;
    task.outB = high;
    task.atB = at + first;
    task.outStep = 1;
    addSums(task, lowWeights, highWeights, false);
    analyseEdges(edges, line, start, low, high, at);
  }

  synthesise(bands: readonly Float64Array[], at: number, output: RealArray, to: number): void {
    const [low, high] = bands as [Float64Array, Float64Array];
    const { first, last, origin, lowEarlier, lowLater, highEarlier, highLater, edges } = this.#axis.synthesis;
    const wide = output instanceof Float64Array;
    const line = wide ? output : this.#line;
    const start = wide ? to : 0;

    const task = this.#task;
    task.inStep = 1;
    task.count = last - first;
    task.outA = line;
    task.atA = start + 2 * first + origin;
    task.outB = line;
    task.atB = task.atA + 1;
    task.outStep = 2;
    for (let i = 0; i < lowEarlier.length; i++) task.starts[i] = at + first + i;
    task.values = low;
    addSums(task, lowEarlier, lowLater, false);
    task.values = high;
    addSums(task, highEarlier, highLater, true);
    synthesiseEdges(edges, low, high, at, line, start);
    if (!wide) narrow(this.#line, output, to);
  }
}

/** Layers side by side: rows of an image, planes of a volume. */
class Stack implements Separable {
  readonly bandSize: number;
  readonly bandShape: readonly number[];
  readonly bands: number;
  readonly size: number;
  readonly #axis: AxisPlan;
  readonly #layer: Separable;
  readonly #task: Task;
  /** Bands of F layers; layer r lies in slot r mod F, if `#held` says so. */
  readonly #slots: readonly Float64Array[];
  readonly #held: Int32Array;
  /** Bands of a pair of layers. */
  readonly #earlier: readonly Float64Array[];
  readonly #later: readonly Float64Array[];

  constructor(axis: AxisPlan, layer: Separable) {
    this.#axis = axis;
    this.#layer = layer;
    this.size = axis.length * layer.size;
    this.bandSize = axis.bandLength * layer.bandSize;
    this.bandShape = [axis.bandLength, ...layer.bandShape];
    this.bands = 2 * layer.bands;
    const perBand = (length: number) => Array.from({ length: layer.bands }, () => new Float64Array(length));
    this.#slots = perBand(axis.taps * layer.bandSize);
    this.#held = new Int32Array(axis.taps);
    this.#earlier = perBand(layer.bandSize);
    this.#later = perBand(layer.bandSize);
    this.#task = createTask(axis.taps, new Float64Array(0));
  }

  analyse(input: RealArray, from: number, bands: readonly Float64Array[], at: number): void {
    const { first, last, origin, low, high, edges } = this.#axis.analysis;
    const { bandSize, bands: layerBands } = this.#layer;
    const { taps } = this.#axis;
    const task = this.#task;
    task.inStep = 1;
    task.outStep = 1;
    task.count = bandSize;
    this.#held.fill(-1);
    for (let k = first; k < last; k++) {
      for (let i = 0; i < taps; i++) task.starts[i] = this.#slotOf(2 * k + origin + i, input, from) * bandSize;
      task.atA = at + k * bandSize;
      task.atB = task.atA;
      for (let band = 0; band < layerBands; band++) {
        task.values = this.#slots[band] as Float64Array;
        task.outA = bands[band] as Float64Array;
        task.outB = bands[band + layerBands] as Float64Array;
        addSums(task, low, high, false);
      }
    }
    for (let edge = 0; edge < edges.at.length; edge++) {
      const target = at + (edges.at[edge] as number) * bandSize;
      for (let band = 0; band < bands.length; band++) (bands[band] as Float64Array).fill(0, target, target + bandSize);
      const end = edges.starts[edge + 1] as number;
      for (let term = edges.starts[edge] as number; term < end; term++) {
        const source = this.#slotOf(edges.sources[term] as number, input, from) * bandSize;
        for (let band = 0; band < layerBands; band++) {
          const values = this.#slots[band] as Float64Array;
          addScaled(values, source, edges.low[term] as number, bands[band] as Float64Array, target, bandSize);
          const outHigh = bands[band + layerBands] as Float64Array;
          addScaled(values, source, edges.high[term] as number, outHigh, target, bandSize);
        }
      }
    }
  }

  synthesise(bands: readonly Float64Array[], at: number, output: RealArray, to: number): void {
    const { first, last, origin, lowEarlier, lowLater, highEarlier, highLater, edges } = this.#axis.synthesis;
    const { bandSize, bands: layerBands, size } = this.#layer;
    const task = this.#task;
    task.inStep = 1;
    task.outStep = 1;
    task.count = bandSize;
    task.atA = 0;
    task.atB = 0;
    for (let pair = first; pair < last; pair++) {
      for (let i = 0; i < lowEarlier.length; i++) task.starts[i] = at + (pair + i) * bandSize;
      for (let band = 0; band < layerBands; band++) {
        task.outA = this.#earlier[band] as Float64Array;
        task.outB = this.#later[band] as Float64Array;
        task.values = bands[band] as Float64Array;
        addSums(task, lowEarlier, lowLater, false);
        task.values = bands[band + layerBands] as Float64Array;
        addSums(task, highEarlier, highLater, true);
      }
      const target = to + (2 * pair + origin) * size;
      this.#layer.synthesise(this.#earlier, 0, output, target);
      this.#layer.synthesise(this.#later, 0, output, target + size);
    }
    for (let edge = 0; edge < edges.at.length; edge++) {
      const end = edges.starts[edge + 1] as number;
      for (let band = 0; band < layerBands; band++) {
        const sums = this.#earlier[band] as Float64Array;
        sums.fill(0);
        for (let term = edges.starts[edge] as number; term < end; term++) {
          const source = at + (edges.sources[term] as number) * bandSize;
          addScaled(bands[band] as Float64Array, source, edges.low[term] as number, sums, 0, bandSize);
          const high = bands[band + layerBands] as Float64Array;
          addScaled(high, source, edges.high[term] as number, sums, 0, bandSize);
        }
      }
      this.#layer.synthesise(this.#earlier, 0, output, to + (edges.at[edge] as number) * size);
    }
  }

  /** The slot of a layer, which is transformed if its slot holds another. */
  #slotOf(layer: number, input: RealArray, from: number): number {
    const slot = layer % this.#held.length;
    if (this.#held[slot] !== layer) {
      this.#layer.analyse(input, from + layer * this.#layer.size, this.#slots, slot * this.#layer.bandSize);
      this.#held[slot] = layer;
    }
    return slot;
  }
}

function createTask(taps: number, values: Float64Array): Task {
  const starts = new Int32Array(taps);
  return { values, starts, inStep: 1, count: 0, outA: values, atA: 0, outB: values, atB: 0, outStep: 1 };
}

function analyseEdges(
  edges: Edges,
  line: Float64Array,
  start: number,
  low: Float64Array,
  high: Float64Array,
  at: number,
): void {
  for (let edge = 0; edge < edges.at.length; edge++) {
    let lowSum = 0;
    let highSum = 0;
    const end = edges.starts[edge + 1] as number;
    for (let term = edges.starts[edge] as number; term < end; term++) {
      const sample = line[start + (edges.sources[term] as number)] as number;
      lowSum += (edges.low[term] as number) * sample;
      highSum += (edges.high[term] as number) * sample;
    }
    low[at + (edges.at[edge] as number)] = lowSum;
    high[at + (edges.at[edge] as number)] = highSum;
  }
}

function synthesiseEdges(
  edges: Edges,
  low: Float64Array,
  high: Float64Array,
  at: number,
  line: Float64Array,
  start: number,
): void {
  for (let edge = 0; edge < edges.at.length; edge++) {
    let sum = 0;
    const end = edges.starts[edge + 1] as number;
    for (let term = edges.starts[edge] as number; term < end; term++) {
      const source = at + (edges.sources[term] as number);
      sum += (edges.low[term] as number) * (low[source] as number);
      sum += (edges.high[term] as number) * (high[source] as number);
    }
    line[start + (edges.at[edge] as number)] = sum;
  }
}

/** out[to + i] += factor · values[from + i] */
function addScaled(
  values: Float64Array,
  from: number,
  factor: number,
  out: Float64Array,
  to: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) out[to + i] = (out[to + i] as number) + factor * (values[from + i] as number);
}

function widen(input: Float32Array, from: number, line: Float64Array): void {
  for (let i = 0; i < line.length; i++) line[i] = input[from + i] as number;
}

function narrow(line: Float64Array, output: Float32Array, to: number): void {
  for (let i = 0; i < line.length; i++) output[to + i] = line[i] as number;
}
