import type { ClassGradients, Embeddings, JudgedOutputs, Model, Outputs, QueryPurpose } from "../core/model.js";
import type { PixelBatch } from "../core/pixels.js";
import { UnusableEmbedding } from "./headed-model.js";

function refuseNonFinite({ classes, values }: Outputs): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new UnusableEmbedding(Math.floor(at / classes.length), values[at] as number, "model", "the model", "output");
}

/** Counts what the model was asked, by purpose. There is no other way to the model than through it. */
export class QueryLedger {
  readonly #spent: Record<QueryPurpose, number> = {
    preflight: 0,
    score: 0,
    tuning: 0,
    search: 0,
    surrogate: 0,
    verification: 0,
  };

  constructor(readonly model: Model) {}

  /**
   * @throws UnusableEmbedding where a classifier's score is NaN or infinite. The preflight looks at its own answers; a task's
   * scores are NaN where a sample has no reference.
   */
  async predict(batch: PixelBatch, purpose: QueryPurpose): Promise<Outputs> {
    this.#spent[purpose] += batch.count;
    const outputs = await this.model.predict(batch);
    if (purpose !== "preflight" && this.model.judge === undefined) refuseNonFinite(outputs);
    return outputs;
  }

  /** What a task measures of the answers; a query for each image. */
  judge(batch: PixelBatch, purpose: QueryPurpose): Promise<JudgedOutputs> {
    if (this.model.judge === undefined) throw new Error(`${this.model.meta.adapter} is held against no reference`);
    this.#spent[purpose] += batch.count;
    return this.model.judge(batch);
  }

  /** An embedding is counted as a query: what is made of it costs nothing beside. */
  embed(batch: PixelBatch, purpose: QueryPurpose): Promise<Embeddings> {
    if (this.model.embed === undefined) throw new Error(`${this.model.meta.adapter} has no embeddings`);
    this.#spent[purpose] += batch.count;
    return this.model.embed(batch);
  }

  /** A gradient is counted as a query: a white-box attacker's effort is measured in the same unit. */
  gradient(batch: PixelBatch, classIndex: number, purpose: QueryPurpose): Promise<ClassGradients> {
    if (this.model.gradient === undefined) throw new Error(`${this.model.meta.adapter} has no gradients`);
    this.#spent[purpose] += batch.count;
    return this.model.gradient(batch, classIndex);
  }

  /** Counts answers that an earlier, interrupted part of this run already has on disk. */
  recall(count: number, purpose: QueryPurpose): void {
    this.#spent[purpose] += count;
  }

  get spent(): Readonly<Record<QueryPurpose, number>> {
    return { ...this.#spent };
  }
}
