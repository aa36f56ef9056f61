/**
 * The boundary attack: a random walk along the decision boundary that comes nearer to the original by rejection. Each step
 * first goes sideways, on the sphere round the original; if the decision is still flipped there, it goes a little towards
 * the original. Both step sizes follow how often they succeed.
 *
 * After Brendel, Rauber and Bethge, Decision-based adversarial attacks, ICLR 2018. Threat model: the attacker sees decisions
 * only, and may send images of its own making. Cost: one or two queries a step until the image's budget is spent. The first
 * of its kind and the slowest: the paper spends 10⁵ and more. In L2 only: its sphere is Euclidean.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { imageSize } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { firstBoundary } from "./support/boundary.js";
import { resolutionOf } from "./support/probing.js";
import { distance, type Search, type SearchedImage, searchTogether } from "./support/together.js";

/** A step size grows by this factor per success, and shrinks per failure so that it rests at the rate aimed at. */
const GROWTH = 1.1;
const SIDEWAYS_RATE = 0.5;
const INWARD_RATE = 0.25;
const LARGEST_STEP = 1;
const LEAST_STEP = 1e-6;

const parameters = z.strictObject({
  sideways: z.number().gt(0).max(1).default(0.1).describe("First step on the sphere, as a share of the distance."),
  inward: z
    .number()
    .gt(0)
    .max(1)
    .default(0.05)
    .describe("First step towards the original, as a share of the distance."),
});

type Parameters = z.infer<typeof parameters>;

export default defineAttack({
  meta: {
    id: "boundary",
    title: "Boundary attack",
    summary:
      "Looks for a near image that the model decides otherwise, seeing nothing of the model but its decisions, by a random walk along the decision boundary.",
    knowledge: "decisions",
    universal: false,
    domain: "pixel",
    perImage: "minimal",
    defaultQueries: 1000,
    strengths: ["epsilon"],
    norms: ["l2"],
    parameters,
    references: [
      "Brendel, Rauber and Bethge, Decision-based adversarial attacks: reliable attacks against black-box machine learning models, ICLR 2018",
    ],
  },

  apply(batch, context) {
    return searchTogether(batch, context, (image) => boundaryWalk(image, context.parameters));
  },
});

function* boundaryWalk(image: SearchedImage, parameters: Parameters): Search {
  const { maxValue } = image.geometry;
  const random = image.random.fork("walk");
  let { sideways, inward } = parameters;
  const start = yield* firstBoundary(image, (length) => resolutionOf(image, length));
  if (start === null) return;
  let current = start.point;
  let candidate: Float32Array = new Float32Array(imageSize(image.geometry));
  while (image.left() > 0 && image.nearest() > 1) {
    stepSideways(image.original, current, sideways, random, candidate);
    clipAll(candidate, maxValue);
    const [stays] = yield { count: 1, write: (_, out) => out.set(candidate) };
    sideways = adapted(sideways, stays === 1, SIDEWAYS_RATE);
    if (stays !== 1) continue;
    if (image.left() < 1) return;
    for (let i = 0; i < candidate.length; i++) {
      const value = candidate[i] as number;
      candidate[i] = value + inward * ((image.original[i] as number) - value);
    }
    const [nearer] = yield { count: 1, write: (_, out) => out.set(candidate) };
    inward = adapted(inward, nearer === 1, INWARD_RATE);
    if (nearer === 1) [current, candidate] = [candidate, current];
  }
}

/**
 * A normal direction, `share` of the distance long, made orthogonal to the way to the original, and the sum brought back to
 * the sphere on which `current` lies.
 */
function stepSideways(
  original: Float32Array,
  current: Float32Array,
  share: number,
  random: Random,
  out: Float32Array,
): void {
  const radius = distance(original, current, "l2");
  let along = 0;
  let squares = 0;
  for (let i = 0; i < out.length; i++) {
    const value = random.normal();
    out[i] = value;
    squares += value * value;
    along += (value * ((current[i] as number) - (original[i] as number))) / radius;
  }
  const scale = (share * radius) / Math.sqrt(Math.max(squares - along * along, Number.MIN_VALUE));
  const shrink = 1 / Math.sqrt(1 + share * share);
  for (let i = 0; i < out.length; i++) {
    const from = original[i] as number;
    const way = (current[i] as number) - from;
    const step = scale * ((out[i] as number) - (along * way) / radius);
    out[i] = from + shrink * (way + step);
  }
}

/** A multiplicative step-size rule that leaves the size alone, on average, where `rate` of the steps succeed. */
function adapted(size: number, success: boolean, rate: number): number {
  const factor = success ? GROWTH : GROWTH ** (-rate / (1 - rate));
  return Math.min(LARGEST_STEP, Math.max(LEAST_STEP, size * factor));
}

function clipAll(values: Float32Array, maxValue: number): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.max(0, Math.min(maxValue, values[i] as number));
}
