import type { AdapterContext } from "../../core/adapter.js";
import type { Encoder, Model, ModelMeta } from "../../core/model.js";
import type { PixelBatch } from "../../core/pixels.js";
import type { Rows } from "./parts.js";

/** A model that is ready to be asked, whatever its numbers mean: a row for each image. */
export interface Connection {
  readonly meta: Omit<ModelMeta, "classes">;
  readonly concurrency: number;
  rows(batch: PixelBatch): Promise<Rows>;
  close(): Promise<void>;
}

/** A connection whose rows are the classes' probabilities. */
export function classifier({ close, concurrency, meta, rows }: Connection, classes: readonly string[]): Model {
  return {
    meta: { ...meta, classes },
    concurrency,
    async predict(batch) {
      const { values } = await rows(batch);
      return { count: batch.count, classes, values };
    },
    close,
  };
}

/** A connection whose rows are vectors. */
export function encoder({ close, concurrency, meta, rows }: Connection): Encoder {
  return {
    meta,
    concurrency,
    async embed(batch) {
      const { values, width } = await rows(batch);
      return { count: batch.count, width, values: Float32Array.from(values) };
    },
    close,
  };
}

/**
 * Both ways in which an adapter opens its model, of the one in which it connects to it.
 * @param connect with classes null, the output is taken as an encoder's
 */
export function opening<Parameters>(
  connect: (parameters: Parameters, context: AdapterContext, classes: readonly string[] | null) => Promise<Connection>,
) {
  return {
    open: async (parameters: Parameters, context: AdapterContext): Promise<Model> =>
      classifier(await connect(parameters, context, context.classes), context.classes),
    openEncoder: async (parameters: Parameters, context: AdapterContext): Promise<Encoder> =>
      encoder(await connect(parameters, context, null)),
  };
}
