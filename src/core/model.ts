import type { PixelBatch } from "./pixels.js";

/** How many samples' answers the caller takes at once, and what for. No query is free and none goes unseen. */
export type QueryPurpose = "preflight" | "score" | "tuning" | "search" | "verification";

/** The model's answers, float64, one row per image: `values[image * classes.length + class]`, probabilities in [0, 1]. */
export interface Outputs {
  readonly count: number;
  readonly classes: readonly string[];
  readonly values: Float64Array;
}

export interface ModelInput {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** How images of another size are fitted; "none" refuses them. Bilinear is antialiased, as Pillow's is. */
  readonly resize: "bilinear" | "nearest" | "none";
}

export interface ModelMeta {
  readonly adapter: string;
  readonly classes: readonly string[];
  readonly input: ModelInput;
  /** SHA-256 of every file that makes up the model, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** What ran it: library, version, provider, threads. */
  readonly runtime: string;
}

/**
 * A model that answers queries. `predict` does not keep or change the batch. An image's answer does not depend on
 * its neighbours in the batch (the preflight checks it). Implementations may be called again before the last answer
 * came; they queue.
 */
export interface Model {
  readonly meta: ModelMeta;
  /** Batches in flight that keep the model busy; more only cost memory. */
  readonly concurrency: number;
  predict(batch: PixelBatch): Promise<Outputs>;
  close(): Promise<void>;
}
