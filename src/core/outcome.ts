/**
 * What tasks other than classification measure of every sample: an outcome. Each has a column of its own in the score tables,
 * one value per sample and class; NaN where it is not defined for a sample, which is counted and never filled in.
 */
export interface OutcomeDescription {
  readonly id: string;
  readonly title: string;
  /** In a word or two, for columns of tables; default: the title. */
  readonly short?: string;
  /** "1" for shares and ratios; "object" for counts of them; "unit" where it is the reference's own, which the task names. */
  readonly unit: "1" | "unit" | "object";
  /** Whether it reads as a share, in percent; otherwise shares stand as decimal numbers, as Dice does. */
  readonly percent?: true;
  /** The values that it can take: intervals of means are clipped to them. */
  readonly range: readonly [lowest: number, highest: number];
  readonly better: "higher" | "lower" | "neither";
  /** Whether it is 0 or 1 and nothing between: a worst tenth then says nothing. */
  readonly binary?: true;
  /** Whether it is among the first that a reader is shown. */
  readonly primary?: true;
  /** An outcome whose value each sample counts with: the mean is then one over objects, Σ found/Σ objects. */
  readonly weightedBy?: string;
  /** Of the reference alone: no answer changes it. */
  readonly ofReference?: true;
  /** What it is, how it is computed, and what becomes of the samples that it is not defined for. */
  readonly description: string;
}

const UNBOUNDED = Number.POSITIVE_INFINITY;

/** All outcomes, by task in the order of their columns. */
export const OUTCOMES = [
  {
    id: "dice",
    primary: true,
    title: "Dice",
    unit: "1",
    range: [0, 1],
    better: "higher",
    description:
      "2|A∩B|/(|A| + |B|) of the predicted and the reference mask, case by case. 0 where one of the two is empty; not defined where both are: such cases are counted as true negatives and left out.",
  },
  {
    id: "iou",
    title: "Intersection over union",
    short: "IoU",
    unit: "1",
    range: [0, 1],
    better: "higher",
    description: "|A∩B|/|A∪B| (Jaccard), case by case; empty masks as for dice.",
  },
  {
    id: "hd95",
    primary: true,
    title: "Hausdorff distance, 95th percentile",
    short: "HD95",
    unit: "unit",
    range: [0, UNBOUNDED],
    better: "lower",
    description:
      "The larger of the two 95th percentiles of the distances from one mask's surface to the other's. The diagonal of the image, the worst there can be, where one mask is empty: a missed structure is not dropped. Not defined where both are.",
  },
  {
    id: "nsd",
    title: "Normalised surface Dice",
    short: "NSD",
    unit: "1",
    range: [0, 1],
    better: "higher",
    description:
      "The share of both surfaces that lies within the task's tolerance of the other (Nikolov et al. 2021). 0 where one mask is empty; not defined where both are.",
  },
  {
    id: "volume-error",
    title: "Relative error of the volume",
    short: "Volume error",
    unit: "1",
    percent: true,
    range: [-1, UNBOUNDED],
    better: "neither",
    description:
      "(predicted − reference)/reference volume (or area), signed: below 0 the structure is drawn too small. It says nothing of where. Not defined where the reference is empty.",
  },
  {
    id: "lesion-sensitivity",
    title: "Objects found",
    unit: "1",
    percent: true,
    range: [0, 1],
    better: "higher",
    description:
      "Of the separate objects (connected components) of the reference mask, the share that the prediction touches by at least the task's share; the mean over cases, so that cases count alike whatever their number of objects. Not defined where there are none.",
  },
  {
    id: "false-objects",
    title: "False objects",
    unit: "object",
    range: [0, UNBOUNDED],
    better: "lower",
    description: "Connected components of the prediction that touch no object of the reference, per case.",
  },
  {
    id: "missed",
    primary: true,
    title: "Missed altogether",
    unit: "1",
    percent: true,
    range: [0, 1],
    binary: true,
    better: "lower",
    description:
      "1 where the reference has the structure and the prediction is empty, else 0; only of cases that have it.",
  },
  {
    id: "objects",
    title: "Objects of the reference",
    unit: "object",
    ofReference: true,
    range: [0, UNBOUNDED],
    better: "neither",
    description: "Connected components of the reference mask, per case: what the shares of objects found are of.",
  },
  {
    id: "lesion-sensitivity-pooled",
    title: "Objects found, of all",
    unit: "1",
    percent: true,
    range: [0, 1],
    better: "higher",
    weightedBy: "objects",
    description:
      "Of all objects of all cases, the share that is found (Σ found/Σ objects): the sensitivity by lesion. Cases with many objects weigh more than in the mean over cases. Its interval is that of a ratio of sums, clustered by patient.",
  },
  {
    id: "sentence-consistency",
    primary: true,
    title: "Levels that extend the one above",
    short: "Hierarchy kept",
    unit: "1",
    percent: true,
    range: [0, 1],
    binary: true,
    better: "higher",
    description:
      "1 where the level's sentence begins with the whole sentence of the level above, else 0. Not defined for the most general level.",
  },
  {
    id: "sentence-length",
    title: "Length of sentences",
    unit: "unit",
    range: [0, UNBOUNDED],
    better: "neither",
    description: "Tokens before the padding.",
  },
  {
    id: "absolute-error",
    primary: true,
    title: "Absolute error",
    unit: "unit",
    range: [0, UNBOUNDED],
    better: "lower",
    description: "|predicted − reference|, in the reference's unit. Its mean is the mean absolute error (MAE).",
  },
  {
    id: "bias",
    primary: true,
    title: "Bias",
    unit: "unit",
    range: [-UNBOUNDED, UNBOUNDED],
    better: "neither",
    description:
      "predicted − reference, in the reference's unit: its mean is the bias of Bland and Altman (1986), and the limits of agreement are the audit agreement's.",
  },
  {
    id: "reference",
    title: "Reference number",
    unit: "unit",
    ofReference: true,
    range: [-UNBOUNDED, UNBOUNDED],
    better: "neither",
    description: "The reference number itself: what the errors are of.",
  },
  {
    id: "within-tolerance",
    primary: true,
    title: "Within the tolerance",
    unit: "1",
    percent: true,
    range: [0, 1],
    binary: true,
    better: "higher",
    description: "1 where the absolute error is at most the task's tolerance, else 0.",
  },
  {
    id: "precision-at-k",
    title: "Precision at k",
    unit: "1",
    range: [0, 1],
    better: "higher",
    description:
      "The share of relevant samples among the k nearest of other patients. Queries are the samples that have the class.",
  },
  {
    id: "recall-at-k",
    title: "Recall at k",
    unit: "1",
    range: [0, 1],
    better: "higher",
    description:
      "Of all relevant samples of other patients in the gallery, the share among the k nearest: at most k over their number. Not defined where there are none.",
  },
  {
    id: "mean-average-precision",
    title: "Average precision of the ranking",
    unit: "1",
    range: [0, 1],
    better: "higher",
    description:
      "The mean, over the relevant samples, of the precision at their ranks in the whole gallery, query by query; its mean is mAP. It depends on how common the class is in the gallery. Not defined where nothing is relevant.",
  },
  {
    id: "ndcg-at-k",
    title: "nDCG at k",
    unit: "1",
    range: [0, 1],
    better: "higher",
    description:
      "Σ relevance/log₂(rank + 1) over the first k ranks, over the same of the best order (Järvelin and Kekäläinen 2002). Not defined where nothing is relevant.",
  },
  {
    id: "hit-at-k",
    title: "A hit among the first k",
    unit: "1",
    range: [0, 1],
    binary: true,
    better: "higher",
    description: "1 where at least one of the k nearest is relevant, else 0. Not defined where nothing is relevant.",
  },
  {
    id: "first-hit-rank",
    title: "Rank of the first hit",
    unit: "unit",
    range: [1, UNBOUNDED],
    better: "lower",
    description: "The rank of the nearest relevant sample, from 1. Not defined where nothing is relevant.",
  },
  {
    id: "vote-correct",
    title: "Named rightly by its neighbours",
    unit: "1",
    range: [0, 1],
    binary: true,
    better: "higher",
    description:
      "1 where the most frequent class among the k nearest is one that the query has, as k-nearest-neighbour classification would name it; of equally frequent ones that with the nearer first sample.",
  },
  {
    id: "nearest-distance",
    title: "Distance of the nearest",
    unit: "unit",
    range: [0, UNBOUNDED],
    better: "neither",
    description: "1 − cosine, or the Euclidean distance, of the nearest sample of another patient, relevant or not.",
  },
  {
    id: "clean-similarity",
    title: "Similarity to the clean embedding",
    unit: "1",
    range: [-1, 1],
    better: "higher",
    description:
      "The cosine between the embedding and the same sample's clean one: 1 on clean images; its loss is the drift of the embedding.",
  },
  {
    id: "neighbour-overlap",
    title: "Neighbours kept",
    unit: "1",
    range: [0, 1],
    better: "higher",
    description: "Of the k nearest of the sample's clean embedding, the share that is still among the k nearest.",
  },
] as const satisfies readonly OutcomeDescription[];

export type OutcomeId = (typeof OUTCOMES)[number]["id"];

const ID_OF = new RegExp(
  `^(${OUTCOMES.map(({ id }) => id)
    .toSorted((a, b) => b.length - a.length)
    .join("|")})(-worst-decile|-gap|-drop|-drop-gap)?$`,
);

/** The outcome that a metric is of, and what of it: `dice-drop` is a loss of `dice`; null for metrics of no outcome. */
export function outcomeOfMetric(
  metric: string,
): { readonly outcome: OutcomeDescription; readonly of: "mean" | "worst-decile" | "gap" | "drop" | "drop-gap" } | null {
  const [, id, of = "-mean"] = ID_OF.exec(metric) ?? [];
  if (id === undefined) return null;
  return { outcome: outcomeOf(id as OutcomeId), of: of.slice(1) as "mean" };
}

/** The description of an outcome. */
export function outcomeOf(id: OutcomeId): OutcomeDescription {
  return OUTCOMES.find((one) => one.id === id) as OutcomeDescription;
}
