import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Strength } from "../core/attack.js";
import { conditionKey, withoutDefense } from "../core/condition.js";
import { sha256 } from "../core/hash.js";
import type { PixelBatch } from "../core/pixels.js";
import type { OperatingPoint } from "../core/audit.js";
import { SCORES_FOLDER, sheetName } from "./evidence.js";
import { Journal } from "./journal.js";
import { assertSurvivesSaving } from "./lossless.js";
import { measurePerturbation, type SearchEffort } from "./measures.js";
import { MeteredOracle } from "./oracle.js";
import { type PlannedAttack, type PlannedCondition, strengthOf } from "./plan.js";
import type { ScoringContext } from "./scoring.js";
import { type Application, applyDefense, candidatesOf, type Fits, ready, withinBudget } from "./transform.js";

/** Decisions at this threshold are attacked where the protocol has no operating point. */
const DEFAULT_THRESHOLD = 0.5;

/** What attacks asked about the images of one batch, until the batch's scores are kept. */
const ASKED = ".asked.journal";

/** Removes what a run that was killed at the last moment left of its attacks' questions. */
export function forgetQuestions(out: string): void {
  const folder = join(out, SCORES_FOLDER);
  for (const name of readdirSync(folder)) if (name.endsWith(ASKED)) rmSync(join(folder, name), { force: true });
}

/** What the model will see of a batch under one condition. */
export interface Prepared {
  readonly seen: PixelBatch;
  /** The numbers of MEASURES for each image, or null without attack. */
  readonly measures: Float64Array | null;
}

/** What attacks on one batch need to know, whatever the condition. */
export interface BatchAttacks {
  readonly context: ScoringContext;
  readonly fits: Fits;
  readonly originals: PixelBatch;
  /** The batch's first row in the split. */
  readonly first: number;
  readonly keys: readonly string[];
  /** The clean scores of a class, image by image; they are waited for only by attacks that ask about every image. */
  cleanScores(classIndex: number): Promise<Float64Array>;
}

/**
 * Makes what the model will see of a batch under each condition. Conditions that share an attack share its images, and
 * all ε of an attack that looks for the nearest flip share one run.
 */
export class BatchPreparation {
  readonly #attacked = new Map<string, Prepared>();
  readonly #runs = new Map<string, Run>();
  readonly #journals: Journal[] = [];

  constructor(readonly batch: BatchAttacks) {}

  /** Whether anything of what was prepared asked the model about every image. */
  get asks(): boolean {
    return this.#journals.length > 0;
  }

  async prepare(planned: PlannedCondition): Promise<Prepared> {
    const { context, fits, keys } = this.batch;
    const attacked = await this.#attackOnce(planned);
    if (planned.defense === null) return attacked;
    return { ...attacked, seen: await applyDefense(ready(planned.defense, fits), attacked.seen, keys, context.seed) };
  }

  /** To be called once the batch's scores are kept: what the attacks asked need not be remembered any more. */
  forget(): void {
    for (const journal of this.#journals.splice(0)) journal.remove();
  }

  /** To be called when the run stops early: what the attacks asked is kept on disk. */
  close(): void {
    for (const journal of this.#journals.splice(0)) journal.close();
  }

  async #attackOnce(planned: PlannedCondition): Promise<Prepared> {
    const { originals, first } = this.batch;
    const { attack } = planned;
    if (attack === null) return { seen: originals, measures: null };
    const key = attackedKey(planned);
    const known = this.#attacked.get(key);
    if (known !== undefined) return known;
    const strength = strengthOf(attack, originals.maxValue);
    const { candidates, oracle } = await this.#runOnce(planned, attack, strength);
    const attacked = withinBudget(originals, candidates, strength);
    if (first === 0) await assertSurvivesSaving(attacked.images);
    const effort = oracle === null ? null : effortOf(oracle, strength);
    const prepared = {
      seen: attacked.images,
      measures: measurePerturbation(attack, originals, attacked, first, effort),
    };
    this.#attacked.set(key, prepared);
    return prepared;
  }

  /** Runs the attack, or takes what it found for another ε. */
  async #runOnce(planned: PlannedCondition, attack: PlannedAttack, strength: Strength): Promise<Run> {
    if (attack.plugin.meta.perImage !== "minimal") return this.#run(planned, attack, strength);
    const key = runKey(planned);
    const known = this.#runs.get(key) ?? (await this.#run(planned, attack, widest(attack, strength)));
    this.#runs.set(key, known);
    // The base corrects candidates in place; the run's own must stay as they are for the next ε.
    return { ...known, candidates: { ...known.candidates, data: known.candidates.data.slice() } };
  }

  async #run(planned: PlannedCondition, attack: PlannedAttack, strength: Strength): Promise<Run> {
    const { context, fits, keys, originals } = this.batch;
    const fitted = planned.fit === null ? null : (fits.get(planned.fit) ?? null);
    const oracle = attack.plugin.meta.perImage === undefined ? null : await this.#oracle(planned, attack, strength);
    const application: Application = { attack, fitted, oracle, strength, keys, seed: context.seed };
    return { candidates: await candidatesOf(application, originals), oracle };
  }

  async #oracle(planned: PlannedCondition, attack: PlannedAttack, strength: Strength): Promise<MeteredOracle> {
    const { cleanScores, context, first, fits, originals } = this.batch;
    const { ledger, operatingPoints, out, seed, signal } = context;
    const { classes } = ledger.model.meta;
    const className = attack.entry.class ?? classes[0] ?? "";
    const classIndex = classes.indexOf(className);
    const threshold = thresholdOf(operatingPoints, className);
    const scores = await cleanScores(classIndex);
    const key = runKey(planned);
    const journal = new Journal(
      join(out, SCORES_FOLDER, `${sheetName(key)}.${first}${ASKED}`),
      sha256(`${context.key} ${key} ${first} ${originals.count}`),
    );
    this.#journals.push(journal);
    return new MeteredOracle({
      ledger,
      journal,
      seed,
      signal,
      originals,
      strength,
      classIndex,
      threshold,
      defense: planned.adaptive && planned.defense !== null ? ready(planned.defense, fits) : null,
      knowledge: attack.plugin.meta.knowledge,
      cleanDecisions: Uint8Array.from(scores, (score) => (score >= threshold ? 1 : 0)),
      budget: attack.entry.queries ?? 0,
    });
  }
}

interface Run {
  readonly candidates: PixelBatch;
  readonly oracle: MeteredOracle | null;
}

/** The threshold of the class's first operating point that has one. */
export function thresholdOf(points: readonly OperatingPoint[], className: string): number {
  const point = points.find((candidate) => candidate.class === className && candidate.threshold !== null);
  return point?.threshold ?? DEFAULT_THRESHOLD;
}

/** Conditions with this key in common have the same attacked images. */
function attackedKey({ adaptive, condition, fit }: PlannedCondition): string {
  return fit ?? conditionKey(adaptive ? condition : withoutDefense(condition));
}

/** Conditions with this key in common share one run of their attack: those of a minimal attack, whatever their ε. */
export function runKey(planned: PlannedCondition): string {
  if (planned.attack?.plugin.meta.perImage !== "minimal") return attackedKey(planned);
  return attackedKey({ ...planned, condition: { ...planned.condition, epsilon: 0 } });
}

/** The largest ε that the protocol asks of an attack: a run for the nearest flip need not look further than that. */
function widest(attack: PlannedAttack, strength: Strength): Strength {
  if (strength.kind === "severity") return strength;
  const epsilon = Math.max(...(attack.entry.epsilon ?? [strength.epsilon]));
  return { ...strength, epsilon, stored: (strength.stored / strength.epsilon) * epsilon };
}

function effortOf(oracle: MeteredOracle, strength: Strength): SearchEffort {
  const reach = strength.kind === "epsilon" ? strength.epsilon * (1 + 1e-12) : Number.POSITIVE_INFINITY;
  return {
    of(image) {
      const flips = oracle.flips(image);
      const within = flips.find((flip) => flip.distance <= reach);
      return [oracle.queriesUsed(image), within?.queries ?? Number.NaN, flips.at(-1)?.distance ?? Number.NaN];
    },
  };
}
