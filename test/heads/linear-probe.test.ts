import { randomFrom } from "../../src/core/random.js";
import { headOf, learning, plantedSamples } from "../support/heads.js";

const auc = (scores: ArrayLike<number>, labels: Int8Array): number => {
  let [wins, pairs] = [0, 0];
  labels.forEach((positive, i) => {
    labels.forEach((negative, j) => {
      if (positive !== 1 || negative !== 0) return;
      pairs++;
      wins += Number((scores[i] as number) > (scores[j] as number)) + 0.5 * Number(scores[i] === scores[j]);
    });
  });
  return wins / pairs;
};

test("where labels are noise, held-out scores know nothing while the fitted probe knows all", async () => {
  const { context, head } = await headOf("linear-probe", { l2: 0.01 }, ["a"], "binary");
  const samples = plantedSamples(160, 200, 1, 0);
  const fitted = learning(head).fit(samples, context);
  const labels = samples.labels[0] as Int8Array;
  expect(auc(head.score(samples.embeddings, fitted, context), labels)).toBe(1);
  const heldOut = learning(head).heldOut(samples, fitted, { ...context, random: randomFrom("folds") });
  expect(auc(heldOut, labels)).toBeGreaterThan(0.3);
  expect(auc(heldOut, labels)).toBeLessThan(0.7);
});

test("where labels are in the embedding, held-out scores find them, for each class", async () => {
  const { context, head } = await headOf("linear-probe", {}, ["a", "b", "c"], "multiclass");
  const samples = plantedSamples(150, 8, 3, 3);
  const fitted = learning(head).fit(samples, context);
  const heldOut = learning(head).heldOut(samples, fitted, { ...context, random: randomFrom("folds") });
  samples.labels.forEach((labels, k) => {
    const own = Array.from(labels, (_, i) => heldOut[3 * i + k] as number);
    expect(auc(own, labels)).toBeGreaterThan(0.9);
  });
});

test("samples without a label of a class, and of a multiclass task those of none or several, are left out", async () => {
  const multi = await headOf("linear-probe", {}, ["a", "b"], "multiclass");
  const samples = plantedSamples(40, 5, 2);
  const [a, b] = samples.labels as [Int8Array, Int8Array];
  const spoilt = { ...samples, labels: [Int8Array.from(a), Int8Array.from(b)] };
  const more = {
    ...samples.embeddings,
    count: 42,
    values: Float32Array.of(...samples.embeddings.values, ...new Array(10).fill(99)),
  };
  const longer = {
    embeddings: more,
    labels: [
      Int8Array.of(...(spoilt.labels[0] as Int8Array), 1, 0),
      Int8Array.of(...(spoilt.labels[1] as Int8Array), 1, 0),
    ],
    patients: Int32Array.of(...samples.patients, 90, 91),
    ids: [...samples.ids, "both", "none"],
  };
  const made = learning(multi.head).fit;
  expect(made(longer, multi.context).arrays.weights).toEqual(made(samples, multi.context).arrays.weights);
  const binary = await headOf("linear-probe", {}, ["a"], "binary");
  const missing = { ...longer, labels: [Int8Array.of(...a, -1, -1)] };
  expect(made(missing, binary.context)).toEqual(made({ ...samples, labels: [a] }, binary.context));
});

test("positives of one patient alone cannot be cross-fitted, and that is said", async () => {
  const { context, head } = await headOf("linear-probe", {}, ["a"], "binary");
  const samples = { ...plantedSamples(40, 4, 1), labels: [Int8Array.from({ length: 40 }, (_, i) => Number(i < 2))] };
  const fitted = learning(head).fit(samples, context);
  expect(() => learning(head).heldOut(samples, fitted, { ...context, random: randomFrom("folds") })).toThrow(
    'without one part of the tuning patients, class "a" has not both labels',
  );
});

test("a seed deals the patients out; another deals them out otherwise", async () => {
  const { context, head } = await headOf("linear-probe", {}, ["a"], "binary");
  const samples = plantedSamples(60, 6, 1, 1);
  const fitted = learning(head).fit(samples, context);
  const heldOut = (seed: number) => learning(head).heldOut(samples, fitted, { ...context, random: randomFrom(seed) });
  expect(heldOut(1)).toEqual(heldOut(1));
  expect(heldOut(1)).not.toEqual(heldOut(2));
});
