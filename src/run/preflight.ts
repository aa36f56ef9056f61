import { received, StepwedgeError } from "../core/errors.js";
import type { Embeddings, Outputs } from "../core/model.js";
import { type PixelBatch, sliceBatch } from "../core/pixels.js";
import type { PreflightCheck } from "../core/record.js";
import type { QueryLedger } from "./ledger.js";

/** Two runs of one batch may differ by this much, and an image alone from the same image in company. */
const TOLERANCE = 1e-6;

/**
 * Asks the model a few images before anything long begins: finite answers, probabilities where promised, the same
 * answer to the same question, and the same answer whatever the company in the batch. Right shapes are checked by the
 * adapter on every answer.
 * @throws StepwedgeError with the check that failed.
 */
export async function preflight(ledger: QueryLedger, batch: PixelBatch): Promise<PreflightCheck[]> {
  const together = await ledger.predict(batch, "preflight");
  const again = await ledger.predict(batch, "preflight");
  const alone: Outputs[] = [];
  for (let image = 0; image < batch.count; image++) {
    alone.push(await ledger.predict(sliceBatch(batch, image, image + 1), "preflight"));
  }
  const separately = Float64Array.from(alone.flatMap((outputs) => [...outputs.values]));

  const unusable = together.values.find((value) => !Number.isFinite(value));
  const outside = together.values.find((value) => value < 0 || value > 1);
  const drift = largestDifference(together.values, again.values);
  const company = largestDifference(together.values, separately);
  const of = `${batch.count} images × ${together.classes.length} classes`;
  const checks: (PreflightCheck & { readonly remedy: string })[] = [
    {
      id: "finite",
      title: "Outputs are finite",
      passed: unusable === undefined,
      detail: unusable === undefined ? of : `received ${received(unusable)}`,
      remedy: "Check the model file and model.input (range, mean, std).",
    },
    {
      id: "probabilities",
      title: "Outputs are probabilities",
      passed: outside === undefined,
      detail: outside === undefined ? of : `received ${received(outside)}, outside [0, 1]`,
      remedy: "Set model.activation to sigmoid or softmax if the model gives logits.",
    },
    {
      id: "repeatable",
      title: "The same input gives the same output",
      passed: drift <= TOLERANCE,
      detail: `largest difference ${drift.toExponential(1)}`,
      remedy: "Export the model in inference mode (no dropout, no random augmentation).",
    },
    {
      id: "batch-invariant",
      title: "A batch of 1 equals a batch of N",
      passed: company <= TOLERANCE,
      detail: `largest difference ${company.toExponential(1)} at N = ${batch.count}`,
      remedy: "Export the model in inference mode (batch normalisation with its trained statistics).",
    },
  ];
  refuseFailed(checks);
  return checks.map(({ remedy: _remedy, ...check }) => check);
}

/** Numbers of an embedding may differ by this much of the image's largest: sums of float32 in another order. */
const EMBEDDING_TOLERANCE = 1e-5;

/**
 * As `preflight`, of an encoder's vectors. The head's scores are left alone: a neighbour more or less is no fault of the
 * encoder's. That the numbers are finite is seen to by whoever asks the encoder, on every answer.
 * @returns the checks, and the width of the vectors
 * @throws StepwedgeError with the check that failed
 */
export async function preflightEncoder(
  ledger: QueryLedger,
  batch: PixelBatch,
): Promise<{ readonly checks: PreflightCheck[]; readonly width: number }> {
  const together = await ledger.embed(batch, "preflight");
  const again = await ledger.embed(batch, "preflight");
  const alone: Embeddings[] = [];
  for (let image = 0; image < batch.count; image++) {
    alone.push(await ledger.embed(sliceBatch(batch, image, image + 1), "preflight"));
  }
  const { width } = together;
  const separately = Float32Array.from(alone.flatMap(({ values }) => [...values]));
  const drift = relativeDifference(together, again.values);
  const company = relativeDifference(together, separately);
  const shown = (difference: number) =>
    `largest difference ${difference.toExponential(1)} of an embedding's largest number`;
  const checks = [
    {
      id: "finite",
      title: "Embeddings are finite",
      passed: true,
      detail: `${batch.count} images × ${width} dimensions`,
      remedy: "",
    },
    {
      id: "repeatable",
      title: "The same input gives the same embedding",
      passed: drift <= EMBEDDING_TOLERANCE,
      detail: shown(drift),
      remedy: "Export the model in inference mode (no dropout, no random augmentation).",
    },
    {
      id: "batch-invariant",
      title: "A batch of 1 equals a batch of N",
      passed: company <= EMBEDDING_TOLERANCE,
      detail: `${shown(company)} at N = ${batch.count}`,
      remedy: "Export the model in inference mode (batch normalisation with its trained statistics).",
    },
  ];
  refuseFailed(checks);
  return { checks: checks.map(({ remedy: _remedy, ...check }) => check), width };
}

/** Of each image relative to its largest number. */
function relativeDifference({ count, values, width }: Embeddings, other: Float32Array): number {
  if (values.length !== other.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let image = 0; image < count; image++) {
    let [most, off] = [0, 0];
    for (let at = image * width; at < (image + 1) * width; at++) {
      most = Math.max(most, Math.abs(values[at] as number));
      off = Math.max(off, Math.abs((values[at] as number) - (other[at] as number)));
    }
    largest = Math.max(largest, off === 0 ? 0 : off / most);
  }
  return largest;
}

function refuseFailed(checks: readonly (PreflightCheck & { readonly remedy: string })[]): void {
  const failed = checks.find((check) => !check.passed);
  if (failed === undefined) return;
  throw new StepwedgeError(`preflight failed: "${failed.title}" does not hold; ${failed.detail}`, {
    where: "model",
    remedy: failed.remedy,
  });
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  let largest = 0;
  for (let index = 0; index < a.length; index++)
    largest = Math.max(largest, Math.abs((a[index] as number) - (b[index] as number)));
  return largest;
}
