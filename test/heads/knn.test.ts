import type { HeadSamples } from "../../src/core/head.js";
import { randomFrom } from "../../src/core/random.js";
import { embeddingsOf, headOf, learning, plantedSamples } from "../support/heads.js";
import { reference } from "../support/reference.js";

interface Reference {
  readonly x: readonly (readonly number[])[];
  readonly q: readonly (readonly number[])[];
  readonly y: readonly number[];
  readonly y3: readonly number[];
  readonly knn: readonly {
    readonly metric: string;
    readonly weights: string;
    readonly k: number;
    readonly p: readonly number[];
    readonly p3: readonly (readonly number[])[];
  }[];
}

const sklearn = reference<Reference>("heads-sklearn.json");
const own = (count: number) => Int32Array.from({ length: count }, (_, i) => i);
const idsOf = (count: number) => Array.from({ length: count }, (_, i) => `s${i}`);
const random = randomFrom("unused");

test.each(sklearn.knn)(
  "$metric, $weights, k = $k: scikit-learn's probabilities",
  async ({ metric, weights, k, p, p3 }) => {
    const count = sklearn.y.length;
    const samples = { embeddings: embeddingsOf(sklearn.x), patients: own(count), ids: idsOf(count) };
    const binary = await headOf("knn", { metric, weights, k }, ["a"], "binary");
    const one = learning(binary.head).fit({ ...samples, labels: [Int8Array.from(sklearn.y)] }, binary.context);
    binary.head.score(embeddingsOf(sklearn.q), one, binary.context).forEach((score, i) => {
      // A cosine of equal vectors is 1 up to rounding, and 1 / distance then rounds away what is left of the others.
      expect(score).toBeCloseTo(p[i] as number, weights === "distance" ? 6 : 12);
    });
    const several = await headOf("knn", { metric, weights, k }, ["0", "1", "2"], "multiclass");
    const labels = [0, 1, 2].map((c) => Int8Array.from(sklearn.y3, (y) => Number(y === c)));
    const three = learning(several.head).fit({ ...samples, labels }, several.context);
    several.head.score(embeddingsOf(sklearn.q), three, several.context).forEach((score, at) => {
      expect(score).toBeCloseTo(p3.flat()[at] as number, weights === "distance" ? 6 : 12);
    });
  },
);

test("similarity weighs a neighbour by exp(cosine / temperature)", async () => {
  const { context, head } = await headOf("knn", { k: 3, weights: "similarity", temperature: 0.1 }, ["a"], "binary");
  const samples: HeadSamples = {
    embeddings: embeddingsOf([
      [1, 0],
      [0.6, 0.8],
      [0.8, 0.6],
      [-1, 0],
    ]),
    labels: [Int8Array.of(1, 0, 0, 1)],
    patients: own(4),
    ids: idsOf(4),
  };
  const [score] = head.score(embeddingsOf([[2, 0]]), learning(head).fit(samples, context), context);
  const [a, b, c] = [1, 0.6, 0.8].map((cosine) => Math.exp(cosine / 0.1));
  expect(score).toBeCloseTo((a as number) / ((a as number) + (b as number) + (c as number)), 6);
});

test("missing labels are left out class by class: each class has its own k neighbours", async () => {
  const { context, head } = await headOf("knn", { k: 2, metric: "euclidean" }, ["a", "b"], "multilabel");
  const samples: HeadSamples = {
    embeddings: embeddingsOf([[0], [1], [2], [3], [4]]),
    labels: [Int8Array.of(-1, 1, -1, 0, 1), Int8Array.of(1, 0, 0, 0, 0)],
    patients: own(5),
    ids: idsOf(5),
  };
  const fitted = learning(head).fit(samples, context);
  expect([...head.score(embeddingsOf([[0]]), fitted, context)]).toEqual([0.5, 0.5]);
});

test("a patient's own images never vote on the patient's held-out scores", async () => {
  // Twins: each patient has two nearly equal images with the patient's own label, in a space that tells nothing else.
  const source = randomFrom("twins");
  const rows = Array.from({ length: 200 }, () => Array.from({ length: 8 }, () => source.normal()));
  const twins = rows.flatMap((row) => [row, row.map((value) => value + 1e-3)]);
  const labels = Int8Array.from(twins, (_, i) => (i >> 1) % 2);
  const samples: HeadSamples = {
    embeddings: embeddingsOf(twins),
    labels: [labels],
    patients: Int32Array.from(twins, (_, i) => i >> 1),
    ids: idsOf(400),
  };
  const { context, head } = await headOf("knn", { k: 1 }, ["a"], "binary");
  const fitted = learning(head).fit(samples, context);
  const right = (scores: Float64Array) => scores.filter((score, i) => score === labels[i]).length / 400;
  expect(right(head.score(samples.embeddings, fitted, context))).toBe(1);
  const honest = right(learning(head).heldOut(samples, fitted, { ...context, random }));
  expect(honest).toBeGreaterThan(0.35);
  expect(honest).toBeLessThan(0.65);
});

test("k is refused where a patient's others are fewer than k, and the greatest possible is told", async () => {
  const { context, head } = await headOf("knn", { k: 57 }, ["a"], "binary");
  const samples = {
    ...plantedSamples(60, 4, 1),
    patients: Int32Array.from({ length: 60 }, (_, i) => Math.max(0, i - 9)),
  };
  expect(() => learning(head).fit(samples, context)).toThrow(
    'k is 57; the tuning split has 60 samples with a label of class "a", 10 of them of the patient of sample "s0"',
  );
  const { context: fits } = await headOf("knn", { k: 50 }, ["a"], "binary");
  expect(() => learning(head).fit(samples, fits)).not.toThrow();
});

test("similarity needs cosines", async () => {
  const { context, head } = await headOf("knn", { k: 3, metric: "euclidean", weights: "similarity" }, ["a"], "binary");
  expect(() => learning(head).fit(plantedSamples(60, 4, 1), context)).toThrow("similarity is that of cosines");
});
