/**
 * Square Attack: random search over squares. Every image starts from stripes; each query tries another square in it, and
 * keeps it where the model's score moved towards the other decision. Squares shrink as the budget is spent. The
 * wavelet form moves squares of detail coefficients in place of squares of pixels.
 *
 * After Andriushchenko, Croce, Flammarion, Hein, ECCV 2020. Threat model: scores of the very image that is attacked.
 * Cost: one query a step, and none once the decision has flipped. Beyond the paper a square that did harm is tried with
 * its signs reversed, and squares begin larger.
 */
import { z } from "zod";
import { defineAttack, type Strength } from "../src/core/attack.js";
import { type ImageGeometry, imageSize, sliceBatch } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { greyLevels } from "../src/image/budget.js";
import { filterBank, WAVELET_NAMES } from "../src/wavelet/filters.js";
import { searchInLockstep } from "./support/lockstep.js";
import { type SquareMoves, SquareSearch, squareShare } from "./support/squares.js";
import { EnergySquares } from "./support/squares-l2.js";
import { PixelSquares } from "./support/squares-pixel.js";
import { DetailCanvas, DetailSquares } from "./support/squares-wavelet.js";

const parameters = z.strictObject({
  space: z
    .enum(["pixel", "wavelet"])
    .default("pixel")
    .describe("Squares of pixels, or of wavelet detail coefficients."),
  startShare: z.number().positive().max(1).default(0.3).describe("Area of the first squares, as a share of the image."),
  schedule: z
    .int()
    .min(1)
    .default(500)
    .describe(
      "Queries over which squares shrink, or the budget where it is less; beyond, they stay at their smallest.",
    ),
  wavelet: z.enum(WAVELET_NAMES).default("haar").describe("Wavelet of the detail bands (space: wavelet)."),
  levels: z.int().min(1).max(6).default(3).describe("Detail levels; the approximation stays (space: wavelet)."),
});
type Parameters = z.infer<typeof parameters>;

export default defineAttack({
  meta: {
    id: "square",
    title: "Square attack",
    summary:
      "Tries square patches of change in each image, one after the other, and keeps those that bring the model's score nearer to the other decision. The strongest of the simple attacks that see scores alone.",
    knowledge: "scores",
    universal: false,
    domain: "pixel",
    perImage: "within-epsilon",
    defaultQueries: 500,
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    parameters,
    references: [
      "Andriushchenko et al., Square Attack: a query-efficient black-box adversarial attack via random search, ECCV 2020, arXiv:1912.00049",
    ],
  },

  async apply(batch, { oracle, parameters, strength, geometry, randomOf }) {
    if (oracle === null) throw new Error("square was applied without an oracle");
    const area = geometry.height * geometry.width;
    const movesOf = squaresOf(parameters, strength, geometry);
    if (movesOf === null) return { ...batch, data: batch.data.slice() };
    const searches = Array.from({ length: batch.count }, (_, image) => {
      const budget = oracle.queriesLeft(image);
      const moves = movesOf(sliceBatch(batch, image, image + 1).data, randomOf(image));
      const over = Math.min(budget, parameters.schedule);
      const sideAt = (query: number) => Math.round(Math.sqrt(squareShare(parameters.startShare, query, over) * area));
      return new SquareSearch(moves, sideAt);
    });
    return searchInLockstep(batch, oracle, searches);
  },
});

type MovesOf = (original: Float32Array, random: Random) => SquareMoves;

/** The kind of squares asked for; null where ε is less than a grey level, so that no image can be moved. */
function squaresOf(
  { space, levels, wavelet }: Parameters,
  strength: Strength,
  geometry: ImageGeometry,
): MovesOf | null {
  if (strength.kind !== "epsilon") throw new Error("square goes by epsilon");
  const { norm, stored } = strength;
  const bound = greyLevels(stored);
  if (norm === "linf" && bound === 0) return null;
  if (space === "wavelet") {
    const canvas = new DetailCanvas(geometry, levels, filterBank(wavelet));
    const [amplitude, radius] = norm === "linf" ? [bound, null] : [stored / Math.sqrt(imageSize(geometry)), stored];
    return (original, random) => new DetailSquares(original, canvas, amplitude, radius, random);
  }
  if (norm === "l2") return (original, random) => new EnergySquares(original, geometry, stored, random);
  return (original, random) => new PixelSquares(original, geometry, bound, random);
}
