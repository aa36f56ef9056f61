import type { Outputs } from "../core/model.js";

/** Logits beyond ±16 say no more: float32 probabilities are all but 0 or 1 there. */
const SMALLEST_PROBABILITY = 1e-7;

/** The least margin of a negative decision: keeps the sign in step with `score >= threshold` where logits are rounded. */
const LEAST = Number.MIN_VALUE;

/**
 * The margin of each image: logit(score) − logit(threshold) of a class. Not negative exactly where score >= threshold,
 * which is what a positive decision means everywhere else.
 */
export function marginOf(outputs: Outputs, classIndex: number, threshold: number): Float64Array {
  return Float64Array.from({ length: outputs.count }, (_, image) => {
    const score = outputs.values[image * outputs.classes.length + classIndex] as number;
    const margin = logit(score) - logit(threshold);
    return score >= threshold ? Math.max(margin, 0) : Math.min(margin, -LEAST);
  });
}

/** 1 where the score reaches the threshold. */
export function decisionOf(outputs: Outputs, classIndex: number, threshold: number): Uint8Array {
  return Uint8Array.from({ length: outputs.count }, (_, image) =>
    (outputs.values[image * outputs.classes.length + classIndex] as number) >= threshold ? 1 : 0,
  );
}

function logit(probability: number): number {
  const p = Math.min(Math.max(probability, SMALLEST_PROBABILITY), 1 - SMALLEST_PROBABILITY);
  return Math.log(p / (1 - p));
}
