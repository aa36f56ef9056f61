import { StepwedgeError } from "../core/errors.js";
import type { Embeddings, Encoder, JudgedOutputs, Model, ModelMeta, Outputs } from "../core/model.js";
import type { PixelBatch } from "../core/pixels.js";
import type { Judge, Reference } from "../core/task.js";
import { UnusableEmbedding } from "./headed-model.js";
import { columnsOf, type PlannedTask } from "./plan.js";
import type { ReferenceStandard } from "./reference-standard.js";

/** A model of a task other than classification: its scores are how well each answer does against the reference standard. */
export class JudgedModel implements Model {
  readonly meta: ModelMeta;
  readonly concurrency: number;
  #judge: Judge | null = null;
  #width = 0;

  constructor(
    readonly encoder: Encoder,
    readonly task: PlannedTask,
    readonly references: ReferenceStandard,
  ) {
    this.meta = { ...encoder.meta, classes: task.classes };
    this.concurrency = encoder.concurrency;
  }

  embed(batch: PixelBatch): Promise<Embeddings> {
    return this.encoder.embed(batch);
  }

  async predict(batch: PixelBatch): Promise<Outputs> {
    const { answers, judge, references } = await this.#ask(batch);
    return this.#outputs(answers, references, judge);
  }

  async judge(batch: PixelBatch): Promise<JudgedOutputs> {
    const { answers, judge, references } = await this.#ask(batch);
    const { classes } = this.meta;
    const measured = columnsOf(this.task).length;
    const outcomes = new Float64Array(answers.count * classes.length * measured);
    references.forEach((one, image) => {
      outcomes.set(judge.outcomes(answerOf(answers, image), one), image * classes.length * measured);
    });
    return { ...this.#outputs(answers, references, judge), outcomes };
  }

  /** Scores are rounded to float32, as those of models are. */
  #outputs(answers: Embeddings, references: readonly (readonly (Reference | null)[])[], judge: Judge): Outputs {
    const { classes } = this.meta;
    const values = new Float64Array(answers.count * classes.length);
    references.forEach((one, image) => {
      values.set(judge.success(answerOf(answers, image), one).map(Math.fround), image * classes.length);
    });
    return { count: answers.count, classes, values };
  }

  async #ask(batch: PixelBatch) {
    const [answers, references] = await Promise.all([this.encoder.embed(batch), this.#referencesOf(batch)]);
    const at = answers.values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw unusable(Math.floor(at / answers.width), answers.values[at] as number);
    return { answers, judge: this.#judgeOf(answers.width), references };
  }

  #referencesOf({ count, subjects }: PixelBatch): Promise<readonly (readonly (Reference | null)[])[]> {
    if (subjects?.length !== count || subjects.some((row) => row < 0)) {
      throw new StepwedgeError("asks about images of its own making, which have no reference standard", {
        where: "attacks or defenses",
        remedy: `Leave out attacks and defenses that learn from such images; with task: ${this.task.plugin.meta.id} only answers about samples can be measured.`,
      });
    }
    return Promise.all(Array.from(subjects, (row) => this.references.of(row)));
  }

  #judgeOf(width: number): Judge {
    if (this.#judge === null || this.#width !== width) {
      const { classes, parameters, plugin } = this.task;
      this.#judge = plugin.open({ classes, parameters, geometry: this.meta.input, width });
      this.#width = width;
    }
    return this.#judge;
  }

  close(): Promise<void> {
    return this.encoder.close();
  }
}

function answerOf({ values, width }: Embeddings, image: number): Float32Array {
  return values.subarray(image * width, (image + 1) * width);
}

function unusable(image: number, value: number): UnusableEmbedding {
  return new UnusableEmbedding(image, value, "model", "the model", "answer");
}
