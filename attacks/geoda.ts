/**
 * GeoDA: where the boundary is nearly flat, one good normal is all that is needed. The normal at a boundary point is
 * estimated from decisions at low-frequency probes round it; the image is then moved along it (L2) or along its signs (L∞)
 * until its decision flips, which gives a nearer boundary point to probe next. Unlike the paper, what earlier rounds told of
 * the normal is kept: where the boundary is flat, it holds at the new point too.
 *
 * After Rahmati, Moosavi-Dezfooli, Frossard and Dai, GeoDA: a geometric framework for black-box adversarial attacks, CVPR
 * 2020. Threat model: the attacker sees decisions only, and may send images of its own making. Cost: the image's budget is
 * shared among `rounds` rounds, each with `growth` times as many probes as the one before, and about twelve queries a
 * round for the way to the boundary.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import { imageSize } from "../src/core/pixels.js";
import {
  type BoundaryPoint,
  boundaryOnWay,
  type DrawDirection,
  firstBoundary,
  NormalEstimate,
  writeStep,
} from "./support/boundary.js";
import { CosineSpace } from "./support/cosines.js";
import { probeSize, resolutionOf } from "./support/probing.js";
import { type Search, type SearchedImage, searchTogether } from "./support/together.js";

/** Queries of a round that go into finding the boundary along the new direction. */
const WAY = 14;
/** How far beyond the last distance the boundary is looked for along a new direction. */
const FURTHEST = 1.5;

const parameters = z.strictObject({
  subspace: z
    .number()
    .gt(0)
    .max(1)
    .default(0.1)
    .describe("Share of the cosine frequencies, per axis, that probes are made of."),
  rounds: z.int().min(1).default(8).describe("Boundary points whose normals are estimated."),
  memory: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe("Weight of earlier rounds in the estimate of the normal; the paper's is 0."),
  growth: z.number().min(1).default(1.3).describe("Probes of a round as a multiple of those of the round before."),
});

type Parameters = z.infer<typeof parameters>;

export default defineAttack({
  meta: {
    id: "geoda",
    title: "GeoDA",
    summary:
      "Looks for the nearest image that the model decides otherwise, seeing nothing of the model but its decisions, by estimating which way the decision boundary faces.",
    knowledge: "decisions",
    universal: false,
    domain: "dct",
    perImage: "minimal",
    defaultQueries: 1000,
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    parameters,
    references: ["Rahmati et al., GeoDA: a geometric framework for black-box adversarial attacks, CVPR 2020"],
  },

  apply(batch, context) {
    const space = new CosineSpace(context.geometry, context.parameters.subspace);
    return searchTogether(batch, context, (image) =>
      geoda(image, context.parameters, (random, out) => space.draw(random, out)),
    );
  },
});

function* geoda(image: SearchedImage, { growth, memory, rounds }: Parameters, draw: DrawDirection): Search {
  const random = image.random.fork("probes");
  let boundary = yield* firstBoundary(image, (length) => resolutionOf(image, length));
  const normal = new NormalEstimate(image);
  for (let round = 0; boundary !== null && image.nearest() > 1; round++) {
    const count = Math.min(probesOf(image.left(), Math.max(1, rounds - round), growth), image.left() - WAY);
    if (count < 2) return;
    yield* normal.probe(boundary.point, count, probeSize(image, boundary.distance), draw, random);
    const nearer: BoundaryPoint | null = yield* boundaryAlong(image, normal.sum, boundary.distance);
    // Along a poor normal the boundary may be further away: then the same point is probed again, and both estimates count.
    if (nearer === null || nearer.distance >= boundary.distance) continue;
    boundary = nearer;
    normal.fade(memory);
  }
}

/** The first of the remaining rounds' probes, in a geometric progression that uses the budget up. */
function probesOf(left: number, rounds: number, growth: number): number {
  let weight = 0;
  for (let round = 0; round < rounds; round++) weight += growth ** round;
  return Math.floor(Math.max(2, (left - rounds * WAY) / weight));
}

/** The boundary along the direction from the original; null where it is not met within FURTHEST times the last distance. */
function* boundaryAlong(image: SearchedImage, direction: Float32Array, last: number): Search<BoundaryPoint | null> {
  const end = new Float32Array(imageSize(image.geometry));
  for (const reach of [1, FURTHEST]) {
    if (image.left() < 1) return null;
    writeStep(image, image.original, direction, reach * last, end);
    const [flipped] = yield { count: 1, write: (_, out) => out.set(end) };
    if (flipped === 1) return yield* boundaryOnWay(image, end, resolutionOf(image, last));
  }
  return null;
}
