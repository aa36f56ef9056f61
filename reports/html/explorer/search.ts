/** Where on the grid to go; these functions run in the reader's browser. */
import type { ThresholdCounts } from "../../../src/core/explorer.js";

/** The place whose threshold is nearest to a number. */
export function nearestPlace(thresholds: readonly number[], wanted: number): number {
  let best = 0;
  thresholds.forEach((threshold, place) => {
    if (Math.abs(threshold - wanted) < Math.abs((thresholds[best] as number) - wanted)) best = place;
  });
  return best;
}

/**
 * The highest threshold with at least so much sensitivity, or the lowest with at least so much specificity; −1 where the grid
 * has none.
 * @param share in [0, 1]
 */
export function placeOf(counts: ThresholdCounts, which: "sensitivity" | "specificity", share: number): number {
  const { positives, negatives, truePositives, falsePositives } = counts;
  // A share that was asked for in percent must not fail by its rounding.
  const enough = share - 1e-9;
  if (which === "sensitivity") return truePositives.findIndex((hits) => hits / positives >= enough);
  for (let place = falsePositives.length - 1; place >= 0; place--) {
    if (1 - (falsePositives[place] as number) / negatives >= enough) return place;
  }
  return -1;
}

/** A threshold as readers see it: six significant digits. */
export function thresholdText(threshold: number): string {
  return String(Number(threshold.toPrecision(6)));
}
