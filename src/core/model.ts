import type { PixelBatch } from "./pixels.js";

/** How many samples' answers the caller takes at once, and what for. No query is free and none goes unseen. */
export type QueryPurpose = "preflight" | "score" | "tuning" | "search" | "surrogate" | "verification";

/** The model's answers, float64, one row per image: `values[image * classes.length + class]`, probabilities in [0, 1]. */
export interface Outputs {
  readonly count: number;
  readonly classes: readonly string[];
  readonly values: Float64Array;
}

/** What a task other than classification makes of a model's answers. */
export interface JudgedOutputs extends Outputs {
  /** `outcomes[(image * classes.length + class) * outcomes of the task + outcome]`; NaN where not defined. */
  readonly outcomes: Float64Array;
  /** `evidence[image * columns + column]`; of tasks with evidence columns. */
  readonly evidence?: Float64Array;
}

/** An encoder's answers: one vector per image, `values[image * width + dimension]`, as they came. */
export interface Embeddings {
  readonly count: number;
  readonly width: number;
  readonly values: Float32Array;
}

/** A white-box answer: what `predict` says, and how it changes with the image. */
export interface ClassGradients {
  readonly outputs: Outputs;
  /** d logit(probability of the class) / d stored value, laid out as the batch: N×C×H×W. */
  readonly data: Float32Array;
}

/** Pillow's filters of the same names, antialiased (`area` is its BOX); `nearest` takes the pixel under the centre. */
export type ResizeRule = "bilinear" | "bicubic" | "lanczos" | "area" | "nearest";

export interface ModelInput {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** How images of another size are resampled; "none" refuses them. */
  readonly resize: ResizeRule | "none";
  /** What becomes of an image's proportions; default: stretch. */
  readonly fit?: Fit;
}

/**
 * How an image of other proportions than the model's becomes an image of its size.
 *
 * `stretch`: by resizing height and width, each for itself. `crop`: the shorter side becomes `shortSide` pixels, and the
 * middle is cut out. `letterbox`: the whole image is made to fit, centred, and what is left is filled with `padding`, a share
 * of the display window: 0 is black.
 */
export type Fit =
  | { readonly kind: "stretch" }
  | { readonly kind: "crop"; readonly shortSide: number }
  | { readonly kind: "letterbox"; readonly padding: number };

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
 * A model that answers with vectors instead of scores. `embed` neither keeps nor changes the batch, and an image's vector
 * does not depend on its neighbours in the batch (the preflight checks it). All vectors of one encoder are of one width.
 */
export interface Encoder {
  readonly meta: Omit<ModelMeta, "classes">;
  /** As a model's. */
  readonly concurrency: number;
  embed(batch: PixelBatch): Promise<Embeddings>;
  close(): Promise<void>;
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
  /** Only where the model is a head over an encoder: the vectors that its scores are made of. */
  embed?(batch: PixelBatch): Promise<Embeddings>;
  /**
   * Only of tasks other than classification: scores are the answers' success in [0, 1], and with them all that is measured. The
   * batch must say whose images it holds.
   */
  judge?(batch: PixelBatch): Promise<JudgedOutputs>;
  /** Only where the model can be differentiated: the gradient of one class's logit. Costs as much as one query each. */
  gradient?(batch: PixelBatch, classIndex: number): Promise<ClassGradients>;
  close(): Promise<void>;
}
