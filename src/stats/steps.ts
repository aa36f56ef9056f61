import { FETCHED, fetched } from "./fetched.js";
import { orderOf } from "./order.js";

/**
 * The samples by falling score, in steps of equal scores: what the ROC curve, the precision-recall curve and their areas
 * are made of, gathered once so that each of them is a pass over neighbours in memory.
 */
export interface ScoreSteps {
  /** How many distinct scores there are. */
  readonly count: number;
  /** Samples from the highest score down. Step k holds places starts[k] … starts[k + 1] − 1. */
  readonly samples: Uint32Array;
  readonly starts: Uint32Array;
  /** Weight of the positives, and of the negatives, above step k's score; at [count] that of all. Counts without weights. */
  readonly hits: Float64Array;
  readonly alarms: Float64Array;
  readonly positives: number;
  readonly negatives: number;
}

/** Room for the steps of one set of samples after the other. */
export interface StepsRoom {
  samples: Uint32Array;
  starts: Uint32Array;
  hits: Float64Array;
  alarms: Float64Array;
}

export function stepsRoom(): StepsRoom {
  return {
    samples: new Uint32Array(0),
    starts: new Uint32Array(0),
    hits: new Float64Array(0),
    alarms: new Float64Array(0),
  };
}

function roomIn(room: StepsRoom, n: number): StepsRoom {
  if (room.starts.length < n + 1) Object.assign(room, arraysFor(n));
  return {
    samples: room.samples.subarray(0, n),
    starts: room.starts.subarray(0, n + 1),
    hits: room.hits.subarray(0, n + 1),
    alarms: room.alarms.subarray(0, n + 1),
  };
}

function arraysFor(n: number): StepsRoom {
  return {
    samples: new Uint32Array(n),
    starts: new Uint32Array(n + 1),
    hits: new Float64Array(n + 1),
    alarms: new Float64Array(n + 1),
  };
}

/**
 * @param scores no NaN
 * @param labels 1 positive, 0 negative
 * @param order the scores' ascending order, where it is at hand
 * @param weights > 0; null where all samples count alike
 * @param room where they are put, until others are put there
 */
export function scoreSteps(
  scores: Float64Array,
  labels: Uint8Array,
  order = orderOf(scores),
  weights: Float64Array | null = null,
  room: StepsRoom | null = null,
): ScoreSteps {
  const n = order.length;
  const { samples, starts, hits, alarms } = room === null ? arraysFor(n) : roomIn(room, n);
  let count = 0;
  let positives = 0;
  let ofPositives = 0;
  let ofNegatives = 0;
  let last = Number.NaN;
  for (let place = 0; place < n; place++) {
    if ((place & (FETCHED - 1)) === 0)
      fetched.sum += touch(order, n - Math.min(n, place + FETCHED), n - place, scores, labels);
    const sample = order[n - 1 - place] as number;
    samples[place] = sample;
    const score = scores[sample] as number;
    if (score !== last) {
      starts[count] = place;
      hits[count] = ofPositives;
      alarms[count++] = ofNegatives;
      last = score;
    }
    const label = labels[sample] as number;
    const weight = weights === null ? 1 : (weights[sample] as number);
    positives += label;
    if (label === 1) ofPositives += weight;
    else ofNegatives += weight;
  }
  starts[count] = n;
  hits[count] = ofPositives;
  alarms[count] = ofNegatives;
  return { count, samples, starts, hits, alarms, positives, negatives: n - positives };
}

function touch(order: Uint32Array, from: number, to: number, scores: Float64Array, labels: Uint8Array): number {
  let sum = 0;
  for (let rank = from; rank < to; rank++) {
    const sample = order[rank] as number;
    sum += (scores[sample] as number) + (labels[sample] as number);
  }
  return sum;
}
