import { received, StepwedgeError } from "../core/errors.js";
import type { Outputs } from "../core/model.js";
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
  const failed = checks.find((check) => !check.passed);
  if (failed !== undefined) {
    throw new StepwedgeError(`preflight failed: "${failed.title}" does not hold; ${failed.detail}`, {
      where: "model",
      remedy: failed.remedy,
    });
  }
  return checks.map(({ remedy: _remedy, ...check }) => check);
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  let largest = 0;
  for (let index = 0; index < a.length; index++)
    largest = Math.max(largest, Math.abs((a[index] as number) - (b[index] as number)));
  return largest;
}
