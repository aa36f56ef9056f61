import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { Calibration } from "../core/attack.js";
import type { OperatingPoint } from "../core/audit.js";
import { StepwedgeError } from "../core/errors.js";
import type { Fitted } from "../core/fitted.js";
import { sha256 } from "../core/hash.js";
import { imageSize } from "../core/pixels.js";
import { randomFrom } from "../core/random.js";
import { borrowArtifact, type FitPurpose, readArtifact, type StoredFit, writeArtifact } from "./artifact.js";
import { ofTheSame, requireGradients } from "./asking.js";
import { thresholdOf } from "./attacking.js";
import { sheetName } from "./evidence.js";
import { Journal } from "./journal.js";
import { type PlannedFit, type PlannedTraining, strengthOf } from "./plan.js";
import type { ScoringContext } from "./scoring.js";
import { MeteredTarget } from "./target.js";
import { type Fits, fileOf, ready } from "./transform.js";

export const ARTIFACTS_FOLDER = "artifacts";

/** Calibration images are held in memory: no more of them than fit into this (as float32). */
const CALIBRATION_BYTES = 512 * 2 ** 20;

/** Where a fit with this key is kept, within a folder of artifacts. */
export function artifactFile(key: string): string {
  return `${sheetName(key)}.json`;
}

/** Does one search of an attack on the tuning split, or takes it from where it was done already. */
export function fitAttack(
  { key, attack, defense }: PlannedFit,
  context: ScoringContext,
  operatingPoints: readonly OperatingPoint[],
  trained: Fits,
): Promise<StoredFit> {
  const { geometry } = context.images;
  const strength = strengthOf(attack, geometry.maxValue);
  const { fit: search, meta } = attack.plugin;
  if (search === undefined) throw new Error(`${meta.id} has no search`);
  if (meta.knowledge === "gradient") requireGradients(context.ledger, meta.id);
  const purpose: ClassPurpose = {
    family: "attacks",
    id: meta.id,
    parameters: attack.parameters,
    geometry,
    class: classOf(attack.entry.class, context),
    strength,
    ...(attack.objective === null ? {} : { objective: attack.objective }),
    ...(defense === null ? {} : { defense: { id: defense.entry.id, parameters: defense.parameters } }),
  };
  const work: Work = {
    key,
    purpose,
    folder: attack.entry.fitted,
    budget: attack.entry.queries ?? 0,
    options: { strength, defense: defense === null ? null : ready(defense, trained) },
    learn: (calibration, target, progress) =>
      search(calibration, {
        parameters: attack.parameters,
        strength,
        objective: attack.objective,
        geometry,
        target,
        file: fileOf(attack),
        random: randomFrom(context.seed, "search", key),
        progress,
      }),
  };
  return fitOnce(work, context, operatingPoints);
}

/** Trains one defense on the tuning split, or takes it from where it was trained already. */
export function trainDefense(
  { key, defense }: PlannedTraining,
  context: ScoringContext,
  operatingPoints: readonly OperatingPoint[],
): Promise<StoredFit> {
  const { geometry } = context.images;
  const { fit: train, meta } = defense.plugin;
  if (train === undefined) throw new Error(`${meta.id} has no training`);
  const work: Work = {
    key,
    purpose: {
      family: "defenses",
      id: meta.id,
      parameters: defense.parameters,
      geometry,
      class: classOf(defense.entry.class, context),
    },
    folder: defense.entry.fitted,
    budget: defense.entry.queries ?? 0,
    options: { strength: null, defense: null },
    learn: (calibration, target, progress) =>
      train(calibration, {
        parameters: defense.parameters,
        geometry,
        target,
        file: fileOf(defense),
        random: randomFrom(context.seed, "training", key),
        progress,
      }),
  };
  return fitOnce(work, context, operatingPoints);
}

/** Attacks and defenses learn about one class. */
type ClassPurpose = FitPurpose & { readonly class: string };

/** One thing to be learnt on the tuning split. */
interface Work {
  readonly key: string;
  readonly purpose: ClassPurpose;
  /** The folder that `fitted` names, where the result is to be found. */
  readonly folder: string | undefined;
  readonly budget: number;
  readonly options: Pick<MeteredTarget["options"], "strength" | "defense">;
  learn(
    calibration: Calibration,
    target: MeteredTarget,
    progress: (fraction: number, words: string) => void,
  ): Promise<Fitted>;
}

/** Learns, unless the record or the folder named by `fitted` has it. An interrupted search goes on from its journal. */
async function fitOnce(
  work: Work,
  context: ScoringContext,
  operatingPoints: readonly OperatingPoint[],
): Promise<StoredFit> {
  const { baseFolder, ledger, observer, out, seed, signal } = context;
  if (work.folder !== undefined) {
    observer.advance(work.budget, "learnt before");
    const from = join(baseFolder, work.folder, artifactFile(work.key));
    const borrowed = borrowArtifact(from, work.purpose);
    copyFileSync(from, join(out, ARTIFACTS_FOLDER, artifactFile(work.key)));
    return borrowed;
  }
  const path = join(out, ARTIFACTS_FOLDER, artifactFile(work.key));
  const key = sha256(`${context.key} ${work.key}`);
  const done = readArtifact(path, key);
  if (done !== null) {
    ledger.recall(done.queries.search, "search");
    ledger.recall(done.queries.surrogate, "surrogate");
    observer.advance(work.budget, "kept from before");
    return done;
  }
  const journal = new Journal(`${path}.journal`, key);
  try {
    const before = ledger.spent;
    const { calibration, learntFrom } = await loadCalibration(work.purpose, context, operatingPoints);
    const { classIndex } = calibration;
    const threshold = thresholdOf(operatingPoints, work.purpose.class);
    const { budget, options } = work;
    const target = new MeteredTarget({ ...options, ledger, budget, journal, seed, signal, classIndex, threshold });
    let reported = 0;
    const fitted = await work.learn(calibration, target, (fraction, words) => {
      observer.advance(target.queriesUsed - reported, work.key);
      reported = target.queriesUsed;
      observer.search(work.key, fraction, words);
    });
    observer.advance(budget - reported, work.key);
    const queries = {
      search: ledger.spent.search - before.search,
      surrogate: ledger.spent.surrogate - before.surrogate,
    };
    const stored = writeArtifact(path, { key, purpose: work.purpose, fitted, queries, learntFrom });
    journal.remove();
    return stored;
  } catch (error) {
    journal.close();
    throw error;
  }
}

function classOf(name: string | undefined, { ledger }: ScoringContext): string {
  return name ?? ledger.model.meta.classes[0] ?? "";
}

/**
 * The tuning images that have a label of the class; where they are too many for memory, a seeded draw.
 * @throws StepwedgeError where both classes are not there.
 */
async function loadCalibration(
  { class: className, id, family }: ClassPurpose,
  { images, ledger, roster, seed }: ScoringContext,
  operatingPoints: readonly OperatingPoint[],
): Promise<{ readonly calibration: Calibration; readonly learntFrom: readonly string[] }> {
  const { classes } = ledger.model.meta;
  const all = roster.labels[className] ?? new Int8Array(0);
  const labelled = Array.from(all.keys()).filter((row) => all[row] !== -1);
  const most = Math.floor(CALIBRATION_BYTES / (4 * imageSize(images.geometry)));
  const chosen = labelled.length <= most ? labelled : draw(labelled, most, seed);
  const labels = Uint8Array.from(chosen, (row) => all[row] as number);
  const positives = labels.reduce((total, label) => total + label, 0);
  // Of other tasks every sample that has a reference counts as positive: an attack is to lower its success.
  const isOneClass = positives === 0 || (positives === labels.length && ledger.model.judge === undefined);
  if (isOneClass) {
    throw new StepwedgeError(
      `the tuning split holds ${positives} positives and ${labels.length - positives} negatives of class "${className}"`,
      {
        where: `${family}, ${id}`,
        remedy: "It learns on tuning samples of both classes: widen the tuning split.",
      },
    );
  }
  const rows = Int32Array.from(chosen, (row) => roster.rows[row] as number);
  const { batch, kept, sha256: learntFrom } = await images.load(rows);
  if (kept.length < rows.length) throw new Error("a tuning image that was scored cannot be read any more");
  const patients = Int32Array.from(chosen, (row) => roster.patients[row] as number);
  const point = operatingPoints.find((candidate) => candidate.class === className);
  const classIndex = classes.indexOf(className);
  return {
    calibration: {
      images: ofTheSame({ ...batch, subjects: rows }, batch),
      labels,
      patients,
      classIndex,
      threshold: point?.threshold ?? null,
    },
    learntFrom,
  };
}

function draw(rows: readonly number[], count: number, seed: number): number[] {
  const order = randomFrom(seed, "calibration").permutation(rows.length);
  return Array.from(order.subarray(0, count), (index) => rows[index] as number).sort((a, b) => a - b);
}
