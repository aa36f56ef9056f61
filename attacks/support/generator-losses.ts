import type { Operators } from "../../src/training/network.js";
import type { SurrogateAnswers } from "../../src/training/surrogate.js";

export const LOSSES = ["disruption", "relativistic", "least-likely", "bce"] as const;
export type LossName = (typeof LOSSES)[number];

/** What the target decided about the unperturbed images, N×K: as signs of the margins, and as one class each. */
export interface CleanDecisions<V> {
  /** +1 where the class is present, −1 where not. */
  readonly signs: V;
  /** 1 at the likeliest and at the least likely class, else 0. */
  readonly likeliest: V;
  readonly leastLikely: V;
}

export interface LossSituation {
  /** Whether the classes exclude one another, so that their probabilities add up to 1. */
  readonly exclusive: boolean;
  readonly classIndex: number;
}

/** Keeps the gradient of a distance finite at 0. */
const FLOOR = 1e-6;

/**
 * What a generator makes small, from a surrogate's answers to the unperturbed and the perturbed images.
 *   disruption    −Σ log ‖f(x′) − f(x)‖ over the early layers (Santamaria-Pang et al. 2021)
 *   relativistic  −CE(z(x′) − z(x), y), y the clean decision (Naseer et al. 2019)
 *   least-likely  CE(z(x′), least likely class) (Poursaeed et al. 2018)
 *   bce           binary cross-entropy of every class against the opposite of its clean decision
 * Without classes that exclude one another the middle two are about the attacked class alone, as a logistic decision.
 */
export function generatorLoss<V>(
  ops: Operators<V>,
  name: LossName,
  clean: SurrogateAnswers<V>,
  attacked: SurrogateAnswers<V>,
  decisions: CleanDecisions<V>,
  { exclusive, classIndex }: LossSituation,
): V {
  const attackedClass = (x: V) => ops.channels(x, classIndex, classIndex + 1);
  const softmaxOf = (margins: V, target: V) => ops.mean(ops.sumPerImage(ops.multiply(ops.logSoftmax(margins), target)));
  switch (name) {
    case "disruption":
      return disruption(ops, clean, attacked);
    case "relativistic": {
      const change = ops.subtract(attacked.margins, ops.stopGradient(clean.margins));
      if (exclusive) return softmaxOf(change, decisions.likeliest);
      const against = ops.multiply(attackedClass(change), attackedClass(decisions.signs));
      return ops.affine(ops.mean(ops.softplus(ops.affine(against, -1, 0))), -1, 0);
    }
    case "least-likely":
      if (exclusive) return ops.affine(softmaxOf(attacked.margins, decisions.leastLikely), -1, 0);
      return flip(ops, attackedClass(attacked.margins), attackedClass(decisions.signs));
    case "bce":
      return flip(ops, attacked.margins, decisions.signs);
  }
}

/** −Σ log ‖f(x′) − f(x)‖ over the early layers, in the mean over the batch. */
export function disruption<V>(ops: Operators<V>, clean: SurrogateAnswers<V>, attacked: SurrogateAnswers<V>): V {
  const layers = clean.features.map((map, layer) => {
    const difference = ops.subtract(attacked.features[layer] as V, ops.stopGradient(map));
    const squares = ops.sumPerImage(ops.multiply(difference, difference));
    return ops.affine(ops.mean(ops.log(squares, FLOOR)), -0.5, 0); // the log of the norm, not of its square
  });
  return layers.reduce((sum, layer) => ops.add(sum, layer));
}

function flip<V>(ops: Operators<V>, margins: V, signs: V): V {
  return ops.mean(ops.softplus(ops.multiply(margins, signs)));
}
