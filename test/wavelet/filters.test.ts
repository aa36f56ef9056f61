import { readFileSync } from "node:fs";
import {
  type FilterBank,
  filterBank,
  ORTHONORMAL_WAVELETS,
  WAVELET_NAMES,
  type WaveletName,
} from "../../src/wavelet/filters.js";

// Computed with PyWavelets 1.1.1.
const { filters } = JSON.parse(readFileSync(new URL("../reference/wavelets.json", import.meta.url), "utf8")) as {
  filters: Record<string, { dec_lo: number[]; dec_hi: number[]; rec_lo: number[]; rec_hi: number[] }>;
};

const BIORTHOGONAL = "1.1 1.3 1.5 2.2 2.4 2.6 2.8 3.1 3.3 3.5 3.7 3.9 4.4 5.5 6.8".split(" ");
/** Symlets and bior4.4 to bior6.8 carry PyWavelets' digits, good to 1e-11 at worst; the others are exact to rounding. */
const digits = (name: WaveletName) => (/^sym|4\.4|5\.5|6\.8/.test(name) ? 2e-11 : 2e-15);
const exact = WAVELET_NAMES.filter((name) => name !== "dmey");

/** Σ_k a[k] · b[k + shift] */
function correlation(a: Float64Array, b: Float64Array, shift: number): number {
  return a.reduce((sum, tap, k) => sum + tap * (b[k + shift] ?? 0), 0);
}

/** The largest departure from perfect reconstruction: ⟨h, h̃ shifted⟩ = δ, ⟨g, g̃ shifted⟩ = δ, across 0. */
function biorthogonalityError(bank: FilterBank): number {
  const dualLow = bank.decompositionLow.toReversed();
  const dualHigh = bank.decompositionHigh.toReversed();
  let largest = 0;
  for (let shift = -bank.taps; shift <= bank.taps; shift += 2) {
    const unit = shift === 0 ? 1 : 0;
    for (const [a, b, expected] of [
      [bank.reconstructionLow, dualLow, unit],
      [bank.reconstructionHigh, dualHigh, unit],
      [bank.reconstructionLow, dualHigh, 0],
      [bank.reconstructionHigh, dualLow, 0],
    ] as const) {
      largest = Math.max(largest, Math.abs(correlation(a, b, shift) - expected));
    }
  }
  return largest;
}

/** Vanishing moments of the analysing wavelet, by the families' definitions. */
function vanishingMoments(name: WaveletName): number {
  const [first = Number.NaN, second = Number.NaN] = (name.match(/\d+/g) ?? []).map(Number);
  if (name === "haar") return 1;
  if (name.startsWith("db") || name.startsWith("sym")) return first;
  if (name.startsWith("coif")) return 2 * first;
  // 5.5 is a pair of 9 and 11 taps, whose filters have 4 and 6 zeros at π.
  if (name.endsWith("5.5")) return name.startsWith("bior") ? 6 : 4;
  return name.startsWith("bior") ? first : second;
}

/** The size of a moment about the centre, relative to the sum of the sizes of its terms. */
function relativeMoment(filter: Float64Array, power: number): number {
  const centre = (filter.length - 1) / 2;
  let sum = 0;
  let sizes = 0;
  filter.forEach((tap, k) => {
    const term = tap * ((k - centre) / centre) ** power;
    sum += term;
    sizes += Math.abs(term);
  });
  return Math.abs(sum) / sizes;
}

test("all of PyWavelets' discrete families are there", () => {
  const numbered = (family: string, from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => `${family}${from + i}`);
  expect([...WAVELET_NAMES].sort()).toEqual(
    [
      "haar",
      ...numbered("db", 1, 38),
      ...numbered("sym", 2, 20),
      ...numbered("coif", 1, 17),
      ...BIORTHOGONAL.map((orders) => `bior${orders}`),
      ...BIORTHOGONAL.map((orders) => `rbio${orders}`),
      "dmey",
    ].sort(),
  );
});

test.each(Object.entries(filters))("%s equals PyWavelets' digits", (name, expected) => {
  const bank = filterBank(name as WaveletName);
  for (const [ours, theirs] of [
    [bank.decompositionLow, expected.dec_lo],
    [bank.decompositionHigh, expected.dec_hi],
    [bank.reconstructionLow, expected.rec_lo],
    [bank.reconstructionHigh, expected.rec_hi],
  ] as const) {
    expect(ours).toHaveLength(theirs.length);
    for (const [k, tap] of ours.entries()) expect(Math.abs(tap - (theirs[k] as number))).toBeLessThan(5e-16);
  }
});

test("db2 and the 5/3 and 9/7 pairs are the published numbers", () => {
  const root = Math.sqrt(3);
  const db2 = [1 + root, 3 + root, 3 - root, 1 - root].map((value) => value / (4 * Math.SQRT2));
  for (const [k, tap] of filterBank("db2").reconstructionLow.entries()) expect(tap).toBeCloseTo(db2[k] as number, 15);
  const scaled = (taps: Float64Array) => Array.from(taps, (tap) => tap / Math.SQRT2);
  // ISO/IEC 15444-1, annex F: the 5/3 pair, and the 9/7 pair's centre taps.
  const legall = filterBank("bior2.2");
  const fiveThree = [0, -1, 2, 6, 2, -1];
  for (const [k, tap] of scaled(legall.decompositionLow).entries()) expect(8 * tap).toBeCloseTo(fiveThree[k] ?? 0, 13);
  const daubechies = filterBank("bior4.4");
  expect(scaled(daubechies.decompositionLow)[5]).toBeCloseTo(0.6029490182363579, 11);
  expect(scaled(daubechies.reconstructionLow)[4]).toBeCloseTo(1.115087052456994 / 2, 11);
});

test.each(exact)(
  "%s: the filters are biorthogonal to the precision of their digits, and low-pass filters sum to √2",
  (name) => {
    const bank = filterBank(name);
    expect(biorthogonalityError(bank)).toBeLessThan(digits(name));
    for (const filter of [bank.reconstructionLow, bank.decompositionLow]) {
      expect(filter.reduce((sum, tap) => sum + tap, 0)).toBeCloseTo(Math.SQRT2, 11);
    }
  },
);

test.each(WAVELET_NAMES)("%s says rightly whether it is orthonormal", (name) => {
  const bank = filterBank(name);
  let departure = 0;
  for (let k = 0; k < bank.taps; k++) {
    const difference = (bank.reconstructionLow[k] as number) - (bank.decompositionLow[bank.taps - 1 - k] as number);
    departure = Math.max(departure, Math.abs(difference));
  }
  for (let shift = 0; shift < bank.taps; shift += 2) {
    const expected = shift === 0 ? 1 : 0;
    const product = correlation(bank.reconstructionLow, bank.reconstructionLow, shift);
    departure = Math.max(departure, Math.abs(product - expected));
  }
  // bior1.1 and rbio1.1 are Haar under a biorthogonal name.
  if (name !== "bior1.1" && name !== "rbio1.1") expect(departure < digits(name)).toBe(bank.orthogonal);
  expect((ORTHONORMAL_WAVELETS as readonly string[]).includes(name)).toBe(bank.orthogonal);
});

test.each(exact)("%s has the vanishing moments of its order, and no more", (name) => {
  const { decompositionHigh } = filterBank(name);
  const moments = vanishingMoments(name);
  const tolerance = Math.max(digits(name), 1e-13);
  for (let power = 0; power < moments; power++)
    expect(relativeMoment(decompositionHigh, power)).toBeLessThan(tolerance);
  expect(relativeMoment(decompositionHigh, moments)).toBeGreaterThan(tolerance);
});

test("dmey is orthonormal to 0.3 % only", () => {
  const error = biorthogonalityError(filterBank("dmey"));
  expect(error).toBeLessThan(3e-3);
  expect(error).toBeGreaterThan(1e-3);
});
