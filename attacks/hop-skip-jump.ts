/**
 * HopSkipJump: walks along the decision boundary towards the original. Each round estimates the boundary's normal from the
 * decisions at random points round the current one, jumps along it away from the boundary, and goes straight back to the
 * boundary in the direction of the original.
 *
 * After Chen, Jordan and Wainwright, HopSkipJumpAttack, IEEE S&P 2020, Algorithm 2. Threat model: the attacker sees
 * decisions only, and may send images of its own making. Cost: in round t, `probes`·√t queries for the normal, one for
 * each halving of the jump, and about ten for the bisection; it stops when the image's budget is spent.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { imageSize } from "../src/core/pixels.js";
import {
  boundaryOnWay,
  type DrawDirection,
  firstBoundary,
  NormalEstimate,
  whiteNoise,
  writeStep,
} from "./support/boundary.js";
import { CosineSpace } from "./support/cosines.js";
import { probeSize, resolutionOf } from "./support/probing.js";
import { type Search, type SearchedImage, searchTogether } from "./support/together.js";

/** Queries that are kept back for the way to the boundary after a jump; and the halvings of a jump at most. */
const RESERVE = 14;
const HALVINGS = 12;

const parameters = z.strictObject({
  probes: z.int().min(2).default(40).describe("Probes of the first normal; round t takes √t times as many."),
  subspace: z.number().gt(0).max(1).default(1).describe("Share of the cosine frequencies, per axis, of the probes."),
});

type Parameters = z.infer<typeof parameters>;

export default defineAttack({
  meta: {
    id: "hop-skip-jump",
    title: "HopSkipJump",
    summary:
      "Looks for the nearest image that the model decides otherwise, seeing nothing of the model but its decisions, by walking along the decision boundary.",
    knowledge: "decisions",
    universal: false,
    domain: "pixel",
    perImage: "minimal",
    defaultQueries: 1000,
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    parameters,
    references: [
      "Chen, Jordan and Wainwright, HopSkipJumpAttack: a query-efficient decision-based attack, IEEE S&P 2020",
    ],
  },

  apply(batch, context) {
    const { geometry, parameters } = context;
    const space = new CosineSpace(geometry, parameters.subspace);
    const draw: DrawDirection = parameters.subspace === 1 ? whiteNoise : (random, out) => space.draw(random, out);
    return searchTogether(batch, context, (image) => hopSkipJump(image, parameters, draw));
  },
});

function* hopSkipJump(image: SearchedImage, { probes }: Parameters, draw: DrawDirection): Search {
  const random = image.random.fork("probes");
  let boundary = yield* firstBoundary(image, (length) => resolutionOf(image, length));
  const end = new Float32Array(imageSize(image.geometry));
  for (let round = 1; boundary !== null && image.nearest() > 1; round++) {
    const count = Math.min(Math.round(probes * Math.sqrt(round)), image.left() - RESERVE);
    if (count < 2) return;
    const normal = new NormalEstimate(image);
    yield* normal.probe(boundary.point, count, probeSize(image, boundary.distance), draw, random);

    const jumped = yield* jump(image, boundary.point, normal.sum, boundary.distance / Math.sqrt(round), end);
    if (!jumped) continue;
    boundary = yield* boundaryOnWay(image, end, resolutionOf(image, boundary.distance));
  }
}

/** The geometric progression of step sizes: halves the jump until the decision is flipped where it ends. */
function* jump(
  image: SearchedImage,
  from: Float32Array,
  normal: Float32Array,
  first: number,
  out: Float32Array,
): Search<boolean> {
  let step = first;
  for (let halving = 0; halving < HALVINGS && image.left() > 0; halving++) {
    writeStep(image, from, normal, step, out);
    const [flipped] = yield { count: 1, write: (_, candidate) => candidate.set(out) };
    if (flipped === 1) return true;
    step /= 2;
  }
  return false;
}
