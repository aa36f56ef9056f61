import { StepwedgeError } from "../core/errors.js";
import type { Embeddings, Encoder, JudgedOutputs, Model, ModelMeta, Outputs } from "../core/model.js";
import type { PixelBatch } from "../core/pixels.js";
import type { Judge, Reference, SampleBank } from "../core/task.js";
import { UnusableEmbedding } from "./headed-model.js";
import { columnsOf, type PlannedTask } from "./plan.js";
import type { ReferenceStandard } from "./reference-standard.js";

/** A model of a task other than classification: its scores are how well each answer does against the reference standard. */
export class JudgedModel implements Model {
  readonly meta: ModelMeta;
  readonly concurrency: number;
  #judge: Judge | null = null;
  #width = 0;
  #bank: SampleBank | null = null;

  constructor(
    readonly encoder: Encoder,
    readonly task: PlannedTask,
    readonly references: ReferenceStandard,
  ) {
    this.meta = { ...encoder.meta, classes: task.classes };
    this.concurrency = encoder.concurrency;
  }

  /** @throws UnusableEmbedding where the answers are embeddings and a number is NaN or infinite */
  async embed(batch: PixelBatch): Promise<Embeddings> {
    const embeddings = await this.encoder.embed(batch);
    if (!this.needsBank) return embeddings;
    const { values, width } = embeddings;
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw new UnusableEmbedding(Math.floor(at / width), values[at] as number);
    return embeddings;
  }

  /** Whether answers are held against other samples' embeddings. */
  get needsBank(): boolean {
    return this.task.plugin.meta.reference === "sample";
  }

  /** From here on answers are held against these embeddings. */
  use(bank: SampleBank): void {
    this.#bank = bank;
    this.#judge = null;
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
    const values = new Float64Array(answers.count * classes.length);
    const { parameters, plugin } = this.task;
    const columns = plugin.evidence?.(parameters).length ?? 0;
    const evidence = new Float64Array(answers.count * columns);
    references.forEach((one, image) => {
      const answer = answerOf(answers, image);
      values.set(worth(judge, answer, one), image * classes.length);
      outcomes.set(judge.outcomes(answer, one), image * classes.length * measured);
      if (columns > 0) evidence.set(judge.evidence?.(answer, one) ?? [], image * columns);
    });
    return { count: answers.count, classes, values, outcomes, evidence };
  }

  #outputs(answers: Embeddings, references: readonly (readonly (Reference | null)[])[], judge: Judge): Outputs {
    const { classes } = this.meta;
    const values = new Float64Array(answers.count * classes.length);
    references.forEach((one, image) => {
      values.set(worth(judge, answerOf(answers, image), one), image * classes.length);
    });
    return { count: answers.count, classes, values };
  }

  async #ask(batch: PixelBatch) {
    const [answers, references] = await Promise.all([this.embed(batch), this.#referencesOf(batch)]);
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
      const bank = this.#bank === null ? {} : { bank: this.#bank };
      this.#judge = plugin.open({ classes, parameters, geometry: this.meta.input, width, ...bank });
      this.#width = width;
    }
    return this.#judge;
  }

  close(): Promise<void> {
    return this.encoder.close();
  }
}

/** Scores are rounded to float32, as those of models are. */
function worth(judge: Judge, answer: Float32Array, references: readonly (Reference | null)[]): Float64Array {
  return judge.success(answer, references).map(Math.fround);
}

function answerOf({ values, width }: Embeddings, image: number): Float32Array {
  return values.subarray(image * width, (image + 1) * width);
}

function unusable(image: number, value: number): UnusableEmbedding {
  return new UnusableEmbedding(image, value, "model", "the model", "answer");
}
