import type { OperatingPoint, Study, Subgroup } from "../../src/core/audit.js";
import { CLEAN, type Condition, isClean } from "../../src/core/condition.js";
import { type Random, randomFrom } from "../../src/core/random.js";

export interface FakeStudyOptions {
  readonly seed?: number;
  readonly classes?: readonly string[];
  /** False: clean images alone, as in a record of scores. */
  readonly attacked?: boolean;
  /** False: every label is missing, so that nothing can be estimated. */
  readonly labelled?: boolean;
  /** False: no families of subgroups. */
  readonly grouped?: boolean;
  /** False: the score follows the disease alike on all views, so that there is no weakness to find. */
  readonly shortcut?: boolean;
  /** True: some AP images could not be read. */
  readonly incomplete?: boolean;
  /** False: the attack and its controls leave every score as it is. */
  readonly harmful?: boolean;
  /** So many further families of four groups, drawn at random. */
  readonly sites?: number;
  /** As many conditions at most, the first. */
  readonly conditions?: number;
}

const COUNT = 360;
const EPSILONS = [1, 2, 4, 8].map((levels) => levels / 255);
const AGES = ["0-40", "40-60", "60-80", "80-120", "unknown"] as const;

/**
 * An invented study with the facts of a shortcut learner: on AP views the score follows the view more than the
 * disease, so that AUC is far lower there; one perturbation shifts all scores together (operating-point) or draws the
 * classes together (ranking), and controls do little. Everything is drawn from a seed.
 */
export function fakeStudy(options: FakeStudyOptions = {}): Study {
  const { seed = 1, classes = ["pneumonia"], attacked = true, labelled = true, grouped = true } = options;
  const { shortcut = true, harmful = true, incomplete = false, sites = 0, conditions = Infinity } = options;
  const cohort = drawCohort(randomFrom(seed, "cohort"));
  const drawn = new Map(classes.map((name) => [name, drawClass(cohort, shortcut, randomFrom(seed, "class", name))]));
  const of = (name: string): DrawnClass => {
    const found = drawn.get(name);
    if (found === undefined) throw new Error(`there is no class ${name}`);
    return found;
  };
  return {
    count: COUNT,
    task: "multilabel",
    classes,
    probabilities: true,
    weights: null,
    patients: cohort.patients,
    patientCount: cohort.patientCount,
    clustered: true,
    labels: (name) => (labelled ? of(name).labels : new Int8Array(COUNT).fill(-1)),
    scores(condition, name) {
      const scores = scoresUnder(of(name), harmful ? condition : CLEAN, [seed, name]);
      if (!incomplete) return scores;
      return scores.map((score, sample) => (cohort.view[sample] === "AP" && sample % 7 === 0 ? Number.NaN : score));
    },
    measures: () => null,
    subgroups: [...(grouped ? subgroupsOf(cohort) : subgroupsOf(cohort).slice(0, 1)), ...sitesOf(seed, sites)],
    conditions: attacked ? fakeConditions().slice(0, conditions) : [CLEAN],
    operatingPoints: classes.map(operatingPoint),
    tuning: {
      count: 0,
      patients: new Int32Array(0),
      labels: () => new Int8Array(0),
      scores: () => new Float64Array(0),
    },
    comparators: [
      {
        id: "predecessor",
        scores: (name, condition = CLEAN) =>
          isClean(condition) ? predecessorScores(of(name), randomFrom(seed, name, "predecessor")) : null,
        operatingPoints: classes.map(operatingPoint),
      },
    ],
    attackKnowledge: { "wavelet-universal": "scores", "gaussian-noise": "none", "random-sign": "none" },
  };
}

interface Cohort {
  readonly patients: Int32Array;
  readonly patientCount: number;
  readonly sex: readonly string[];
  readonly age: readonly string[];
  readonly view: readonly string[];
}

/** Three images in ten are a further image of the patient before. */
function drawCohort(random: Random): Cohort {
  const patients = new Int32Array(COUNT);
  const sex: string[] = [];
  const age: string[] = [];
  const view: string[] = [];
  let patient = -1;
  for (let sample = 0; sample < COUNT; sample++) {
    const again = sample > 0 && random.uniform() < 0.3;
    if (!again) patient++;
    patients[sample] = patient;
    sex.push(again ? (sex[sample - 1] as string) : random.uniform() < 0.55 ? "M" : "F");
    age.push(again ? (age[sample - 1] as string) : drawAge(random));
    view.push(random.uniform() < 0.57 ? "AP" : "PA");
  }
  return { patients, patientCount: patient + 1, sex, age, view };
}

function drawAge(random: Random): string {
  const edges = [0.22, 0.58, 0.9, 0.98];
  const draw = random.uniform();
  return AGES[edges.findIndex((edge) => draw < edge)] ?? "unknown";
}

interface DrawnClass {
  readonly labels: Int8Array;
  readonly logits: Float64Array;
}

function drawClass(cohort: Cohort, shortcut: boolean, random: Random): DrawnClass {
  const labels = new Int8Array(COUNT);
  const logits = new Float64Array(COUNT);
  for (let sample = 0; sample < COUNT; sample++) {
    const isAp = shortcut && cohort.view[sample] === "AP";
    const label = random.uniform() < 0.5 ? 1 : 0;
    labels[sample] = label;
    logits[sample] = label * (isAp ? 1.35 : 2.75) + (isAp ? -0.4 : -1.4) + random.normal();
  }
  return { labels, logits };
}

function subgroupsOf(cohort: Cohort): Subgroup[] {
  const everybody = Uint32Array.from({ length: COUNT }, (_, sample) => sample);
  const family = (name: string, column: readonly string[], values: readonly string[]): Subgroup[] =>
    values.map((value) => ({
      family: name,
      values: { [name]: value },
      members: everybody.filter((sample) => column[sample] === value),
    }));
  return [
    { family: null, values: {}, members: everybody },
    ...family("sex", cohort.sex, ["F", "M"]),
    ...family("age", cohort.age, AGES),
    ...family("view", cohort.view, ["AP", "PA"]),
  ];
}

const SITES = ["north", "east", "south", "west"] as const;

function sitesOf(seed: number, families: number): Subgroup[] {
  return Array.from({ length: families }, (_, family) => {
    const random = randomFrom(seed, "sites", family);
    const column = Array.from({ length: COUNT }, () => SITES[Math.floor(4 * random.uniform())]);
    const name = `site-${family + 1}`;
    return SITES.map((value) => ({
      family: name,
      values: { [name]: value },
      members: Uint32Array.from(column.flatMap((one, sample) => (one === value ? [sample] : []))),
    }));
  }).flat();
}

function operatingPoint(className: string): OperatingPoint {
  const chosenOn = { chosenOn: "tuning", n: 180, positives: 91, reason: null, sha256: "0".repeat(64) } as const;
  return { id: "screening", class: className, threshold: sigmoid(0.35), rule: "sensitivity 0.9", ...chosenOn };
}

function fakeConditions(): Condition[] {
  const searched = ["operating-point", "ranking"].flatMap((objective) =>
    EPSILONS.flatMap((epsilon): Condition[] => {
      const attack = { attack: "wavelet-universal", epsilon, norm: "linf", objective } as const;
      return [
        { ...attack, defense: "none" },
        { ...attack, defense: "jpeg", adaptive: false },
        { ...attack, defense: "jpeg", adaptive: true },
      ];
    }),
  );
  const controls = ["gaussian-noise", "random-sign"].flatMap((attack) =>
    EPSILONS.flatMap((epsilon) =>
      ["none", "jpeg"].map((defense): Condition => ({ attack, epsilon, norm: "linf", defense })),
    ),
  );
  return [CLEAN, { ...CLEAN, defense: "jpeg" }, ...searched, ...controls];
}

function scoresUnder(drawn: DrawnClass, condition: Condition, key: readonly (string | number)[]): Float64Array {
  const noise = randomFrom(...key, condition.attack, condition.objective ?? "");
  return drawn.logits.map((logit, sample) =>
    sigmoid(changed(logit, drawn.labels[sample] === 1, condition, noise.normal())),
  );
}

/** A model that sees the same and is less sure of it. */
function predecessorScores({ logits, labels }: DrawnClass, random: Random): Float64Array {
  return logits.map((logit, sample) => sigmoid(0.7 * logit + (labels[sample] === 1 ? 0.1 : 0.2) + random.normal()));
}

/** What a condition does to a logit: a common shift, a drawing together of the classes, a little noise. */
function changed(logit: number, positive: boolean, condition: Condition, noise: number): number {
  const kept = condition.defense === "none" ? 1 : condition.adaptive === true ? 0.8 : 0.35;
  const size = condition.epsilon * 255 * kept;
  const seen = condition.defense === "none" ? logit : logit * 0.96 + 0.02 + 0.05 * noise;
  if (condition.objective === "operating-point") return seen + 0.42 * size + 0.04 * size * noise;
  if (condition.objective === "ranking") return seen + (positive ? -0.08 : 0.06) * size + 0.09 * size * noise;
  if (condition.attack === "random-sign") return seen + 0.13 * size + 0.06 * size * noise;
  if (condition.attack === "gaussian-noise") return seen + 0.05 * size + 0.05 * size * noise;
  return seen;
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}
