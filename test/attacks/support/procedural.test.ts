import { type GaborSettings, gaborNoise } from "../../../attacks/support/gabor.js";
import { bracketCost, rounds, successiveHalving } from "../../../attacks/support/halving.js";
import { LATTICE_PERIOD, PerlinLattice, perlinNoise } from "../../../attacks/support/perlin.js";
import { randomFrom } from "../../../src/core/random.js";

describe("Perlin noise", () => {
  const lattice = new PerlinLattice(randomFrom("lattice"));
  const random = randomFrom("points");
  const points = Array.from({ length: 500 }, () => [300 * random.uniform() - 20, 300 * random.uniform() - 20] as const);

  test("is zero at lattice points, and between them within √½, which it comes near", () => {
    for (let x = -3; x < 4; x++) for (let y = 250; y < 260; y++) expect(Math.abs(lattice.at(x, y))).toBe(0);
    const sizes = points.map(([x, y]) => Math.abs(lattice.at(x, y)));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(Math.SQRT1_2);
    expect(Math.max(...sizes)).toBeGreaterThan(0.4);
  });

  test("repeats every 256 cells, and not sooner", () => {
    for (const [x, y] of points.slice(0, 50)) {
      expect(lattice.at(x + LATTICE_PERIOD, y)).toBeCloseTo(lattice.at(x, y), 9);
      expect(lattice.at(x, y - LATTICE_PERIOD)).toBeCloseTo(lattice.at(x, y), 9);
    }
    for (const shift of [1, 16, 64, 128]) {
      const moved = points.filter(([x, y]) => Math.abs(lattice.at(x + shift, y) - lattice.at(x, y)) > 1e-3);
      expect(moved.length).toBeGreaterThan(400);
    }
  });

  test("is smooth across cell borders: value and slope do not jump", () => {
    const h = 1e-4;
    for (const [, y] of points.slice(0, 50)) {
      const [before, at, after] = [lattice.at(5 - h, y), lattice.at(5, y), lattice.at(5 + h, y)];
      expect(Math.abs(at - before)).toBeLessThan(2 * h);
      expect(Math.abs((after - at) / h - (at - before) / h)).toBeLessThan(0.02);
    }
  });

  test("near a lattice point it is that point's gradient, a vector of length 1", () => {
    const h = 1e-5;
    for (const [x, y] of [
      [0, 0],
      [7, 3],
      [100, 41],
    ] as const) {
      const slope = [lattice.at(x + h, y) / h, lattice.at(x, y + h) / h] as const;
      expect(Math.hypot(...slope)).toBeCloseTo(1, 3);
    }
  });

  test("a texture depends on its seed alone, and its sine map alternates as often as it is asked to", () => {
    const settings = { wavelength: 16, octaves: 1, sineFrequency: 8 };
    const texture = perlinNoise(48, 64, settings, randomFrom(1));
    expect(perlinNoise(48, 64, settings, randomFrom(1))).toEqual(texture);
    expect(perlinNoise(48, 64, settings, randomFrom(2))).not.toEqual(texture);
    expect(Math.max(...texture.map(Math.abs))).toBeLessThanOrEqual(1);
    const changes = (sineFrequency: number) => {
      const signs = perlinNoise(128, 128, { ...settings, sineFrequency }, randomFrom(1)).map(Math.sign);
      return signs.reduce((sum, sign, i) => sum + (i % 128 > 0 && sign !== signs[i - 1] ? 1 : 0), 0);
    };
    // sin(π f n) changes its sign f − 1 times while n goes from 0 to 1, so that borders multiply with f.
    expect(changes(1)).toBe(0);
    expect(changes(16) / changes(4)).toBeGreaterThan(3);
  });

  test("each octave adds half the amplitude at twice the frequency", () => {
    // Without the sine (sin(π x / 1000) is all but linear) the stretched sum is an affine function of the octaves' sum.
    const map = (octaves: number) =>
      perlinNoise(20, 20, { wavelength: 7, octaves, sineFrequency: 1e-3 }, randomFrom("octaves"));
    const base = new PerlinLattice(randomFrom("octaves"));
    const sum = Float64Array.from({ length: 400 }, (_, i) => {
      const [x, y] = [(i % 20) / 7, Math.floor(i / 20) / 7];
      return base.at(x, y) + base.at(2 * x, 2 * y) / 2 + base.at(4 * x, 4 * y) / 4;
    });
    const texture = map(3);
    const [low, high] = [Math.min(...sum), Math.max(...sum)];
    for (let i = 0; i < 400; i++) {
      expect((texture[i] as number) / (Math.PI * 1e-3)).toBeCloseTo(((sum[i] as number) - low) / (high - low), 4);
    }
    expect(map(1)).not.toEqual(texture);
  });
});

describe("Gabor noise", () => {
  const SIDE = 64;

  const { cos, sin, PI } = Math;

  /** Power at the frequency (fx, fy), in waves per image. */
  function power(noise: Float32Array, fx: number, fy: number): number {
    const turn = (f: number) =>
      Array.from({ length: SIDE }, (_, i) => [cos((2 * PI * f * i) / SIDE), sin((2 * PI * f * i) / SIDE)]);
    const [across, down] = [turn(fx), turn(fy)];
    let [re, im] = [0, 0];
    for (let row = 0; row < SIDE; row++) {
      let [c, s] = [0, 0];
      for (let column = 0; column < SIDE; column++) {
        const [cosine, sine] = across[column] as [number, number];
        const value = noise[row * SIDE + column] as number;
        c += value * cosine;
        s += value * sine;
      }
      const [cosine, sine] = down[row] as [number, number];
      re += c * cosine - s * sine;
      im += c * sine + s * cosine;
    }
    return re * re + im * im;
  }

  /** The frequency of greatest power among those of the upper half plane, in the mean over draws. */
  function peak(settings: GaborSettings): { fx: number; fy: number } {
    const draws = [1, 2].map((seed) => gaborNoise(SIDE, SIDE, settings, randomFrom(seed, "gabor")));
    let best = { fx: 0, fy: 0, power: 0 };
    for (let fy = 0; fy <= 10; fy++) {
      for (let fx = -10; fx <= 10; fx++) {
        const total = draws.reduce((sum, noise) => sum + power(noise, fx, fy), 0);
        if (total > best.power) best = { fx, fy, power: total };
      }
    }
    return best;
  }

  test.each([
    [8, 0],
    [8, Math.PI / 2],
    [6, Math.PI / 4],
    [5, (3 * Math.PI) / 4],
  ])("has its spectrum's peak at wavelength %d px and orientation %d rad", (wavelength, orientation) => {
    const { fx, fy } = peak({ sigma: 8, wavelength, orientation, sides: 1 });
    const expected = SIDE / wavelength;
    const [ex, ey] = [expected * Math.cos(orientation), expected * Math.sin(orientation)];
    // The Gaussian envelope of 8 px is 64 / (2π · 8) = 1.3 frequencies wide. A peak and its mirror image are the same.
    expect(Math.min(Math.hypot(fx - ex, fy - ey), Math.hypot(fx + ex, fy + ey))).toBeLessThan(1.6);
  });

  test("with several sides it runs in all of them alike", () => {
    const settings = { sigma: 8, wavelength: 8, orientation: 0, sides: 2 };
    const draws = Array.from({ length: 12 }, (_, seed) => gaborNoise(SIDE, SIDE, settings, randomFrom(seed)));
    const total = (fx: number, fy: number) => draws.reduce((sum, noise) => sum + power(noise, fx, fy), 0);
    expect(total(8, 0) / total(0, 8)).toBeGreaterThan(0.3);
    expect(total(8, 0) / total(0, 8)).toBeLessThan(3);
    expect(total(8, 0) / total(6, 6)).toBeGreaterThan(5);
  });

  test("depends on its seed alone, and is as strong at the edges as in the middle", () => {
    const settings = { sigma: 3, wavelength: 6, orientation: 1, sides: 1 };
    const noise = gaborNoise(20, 30, settings, randomFrom(1));
    expect(gaborNoise(20, 30, settings, randomFrom(1))).toEqual(noise);
    expect(gaborNoise(20, 30, settings, randomFrom(2))).not.toEqual(noise);
    let [edge, middle] = [0, 0];
    for (let seed = 0; seed < 200; seed++) {
      const draw = gaborNoise(21, 21, settings, randomFrom(seed, "edges"));
      edge += (draw[0] as number) ** 2;
      middle += (draw[10 * 21 + 10] as number) ** 2;
    }
    expect(edge / middle).toBeGreaterThan(0.7);
    expect(edge / middle).toBeLessThan(1.4);
  });
});

describe("successive halving", () => {
  test("asks twice the images of half the candidates in every round, and all images in the last", () => {
    expect(rounds(16, 100)).toEqual([13, 25, 50, 100]);
    expect(bracketCost(16, 100)).toBe(16 * 13 + 8 * 25 + 4 * 50 + 2 * 100);
    expect(rounds(1, 12)).toEqual([12]);
    expect(bracketCost(1, 12)).toBe(12);
    expect(rounds(16, 3)).toEqual([2, 2, 2, 3]);
  });

  test("finds the best of candidates that keep their order, at its cost", async () => {
    const candidates = [5, 3, 9, 1, 7, 2, 8, 6];
    let asked = 0;
    const best = await successiveHalving(candidates, 40, async (candidate, images) => {
      asked += images;
      return candidate + 1 / images;
    });
    expect(best).toEqual({ candidate: 1, value: 1 + 1 / 40 });
    expect(asked).toBe(bracketCost(8, 40));
  });
});
