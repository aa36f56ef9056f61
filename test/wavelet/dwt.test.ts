import { readFileSync } from "node:fs";
import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import { analyseLines, bandLength, synthesiseLines } from "../../src/wavelet/dwt1d.js";
import { energy, ORIENTATIONS, Wavelet2d, wavedec2, waverec2 } from "../../src/wavelet/dwt2d.js";
import { filterBank, WAVELET_NAMES, type WaveletName } from "../../src/wavelet/filters.js";

interface ReferenceBand {
  rows: number;
  columns: number;
  values: number[];
}
interface Reference {
  filters: Record<string, { dec_lo: number[]; dec_hi: number[]; rec_lo: number[]; rec_hi: number[] }>;
  dwt: { wavelet: WaveletName; input: number[]; approximation: number[]; detail: number[] }[];
  wavedec2: {
    wavelet: WaveletName;
    level: number;
    rows: number;
    columns: number;
    input: number[];
    approximation: ReferenceBand;
    details: { horizontal: ReferenceBand; vertical: ReferenceBand; diagonal: ReferenceBand }[];
  }[];
}

// Computed with PyWavelets 1.1.1.
const reference = JSON.parse(
  readFileSync(new URL("../reference/wavelets-periodization.json", import.meta.url), "utf8"),
) as Reference;

const orthonormal = fc.constantFrom(...WAVELET_NAMES);
const side = fc.integer({ min: 1, max: 37 });

function noise(count: number, seed: number): Float64Array {
  const random = randomFrom(seed, "noise");
  return Float64Array.from({ length: count }, () => random.normal());
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs((a[i] as number) - (b[i] as number)));
  return largest;
}

describe("filter banks", () => {
  test.each(Object.entries(reference.filters))("%s equals PyWavelets'", (name, expected) => {
    const bank = filterBank(name as WaveletName);
    expect(largestDifference(bank.decompositionLow, expected.dec_lo)).toBeLessThan(1e-15);
    expect(largestDifference(bank.decompositionHigh, expected.dec_hi)).toBeLessThan(1e-15);
    expect(largestDifference(bank.reconstructionLow, expected.rec_lo)).toBeLessThan(1e-15);
    expect(largestDifference(bank.reconstructionHigh, expected.rec_hi)).toBeLessThan(1e-15);
  });

  test.each(WAVELET_NAMES)("%s is orthonormal to its even shifts", (name) => {
    const { reconstructionLow: h, reconstructionHigh: g, taps } = filterBank(name);
    for (let shift = 0; shift < taps; shift += 2) {
      let low = 0;
      let high = 0;
      let across = 0;
      for (let k = 0; k + shift < taps; k++) {
        low += (h[k] as number) * (h[k + shift] as number);
        high += (g[k] as number) * (g[k + shift] as number);
        across += (h[k] as number) * (g[k + shift] as number);
      }
      expect(low).toBeCloseTo(shift === 0 ? 1 : 0, 11);
      expect(high).toBeCloseTo(shift === 0 ? 1 : 0, 11);
      expect(across).toBeCloseTo(0, 11);
    }
  });

  test.each(WAVELET_NAMES.filter((name) => name.startsWith("db")))(
    "%s has as many vanishing moments as its number",
    (name) => {
      const { reconstructionHigh } = filterBank(name);
      const moments = Math.min(4, Number(name.slice(2)));
      for (let power = 0; power < moments; power++) {
        const moment = reconstructionHigh.reduce((sum, tap, k) => sum + tap * k ** power, 0);
        expect(Math.abs(moment)).toBeLessThan(1e-7);
      }
    },
  );
});

describe("1-D transform", () => {
  test.each(reference.dwt.map((c) => [c.wavelet, c.input.length, c] as const))(
    "%s of %i samples",
    (wavelet, n, expected) => {
      const layout = { outer: 1, length: n, inner: 1 };
      const low = new Float64Array(bandLength(n));
      const high = new Float64Array(bandLength(n));
      analyseLines(Float64Array.from(expected.input), layout, filterBank(wavelet), low, high);
      expect(largestDifference(low, expected.approximation)).toBeLessThan(1e-10);
      expect(largestDifference(high, expected.detail)).toBeLessThan(1e-10);
      const back = new Float64Array(n);
      synthesiseLines(low, high, layout, filterBank(wavelet), back);
      expect(largestDifference(back, expected.input)).toBeLessThan(1e-10);
    },
  );

  test("lines across a volume are transformed one by one", () => {
    const layout = { outer: 3, length: 10, inner: 4 };
    const input = noise(120, 1);
    const bank = filterBank("db4");
    const low = new Float64Array(60);
    const high = new Float64Array(60);
    analyseLines(input, layout, bank, low, high);
    const line = Float64Array.from({ length: 10 }, (_, t) => input[(2 * 10 + t) * 4 + 3] as number);
    const lineLow = new Float64Array(5);
    const lineHigh = new Float64Array(5);
    analyseLines(line, { outer: 1, length: 10, inner: 1 }, bank, lineLow, lineHigh);
    for (let k = 0; k < 5; k++) {
      expect(low[(2 * 5 + k) * 4 + 3]).toBe(lineLow[k]);
      expect(high[(2 * 5 + k) * 4 + 3]).toBe(lineHigh[k]);
    }
  });
});

describe("2-D transform", () => {
  test.each(reference.wavedec2.map((c) => [c.wavelet, c.level, c.rows, c.columns, c] as const))(
    "%s, %i levels of %i x %i, equals PyWavelets'",
    (wavelet, level, rows, columns, expected) => {
      const actual = wavedec2(Float64Array.from(expected.input), rows, columns, filterBank(wavelet), level);
      expect(largestDifference(actual.approximation.values, expected.approximation.values)).toBeLessThan(1e-10);
      expect(actual.details).toHaveLength(level);
      expected.details.forEach((bands, index) => {
        for (const orientation of ORIENTATIONS) {
          const band = actual.details[index]?.[orientation];
          expect([band?.rows, band?.columns]).toEqual([bands[orientation].rows, bands[orientation].columns]);
          expect(largestDifference(band?.values ?? [], bands[orientation].values)).toBeLessThan(1e-10);
        }
      });
    },
  );

  test("any image of any size comes back", () => {
    fc.assert(
      fc.property(
        orthonormal,
        side,
        side,
        fc.integer({ min: 0, max: 4 }),
        fc.nat(),
        (name, rows, columns, levels, seed) => {
          const image = noise(rows * columns, seed);
          const bank = filterBank(name);
          const back = waverec2(wavedec2(image, rows, columns, bank, levels), rows, columns, bank);
          expect(largestDifference(back, image)).toBeLessThan(1e-9);
        },
      ),
    );
  });

  test("energy is conserved where every level halves even sides (Parseval)", () => {
    const part = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(orthonormal, part, part, fc.integer({ min: 1, max: 3 }), fc.nat(), (name, a, b, levels, seed) => {
        const [rows, columns] = [a * 2 ** levels, b * 2 ** levels];
        const image = noise(rows * columns, seed);
        const { approximation, details } = wavedec2(image, rows, columns, filterBank(name), levels);
        let sum = energy(approximation.values);
        for (const bands of details) for (const o of ORIENTATIONS) sum += energy(bands[o].values);
        expect(Math.abs(sum / energy(image) - 1)).toBeLessThan(1e-10);
      }),
    );
  });

  test("a constant image has no detail, and its approximation is the constant times 2 per level", () => {
    for (const name of WAVELET_NAMES) {
      const { approximation, details } = wavedec2(new Float64Array(24 * 16).fill(3), 24, 16, filterBank(name), 3);
      for (const value of approximation.values) expect(value).toBeCloseTo(24, 8);
      for (const bands of details) for (const o of ORIENTATIONS) expect(energy(bands[o].values)).toBeLessThan(1e-18);
    }
  });

  test("horizontal edges answer in the horizontal band alone", () => {
    const image = Float64Array.from({ length: 64 }, (_, i) => (Math.floor(i / 8) % 2 === 0 ? 1 : -1));
    const [bands] = wavedec2(image, 8, 8, filterBank("haar"), 1).details;
    expect(energy(bands?.horizontal.values ?? new Float64Array())).toBeCloseTo(64, 12);
    expect(energy(bands?.vertical.values ?? new Float64Array(1).fill(1))).toBeCloseTo(0, 12);
    expect(energy(bands?.diagonal.values ?? new Float64Array(1).fill(1))).toBeCloseTo(0, 12);
  });

  test("32-bit images give the 64-bit coefficients of the same values, and a plan may be used again", () => {
    const plan = new Wavelet2d(20, 30, 2, filterBank("sym4"));
    const image = Float32Array.from(noise(600, 4));
    const first = plan.forward(image, plan.createCoefficients());
    plan.forward(noise(600, 5), plan.createCoefficients());
    const again = plan.forward(Float64Array.from(image), plan.createCoefficients());
    expect(largestDifference(first.approximation.values, again.approximation.values)).toBe(0);
    expect(largestDifference(plan.inverse(again, new Float32Array(600)), image)).toBeLessThan(1e-6);
  });

  test.each([
    [0, 8, 1, "rows"],
    [8, 2.5, 1, "columns"],
    [8, 8, -1, "levels"],
  ])("refuses %d x %d with %d levels and names %s", (rows, columns, levels, name) => {
    expect(() => new Wavelet2d(rows, columns, levels, filterBank("haar"))).toThrow(`Invalid ${name}`);
  });
});
