import type { Calibration } from "../../src/core/attack.js";
import type { Outputs } from "../../src/core/model.js";

/** What a score-based attack is fitted to do: a mean over images; the attacker makes it small. */
export interface Objective {
  /** True where images of the two classes are held against each other, so that a minibatch needs both alike. */
  readonly comparesClasses: boolean;
  /** One image's part in the mean, from its logit, its label and the logits of the images of the other class. */
  contribution(logit: number, label: number, others: Float64Array): number;
}

export type ObjectiveName = "operating-point" | "ranking";

export const OBJECTIVES: Readonly<Record<ObjectiveName, Objective>> = {
  /** Mean log-probability of the true class: it falls as decisions at a fixed threshold turn wrong. */
  "operating-point": {
    comparesClasses: false,
    contribution: (logit, label) => -Math.log1p(Math.exp(label === 1 ? -logit : logit)),
  },
  /** A smooth AUC: over all pairs, the mean of sigmoid(logit of the positive − logit of the negative). */
  ranking: {
    comparesClasses: true,
    contribution(logit, label, others) {
      let sum = 0;
      for (const other of others) sum += 1 / (1 + Math.exp(label === 1 ? other - logit : logit - other));
      return sum / others.length;
    },
  },
};

/** The objective of that name; where none was asked for, the first. */
export function objectiveOf(name: string | null): Objective {
  const objective = OBJECTIVES[(name ?? "operating-point") as ObjectiveName];
  if (objective === undefined) throw new Error(`there is no objective "${name}"`);
  return objective;
}

/** Logits beyond ±13.8 say no more: float32 probabilities are all but 0 or 1 there. */
const SMALLEST_PROBABILITY = 1e-6;

/** Logits of the attacked class, one per image. */
export function attackedLogits(outputs: Outputs, { classIndex }: Calibration): Float64Array {
  return Float64Array.from({ length: outputs.count }, (_, image) => {
    const probability = outputs.values[image * outputs.classes.length + classIndex] as number;
    const p = Math.min(Math.max(probability, SMALLEST_PROBABILITY), 1 - SMALLEST_PROBABILITY);
    return Math.log(p / (1 - p));
  });
}

/** Every image's contribution, its own logit from `logits`, the other class's from `background`. */
export function contributions(
  objective: Objective,
  logits: Float64Array,
  background: Float64Array,
  labels: Uint8Array,
): Float64Array {
  const ofClass = [0, 1].map((label) => background.filter((_, image) => labels[image] === label));
  return logits.map((logit, image) => {
    const label = labels[image] as number;
    return objective.contribution(logit, label, ofClass[1 - label] as Float64Array);
  });
}

/** The objective over a set of images. */
export function objectiveValue(objective: Objective, logits: Float64Array, labels: Uint8Array): number {
  return contributions(objective, logits, logits, labels).reduce((sum, part) => sum + part, 0) / logits.length;
}
