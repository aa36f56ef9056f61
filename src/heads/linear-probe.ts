// A linear probe over an encoder: logistic regression on its embeddings, with an L2 penalty. How well a straight cut through the
// embedding tells the classes is the field's common measure of an encoder. Alain & Bengio, arXiv:1610.01644.
import { z } from "zod";
import { StepwedgeError } from "../core/errors.js";
import type { Fitted } from "../core/fitted.js";
import { defineHead, type HeadContext, type HeadSamples } from "../core/head.js";
import type { Random } from "../core/random.js";
import { fitRidgeLogistic, logitsOf, type RidgeLogistic } from "../stats/ridge-logistic.js";

const parameters = z.strictObject({
  l2: z
    .number()
    .positive()
    .default(1)
    .describe("Weight of the penalty ½ l2 ‖w‖² beside the sum of the losses; scikit-learn's C is 1 / l2."),
  standardise: z
    .boolean()
    .default(true)
    .describe("Centre each dimension and divide it by its standard deviation over the tuning samples."),
  folds: z
    .int()
    .min(2)
    .max(50)
    .default(5)
    .describe(
      "Parts of the tuning patients for cross-fitting: operating points are chosen on scores of unseen patients.",
    ),
});
type Parameters = z.output<typeof parameters>;
type Context = HeadContext<Parameters>;

export default defineHead({
  meta: {
    id: "linear-probe",
    title: "Linear probe",
    summary: "Logistic regression with an L2 penalty on the encoder's embeddings, fitted on tuning patients.",
    references: [
      "Alain & Bengio. Understanding intermediate layers using linear classifier probes. arXiv:1610.01644 (2016).",
      "Lin, Weng & Keerthi. Trust region Newton method for large-scale logistic regression. JMLR 9 (2008) 627-650.",
    ],
    parameters,
  },
  source: {
    kind: "tuning",
    fit(samples, context) {
      const models = fitAll(samples, context, everyRow(samples));
      const { classes } = context;
      const stacked = (pick: (model: RidgeLogistic) => Float64Array) =>
        Float32Array.from(models.flatMap((model) => [...pick(model)]));
      const { width } = samples.embeddings;
      return {
        arrays: {
          weights: { shape: [classes.length, width], data: stacked(({ weights }) => weights) },
          intercepts: { shape: [classes.length], data: stacked(({ intercepts }) => intercepts) },
          mean: { shape: [models.length, width], data: stacked(({ mean }) => mean) },
          scale: { shape: [models.length, width], data: stacked(({ scale }) => scale) },
        },
        numbers: { iterations: Math.max(...models.map(({ iterations }) => iterations)) },
      };
    },
    heldOut(samples, _fitted, context) {
      const { classes, parameters, random } = context;
      const { embeddings } = samples;
      const scores = new Float64Array(embeddings.count * classes.length);
      const folds = patientFolds(samples, parameters.folds, random);
      for (let fold = 0; fold < parameters.folds; fold++) {
        const rows = everyRow(samples);
        const models = fitAll(
          samples,
          context,
          rows.filter((row) => folds[row] !== fold),
        );
        for (const row of rows.filter((row) => folds[row] === fold)) {
          const { values, width } = embeddings;
          const one = { count: 1, width, values: values.subarray(row * width, (row + 1) * width) };
          scores.set(probabilities(one, models), row * classes.length);
        }
      }
      return scores;
    },
  },
  score: (embeddings, fitted, context) => probabilities(embeddings, modelsOf(fitted, context)),
});

/** One softmax of a multiclass task with several classes; else a sigmoid for each class. */
function isSoftmax({ classes, task }: Pick<Context, "classes" | "task">): boolean {
  return task === "multiclass" && classes.length > 1;
}

function everyRow({ embeddings }: HeadSamples): Int32Array {
  return Int32Array.from({ length: embeddings.count }, (_, row) => row);
}

/** @throws StepwedgeError where a class has not both labels among the rows, or a fit does not converge */
function fitAll({ embeddings, labels }: HeadSamples, context: Context, rows: Int32Array): RidgeLogistic[] {
  const { classes, parameters } = context;
  const options = { ...parameters, where: "model.head" };
  for (const [index, className] of classes.entries()) {
    const own = labels[index] as Int8Array;
    if (rows.some((row) => own[row] === 1) && rows.some((row) => own[row] === 0)) continue;
    throw new StepwedgeError(`without one part of the tuning patients, class "${className}" has not both labels`, {
      where: "model.head.folds",
      remedy: "Cross-fitting needs both labels among at least two tuning patients each: widen the tuning split.",
    });
  }
  if (isSoftmax(context)) {
    const single = rows.filter((row) => soleClass(labels, row) !== -1);
    const targets = Array.from(single, (row) => soleClass(labels, row));
    return [fitRidgeLogistic(embeddings, single, targets, classes.length, options)];
  }
  return labels.map((own) => {
    const labelled = rows.filter((row) => own[row] !== -1);
    const targets = Array.from(labelled, (row) => own[row] as number);
    return fitRidgeLogistic(embeddings, labelled, targets, 1, options);
  });
}

/** The one class that a sample is labelled with; -1 where it is none or several. */
function soleClass(labels: readonly Int8Array[], row: number): number {
  const positive = labels.findIndex((own) => own[row] === 1);
  return positive !== -1 && labels.every((own, index) => index === positive || own[row] !== 1) ? positive : -1;
}

/**
 * Deals patients out to folds: shuffled, then those with the same classes one after the other, so that every fold gets its
 * share of each.
 */
function patientFolds({ labels, patients }: HeadSamples, folds: number, random: Random): Int32Array {
  const signatures = new Map<number, Uint8Array>();
  patients.forEach((patient, row) => {
    const own = signatures.get(patient) ?? new Uint8Array(labels.length);
    for (const [index, label] of labels.entries()) if (label[row] === 1) own[index] = 1;
    signatures.set(patient, own);
  });
  const persons = [...signatures.keys()].sort((a, b) => a - b);
  const shuffled = Array.from(random.permutation(persons.length), (index) => persons[index] as number);
  const word = (patient: number) => (signatures.get(patient) ?? []).join("");
  // A stable sort: the shuffled order stands among those of one signature.
  shuffled.sort((a, b) => (word(a) < word(b) ? -1 : word(a) > word(b) ? 1 : 0));
  const foldOf = new Map(shuffled.map((patient, place) => [patient, place % folds]));
  return Int32Array.from(patients, (patient) => foldOf.get(patient) ?? 0);
}

type Linear = Omit<RidgeLogistic, "iterations">;

function modelsOf({ arrays }: Fitted, context: Context): Linear[] {
  const { intercepts, mean, scale, weights } = arrays;
  if (weights === undefined || intercepts === undefined || mean === undefined || scale === undefined) {
    throw new Error("this is no linear probe");
  }
  const [, width = 0] = weights.shape;
  const part = (data: Float32Array, index: number, size: number) =>
    Float64Array.from(data.subarray(index * size, (index + 1) * size));
  const outputs = isSoftmax(context) ? context.classes.length : 1;
  return Array.from({ length: mean.shape[0] ?? 0 }, (_, index) => ({
    outputs,
    width,
    weights: part(weights.data, index, outputs * width),
    intercepts: part(intercepts.data, index, outputs),
    mean: part(mean.data, index, width),
    scale: part(scale.data, index, width),
  }));
}

/** `values[image * classes + class]`. */
function probabilities(embeddings: HeadSamples["embeddings"], models: readonly Linear[]): Float64Array {
  const [first] = models;
  if (first !== undefined && first.outputs > 1) return softmax(logitsOf(embeddings, first), first.outputs);
  const scores = new Float64Array(embeddings.count * models.length);
  for (const [index, model] of models.entries()) {
    logitsOf(embeddings, model).forEach((z, image) => {
      scores[image * models.length + index] = 1 / (1 + Math.exp(-z));
    });
  }
  return scores;
}

function softmax(logits: Float64Array, classes: number): Float64Array {
  for (let from = 0; from < logits.length; from += classes) {
    const row = logits.subarray(from, from + classes);
    const most = Math.max(...row);
    const total = row.reduce((sum, z) => sum + Math.exp(z - most), 0);
    for (let k = 0; k < classes; k++) row[k] = Math.exp((row[k] as number) - most) / total;
  }
  return logits;
}
