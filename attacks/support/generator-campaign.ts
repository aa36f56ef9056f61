import type { Calibration, FitContext, Strength } from "../../src/core/attack.js";
import type { Outputs } from "../../src/core/model.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";
import type { TrainingBackend, Weights } from "../../src/training/network.js";
import { filterBank, type WaveletName } from "../../src/wavelet/filters.js";
import { areExclusive, extendPool, marginsOf, type Perturb, Pool, randomBands } from "./distillation.js";
import { Generator, type Space } from "./generator.js";
import type { LossName } from "./generator-losses.js";
import { GeneratorRunner } from "./generator-runner.js";
import {
  Distillation,
  type GeneratorSchedule,
  type GeneratorTask,
  rateAt,
  type Teacher,
  trainGenerator,
} from "./generator-training.js";
import { agreement, pushed, type SurrogateView, viewOf } from "./generator-transfer.js";
import { gatherImages } from "./sampling.js";

export interface GeneratorSettings {
  readonly form: "universal" | "image";
  readonly space: Space;
  readonly loss: LossName;
  readonly wavelet: WaveletName;
  readonly levels: number;
  readonly side: number;
  readonly rounds: number;
  readonly steps: number;
  readonly surrogateSteps: number;
  readonly batch: number;
  readonly features: number;
  readonly surrogateFeatures: number;
  readonly learningRate: number;
  readonly surrogateRate: number;
  readonly checks: number;
}

export interface Snapshot {
  readonly weights: Weights;
  /** Mean of sigmoids of the margins: the smooth share of flips, which snapshots are compared by. */
  readonly pushed: number;
  /** Share of the confirmation images whose decision the target changes. */
  readonly flips: number;
}

/** Shares of the images and of the queries that confirmation may take. */
const CONFIRMATION_IMAGES = 0.3;
const CONFIRMATION_QUERIES = 0.25;
/** Share of the surrogate's queries and steps that the first round takes; the others divide the rest. */
const FIRST_ROUND = 0.5;
/** How often a network meets every pool image, at most: a small pool is soon learnt. */
const EPOCHS = 6;
/** Chance that a later round's question is about a random texture again. */
const REHEARSAL = 0.3;

/** How often images must be halved until no side is longer than `side`. */
export function halvingsFor({ height, width }: ImageGeometry, side: number): number {
  return Math.max(0, Math.ceil(Math.log2(Math.max(height, width) / side)));
}

/** The generator of those settings, for images of that geometry. */
export function generatorOf(
  { space, wavelet, levels, features }: GeneratorSettings,
  { channels, height, width, maxValue }: ImageGeometry,
  strength: Strength,
  halvings: number,
): Generator {
  const bank = filterBank(wavelet);
  return new Generator({ channels, height, width, maxValue, space, bank, levels, features, strength, halvings });
}

/** Fewer queries than this make no sense: one image confirmed, and a handful for the surrogate. */
export function fewestQueries({ rounds, checks }: GeneratorSettings): number {
  return 16 + 2 * (1 + rounds * checks);
}

/** Splits the calibration by patients, and the queries between confirmation and surrogate. */
export function planCampaign(calibration: Calibration, settings: GeneratorSettings, queries: number, random: Random) {
  const patients = [...new Set(calibration.patients)];
  const order = Array.from(random.permutation(patients.length), (index) => patients[index] as number);
  const images = Array.from(calibration.patients.keys());
  const checks = 1 + settings.rounds * settings.checks;
  const most = Math.max(1, Math.floor((CONFIRMATION_QUERIES * queries) / checks));
  const wanted = Math.min(most, Math.max(1, Math.round(CONFIRMATION_IMAGES * images.length)));
  const confirmation: number[] = [];
  while (confirmation.length < wanted && order.length > 1) {
    const patient = order.pop();
    confirmation.push(...images.filter((image) => calibration.patients[image] === patient));
  }
  const learning = images.filter((image) => order.includes(calibration.patients[image] as number));
  const confirmed = confirmation.slice(0, most);
  return {
    learning: Uint32Array.from(learning),
    confirmation: Uint32Array.from(confirmed),
    surrogateQueries: queries - confirmed.length * checks,
  };
}

/** One fit: the state that its rounds share. */
export class Campaign {
  readonly #random: Random;
  readonly #small: Generator;
  readonly #whole: Generator;
  readonly #latent: Float32Array | null;
  readonly #texture: Perturb;
  readonly #surrogateSteps: number;
  readonly #generatorSteps: number;
  #weights: Weights = new Map();
  #best: Snapshot = { weights: this.#weights, pushed: Number.NEGATIVE_INFINITY, flips: 0 };
  #done = 0;

  private constructor(
    readonly settings: GeneratorSettings,
    readonly calibration: Calibration,
    readonly context: FitContext<GeneratorSettings>,
    readonly backend: TrainingBackend,
    readonly learning: Uint32Array,
    /** Images of the other patients, and what the target says about them. */
    readonly held: PixelBatch,
    readonly heldOutputs: Outputs,
    readonly halvings: number,
    readonly pool: Pool,
    readonly teacher: Teacher,
  ) {
    const { geometry, strength, random } = context;
    this.#random = random;
    const { height, width } = pool;
    this.#whole = generatorOf(settings, geometry, strength, halvings);
    this.#small = generatorOf(settings, { ...geometry, height, width }, strength, 0);
    this.#latent = settings.form === "universal" ? this.#small.drawLatent(random.fork("latent")) : null;
    this.#texture = randomBands(geometry, filterBank(settings.wavelet), settings.levels + halvings, strength);
    const most = Math.ceil((EPOCHS * pool.capacity) / (2 * settings.batch));
    this.#surrogateSteps = Math.min(settings.surrogateSteps, most);
    this.#generatorSteps = Math.min(settings.steps, most);
  }

  static async start(
    calibration: Calibration,
    context: FitContext<GeneratorSettings>,
    backend: TrainingBackend,
    given: Teacher | null,
  ): Promise<Campaign> {
    const { geometry, parameters: settings, random, strength, target } = context;
    const plan = planCampaign(calibration, settings, target.queriesLeft, random.fork("patients"));
    const held = take(calibration.images, plan.confirmation);
    const outputs = await target.predictCandidates(held, held);
    // A surrogate that was given sees the images at its own size, and needs each learning image's answer once or twice.
    const halvings = given === null ? halvingsFor(geometry, settings.side) : 0;
    const wanted = given === null ? plan.surrogateQueries : Math.min(plan.surrogateQueries, 8 * plan.learning.length);
    const pool = new Pool(geometry, halvings, outputs.classes.length, wanted);
    const shape = {
      width: settings.surrogateFeatures,
      outputs: pool.classes,
      amplification: 0.5 / sizePerPixel(strength, geometry),
    };
    const teacher = given ?? (await Distillation.start(backend, pool, settings.batch, shape, random.fork("surrogate")));
    const { learning } = plan;
    return new Campaign(settings, calibration, context, backend, learning, held, outputs, halvings, pool, teacher);
  }

  get classIndex(): number {
    return this.calibration.classIndex;
  }

  get best(): Snapshot {
    return this.#best;
  }

  get latent(): Float32Array | null {
    return this.#latent;
  }

  get steps(): { readonly surrogate: number; readonly generator: number } {
    return { surrogate: this.#surrogateSteps, generator: this.#generatorSteps };
  }

  /** Asks the target about images and their perturbations, and lets the surrogate learn the answers. */
  async distil(round: number): Promise<void> {
    const { pool, calibration, context, settings } = this;
    const random = this.#random.fork("pool", round);
    const end = Math.round(pool.capacity * shareUntil(round, settings.rounds));
    const runner = round === 0 ? null : await this.open(this.#weights);
    const perturb: Perturb = async (image, stream, out) => {
      if (runner === null || stream.uniform() < REHEARSAL) return this.#texture(image, stream, out);
      out.set(await runner.perturbation(image));
    };
    await extendPool(pool, end, calibration, this.learning, context.target, perturb, random);
    await runner?.close();
    const steps = portion(this.#surrogateSteps, round, settings.rounds);
    await this.teacher.run(steps, settings.surrogateRate / (1 + round), (loss) =>
      this.#advance(1, `round ${round + 1}, surrogate: error ${loss.toFixed(2)}`),
    );
  }

  /** Trains the generator against the surrogate, and asks the target about snapshots. */
  async train(round: number): Promise<void> {
    const { settings, backend, pool } = this;
    const task: GeneratorTask = {
      generator: this.#small,
      latent: this.#latent,
      surrogate: await this.teacher.surrogate(),
      loss: settings.loss,
      situation: { exclusive: areExclusive(this.heldOutputs), classIndex: this.classIndex },
      batch: settings.batch,
    };
    const [steps, parts] = [this.#generatorSteps, settings.rounds * settings.checks];
    const rates = Array.from({ length: steps }, (_, step) => rateAt(step, steps, settings.learningRate));
    const border = (part: number) => Math.round((part * steps) / parts);
    const first = round * settings.checks;
    const schedule: GeneratorSchedule = {
      initial: this.#weights,
      parts: Array.from({ length: settings.checks }, (_, check) =>
        rates.slice(border(first + check), border(first + check + 1)),
      ),
      afterStep: (loss) => this.#advance(2, `round ${round + 1}, generator: ${settings.loss} ${loss.toFixed(2)}`),
      afterPart: async (weights) => {
        this.#weights = weights;
        await this.#check();
      },
    };
    await trainGenerator(backend, task, pool, schedule, this.#random.fork("generator", round));
  }

  /** The kept generator's images of the held-out patients, as the surrogate sees them. */
  async view(attacked: PixelBatch): Promise<SurrogateView> {
    return viewOf(await this.teacher.surrogate(), this.backend, this.held, attacked, this.halvings);
  }

  async open(weights: Weights): Promise<GeneratorRunner> {
    return GeneratorRunner.open(this.backend, this.#whole, this.context.geometry, weights, this.#latent);
  }

  close(): Promise<void> {
    return this.teacher.close();
  }

  async #check(): Promise<void> {
    const runner = await this.open(this.#weights);
    const candidates = await runner.add(this.held);
    await runner.close();
    const outputs = await this.context.target.predictCandidates(this.held, candidates);
    const [clean, attacked] = [this.heldOutputs, outputs].map((each) => marginsOf(each, this.calibration)) as [
      Float32Array,
      Float32Array,
    ];
    const classes = outputs.classes.length;
    const value = pushed(clean, attacked, classes, this.classIndex);
    if (value <= this.#best.pushed) return;
    const flips = 1 - agreement(clean, attacked, classes, this.classIndex);
    this.#best = { weights: this.#weights, pushed: value, flips };
  }

  #advance(steps: number, words: string): void {
    this.#done += steps;
    const flips = `${Math.round(100 * this.#best.flips)} % of other patients' decisions flip`;
    this.context.progress(this.#done / (this.#surrogateSteps + 2 * this.#generatorSteps), `${words}; ${flips}`);
  }
}

/** Root mean square of a perturbation as large as ε, as a fraction of the window. */
function sizePerPixel(strength: Strength, geometry: ImageGeometry): number {
  if (strength.kind !== "epsilon") throw new Error("a generator goes by epsilon");
  return strength.norm === "linf" ? strength.epsilon : strength.epsilon / Math.sqrt(imageSize(geometry));
}

/** The share of a quantity that is used when a round ends. */
function shareUntil(round: number, rounds: number): number {
  return rounds === 1 ? 1 : FIRST_ROUND + ((1 - FIRST_ROUND) * round) / (rounds - 1);
}

function portion(total: number, round: number, rounds: number): number {
  const before = round === 0 ? 0 : Math.round(total * shareUntil(round - 1, rounds));
  return Math.round(total * shareUntil(round, rounds)) - before;
}

function take(images: PixelBatch, indices: Uint32Array): PixelBatch {
  return gatherImages(images, indices, createBatch(images, indices.length));
}
