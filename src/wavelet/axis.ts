import { type BoundaryMode, extended, wrap } from "./boundary.js";
import type { FilterBank } from "./filters.js";

/** Coefficients per band that a line of `length` samples gives, as in PyWavelets. */
export function bandLength(length: number, mode: BoundaryMode = "periodization", taps = 2): number {
  return mode === "periodization" ? Math.ceil(length / 2) : Math.floor((length + taps - 1) / 2);
}

/**
 * Results near the ends, where a boundary rule takes part: result `at[e]` is the sum over terms t from `starts[e]` to
 * `starts[e + 1]` of low[t] and high[t] times whatever lies at sources[t]. The rule is folded into the weights.
 */
export interface Edges {
  readonly at: Int32Array;
  readonly starts: Int32Array;
  readonly sources: Int32Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/**
 * One level of the transform along one axis, worked out: which results are plain filter sums over neighbours, and the
 * weights of the others. The same for a line of numbers, and for a stack of rows or planes.
 */
export interface AxisPlan {
  readonly length: number;
  readonly bandLength: number;
  readonly taps: number;
  /** Coefficients first ≤ k < last of both bands are sums over the samples 2k + origin, …, 2k + origin + taps − 1. */
  readonly analysis: {
    readonly first: number;
    readonly last: number;
    readonly origin: number;
    readonly low: Float64Array;
    readonly high: Float64Array;
    readonly edges: Edges;
  };
  /**
   * Pairs first ≤ m < last of samples at 2m + origin and one further are sums over the coefficients
   * m, …, m + taps/2 − 1 of both bands.
   */
  readonly synthesis: {
    readonly first: number;
    readonly last: number;
    readonly origin: number;
    /** Weights of the low band's coefficients for a pair's earlier and later sample, then those of the high band's. */
    readonly lowEarlier: Float64Array;
    readonly lowLater: Float64Array;
    readonly highEarlier: Float64Array;
    readonly highLater: Float64Array;
    readonly edges: Edges;
  };
}

export function planAxis(length: number, bank: FilterBank, mode: BoundaryMode): AxisPlan {
  const half = bandLength(length, mode, bank.taps);
  return {
    length,
    bandLength: half,
    taps: bank.taps,
    analysis: planAnalysis(length, half, bank, mode),
    synthesis: planSynthesis(length, half, bank, mode),
  };
}

/** low[k] = Σ_j decompositionLow[j] · x[2k + 1 − j]; with periodization x[2k + F/2 − j]. */
function planAnalysis(length: number, half: number, bank: FilterBank, mode: BoundaryMode): AxisPlan["analysis"] {
  const { taps } = bank;
  const origin = (mode === "periodization" ? taps / 2 : 1) - (taps - 1);
  const low = bank.decompositionLow.toReversed();
  const high = bank.decompositionHigh.toReversed();
  const [first, last] = range(Math.ceil(-origin / 2), Math.min(half, Math.floor((length - taps - origin) / 2) + 1));
  const edges = new EdgeTable();
  for (let k = 0; k < half; k++) {
    if (k >= first && k < last) continue;
    for (let i = 0; i < taps; i++) {
      for (const [sample, weight] of extended(mode, length, 2 * k + origin + i)) {
        edges.add(sample, weight * (low[i] as number), weight * (high[i] as number));
      }
    }
    edges.close(k);
  }
  return { first, last, origin, low, high, edges: edges.finish() };
}

/**
 * x[t] = Σ_k reconstructionLow[t − 2k + c] · low[k] + the same of the high band, c = F − 2; with periodization
 * c = F/2 − 1, and k goes round. Of a filter, every second tap meets a given sample.
 */
function planSynthesis(length: number, half: number, bank: FilterBank, mode: BoundaryMode): AxisPlan["synthesis"] {
  const { taps, reconstructionLow, reconstructionHigh } = bank;
  const reach = taps / 2;
  const shift = mode === "periodization" ? reach - 1 : taps - 2;
  // The pair whose oldest coefficient is m has its earlier sample at t + shift = 2 (m + reach − 1).
  const origin = taps - 2 - shift;
  const [first, last] = range(
    Math.max(0, Math.ceil(-origin / 2)),
    Math.min(half - reach, Math.floor((length - 2 - origin) / 2)) + 1,
  );
  const weights = (filter: Float64Array, phase: number) =>
    Float64Array.from({ length: reach }, (_, i) => filter[phase + 2 * (reach - 1 - i)] as number);
  const edges = new EdgeTable();
  for (let t = 0; t < length; t++) {
    if (t >= 2 * first + origin && t < 2 * last + origin) continue;
    const newest = Math.floor((t + shift) / 2);
    const phase = (t + shift) % 2;
    for (let i = 0; i < reach; i++) {
      const tap = phase + 2 * i;
      const k = mode === "periodization" ? wrap(newest - i, half) : newest - i;
      edges.add(k, reconstructionLow[tap] as number, reconstructionHigh[tap] as number);
    }
    edges.close(t);
  }
  return {
    first,
    last,
    origin,
    lowEarlier: weights(reconstructionLow, 0),
    lowLater: weights(reconstructionLow, 1),
    highEarlier: weights(reconstructionHigh, 0),
    highLater: weights(reconstructionHigh, 1),
    edges: edges.finish(),
  };
}

/** The range, or an empty one. */
function range(first: number, last: number): readonly [first: number, last: number] {
  return last > first ? [first, last] : [0, 0];
}

/** Collects the terms of one result after the other; terms of one source become one. */
class EdgeTable {
  readonly #terms = new Map<number, { low: number; high: number }>();
  readonly #at: number[] = [];
  readonly #starts = [0];
  readonly #sources: number[] = [];
  readonly #low: number[] = [];
  readonly #high: number[] = [];

  add(source: number, low: number, high: number): void {
    const term = this.#terms.get(source) ?? { low: 0, high: 0 };
    term.low += low;
    term.high += high;
    this.#terms.set(source, term);
  }

  close(result: number): void {
    for (const [source, { low, high }] of this.#terms) {
      this.#sources.push(source);
      this.#low.push(low);
      this.#high.push(high);
    }
    this.#terms.clear();
    this.#at.push(result);
    this.#starts.push(this.#sources.length);
  }

  finish(): Edges {
    return {
      at: Int32Array.from(this.#at),
      starts: Int32Array.from(this.#starts),
      sources: Int32Array.from(this.#sources),
      low: Float64Array.from(this.#low),
      high: Float64Array.from(this.#high),
    };
  }
}
