import { randomFrom } from "../../src/core/random.js";
import { informationTest, mutualInformation, purityHits } from "../../src/stats/information.js";

const pairs = (
  symbols: readonly number[],
  classes: readonly number[],
  patients: Iterable<number> = symbols.keys(),
) => ({
  symbols: Int32Array.from(symbols),
  classes: Int32Array.from(classes),
  patients: Int32Array.from(patients),
  symbolCount: Math.max(...symbols) + 1,
  classCount: Math.max(...classes) + 1,
});
const estimate = (data: ReturnType<typeof pairs>) => {
  const result = mutualInformation(data);
  if (result.status !== "estimated") throw new Error(result.reason);
  return result;
};

test("a symbol that is the class of four holds two bits, and one that is its half holds one", () => {
  const random = randomFrom("bits");
  const classes = Array.from({ length: 4000 }, () => random.integer(4));
  expect(estimate(pairs(classes, classes)).value).toBeCloseTo(2, 2);
  expect(
    estimate(
      pairs(
        classes.map((one) => one >> 1),
        classes,
      ),
    ).value,
  ).toBeCloseTo(1, 2);
});

test("of symbols that know nothing the mean estimate is 0, where the plain value is 0.19 bits", () => {
  const random = randomFrom("nothing");
  const values = Array.from({ length: 200 }, () => {
    const draw = (bound: number) => Array.from({ length: 100 }, () => random.integer(bound));
    return estimate(pairs(draw(10), draw(4))).value;
  });
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
  expect(Math.abs(mean)).toBeLessThan(0.03);
});

test("the test holds its level for what is not there, and finds what is, with several samples of a patient", () => {
  const random = randomFrom("test");
  const rejected = (telling: boolean) => {
    let count = 0;
    for (let study = 0; study < 60; study++) {
      const [symbols, classes, patients]: [number[], number[], number[]] = [[], [], []];
      for (let patient = 0; patient < 40; patient++) {
        const own = random.integer(2);
        const symbol = telling && random.uniform() < 0.7 ? own : random.integer(2);
        // A patient's samples are alike: they are no evidence of their own.
        for (let visit = 0; visit <= patient % 3; visit++) {
          symbols.push(symbol);
          classes.push(own);
          patients.push(patient);
        }
      }
      const test = informationTest(pairs(symbols, classes, patients), 99, random.fork("study", study));
      if ((test?.p ?? 1) <= 0.05) count++;
    }
    return count / 60;
  };
  expect(rejected(false)).toBeLessThan(0.15);
  expect(rejected(true)).toBeGreaterThan(0.8);
});

test("purity asks other patients: a sentence of one's own says nothing", () => {
  const hits = purityHits(pairs([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 0], [0, 1, 2, 3, 3, 4]));
  expect([...hits]).toEqual([1, 1, 0, Number.NaN, Number.NaN, Number.NaN]);
  expect([...purityHits(pairs([0, 0, 0, 0], [1, 1, 1, 0]))]).toEqual([1, 1, 1, 0]);
});
