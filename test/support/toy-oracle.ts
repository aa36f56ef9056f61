import type { Attack, Strength } from "../../src/core/attack.js";
import type { Model } from "../../src/core/model.js";
import { imageSize, type PixelBatch } from "../../src/core/pixels.js";
import { QueryLedger } from "../../src/run/ledger.js";
import { decisionOf } from "../../src/run/margins.js";
import { MeteredOracle } from "../../src/run/oracle.js";
import { linearModel } from "./toy-target.js";

/** A logistic model of one class that is linear in the pixels (see `linearModel`), with its gradient. */
export function linearClassifier(weights: Float32Array, bias = 0): Model {
  const predict = linearModel(weights, bias);
  return {
    meta: {
      adapter: "toy",
      classes: ["toy"],
      input: { channels: 1, height: 1, width: weights.length, resize: "none" },
      files: {},
      runtime: "test",
    },
    concurrency: 1,
    predict,
    async gradient(batch) {
      const data = new Float32Array(batch.count * weights.length);
      for (let i = 0; i < data.length; i++) data[i] = (weights[i % weights.length] as number) / batch.maxValue;
      return { outputs: await predict(batch), data };
    },
    close: async () => {},
  };
}

/** The run's own oracle over a toy model: nothing is written down, and nothing defends. */
export async function toyOracle(
  model: Model,
  attack: Attack,
  originals: PixelBatch,
  strength: Strength,
  { budget, threshold = 0.5 }: { readonly budget: number; readonly threshold?: number },
): Promise<MeteredOracle> {
  return new MeteredOracle({
    ledger: new QueryLedger(model),
    defense: null,
    journal: null,
    seed: 1,
    signal: undefined,
    originals,
    strength,
    knowledge: attack.meta.knowledge,
    classIndex: 0,
    threshold,
    cleanDecisions: decisionOf(await model.predict(originals), 0, threshold),
    budget,
  });
}

/**
 * How far the images of a linear classifier must at least be moved to reach the threshold, in stored values: the margin
 * over the dual norm of the weights. Exact but for rounding and clipping.
 */
export function leastDistance(
  margin: number,
  weights: Float32Array,
  { maxValue }: Pick<PixelBatch, "maxValue">,
  norm: "linf" | "l2",
): number {
  const dual =
    norm === "linf"
      ? weights.reduce((sum, weight) => sum + Math.abs(weight), 0)
      : Math.sqrt(weights.reduce((sum, weight) => sum + weight ** 2, 0));
  return (Math.abs(margin) * maxValue) / dual;
}

/** Weights of the model whose logit is `slope` times the mean of the pixels (at full scale 1). */
export function meanWeights(geometry: Parameters<typeof imageSize>[0], slope: number): Float32Array {
  return new Float32Array(imageSize(geometry)).fill(slope / imageSize(geometry));
}
