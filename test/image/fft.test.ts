import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import { Fft } from "../../src/image/fft.js";

const lengths = [1, 2, 3, 4, 5, 7, 8, 13, 16, 21, 40, 64, 97, 128, 160, 255, 256];

function noise(length: number, seed: number): Float64Array {
  const random = randomFrom(seed, "fft");
  return Float64Array.from({ length }, () => random.normal());
}

/** The definition, term by term. */
function transform(real: Float64Array, imaginary: Float64Array): { re: Float64Array; im: Float64Array } {
  const length = real.length;
  const re = new Float64Array(length);
  const im = new Float64Array(length);
  for (let k = 0; k < length; k++) {
    for (let n = 0; n < length; n++) {
      const angle = (-2 * Math.PI * ((k * n) % length)) / length;
      const [x, y] = [real[n] as number, imaginary[n] as number];
      re[k] = (re[k] as number) + x * Math.cos(angle) - y * Math.sin(angle);
      im[k] = (im[k] as number) + x * Math.sin(angle) + y * Math.cos(angle);
    }
  }
  return { re, im };
}

function largestDifference(one: Float64Array, other: Float64Array): number {
  return one.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (other[i] as number))), 0);
}

test.each(lengths)("length %d equals the definition, and the inverse undoes it", (length) => {
  const [real, imaginary] = [noise(length, 1), noise(length, 2)];
  const expected = transform(real, imaginary);
  const [re, im] = [real.slice(), imaginary.slice()];
  const fft = new Fft(length);
  fft.forward(re, im);
  expect(largestDifference(re, expected.re)).toBeLessThan(1e-11 * length);
  expect(largestDifference(im, expected.im)).toBeLessThan(1e-11 * length);
  fft.inverse(re, im);
  expect(largestDifference(re, real)).toBeLessThan(1e-13 * length);
  expect(largestDifference(im, imaginary)).toBeLessThan(1e-13 * length);
});

test("energy is kept (Parseval), whatever the length", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer(), (length, seed) => {
      const [re, im] = [noise(length, seed), noise(length, seed + 1)];
      const energy = (): number => re.reduce((sum, x, i) => sum + x * x + (im[i] as number) ** 2, 0);
      const before = energy();
      new Fft(length).forward(re, im);
      expect(energy() / length / before).toBeCloseTo(1, 11);
    }),
    { numRuns: 60 },
  );
});

test("a shift by one is a phase of −2πk/N", () => {
  const length = 21;
  const signal = noise(length, 3);
  const shifted = signal.map((_, i) => signal[(i + length - 1) % length] as number);
  const one = { re: signal.slice(), im: new Float64Array(length) };
  const other = { re: shifted, im: new Float64Array(length) };
  const fft = new Fft(length);
  fft.forward(one.re, one.im);
  fft.forward(other.re, other.im);
  for (let k = 0; k < length; k++) {
    const angle = (-2 * Math.PI * k) / length;
    const [re, im] = [one.re[k] as number, one.im[k] as number];
    expect(other.re[k]).toBeCloseTo(re * Math.cos(angle) - im * Math.sin(angle), 10);
    expect(other.im[k]).toBeCloseTo(re * Math.sin(angle) + im * Math.cos(angle), 10);
  }
});

test("a length that is none is refused", () => {
  expect(() => new Fft(0)).toThrow(RangeError);
  expect(() => new Fft(2.5)).toThrow(RangeError);
});
