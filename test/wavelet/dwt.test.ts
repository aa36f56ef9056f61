import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import { BOUNDARY_MODES, type BoundaryMode } from "../../src/wavelet/boundary.js";
import { bandLength, type RealArray, Wavelet1d } from "../../src/wavelet/dwt1d.js";
import { type Coefficients2d, energy, ORIENTATIONS, Wavelet2d, wavedec2, waverec2 } from "../../src/wavelet/dwt2d.js";
import { type Coefficients3d, DETAILS_3D, Wavelet3d } from "../../src/wavelet/dwt3d.js";
import { filterBank, ORTHONORMAL_WAVELETS, WAVELET_NAMES, type WaveletName } from "../../src/wavelet/filters.js";
import { sharedData } from "../support/shared-data.js";

interface ReferenceBand {
  rows: number;
  columns: number;
  values: number[];
}
interface ReferenceVolume {
  shape: [number, number, number];
  values: number[];
}
interface Case {
  wavelet: WaveletName;
  mode: BoundaryMode;
  input: number[];
}
interface Reference {
  dwt: (Case & { approximation: number[]; detail: number[] })[];
  wavedec2: (Case & {
    level: number;
    rows: number;
    columns: number;
    approximation: ReferenceBand;
    details: Record<(typeof ORIENTATIONS)[number], ReferenceBand>[];
  })[];
  dwtn?: (Case & { shape: [number, number, number]; subbands: Record<string, ReferenceVolume> })[];
}
interface Families {
  signal: number[];
  projections: Record<WaveletName, Record<BoundaryMode, [count: number, approximation: number, detail: number]>>;
  short: { wavelet: WaveletName; mode: BoundaryMode; length: number; approximation: number[]; detail: number[] }[];
  wavedec: (Case & { approximation: number[]; details: number[][] })[];
  wavedecn: (Case & {
    levels: number;
    shape: [number, number, number];
    approximation: ReferenceVolume;
    details: Record<string, ReferenceVolume>[];
  })[];
}

// All computed with PyWavelets 1.1.1. The whole of wavelets.json lies beside the repository, a part of it within.
function read<Content>(path: string | URL): Content {
  return JSON.parse(readFileSync(path, "utf8")) as Content;
}
const committed = (name: string) => new URL(`../reference/${name}`, import.meta.url);
const whole = join(sharedData ?? "", "..", "reference", "wavelets.json");
const references = [
  read<Reference>(sharedData !== null && existsSync(whole) ? whole : committed("wavelets.json")),
  read<Reference>(committed("wavelets-periodization.json")),
];
const families = read<Families>(committed("wavelets-families.json"));
const TOLERANCE = 1e-10;

function noise(count: number, seed: number): Float64Array {
  const random = randomFrom(seed, "noise");
  return Float64Array.from({ length: count }, () => random.normal());
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

function dwt(signal: RealArray, wavelet: WaveletName, mode: BoundaryMode, levels = 1) {
  const plan = new Wavelet1d(signal.length, levels, filterBank(wavelet), mode);
  const { approximation, details } = plan.forward(signal, plan.createCoefficients());
  return { plan, approximation, details };
}

/** What the digits of a family allow: those of the symlets and of three biorthogonal pairs are good to 1e-11. */
function tolerance(name: WaveletName): number {
  return /^sym|4\.4|5\.5|6\.8/.test(name) ? 1e-9 : 1e-11;
}

/**
 * The error of forward and back again, in one, two or three dimensions; relative to the largest coefficient, since the
 * rules that extrapolate make large ones.
 */
function thereAndBack(shape: readonly number[], wavelet: WaveletName, mode: BoundaryMode, levels: number): number {
  const [first = 1, second = 1, third = 1] = shape;
  const bank = filterBank(wavelet);
  const samples = noise(first * second * third, first + 31 * second + 97 * third);
  const back = new Float64Array(samples.length);
  let bands: Float64Array[];
  if (shape.length === 1) {
    const plan = new Wavelet1d(first, levels, bank, mode);
    const coefficients = plan.forward(samples, plan.createCoefficients());
    bands = [coefficients.approximation, ...coefficients.details];
    plan.inverse(coefficients, back);
  } else if (shape.length === 2) {
    const plan = new Wavelet2d(first, second, levels, bank, mode);
    const coefficients = plan.forward(samples, plan.createCoefficients());
    bands = bandsOf2d(coefficients);
    plan.inverse(coefficients, back);
  } else {
    const plan = new Wavelet3d(first, second, third, levels, bank, mode);
    const coefficients = plan.forward(samples, plan.createCoefficients());
    bands = bandsOf3d(coefficients);
    plan.inverse(coefficients, back);
  }
  let largest = 1;
  for (const band of bands) for (const value of band) largest = Math.max(largest, Math.abs(value));
  return largestDifference(back, samples) / largest;
}

function bandsOf2d({ approximation, details }: Coefficients2d): Float64Array[] {
  return [approximation.values, ...details.flatMap((bands) => ORIENTATIONS.map((o) => bands[o].values))];
}

function bandsOf3d({ approximation, details }: Coefficients3d): Float64Array[] {
  return [approximation.values, ...details.flatMap((bands) => DETAILS_3D.map((name) => bands[name].values))];
}

describe("PyWavelets' numbers", () => {
  const lines = references.flatMap((reference) => reference.dwt);
  // The older file has periodization alone and does not name it.
  const modeOf = (expected: { mode?: BoundaryMode }) => expected.mode ?? "periodization";

  test.each(lines.map((c) => [c.wavelet, modeOf(c), c.input.length, c] as const))(
    "dwt %s, %s, %i samples",
    (wavelet, mode, _samples, expected) => {
      const { approximation, details } = dwt(Float64Array.from(expected.input), wavelet, mode);
      expect(largestDifference(approximation, expected.approximation)).toBeLessThan(TOLERANCE);
      expect(largestDifference(details[0] ?? [], expected.detail)).toBeLessThan(TOLERANCE);
    },
  );

  test.each(families.short.map((c) => [c.wavelet, c.mode, c.length, c] as const))(
    "dwt of a signal as short as its filter: %s, %s, %i samples",
    (wavelet, mode, length, expected) => {
      const { approximation, details } = dwt(Float64Array.from(families.signal.slice(0, length)), wavelet, mode);
      expect(largestDifference(approximation, expected.approximation)).toBeLessThan(TOLERANCE);
      expect(largestDifference(details[0] ?? [], expected.detail)).toBeLessThan(TOLERANCE);
    },
  );

  test.each(WAVELET_NAMES)("dwt %s in every mode", (wavelet) => {
    for (const mode of BOUNDARY_MODES) {
      const [count, approximationSum, detailSum] = families.projections[wavelet][mode];
      const { approximation, details } = dwt(Float64Array.from(families.signal), wavelet, mode);
      expect(approximation).toHaveLength(count);
      expect(count).toBe(bandLength(families.signal.length, mode, filterBank(wavelet).taps));
      const project = (band: Float64Array) => band.reduce((sum, value, k) => sum + value * Math.cos(k), 0);
      // Where rules extrapolate, coefficients are large, and so are the digits' errors.
      const scale = Math.max(1, ...approximation.map(Math.abs));
      expect(Math.abs(project(approximation) - approximationSum) / scale).toBeLessThan(TOLERANCE);
      expect(Math.abs(project(details[0] ?? new Float64Array()) - detailSum) / scale).toBeLessThan(TOLERANCE);
    }
  });

  test.each(families.wavedec.map((c) => [c.wavelet, c.mode, c] as const))(
    "wavedec %s, %s",
    (wavelet, mode, expected) => {
      const levels = expected.details.length;
      const { approximation, details } = dwt(Float64Array.from(expected.input), wavelet, mode, levels);
      expect(largestDifference(approximation, expected.approximation)).toBeLessThan(TOLERANCE);
      expected.details.forEach((detail, i) => {
        expect(largestDifference(details[i] ?? [], detail)).toBeLessThan(TOLERANCE);
      });
    },
  );

  const images = references.flatMap((reference) => reference.wavedec2);
  test.each(images.map((c) => [c.wavelet, modeOf(c), c.level, c.rows, c.columns, c] as const))(
    "wavedec2 %s, %s, %i levels of %i x %i",
    (wavelet, mode, level, rows, columns, expected) => {
      const actual = wavedec2(Float64Array.from(expected.input), rows, columns, filterBank(wavelet), level, mode);
      expect(largestDifference(actual.approximation.values, expected.approximation.values)).toBeLessThan(TOLERANCE);
      expect(actual.details).toHaveLength(level);
      expected.details.forEach((bands, index) => {
        for (const orientation of ORIENTATIONS) {
          const band = actual.details[index]?.[orientation];
          expect([band?.rows, band?.columns]).toEqual([bands[orientation].rows, bands[orientation].columns]);
          expect(largestDifference(band?.values ?? [], bands[orientation].values)).toBeLessThan(TOLERANCE);
        }
      });
      const back = waverec2(actual, rows, columns, filterBank(wavelet), mode);
      expect(largestDifference(back, expected.input)).toBeLessThan(TOLERANCE);
    },
  );

  const volumes = [
    ...references.flatMap((reference) =>
      (reference.dwtn ?? []).map(({ subbands: { aaa, ...details }, ...rest }) => ({
        ...rest,
        levels: 1,
        approximation: aaa as ReferenceVolume,
        details: [details as Record<string, ReferenceVolume>],
      })),
    ),
    ...families.wavedecn,
  ];
  test.each(volumes.map((c) => [c.wavelet, c.mode, c.levels, c] as const))(
    "wavedecn %s, %s, %i levels",
    (wavelet, mode, levels, { shape, input, approximation, details }) => {
      const plan = new Wavelet3d(...shape, levels, filterBank(wavelet), mode);
      const actual = plan.forward(Float64Array.from(input), plan.createCoefficients());
      expect(actual.approximation.shape).toEqual(approximation.shape);
      expect(largestDifference(actual.approximation.values, approximation.values)).toBeLessThan(TOLERANCE);
      details.forEach((bands, index) => {
        for (const name of DETAILS_3D) {
          const band = actual.details[index]?.[name];
          expect(band?.shape).toEqual(bands[name]?.shape);
          expect(largestDifference(band?.values ?? [], bands[name]?.values ?? [])).toBeLessThan(TOLERANCE);
        }
      });
      expect(largestDifference(plan.inverse(actual, new Float64Array(input.length)), input)).toBeLessThan(TOLERANCE);
    },
  );
});

describe("perfect reconstruction", () => {
  const exact = WAVELET_NAMES.filter((name) => name !== "dmey");
  const mode = fc.constantFrom(...BOUNDARY_MODES);

  test.each(exact)("%s: lines of any length in every mode", (wavelet) => {
    const { taps } = filterBank(wavelet);
    for (const mode of BOUNDARY_MODES) {
      for (const length of [1, 2, 7, taps - 1, taps, 2 * taps + 3]) {
        expect(thereAndBack([length], wavelet, mode, 1)).toBeLessThan(tolerance(wavelet));
      }
    }
    const length = fc.integer({ min: 1, max: 90 });
    fc.assert(
      fc.property(length, mode, fc.integer({ min: 0, max: 3 }), (n, mode, levels) => {
        expect(thereAndBack([n], wavelet, mode, levels)).toBeLessThan(tolerance(wavelet));
      }),
      { numRuns: 5 },
    );
  });

  test.each(exact)("%s: images of any size", (wavelet) => {
    const side = fc.integer({ min: 1, max: 37 });
    fc.assert(
      fc.property(side, side, mode, fc.integer({ min: 1, max: 2 }), (rows, columns, mode, levels) => {
        expect(thereAndBack([rows, columns], wavelet, mode, levels)).toBeLessThan(tolerance(wavelet));
      }),
      { numRuns: 4 },
    );
  });

  test.each(exact)("%s: volumes of any size", (wavelet) => {
    // Long filters blow small volumes up in all modes but one: F³ coefficients, however few the samples.
    const modes = filterBank(wavelet).taps > 20 ? (["periodization"] as const) : BOUNDARY_MODES;
    const side = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(side, side, side, fc.constantFrom(...modes), (slices, rows, columns, mode) => {
        expect(thereAndBack([slices, rows, columns], wavelet, mode, 1)).toBeLessThan(tolerance(wavelet));
        expect(thereAndBack([slices, rows, columns], wavelet, "periodization", 2)).toBeLessThan(tolerance(wavelet));
      }),
      { numRuns: 4 },
    );
  });

  test("dmey comes back to 2 %", () => {
    for (const mode of BOUNDARY_MODES) {
      const error = thereAndBack([130], "dmey", mode, 1);
      expect(error).toBeLessThan(2e-2);
      expect(error).toBeGreaterThan(1e-4);
    }
  });
});

describe("conservation", () => {
  const part = fc.integer({ min: 1, max: 5 });
  const total = (bands: readonly Float64Array[]) => bands.reduce((sum, band) => sum + energy(band), 0);

  test.each(ORTHONORMAL_WAVELETS)("%s conserves energy where every level halves even sides (Parseval)", (wavelet) => {
    const bank = filterBank(wavelet);
    fc.assert(
      fc.property(part, part, part, fc.integer({ min: 1, max: 3 }), fc.nat(), (a, b, c, levels, seed) => {
        const [first, second, third] = [a * 2 ** levels, b * 2 ** levels, c * 2];
        const samples = noise(first * second * third, seed);
        const near = (sum: number) => expect(Math.abs(sum / energy(samples) - 1)).toBeLessThan(tolerance(wavelet));
        const line = new Wavelet1d(samples.length, levels, bank);
        const { approximation, details } = line.forward(samples, line.createCoefficients());
        near(total([approximation, ...details]));
        const image = new Wavelet2d(first, second * third, levels, bank);
        near(total(bandsOf2d(image.forward(samples, image.createCoefficients()))));
        const volume = new Wavelet3d(first, second, third, 1, bank);
        near(total(bandsOf3d(volume.forward(samples, volume.createCoefficients()))));
      }),
      { numRuns: 3 },
    );
  });

  test("without orthogonality there is no Parseval", () => {
    const image = noise(256, 1);
    const coefficients = wavedec2(image, 16, 16, filterBank("bior2.2"), 1);
    expect(Math.abs(total(bandsOf2d(coefficients)) / energy(image) - 1)).toBeGreaterThan(0.1);
  });

  test("a constant image has no detail, and its approximation is the constant times 2 per level", () => {
    for (const name of WAVELET_NAMES.filter((name) => name !== "dmey")) {
      const { approximation, details } = wavedec2(new Float64Array(24 * 16).fill(3), 24, 16, filterBank(name), 3);
      for (const value of approximation.values) expect(value).toBeCloseTo(24, 8);
      for (const bands of details) for (const o of ORIENTATIONS) expect(energy(bands[o].values)).toBeLessThan(1e-18);
    }
  });

  test("a straight line has no detail where the rule continues it and two moments vanish", () => {
    const ramp = Float64Array.from({ length: 21 }, (_, i) => 5 - 3 * i);
    for (const mode of ["smooth", "antireflect"] as const) {
      for (const name of ["db2", "sym7", "bior2.2", "coif3"] as const) {
        expect(energy(dwt(ramp, name, mode).details[0] ?? new Float64Array([1]))).toBeLessThan(1e-18);
      }
    }
  });
});

describe("plans", () => {
  test("horizontal edges answer in the horizontal band alone", () => {
    const image = Float64Array.from({ length: 64 }, (_, i) => (Math.floor(i / 8) % 2 === 0 ? 1 : -1));
    const [bands] = wavedec2(image, 8, 8, filterBank("haar"), 1).details;
    expect(energy(bands?.horizontal.values ?? new Float64Array())).toBeCloseTo(64, 12);
    expect(energy(bands?.vertical.values ?? new Float64Array(1).fill(1))).toBeCloseTo(0, 12);
    expect(energy(bands?.diagonal.values ?? new Float64Array(1).fill(1))).toBeCloseTo(0, 12);
  });

  test("32-bit samples give the 64-bit coefficients of the same values, and a plan may be used again", () => {
    const plan = new Wavelet2d(20, 30, 2, filterBank("sym4"), "symmetric");
    const image = Float32Array.from(noise(600, 4));
    const first = plan.forward(image, plan.createCoefficients());
    plan.inverse(plan.forward(noise(600, 5), plan.createCoefficients()), new Float64Array(600));
    const again = plan.forward(Float64Array.from(image), plan.createCoefficients());
    expect(largestDifference(first.approximation.values, again.approximation.values)).toBe(0);
    expect(largestDifference(plan.inverse(again, new Float32Array(600)), image)).toBeLessThan(1e-6);
  });

  test("a volume's slices are as far apart as they are", () => {
    const plan = new Wavelet3d(4, 6, 8, 1, filterBank("haar"));
    const volume = Float32Array.from({ length: 192 }, (_, i) => (Math.floor(i / 48) % 2 === 0 ? 1 : -1));
    const { details } = plan.forward(volume, plan.createCoefficients());
    expect(energy(details[0]?.daa.values ?? new Float64Array())).toBeCloseTo(192, 12);
    expect(
      largestDifference(plan.inverse(plan.forward(volume, plan.createCoefficients()), new Float32Array(192)), volume),
    ).toBeLessThan(1e-6);
  });

  test.each([
    [0, 8, 1, "rows"],
    [8, 2.5, 1, "columns"],
    [8, 8, -1, "levels"],
  ])("refuses %d x %d with %d levels and names %s", (rows, columns, levels, name) => {
    expect(() => new Wavelet2d(rows, columns, levels, filterBank("haar"))).toThrow(`Invalid ${name}`);
  });

  test("refuses samples and bands of another size", () => {
    const plan = new Wavelet2d(8, 8, 2, filterBank("haar"));
    const other = new Wavelet2d(8, 8, 1, filterBank("haar")).createCoefficients();
    expect(() => plan.forward(new Float64Array(63), plan.createCoefficients())).toThrow("Invalid length of samples");
    expect(() => plan.forward(new Float64Array(64), other)).toThrow("Invalid length of approximation");
  });
});
