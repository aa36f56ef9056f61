import type { Condition } from "../../src/core/condition.js";
import { CLEAN } from "../../src/core/condition.js";
import type { SubgroupValues } from "../../src/core/finding.js";
import { type Random, randomFrom } from "../../src/core/random.js";

/**
 * An invented study with the facts of a shortcut learner: on AP views the score follows the view more than the
 * finding, so AUC is far lower there; one perturbation shifts all scores together (operating-point) or mixes them
 * (ranking). Everything is drawn from a seed.
 */
export interface FakeStudy {
  readonly patients: readonly number[];
  readonly labels: readonly (0 | 1)[];
  readonly groups: readonly FakeGroup[];
  readonly conditions: readonly Condition[];
  readonly threshold: number;
  scores(condition: Condition): readonly number[];
}

export interface FakeGroup {
  readonly family: string | null;
  readonly values: SubgroupValues;
  readonly members: readonly number[];
}

const EPSILONS = [1, 2, 4, 8].map((levels) => levels / 255);
const AGES = ["0-40", "40-60", "60-80", "80-120", "unknown"] as const;

export function fakeStudy(seed: number): FakeStudy {
  const random = randomFrom(seed, "fake-study");
  const count = 360;
  const patients: number[] = [];
  const labels: (0 | 1)[] = [];
  const sex: string[] = [];
  const age: string[] = [];
  const view: string[] = [];
  const logits: number[] = [];
  for (let sample = 0; sample < count; sample++) {
    const repeated = sample > 0 && random.uniform() < 0.3;
    patients.push(repeated ? (patients[sample - 1] as number) : sample);
    const positive = random.uniform() < 0.5;
    labels.push(positive ? 1 : 0);
    sex.push(repeated ? (sex[sample - 1] as string) : random.uniform() < 0.55 ? "M" : "F");
    age.push(repeated ? (age[sample - 1] as string) : drawAge(random));
    const isAp = random.uniform() < 0.57;
    view.push(isAp ? "AP" : "PA");
    const separation = isAp ? 1.35 : 2.75;
    logits.push((positive ? separation : 0) + (isAp ? 0.6 : -0.4) - 1 + random.normal());
  }

  const everyone = logits.map((_, sample) => sample);
  const family = (name: string, column: readonly string[], values: readonly string[]): FakeGroup[] =>
    values.map((value) => ({
      family: name,
      values: { [name]: value },
      members: everyone.filter((sample) => column[sample] === value),
    }));
  const groups: FakeGroup[] = [
    { family: null, values: {}, members: everyone },
    ...family("sex", sex, ["F", "M"]),
    ...family("age", age, AGES),
    ...family("view", view, ["AP", "PA"]),
  ];

  return {
    patients,
    labels,
    groups,
    conditions: fakeConditions(),
    threshold: sigmoid(0.35),
    scores: (condition) =>
      logits.map((logit, sample) => {
        const noise = randomFrom(seed, sample, condition.attack, condition.objective ?? "");
        return sigmoid(attacked(logit, labels[sample] === 1, condition, noise));
      }),
  };
}

function drawAge(random: Random): string {
  const draw = random.uniform();
  return draw < 0.22 ? "0-40" : draw < 0.58 ? "40-60" : draw < 0.9 ? "60-80" : draw < 0.995 ? "80-120" : "unknown";
}

function fakeConditions(): Condition[] {
  const conditions: Condition[] = [CLEAN, { ...CLEAN, defense: "jpeg" }];
  for (const objective of ["operating-point", "ranking"])
    for (const epsilon of EPSILONS) {
      const attack = { attack: "wavelet-universal", epsilon, norm: "linf", objective } as const;
      conditions.push({ ...attack, defense: "none" });
      conditions.push({ ...attack, defense: "jpeg", adaptive: false });
      conditions.push({ ...attack, defense: "jpeg", adaptive: true });
    }
  for (const attack of ["gaussian-noise", "random-sign"])
    for (const epsilon of EPSILONS)
      for (const defense of ["none", "jpeg"]) conditions.push({ attack, epsilon, norm: "linf", defense });
  return conditions;
}

/** What a condition does to a logit: a common shift, or a mixing that draws the classes together. */
function attacked(logit: number, positive: boolean, condition: Condition, noise: Random): number {
  const levels = condition.epsilon * 255;
  const weakened = condition.defense === "none" ? 1 : condition.adaptive === true ? 0.8 : 0.35;
  const defended = condition.defense === "none" ? logit : logit * 0.96 + 0.02;
  const size = levels * weakened;
  if (condition.objective === "operating-point") return defended + 0.42 * size + 0.04 * size * noise.normal();
  if (condition.objective === "ranking")
    return defended + (positive ? -0.12 : 0.1) * size + 0.11 * size * noise.normal();
  if (condition.attack === "random-sign") return defended + 0.13 * size + 0.06 * size * noise.normal();
  if (condition.attack === "gaussian-noise") return defended + 0.05 * size + 0.05 * size * noise.normal();
  return defended;
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}
