// Image-to-image search over an encoder: a query's embedding ranks the embeddings of other patients' images. What is relevant is
// told by labels; the query's own patient is never in its ranking.
import { z } from "zod";
import { StepwedgeError } from "../core/errors.js";
import type { OutcomeId } from "../core/outcome.js";
import { defineTask, type Judge, type Reference, type SampleBank, type TaskContext } from "../core/task.js";
import { type MeasuredSet, measured, type Metric, nearnessesTo } from "../stats/neighbours.js";
import { ascendingOrder } from "../stats/order.js";
import { averagePrecisionOfRanks, firstHitRank, ndcgAt, precisionAt, recallAt } from "../stats/retrieval.js";

const OUTCOMES = [
  "precision-at-k",
  "recall-at-k",
  "mean-average-precision",
  "ndcg-at-k",
  "hit-at-k",
  "first-hit-rank",
  "vote-correct",
  "nearest-distance",
  "clean-similarity",
  "neighbour-overlap",
] as const satisfies readonly OutcomeId[];

const parameters = z.strictObject({
  k: z.int().min(1).max(1000).default(10).describe("How many neighbours are looked at."),
  metric: z.enum(["cosine", "euclidean"]).default("cosine").describe("What near means."),
  gallery: z
    .enum(["tuning", "evaluation"])
    .default("tuning")
    .describe(
      "What is searched, clean: the tuning split, or the evaluation split's other patients. Tuning queries always search the tuning split.",
    ),
  relevance: z
    .enum(["class", "shared"])
    .default("class")
    .describe(
      "What is relevant to a query of a class: samples that have the class; or any that share a positive class with the query, their number being the gain of nDCG.",
    ),
  attacked: z
    .enum(["ranking", "displacement"])
    .default("ranking")
    .describe(
      "What attacks lower (success): the query's average precision, or its cosine to its own clean embedding, as (1 + cosine)/2.",
    ),
});
type Parameters = z.output<typeof parameters>;

export default defineTask({
  meta: {
    id: "retrieval",
    title: "Image retrieval",
    summary: "An embedding for each image, judged by which images of other patients are nearest to it.",
    reference: "sample",
    outcomes: OUTCOMES,
    success:
      "the query's average precision, 0 where nothing is relevant; with attacked: displacement, (1 + cosine to the clean embedding)/2",
    parameters,
    references: [
      "C. D. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, Cambridge 2008, chapter 8",
      "K. Järvelin, J. Kekäläinen, ACM Trans. Inf. Syst. 20 (2002) 422–446",
      "A. B. Abacha et al., 3D-MIR, arXiv:2311.13752 (2023)",
    ],
  },
  evidence: ({ k }) => [
    ...Array.from({ length: k }, (_, rank) => `neighbour.${rank + 1}`),
    ...Array.from({ length: k }, (_, rank) => `nearness.${rank + 1}`),
  ],
  open(context) {
    const search = new Search(context);
    return {
      success: (answer, references) => search.success(answer, references),
      outcomes: (answer, references) => search.outcomes(answer, references),
      evidence: (answer, references) => search.evidence(answer, references),
    } satisfies Judge;
  },
});

/** One split's embeddings as they are searched. */
interface Gallery {
  readonly set: MeasuredSet;
  /** The bank's index of each of its samples. */
  readonly items: Int32Array;
}

/** The gallery in the order of a query, without the query's own patient. */
interface Ranking {
  /** Indices in the bank, nearest first; of equally near ones the first in the table's order. */
  readonly items: Int32Array;
  /** Cosines or distances, aligned. */
  readonly values: Float64Array;
}

class Search {
  readonly #bank: SampleBank;
  readonly #parameters: Parameters;
  readonly #places: ReadonlyMap<number, number>;
  readonly #galleries = new Map<number, Gallery>();
  readonly #cleanNeighbours = new Map<number, Int32Array>();
  #last: { readonly answer: Float32Array; readonly ranking: Ranking } | null = null;

  constructor({ bank, classes, parameters: given, width }: TaskContext<Parameters>) {
    if (bank === undefined) throw new Error("a search needs a gallery");
    if (bank.width !== width) {
      throw new StepwedgeError(`gave embeddings of ${width} dimensions after some of ${bank.width}`, {
        where: "model",
        remedy: "All embeddings must be of one space: check model.output.name.",
      });
    }
    this.#bank = bank;
    this.#parameters = given;
    this.#places = new Map(Array.from(bank.sources, (source, index) => [source, index]));
    for (const split of new Set(bank.evaluated)) {
      const side = this.#sideOf(split);
      if (this.#galleries.has(side)) continue;
      const gallery = galleryOf(bank, side);
      refuseSmall(bank, gallery, classes, given.k, side);
      this.#galleries.set(side, gallery);
    }
  }

  success(answer: Float32Array, references: readonly (Reference | null)[]): Float64Array {
    const query = this.#queryOf(references);
    if (query === null) return new Float64Array(references.length).fill(Number.NaN);
    if (this.#parameters.attacked === "displacement") {
      const worth = (1 + Math.max(-1, Math.min(1, this.#cleanSimilarity(answer, query)))) / 2;
      return Float64Array.from(references, (one) => (one === null ? Number.NaN : worth));
    }
    const ranking = this.#rank(answer, query);
    return Float64Array.from(references, (one, index) => {
      if (one === null) return Number.NaN;
      const worth = averagePrecisionOfRanks(this.#gains(ranking, query, index).gains);
      return Number.isNaN(worth) ? 0 : worth;
    });
  }

  outcomes(answer: Float32Array, references: readonly (Reference | null)[]): Float64Array {
    const query = this.#queryOf(references);
    const out = new Float64Array(references.length * OUTCOMES.length).fill(Number.NaN);
    if (query === null) return out;
    const { k, metric } = this.#parameters;
    const ranking = this.#rank(answer, query);
    const nearest = ranking.values[0] as number;
    const shared = [
      metric === "cosine" ? Math.max(0, 1 - nearest) : nearest,
      Math.max(-1, Math.min(1, this.#cleanSimilarity(answer, query))),
      this.#overlap(answer, ranking, query),
    ];
    references.forEach((one, index) => {
      if (one === null) return;
      const { gains, items } = this.#gains(ranking, query, index);
      const first = firstHitRank(gains);
      const isFindable = !Number.isNaN(first);
      const measures = [
        isFindable ? precisionAt(gains, k) : Number.NaN,
        recallAt(gains, k),
        averagePrecisionOfRanks(gains),
        ndcgAt(gains, k),
        isFindable ? Number(first <= k) : Number.NaN,
        first,
        Number(this.#bank.labels[this.#vote(items)]?.[query] === 1),
        ...shared,
      ];
      out.set(measures, index * OUTCOMES.length);
    });
    return out;
  }

  /** Rows of the nearest in their split, then how near they are. */
  evidence(answer: Float32Array, references: readonly (Reference | null)[]): Float64Array {
    const { k } = this.#parameters;
    const out = new Float64Array(2 * k).fill(Number.NaN);
    const query = this.#queryOf(references);
    if (query === null) return out;
    const { items, values } = this.#rank(answer, query);
    for (let rank = 0; rank < Math.min(k, items.length); rank++) {
      out[rank] = this.#bank.rows[items[rank] as number] as number;
      out[k + rank] = values[rank] as number;
    }
    return out;
  }

  /** The bank's index of the sample that asks; null where it has none of the classes. */
  #queryOf(references: readonly (Reference | null)[]): number | null {
    const own = references.find((one) => one !== null);
    if (own === undefined) return null;
    if (own?.kind !== "sample") throw new Error("a search is held against samples");
    const place = this.#places.get(own.row);
    if (place === undefined) throw new Error("a query that is not in the bank");
    return place;
  }

  /** Which split a split's queries search. */
  #sideOf(evaluated: number): number {
    return evaluated === 1 && this.#parameters.gallery === "evaluation" ? 1 : 0;
  }

  #rank(answer: Float32Array, query: number): Ranking {
    if (this.#last?.answer === answer) return this.#last.ranking;
    const ranking = this.#rankAnew(answer, query);
    this.#last = { answer, ranking };
    return ranking;
  }

  #rankAnew(answer: Float32Array, query: number): Ranking {
    const { evaluated, persons } = this.#bank;
    const { metric } = this.#parameters;
    const gallery = this.#galleries.get(this.#sideOf(evaluated[query] as number)) as Gallery;
    const nearnesses = nearnessesTo(answer, gallery.set, metric);
    const order = ascendingOrder(nearnesses.map((nearness) => -nearness));
    const items = new Int32Array(order.length);
    const values = new Float64Array(order.length);
    let count = 0;
    for (const at of order) {
      const item = gallery.items[at] as number;
      if (persons[item] === persons[query]) continue;
      items[count] = item;
      values[count++] = shownNearness(nearnesses[at] as number, metric);
    }
    return { items: items.subarray(0, count), values: values.subarray(0, count) };
  }

  /** What the samples of a ranking are worth to a query of a class, without those whose labels cannot tell. */
  #gains({ items }: Ranking, query: number, classIndex: number): { gains: Float64Array; items: Int32Array } {
    const { labels } = this.#bank;
    const own = labels[classIndex] as Int8Array;
    const isShared = this.#parameters.relevance === "shared";
    const asked = isShared ? labels.filter((column) => column[query] === 1) : [own];
    const needed = isShared ? labels : [own];
    const gains = new Float64Array(items.length);
    const kept = new Int32Array(items.length);
    let count = 0;
    for (const item of items) {
      if (needed.some((column) => column[item] === -1)) continue;
      let gain = 0;
      for (const column of asked) if (column[item] === 1) gain++;
      gains[count] = gain;
      kept[count++] = item;
    }
    return { gains: gains.subarray(0, count), items: kept.subarray(0, count) };
  }

  /** The class that most of the first k have. */
  #vote(items: Int32Array): number {
    const { labels } = this.#bank;
    let [best, most, soonest] = [-1, 0, 0];
    for (const [index, column] of labels.entries()) {
      let [votes, first] = [0, this.#parameters.k];
      for (let rank = 0; rank < Math.min(this.#parameters.k, items.length); rank++) {
        if (column[items[rank] as number] !== 1) continue;
        if (votes++ === 0) first = rank;
      }
      if (votes > most || (votes === most && first < soonest)) [best, most, soonest] = [index, votes, first];
    }
    return best;
  }

  #cleanSimilarity(answer: Float32Array, query: number): number {
    const { values, width } = this.#bank;
    const clean = values.subarray(query * width, (query + 1) * width);
    return nearnessesTo(answer, measured({ count: 1, width, values: clean }), "cosine")[0] as number;
  }

  #overlap(answer: Float32Array, { items }: Ranking, query: number): number {
    const { k } = this.#parameters;
    const { values, width } = this.#bank;
    // The clean image itself needs no second ranking.
    const isClean = answer.every((value, d) => value === values[query * width + d]);
    if (isClean && !this.#cleanNeighbours.has(query)) this.#cleanNeighbours.set(query, items.slice(0, k));
    const clean = this.#neighboursOf(query);
    let kept = 0;
    for (const item of items.subarray(0, k)) if (clean.includes(item)) kept++;
    return kept / clean.length;
  }

  /** The neighbours of a sample's clean embedding. */
  #neighboursOf(query: number): Int32Array {
    const known = this.#cleanNeighbours.get(query);
    if (known !== undefined) return known;
    const { values, width } = this.#bank;
    const clean = this.#rankAnew(values.subarray(query * width, (query + 1) * width), query);
    const neighbours = clean.items.slice(0, this.#parameters.k);
    this.#cleanNeighbours.set(query, neighbours);
    return neighbours;
  }
}

function shownNearness(nearness: number, metric: Metric): number {
  return metric === "cosine" ? nearness : Math.sqrt(-nearness);
}

function galleryOf({ evaluated, values, width }: SampleBank, side: number): Gallery {
  const items = Int32Array.from(Array.from(evaluated.keys()).filter((index) => evaluated[index] === side));
  const own = new Float32Array(items.length * width);
  items.forEach((item, at) => {
    own.set(values.subarray(item * width, (item + 1) * width), at * width);
  });
  return { set: measured({ count: items.length, width, values: own }), items };
}

/** @throws StepwedgeError where a class has nothing to be found, or some patient's others are fewer than k */
function refuseSmall(
  { labels, persons }: SampleBank,
  { items }: Gallery,
  classes: readonly string[],
  k: number,
  side: number,
): void {
  const where = "model.retrieval";
  const split = side === 1 ? "evaluation" : "tuning";
  const byPerson = new Map<number, number>();
  for (const item of items) byPerson.set(persons[item] as number, (byPerson.get(persons[item] as number) ?? 0) + 1);
  const least = items.length - Math.max(0, ...byPerson.values());
  if (least < k) {
    throw new StepwedgeError(`k is ${k}; some patient's others are ${least} samples of the ${split} split`, {
      where: `${where}.k`,
      remedy: "A patient's own samples are never found: set a smaller k, or give a larger gallery.",
    });
  }
  for (const [index, name] of classes.entries()) {
    const column = labels[index] as Int8Array;
    const having = new Set(
      Array.from(items)
        .filter((item) => column[item] === 1)
        .map((item) => persons[item]),
    );
    if (having.size >= 2) continue;
    throw new StepwedgeError(`${having.size} patients of the ${split} split have class "${name}"`, {
      where: `${where}.gallery`,
      remedy:
        "At least two must have it, so that one can be found for the other: widen the split, or leave the class out.",
    });
  }
}
