import { chiSquareTail } from "../../src/stats/chi-square.js";
import { type CensoredTimes, kaplanMeier, medianTime } from "../../src/stats/survival.js";
import { expectClose, reference } from "../support/reference.js";

interface Reference {
  readonly times: readonly number[];
  readonly events: readonly number[];
  readonly patients: readonly number[];
  readonly eventTimes: readonly number[];
  readonly survival: readonly number[];
  readonly standardErrors: readonly number[];
  readonly clusteredStandardErrors: readonly number[];
  readonly median: readonly number[];
  readonly clusteredMedian: readonly number[];
  readonly halfMedian: number;
  readonly chiSquare: readonly (readonly [number, number, number])[];
}

const expected = reference<Reference>("survival.json");

function timesOf(times: readonly number[], events: readonly number[], patients?: readonly number[]): CensoredTimes {
  return {
    times: Float64Array.from(times),
    events: Uint8Array.from(events),
    patients: Int32Array.from(patients ?? times.keys()),
  };
}

test("the curve and its errors are those of R's survfit: Greenwood's, and robust where patients repeat", () => {
  const alone = kaplanMeier(timesOf(expected.times, expected.events));
  const clustered = kaplanMeier(timesOf(expected.times, expected.events, expected.patients));
  expect(alone.times).toEqual(expected.eventTimes);
  expected.survival.forEach((value, i) => {
    expectClose(alone.survival[i], value, 1e-12);
    expectClose(alone.standardErrors[i], expected.standardErrors[i] as number, 1e-12);
    expectClose(clustered.standardErrors[i], expected.clusteredStandardErrors[i] as number, 1e-12);
  });
});

test("the median and its interval are those of R's quantile of a survfit", () => {
  const alone = medianTime(kaplanMeier(timesOf(expected.times, expected.events)), 0.95);
  expect([alone.median, alone.lower, alone.upper]).toEqual(expected.median);
});

test("where exactly half are left, the median is the middle of the flat stretch", () => {
  expect(medianTime(kaplanMeier(timesOf([1, 2, 3, 4], [1, 1, 1, 1])), 0.95).median).toBe(expected.halfMedian);
});

test("a curve that does not come down to one half has no median, and few events leave the upper limit open", () => {
  const rare = medianTime(kaplanMeier(timesOf([3, 9, 9, 9, 9, 9, 9], [1, 0, 0, 0, 0, 0, 0])), 0.95);
  expect(rare).toEqual({ median: null, lower: 3, upper: null });
  const half = medianTime(kaplanMeier(timesOf([2, 3, 4, 9, 9, 9], [1, 1, 1, 0, 0, 0])), 0.95);
  expect(half.median).toBe(4);
  expect(half.lower).toBe(2);
  expect(half.upper).toBeNull();
});

test("all events at once: nobody is left, and there is no error", () => {
  expect(kaplanMeier(timesOf([5, 5, 5], [1, 1, 1]))).toEqual({ times: [5], survival: [0], standardErrors: [0] });
});

test("the chi-square tail is R's pchisq", () => {
  for (const [x, degrees, p] of expected.chiSquare) expectClose(chiSquareTail(x, degrees), p, 1e-12, 0);
  expect(chiSquareTail(0, 3)).toBe(1);
  expect(() => chiSquareTail(-1, 3)).toThrow(RangeError);
});
