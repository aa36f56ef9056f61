import { randomFrom } from "../../src/core/random.js";
import type { LabelledScores } from "../../src/stats/auc.js";
import { areaUnderCurve } from "../../src/stats/auc.js";
import { areaGapTest, joinGroups, rateGapTest, tooFewPermutations } from "../../src/stats/permutation.js";

/** A group of patients with so many images each; positives score `shift` higher. */
function group(
  seed: string,
  patients: number,
  perPatient: number,
  shift: number,
  firstPatient: number,
): LabelledScores {
  const random = randomFrom(5, seed);
  const n = patients * perPatient;
  const patientOf = Int32Array.from({ length: n }, (_, i) => firstPatient + Math.floor(i / perPatient));
  const labels = Uint8Array.from(patientOf, (patient) => patient % 2);
  const own = new Map<number, number>();
  const scores = Float64Array.from(patientOf, (patient, i) => {
    const common = own.get(patient) ?? random.normal();
    own.set(patient, common);
    return shift * (labels[i] as number) + 0.8 * common + 0.6 * random.normal();
  });
  return { scores, labels, patients: patientOf, clustered: perPatient > 1 };
}

test("the statistic that was seen is the gap of the areas", () => {
  const cells = [group("a", 30, 2, 1.5, 0), group("b", 24, 2, 0.3, 100), group("c", 20, 2, 0.9, 200)];
  const areas = cells.map((cell) => {
    const auc = areaUnderCurve(cell);
    return auc.status === "estimated" ? auc.value : Number.NaN;
  });
  const test = areaGapTest(joinGroups(cells), 99, randomFrom(1));
  expect(test?.test.statistic).toBeCloseTo(Math.max(...areas) - Math.min(...areas), 12);
});

test("ties across groups and classes do not disturb the count", () => {
  const cells = [group("a", 20, 1, 1, 0), group("b", 20, 1, 1, 100)].map((cell) => ({
    ...cell,
    scores: cell.scores.map((score) => Math.round(score)),
  }));
  const areas = cells.map((cell) => {
    const auc = areaUnderCurve(cell);
    return auc.status === "estimated" ? auc.value : Number.NaN;
  });
  const test = areaGapTest(joinGroups(cells), 9, randomFrom(1));
  expect(test?.test.statistic).toBeCloseTo(Math.abs((areas[0] as number) - (areas[1] as number)), 12);
});

test("every deal of a tiny study: the p-value is the share of deals whose gap is as large", () => {
  // Two positives and two negatives in two groups: 2 × 2 deals, all equally likely.
  const a: LabelledScores = {
    scores: Float64Array.of(1, 4),
    labels: Uint8Array.of(0, 1),
    patients: Int32Array.of(0, 1),
    clustered: false,
  };
  const b: LabelledScores = { ...a, scores: Float64Array.of(3, 2), patients: Int32Array.of(2, 3) };
  // Areas 1 and 0 now: gap 1. Deals: (1,4)(3,2) gap 1; (3,4)(1,2) gap 0; (1,2)(3,4) gap 0; (3,2)(1,4) gap 1.
  const test = areaGapTest(joinGroups([a, b]), 20_000, randomFrom(2));
  expect(test?.test.statistic).toBe(1);
  expect(test?.test.p).toBeGreaterThan(0.48);
  expect(test?.test.p).toBeLessThan(0.52);
});

test("under the null p is uniform, also where patients repeat; a planted gap is found", () => {
  const study = (seed: number, shift: number) =>
    joinGroups([group(`a${seed}`, 24, 3, 1, 0), group(`b${seed}`, 36, 3, shift, 1000)]);
  const ps = Array.from(
    { length: 300 },
    (_, seed) => areaGapTest(study(seed, 1), 99, randomFrom(seed))?.test.p as number,
  );
  for (const level of [0.05, 0.2, 0.5]) {
    const share = ps.filter((p) => p <= level).length / ps.length;
    expect(Math.abs(share - level)).toBeLessThan(3.5 * Math.sqrt((level * (1 - level)) / ps.length));
  }
  const planted = Array.from(
    { length: 20 },
    (_, seed) => areaGapTest(study(seed, 3), 99, randomFrom(seed))?.test.p as number,
  );
  expect(planted.filter((p) => p <= 0.05).length).toBeGreaterThan(10);
});

test("patients are dealt, not images: dealing images would call every null study a finding", () => {
  // Each patient's images are alike: as images 600 look like much, as patients there are 60.
  const alike = (cell: LabelledScores) => ({
    ...cell,
    scores: cell.scores.map((_, i) => cell.scores[10 * Math.floor(i / 10)] as number),
  });
  const study = (seed: number) =>
    [alike(group(`a${seed}`, 30, 10, 1, 0)), alike(group(`b${seed}`, 30, 10, 1, 1000))] as const;
  let [byPatient, byImage] = [0, 0];
  for (let seed = 0; seed < 60; seed++) {
    const cells = study(seed);
    const images = cells.map((cell, g) => ({ ...cell, patients: cell.patients.map((_, i) => g * 10_000 + i) }));
    if ((areaGapTest(joinGroups(cells), 99, randomFrom(seed))?.test.p as number) <= 0.05) byPatient++;
    if ((areaGapTest(joinGroups(images), 99, randomFrom(seed))?.test.p as number) <= 0.05) byImage++;
  }
  expect(byPatient).toBeLessThanOrEqual(9);
  expect(byImage).toBeGreaterThan(20);
});

test("rates at a threshold: statistic and a planted gap", () => {
  const cells = [group("a", 60, 1, 2.5, 0), group("b", 60, 1, 0.5, 1000)];
  const test = rateGapTest(joinGroups(cells), 1, "sensitivity", 999, randomFrom(1));
  const sensitivity = (cell: LabelledScores) => {
    const positives = cell.scores.filter((_, i) => cell.labels[i] === 1);
    return positives.filter((score) => score >= 1).length / positives.length;
  };
  const [a, b] = cells.map(sensitivity) as [number, number];
  expect(test?.test.statistic).toBeCloseTo(Math.abs(a - b), 12);
  expect(test?.test.p).toBeLessThan(0.01);
  expect(test?.test.p).toBeGreaterThanOrEqual(1 / 1000);
});

test("groups with more images per patient are dealt among their likes: dealing among all would raise false alarms", () => {
  // One group has six independent images of each patient, the other one or six. Dealt among all patients with positives, the
  // other group would gain images and its area certainty that it does not have: 20 of 60 null studies would be findings.
  const mixed = (seed: number): LabelledScores => {
    const [one, six] = [group(`one${seed}`, 40, 1, 1, 0), group(`six${seed}`, 6, 6, 1, 500)];
    return {
      scores: Float64Array.of(...one.scores, ...six.scores),
      labels: Uint8Array.of(...one.labels, ...six.labels),
      patients: Int32Array.of(...one.patients, ...six.patients),
      clustered: true,
    };
  };
  let found = 0;
  const studies = 120;
  for (let seed = 0; seed < studies; seed++) {
    const made = areaGapTest(joinGroups([mixed(seed), group(`many${seed}`, 160, 6, 1, 1000)]), 99, randomFrom(seed));
    expect([made?.exchangeable, made?.patients]).toEqual([166, 206]);
    if ((made?.test.p as number) <= 0.05) found++;
  }
  expect(found).toBeLessThanOrEqual(14); // P(more | 120, 5 %) is below 1 %
});

test("where no patient has his like in another group nothing can be dealt", () => {
  expect(areaGapTest(joinGroups([group("a", 20, 1, 1, 0), group("b", 20, 2, 1, 100)]), 99, randomFrom(1))).toBeNull();
});

test("more than 256 groups keep their codes apart", () => {
  const cells = Array.from({ length: 300 }, (_, g) => group(`many ${g}`, 4, 1, 1, 10 * g));
  expect(joinGroups(cells).codes.at(-1)).toBe(299);
  expect(areaGapTest(joinGroups(cells), 9, randomFrom(1))?.test.statistic).toBe(1);
});

test("the same seed deals the same groups, another one others", () => {
  const cells = [group("a", 40, 2, 1, 0), group("b", 40, 2, 1.4, 100)];
  const p = (seed: number) => areaGapTest(joinGroups(cells), 499, randomFrom(seed))?.test.p;
  expect(p(1)).toBe(p(1));
  expect(new Set([1, 2, 3, 4].map(p)).size).toBeGreaterThan(1);
});

test("patients in two groups cannot be dealt", () => {
  const a = group("a", 10, 1, 1, 0);
  expect(areaGapTest(joinGroups([a, group("b", 10, 1, 1, 5)]), 99, randomFrom(1))).toBeNull();
});

test("so few permutations cannot reach the level that the family leaves", () => {
  expect(tooFewPermutations(999, 10, 0.05)).toBeNull();
  expect(tooFewPermutations(999, 100, 0.05)).toContain("take at least 1999");
});
