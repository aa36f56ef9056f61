import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import type { Protocol } from "./schema.js";

/** What the baseline is called in gates and findings. */
export const BASELINE = "baseline";
/** The file that says what a baseline is, with the hash of every other file of it. */
export const BASELINE_FILE = "baseline.json";
/** The audit that makes paired differences. */
export const COMPARISON = "comparison";

/** Measures that the audit of comparisons makes only where its parameter `further` asks for them. */
export const FURTHER = [
  "average-precision",
  "ppv",
  "npv",
  "accuracy",
  "auc-gap",
  "sensitivity-gap",
  "specificity-gap",
] as const;

/** `auc` and `auc-advantage` are one: what a gate against another model may name either way. */
export function baseMetric(metric: string): string {
  return metric.replace(/-advantage$/, "");
}

/** The metric of the paired difference that a gate against another model judges. */
export function advantageOf(metric: string): string {
  return `${baseMetric(metric)}-advantage`;
}

/**
 * Fills in the baseline's hash, so that the protocol's own hash covers all that it is held against.
 * @throws StepwedgeError where there is no baseline, or another one than the protocol names
 */
export function withBaseline(protocol: Protocol, baseFolder: string): Protocol {
  const { baseline } = protocol;
  if (baseline === undefined) return protocol;
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(resolve(baseFolder, baseline.path), BASELINE_FILE));
  } catch (cause) {
    throw new StepwedgeError(`is no baseline: it has no ${BASELINE_FILE}`, {
      where: `baseline.path, ${baseline.path}`,
      remedy: "Make one of a finished record by `stepwedge bless`; the path is relative to the protocol file.",
      cause,
    });
  }
  const found = sha256(bytes);
  if (baseline.sha256 !== undefined && baseline.sha256 !== found) {
    throw new StepwedgeError(`is another baseline: its ${BASELINE_FILE} has the SHA-256 ${found}`, {
      where: `baseline.path, ${baseline.path}`,
      remedy: `The protocol was fixed against ${baseline.sha256}. Put that baseline back, or, knowingly, name the new hash.`,
    });
  }
  return { ...protocol, baseline: { ...baseline, sha256: found } };
}
