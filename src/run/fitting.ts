import { join } from "node:path";
import type { Calibration } from "../core/attack.js";
import type { OperatingPoint } from "../core/audit.js";
import { StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { imageSize } from "../core/pixels.js";
import { randomFrom } from "../core/random.js";
import { readArtifact, type StoredFit, writeArtifact } from "./artifact.js";
import { sheetName } from "./evidence.js";
import { Journal } from "./journal.js";
import type { PlannedFit } from "./plan.js";
import { strengthOf } from "./plan.js";
import type { ScoringContext } from "./scoring.js";
import { MeteredTarget } from "./target.js";
import { fileOf } from "./transform.js";

export const ARTIFACTS_FOLDER = "artifacts";

/** Calibration images are held in memory: no more of them than fit into this (as float32). */
const CALIBRATION_BYTES = 512 * 2 ** 20;

/**
 * Does one search on the tuning split, or takes it from the record where it is done already. An interrupted search
 * goes on: its answered queries are replayed from the journal.
 */
export async function fitAttack(
  planned: PlannedFit,
  context: ScoringContext,
  operatingPoints: readonly OperatingPoint[],
): Promise<StoredFit> {
  const { ledger, observer, out, seed } = context;
  const path = join(out, ARTIFACTS_FOLDER, `${sheetName(planned.key)}.json`);
  const key = sha256(`${context.key} ${planned.key}`);
  const done = readArtifact(path, key);
  if (done !== null) {
    ledger.recall(done.queries, "search");
    observer.advance(done.queries, "kept from before");
    return done;
  }
  const { attack, defense } = planned;
  const journal = new Journal(`${path}.journal`, key);
  try {
    const strength = strengthOf(attack, context.images.geometry.maxValue);
    const budget = attack.entry.queries ?? 0;
    const target = new MeteredTarget({ ledger, strength, defense, budget, journal, seed, signal: context.signal });
    const calibration = await loadCalibration(planned, context, operatingPoints);
    if (attack.plugin.fit === undefined) throw new Error(`${attack.entry.id} has no search`);
    let reported = 0;
    const fitted = await attack.plugin.fit(calibration, {
      parameters: attack.parameters,
      strength,
      objective: attack.objective,
      geometry: context.images.geometry,
      target,
      file: fileOf(attack),
      random: randomFrom(seed, "search", planned.key),
      progress(fraction, words) {
        observer.advance(target.queriesUsed - reported, planned.key);
        reported = target.queriesUsed;
        observer.search(planned.key, fraction, words);
      },
    });
    observer.advance(budget - reported, planned.key);
    const stored = writeArtifact(path, key, fitted, target.queriesUsed);
    journal.remove();
    return stored;
  } catch (error) {
    journal.close();
    throw error;
  }
}

/**
 * The tuning images that have a label of the attacked class; where they are too many for memory, a seeded draw.
 * @throws StepwedgeError where both classes are not there.
 */
async function loadCalibration(
  { attack }: PlannedFit,
  { images, ledger, roster, seed }: ScoringContext,
  operatingPoints: readonly OperatingPoint[],
): Promise<Calibration> {
  const classes = ledger.model.meta.classes;
  const className = attack.entry.class ?? classes[0] ?? "";
  const all = roster.labels[className] ?? new Int8Array(0);
  const labelled = Array.from(all.keys()).filter((row) => all[row] !== -1);
  const most = Math.floor(CALIBRATION_BYTES / (4 * imageSize(images.geometry)));
  const chosen = labelled.length <= most ? labelled : draw(labelled, most, seed);
  const labels = Uint8Array.from(chosen, (row) => all[row] as number);
  const positives = labels.reduce((total, label) => total + label, 0);
  if (positives === 0 || positives === labels.length) {
    throw new StepwedgeError(
      `the tuning split holds ${positives} positives and ${labels.length - positives} negatives of class "${className}"`,
      {
        where: `attacks, ${attack.entry.id}`,
        remedy: "A universal attack learns on tuning samples of both classes: widen the tuning split.",
      },
    );
  }
  const { batch } = await images.load(chosen.map((row) => roster.rows[row] as number));
  const point = operatingPoints.find((candidate) => candidate.class === className);
  const patients = Int32Array.from(chosen, (row) => roster.patients[row] as number);
  return {
    images: batch,
    labels,
    patients,
    classIndex: classes.indexOf(className),
    threshold: point?.threshold ?? null,
  };
}

function draw(rows: readonly number[], count: number, seed: number): number[] {
  const order = randomFrom(seed, "calibration").permutation(rows.length);
  return Array.from(order.subarray(0, count), (index) => rows[index] as number).sort((a, b) => a - b);
}
