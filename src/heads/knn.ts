// k nearest neighbours over an encoder: an image's score is the share of positives among the tuning images whose embeddings
// are nearest to its own. Cover & Hart, IEEE Trans. Inf. Theory 13 (1967) 21. Nothing is trained: the tuning embeddings are
// kept, and each score costs as many products as there are of them.
import { z } from "zod";
import { StepwedgeError } from "../core/errors.js";
import type { Fitted } from "../core/fitted.js";
import { defineHead, type HeadContext, type HeadSamples } from "../core/head.js";
import type { Embeddings } from "../core/model.js";
import { type MeasuredSet, measured, type Neighbours, nearestNeighbours } from "../stats/neighbours.js";

const parameters = z.strictObject({
  k: z.int().min(1).max(1000).default(20).describe("How many neighbours vote."),
  metric: z.enum(["cosine", "euclidean"]).default("cosine").describe("What near means."),
  weights: z
    .enum(["uniform", "distance", "similarity"])
    .default("uniform")
    .describe(
      "How much a neighbour counts: all alike; 1 / distance (1 − cosine for metric cosine), as scikit-learn's; or exp(cosine / temperature).",
    ),
  temperature: z.number().positive().default(0.07).describe("With weights: similarity."),
});
type Parameters = z.output<typeof parameters>;

export default defineHead({
  meta: {
    id: "knn",
    title: "k nearest neighbours",
    summary: "An image's score is the share of positives among the tuning images with the nearest embeddings.",
    references: [
      "Cover & Hart. Nearest neighbor pattern classification. IEEE Transactions on Information Theory 13 (1967) 21-27.",
      "Wu et al. Unsupervised feature learning via non-parametric instance discrimination. CVPR 2018 (weights: similarity).",
    ],
    parameters,
  },
  source: {
    kind: "tuning",
    fit(samples, context) {
      checkOptions(samples, context);
      const { embeddings, labels, patients } = samples;
      const { count, width } = embeddings;
      return {
        arrays: {
          embeddings: { shape: [count, width], data: embeddings.values },
          labels: { shape: [labels.length, count], data: Float32Array.from(labels.flatMap((own) => [...own])) },
          patients: { shape: [count], data: Float32Array.from(patients) },
        },
        numbers: { k: context.parameters.k },
      };
    },
    heldOut: (samples, fitted, context) => scoresOf(samples.embeddings, fitted, context, samples.patients),
  },
  score: (embeddings, fitted, context) => scoresOf(embeddings, fitted, context, null),
});

/** @throws StepwedgeError where there are too few neighbours, also for a patient whose own images may not vote */
function checkOptions({ ids, labels, patients }: HeadSamples, { classes, parameters }: HeadContext<Parameters>): void {
  const { k, metric, weights } = parameters;
  if (weights === "similarity" && metric !== "cosine") {
    throw new StepwedgeError(`similarity is that of cosines; the metric is ${metric}`, {
      where: "model.head.weights",
      remedy: "Set metric: cosine, or weights: distance.",
    });
  }
  for (const [index, className] of classes.entries()) {
    const own = labels[index] as Int8Array;
    const labelled = own.reduce((total, label) => total + Number(label !== -1), 0);
    const byPatient = new Map<number, number>();
    own.forEach((label, row) => {
      const patient = patients[row] as number;
      if (label !== -1) byPatient.set(patient, (byPatient.get(patient) ?? 0) + 1);
    });
    for (const [patient, count] of byPatient) {
      if (labelled - count >= k) continue;
      const who = count > 1 ? `, ${count} of them of the patient of sample "${ids[patients.indexOf(patient)]}"` : "";
      throw new StepwedgeError(
        `k is ${k}; the tuning split has ${labelled} samples with a label of class "${className}"${who}`,
        {
          where: "model.head.k",
          remedy: `A patient's own samples do not vote on it: set k to at most ${labelled - Math.max(...byPatient.values())}, or widen the tuning split.`,
        },
      );
    }
  }
}

/** @param patients whose images may not vote on their own patient's; null: all vote */
function scoresOf(
  embeddings: Embeddings,
  fitted: Fitted,
  { classes, parameters }: HeadContext<Parameters>,
  patients: Int32Array | null,
): Float64Array {
  const bank = bankOf(fitted);
  const groups = patients === null ? {} : { groups: { queries: patients, references: bank.patients } };
  const found = new Map<string, Neighbours>();
  const scores = new Float64Array(embeddings.count * classes.length);
  for (const [index] of classes.entries()) {
    const labels = bank.labels.subarray(index * bank.set.count, (index + 1) * bank.set.count);
    // Classes that lack the same labels share their neighbours.
    const use = Uint8Array.from(labels, (label) => Number(label !== -1));
    const key = Buffer.from(use).toString("latin1");
    const { k, metric } = parameters;
    const neighbours = found.get(key) ?? nearestNeighbours(embeddings, bank.set, { k, metric, use, ...groups });
    found.set(key, neighbours);
    for (let image = 0; image < embeddings.count; image++) {
      scores[image * classes.length + index] = share(neighbours, image, labels, parameters);
    }
  }
  return scores;
}

interface Bank {
  readonly set: MeasuredSet;
  /** classes × samples. */
  readonly labels: Float32Array;
  readonly patients: Int32Array;
}

/** Sums of squares are taken once for each fitted head. */
const banks = new WeakMap<Fitted, Bank>();

function bankOf(fitted: Fitted): Bank {
  const known = banks.get(fitted);
  if (known !== undefined) return known;
  const { embeddings, labels, patients } = fitted.arrays;
  if (embeddings === undefined || labels === undefined || patients === undefined)
    throw new Error("this is no kNN head");
  const [count = 0, width = 0] = embeddings.shape;
  const bank = {
    set: measured({ count, width, values: embeddings.data }),
    labels: labels.data,
    patients: Int32Array.from(patients.data),
  };
  banks.set(fitted, bank);
  return bank;
}

/** Vectors of one direction are at no distance, whatever rounding makes of their cosine. */
function cosineDistance(cosine: number): number {
  const distance = 1 - cosine;
  return distance < 1e-12 ? 0 : distance;
}

/** The weighted share of positives among an image's neighbours. */
function share(
  { indices, k, values }: Neighbours,
  image: number,
  labels: Float32Array,
  { metric, temperature, weights }: Parameters,
): number {
  let [positive, total] = [0, 0];
  const nearest = values[image * k] as number;
  const distanceOf = (value: number) => (metric === "cosine" ? cosineDistance(value) : value);
  const touching = weights === "distance" && distanceOf(nearest) === 0;
  for (let at = image * k; at < (image + 1) * k; at++) {
    const index = indices[at] as number;
    if (index === -1) break;
    const value = values[at] as number;
    let weight = 1;
    // Where some neighbours are at no distance at all, they alone count.
    if (weights === "distance") weight = touching ? Number(distanceOf(value) === 0) : 1 / distanceOf(value);
    // Relative to the nearest, so that a low temperature does not overflow.
    if (weights === "similarity") weight = Math.exp((value - nearest) / temperature);
    total += weight;
    positive += weight * (labels[index] as number);
  }
  return positive / total;
}
