import leakage from "../../audits/leakage.js";
import type { Study, Subgroup } from "../../src/core/audit.js";
import { CLEAN } from "../../src/core/condition.js";
import { type Random, randomFrom } from "../../src/core/random.js";
import { cleanStudy, expectSound, findingById } from "../support/study.js";

const METRICS = leakage.meta.metrics.map(({ id }) => id);
const WIDTH = 8;

interface Options {
  readonly seed: number;
  /** Patients of each split, each with two images. */
  readonly patients?: number;
  readonly groups?: readonly string[];
  /** Writes what an image's embedding tells of the group: its number, and noise that is there already. */
  readonly tell?: (vector: Float32Array, group: number, random: Random) => void;
}

/** A study with embeddings of noise that patients share, and in them whatever tells of the group. */
function study({ groups = ["F", "M"], patients = 60, seed, tell = () => {} }: Options): Study {
  const random = randomFrom("leakage", seed);
  const split = () => {
    const codes: number[] = [];
    const values = new Float32Array(2 * patients * WIDTH);
    for (let patient = 0; patient < patients; patient++) {
      const group = random.integer(groups.length);
      const own = Float64Array.from({ length: WIDTH }, () => random.normal());
      for (const image of [2 * patient, 2 * patient + 1]) {
        codes.push(group);
        const vector = values.subarray(image * WIDTH, (image + 1) * WIDTH);
        own.forEach((value, d) => {
          vector[d] = value + 0.3 * random.normal();
        });
        tell(vector, group, random);
      }
    }
    return { codes, values, of: codes.map((_, row) => row >> 1) };
  };
  const [tuning, evaluation] = [split(), split()];
  const made = cleanStudy({
    labels: evaluation.codes.map(() => 1),
    scores: evaluation.codes.map(() => 0.5),
    patients: evaluation.of,
    families: { sex: evaluation.codes.map((code) => groups[code] as string) },
  });
  const tuningGroups = groups.map(
    (name, code): Subgroup => ({
      family: "sex",
      values: { sex: name },
      members: Uint32Array.from([...tuning.codes.keys()].filter((row) => tuning.codes[row] === code)),
    }),
  );
  return {
    ...made,
    embeddings: { width: WIDTH, tuning: tuning.values, evaluation: evaluation.values },
    tuning: { ...made.tuning, count: 2 * patients, patients: Int32Array.from(tuning.of), subgroups: tuningGroups },
  };
}

const findings = (one: Study, parameters: object = {}) => {
  const context = { parameters: leakage.meta.parameters?.parse(parameters) ?? {}, level: 0.95, seed: 1 };
  const found = leakage.overall?.(one, context) ?? [];
  expectSound(found, METRICS);
  expect(leakage.evaluate(one, context)).toEqual([]);
  return found;
};
const areaOf = (one: Study, metric: string, group = "sex=F", parameters: object = {}) =>
  findingById(findings(one, parameters), `leakage/${metric}/all-classes/${group}/clean`);

test("a shifted dimension is found by both probes, and groups dealt out by lot teach nothing", () => {
  const leaking = study({
    seed: 1,
    tell: (vector, group) => {
      vector[3] = (vector[3] as number) + 3 * group;
    },
  });
  for (const metric of ["leakage-auc", "leakage-auc-neighbours", "leakage-macro-auc"]) {
    const found = areaOf(leaking, metric, metric === "leakage-macro-auc" ? "sex" : "sex=F");
    expect(found.estimate).toBeGreaterThan(0.9);
    expect(found.interval?.lower).toBeGreaterThan(0.8);
  }
  expect(areaOf(leaking, "leakage-auc").tests?.[0]?.p).toBeLessThan(1e-6);
  // Φ(3/√2/√1.09) is what the shift is worth at best.
  expect(areaOf(leaking, "leakage-auc").estimate).toBeLessThan(1);
  // Dealt out by lot, the groups teach nothing, and never as much.
  const { details, tests } = areaOf(leaking, "leakage-auc");
  expect(details?.permutations).toBe(199);
  expect(Math.abs((details?.["mean-after-permutation"] as number) - 0.5)).toBeLessThan(0.1);
  expect(tests?.find(({ method }) => method === "permutation")?.p).toBe(0.005);
  // Told from each other, both groups are told equally well.
  expect(areaOf(leaking, "leakage-auc", "sex=M").estimate).toBeCloseTo(
    areaOf(leaking, "leakage-auc").estimate as number,
    12,
  );
});

test("what no straight cut finds, neighbours do", () => {
  // One group lies along an axis, on both sides; the other along another.
  const crossed = study({
    seed: 2,
    patients: 150,
    tell: (vector, group, random) => {
      const at = group === 0 ? 0 : 1;
      vector[at] = (vector[at] as number) + 8 * random.sign();
    },
  });
  expect(areaOf(crossed, "leakage-auc").estimate).toBeLessThan(0.65);
  expect(areaOf(crossed, "leakage-auc-neighbours").estimate).toBeGreaterThan(0.95);
});

test("nothing is read where there is nothing: tests of chance are false alarms as seldom as they promise", () => {
  let [linear, neighbours, permuted] = [0, 0, 0];
  const runs = 100;
  for (let seed = 0; seed < runs; seed++) {
    const one = findings(study({ seed: 1000 + seed, patients: 40 }));
    const alarm = (metric: string) =>
      Number((findingById(one, `leakage/${metric}/all-classes/sex=F/clean`).tests?.[0]?.p ?? 1) < 0.05);
    linear += alarm("leakage-auc");
    neighbours += alarm("leakage-auc-neighbours");
    const tests = findingById(one, "leakage/leakage-auc/all-classes/sex=F/clean").tests ?? [];
    permuted += Number((tests.find(({ method }) => method === "permutation")?.p ?? 1) <= 0.05);
  }
  // 5 % of 100 are 5; the normal interval of an area is a little short with 40 patients.
  for (const alarms of [linear, neighbours, permuted]) {
    expect(alarms).toBeGreaterThan(0);
    expect(alarms).toBeLessThan(15);
  }
});

test("of several groups each is told from the rest, and the mean is over them", () => {
  const bands = study({
    seed: 3,
    groups: ["old", "unlike", "young"],
    patients: 120,
    tell: (vector, group) => {
      if (group === 1) vector[5] = (vector[5] as number) + 4;
    },
  });
  const found = findings(bands);
  const of = (group: string) => findingById(found, `leakage/leakage-auc/all-classes/${group}/clean`).estimate as number;
  expect(of("sex=unlike")).toBeGreaterThan(0.95);
  expect(of("sex=old")).toBeLessThan(of("sex=unlike"));
  const mean = (of("sex=old") + of("sex=unlike") + of("sex=young")) / 3;
  expect(findingById(found, "leakage/leakage-macro-auc/all-classes/sex/clean").estimate).toBeCloseTo(mean, 12);
});

test("images without an embedding, unknown groups and crossed families are left out", () => {
  const one = study({ seed: 4, groups: ["F", "M", "unknown"] });
  const whole = findings(one);
  expect(whole.map(({ id }) => id).filter((id) => id.includes("unknown"))).toEqual([]);
  const embeddings = one.embeddings as NonNullable<Study["embeddings"]>;
  const row = (one.subgroups[1] as Subgroup).members[0] as number;
  const holed = { ...embeddings, evaluation: embeddings.evaluation.slice() };
  holed.evaluation.fill(Number.NaN, row * WIDTH, (row + 1) * WIDTH);
  const before = findingById(whole, "leakage/leakage-auc/all-classes/sex=F/clean");
  const after = areaOf({ ...one, embeddings: holed }, "leakage-auc");
  expect(after.n).toBe(before.n - 1);
  const crossed = one.subgroups.map((group) =>
    group.family === null ? group : { ...group, family: "both", values: { ...group.values, age: "old" } },
  );
  expect(findings({ ...one, subgroups: crossed })).toEqual([]);
});

test("a group that the tuning split lacks is told of, not guessed", () => {
  const one = study({ seed: 5 });
  const subgroups = (one.tuning.subgroups ?? []).map((group, index) =>
    index === 0 ? { ...group, members: new Uint32Array(0) } : group,
  );
  const found = areaOf({ ...one, tuning: { ...one.tuning, subgroups } }, "leakage-auc");
  expect(found).toMatchObject({
    status: "not-estimable",
    reason: expect.stringMatching(/shows 0 samples of the group/),
  });
});

test("a large tuning split is drawn from by the seed, and the condition is the clean one", () => {
  const one = study({ seed: 6 });
  const first = areaOf(one, "leakage-auc", "sex=F", { most: 50 });
  expect(first.details).toMatchObject({ "tuning-samples": 50 });
  expect(areaOf(one, "leakage-auc", "sex=F", { most: 50 })).toEqual(first);
  expect(first.condition).toEqual(CLEAN);
});
