import { received, StepwedgeError } from "../core/errors.js";
import type { Fitted } from "../core/fitted.js";
import type { Embeddings, Encoder, Model, ModelMeta, Outputs } from "../core/model.js";
import type { PixelBatch } from "../core/pixels.js";
import type { PlannedHead } from "./plan.js";

/** A classifier made of an encoder and a head: from the head's fitting on, a model like any other. */
export class HeadedModel implements Model {
  readonly meta: ModelMeta;
  readonly concurrency: number;
  #fitted: Fitted | null = null;

  constructor(
    readonly encoder: Encoder,
    readonly head: PlannedHead,
  ) {
    this.meta = { ...encoder.meta, classes: head.context.classes };
    this.concurrency = encoder.concurrency;
  }

  /** From here on the model can be asked for scores. */
  use(fitted: Fitted): void {
    this.#fitted = fitted;
  }

  /** @throws UnusableEmbedding where a number is NaN or infinite */
  async embed(batch: PixelBatch): Promise<Embeddings> {
    const embeddings = await this.encoder.embed(batch);
    const { values, width } = embeddings;
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw new UnusableEmbedding(Math.floor(at / width), values[at] as number);
    return embeddings;
  }

  async predict(batch: PixelBatch): Promise<Outputs> {
    return this.outputsOf(await this.embed(batch));
  }

  /** Scores are rounded to float32, as those of models are, so that a score that was kept is the one that is computed. */
  outputsOf(embeddings: Embeddings): Outputs {
    if (this.#fitted === null) throw new Error("the head is asked before it is fitted");
    const { context, plugin } = this.head;
    const values = plugin.score(embeddings, this.#fitted, context).map(Math.fround);
    return { count: embeddings.count, classes: context.classes, values };
  }

  close(): Promise<void> {
    return this.encoder.close();
  }
}

/** An embedding that nothing can be made of. Whoever knows the sample's name says it. */
export class UnusableEmbedding extends StepwedgeError {
  constructor(
    /** Which image of the batch. */
    readonly image: number,
    readonly value: number,
    where = "model",
    readonly who = "the encoder",
    readonly what = "embedding",
  ) {
    super(`${who} gave ${received(value)} in an ${what}`, {
      where,
      remedy: "Check the model and model.input (range, mean, std): every number must be finite.",
    });
  }
}

/** The error as it came, or, of an embedding, with the name of its sample. */
export function withSample(error: unknown, nameOf: (image: number) => string): unknown {
  return error instanceof UnusableEmbedding
    ? new UnusableEmbedding(error.image, error.value, nameOf(error.image), error.who, error.what)
    : error;
}
