/**
 * Procedural noise (Co et al. 2019): textures of computer graphics as universal perturbations. Perlin noise (smooth random
 * bumps, folded into stripes by a sine) or Gabor noise (randomly scattered wave packets), the same for every image and
 * channel. A handful of numbers describes a texture; they are drawn at random, and the draws are judged on tuning
 * images by successive halving. The paper tunes them by Bayesian optimisation; with `candidates: 1` and as many queries
 * as images it is the paper's untuned baseline.
 *
 * The texture becomes a perturbation by its sign in L∞, as in the authors' code, and by its direction in L2.
 *
 * Knowledge: scores. Cost: one query per calibration image at the beginning, then for every bracket of 16 draws about
 * as many as for eight draws on all images. Limits: it searches a small family of textures, not all of them.
 */
import { z } from "zod";
import { type Calibration, defineAttack, type Strength } from "../src/core/attack.js";
import { StepwedgeError } from "../src/core/errors.js";
import { type ImageGeometry, imageSize } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { greyLevels, quantiseUniversal } from "../src/image/budget.js";
import { type GaborSettings, gaborNoise } from "./support/gabor.js";
import { bracketCost, type Judged, successiveHalving } from "./support/halving.js";
import { attackedLogits, OBJECTIVES, type Objective, objectiveOf, objectiveValue } from "./support/objective.js";
import { type PerlinSettings, perlinNoise } from "./support/perlin.js";
import { drawCalibration, gatherCalibration } from "./support/sampling.js";
import { applyUniversal, fittedUniversal } from "./support/universal.js";

const parameters = z.strictObject({
  noise: z.enum(["perlin", "gabor"]).default("perlin").describe("The family of textures."),
  candidates: z.int().min(1).max(1024).default(16).describe("Draws that are held against each other at a time."),
  calibrationImages: z.int().min(2).default(100).describe("Most tuning images that the search asks about."),
});

/** A texture of the family, and the numbers that describe it. */
interface Texture {
  readonly perturbation: Float32Array;
  readonly settings: Readonly<Record<string, number>>;
}

export default defineAttack({
  meta: {
    id: "procedural-noise",
    title: "Procedural noise",
    summary:
      "Adds one texture of computer graphics, stripes or scattered wave packets, the same for every image, chosen among random ones by asking the model for scores. Cheap, and known to upset image classifiers.",
    knowledge: "scores",
    universal: true,
    domain: "pixel",
    strengths: ["epsilon"],
    norms: ["linf", "l2"],
    objectives: Object.keys(OBJECTIVES),
    parameters,
    references: [
      "Co, Muñoz-González, de Maupeou and Lupu, Procedural noise adversarial examples for black-box attacks on deep convolutional networks, CCS 2019",
      "Perlin, Improving noise, SIGGRAPH 2002",
      "Lagae, Lefebvre, Drettakis and Dutré, Procedural noise using sparse Gabor convolution, SIGGRAPH 2009",
      "Jamieson and Talwalkar, Non-stochastic best arm identification and hyperparameter optimization, AISTATS 2016 (successive halving)",
    ],
  },

  async fit(calibration, { parameters, objective: objectiveName, strength, geometry, target, random, progress }) {
    const objective = objectiveOf(objectiveName);
    const drawn = drawCalibration(calibration, parameters.calibrationImages, random.fork("calibration"));
    const tuning = gatherCalibration(drawn, mixedOrder(drawn, objective, random.fork("order")));
    const images = tuning.images.count;
    checkFeasible(tuning, objective, target.queriesLeft);
    const textures = random.fork("textures");
    const draw = () => drawTexture(parameters.noise, strength, geometry, textures);
    const judge = async ({ perturbation }: Pick<Texture, "perturbation">, count: number) => {
      const part = gatherCalibration(
        tuning,
        Uint32Array.from({ length: count }, (_, image) => image),
      );
      const outputs = await target.predictUniversal(part.images, perturbation);
      return objectiveValue(objective, attackedLogits(outputs, part), part.labels);
    };

    const before = await judge({ perturbation: new Float32Array(imageSize(geometry)) }, images);
    const budget = target.queriesLeft;
    let best: Judged<Texture> | null = null;
    let drawnTextures = 0;
    for (;;) {
      const count = affordable(parameters.candidates, images, target.queriesLeft);
      if (count === 0) break;
      const winner = await successiveHalving(Array.from({ length: count }, draw), images, judge);
      drawnTextures += count;
      if (best === null || winner.value < best.value) best = winner;
      progress(1 - target.queriesLeft / budget, `objective ${before.toFixed(3)} → ${best.value.toFixed(3)}`);
      if (parameters.candidates === 1) break;
    }
    if (best === null) throw new Error("no texture was judged");
    return fittedUniversal(best.candidate.perturbation, geometry, {
      "objective-before": before,
      "objective-after": best.value,
      "calibration-images": images,
      textures: drawnTextures,
      ...best.candidate.settings,
    });
  },

  apply: (batch, { fitted }) => applyUniversal(batch, fitted),
});

function checkFeasible({ labels }: Calibration, objective: Objective, queries: number): void {
  const positives = labels.reduce((sum, label) => sum + label, 0);
  if (labels.length === 0 || (objective.comparesClasses && positives % labels.length === 0)) {
    throw new StepwedgeError(`procedural-noise has ${positives} positive of ${labels.length} tuning images`, {
      remedy: "Give the tuning split images of both classes.",
    });
  }
  if (queries < 2 * labels.length) {
    throw new StepwedgeError(`procedural-noise needs at least ${2 * labels.length} queries here, received ${queries}`, {
      remedy: "Raise queries, or lower calibrationImages.",
    });
  }
}

/** The most candidates of a bracket that the queries pay for, halving the number asked for; 0 where not one. */
function affordable(candidates: number, images: number, queries: number): number {
  let count = candidates;
  while (count > 0 && bracketCost(count, images) > queries) count = Math.floor(count / 2);
  return count;
}

/**
 * A random order in which every beginning holds both classes, as they are in the whole or, where classes are compared,
 * in turn.
 */
function mixedOrder({ labels }: Calibration, objective: Objective, random: Random): Uint32Array {
  const order = random.permutation(labels.length);
  const seen = [0, 0];
  const place = new Float64Array(labels.length);
  const sizes = [0, 1].map((label) => labels.reduce((sum, other) => sum + (other === label ? 1 : 0), 0));
  for (const image of order) {
    const label = labels[image] as number;
    const rank = (seen[label] as number) + 0.5;
    seen[label] = rank + 0.5;
    place[image] = objective.comparesClasses ? rank : rank / (sizes[label] as number);
  }
  return order.sort((a, b) => (place[a] as number) - (place[b] as number));
}

function drawTexture(noise: "perlin" | "gabor", strength: Strength, geometry: ImageGeometry, random: Random): Texture {
  const { height, width } = geometry;
  if (noise === "perlin") {
    const settings = drawPerlin(geometry, random);
    const perturbation = toPerturbation(perlinNoise(height, width, settings, random), strength, geometry);
    return {
      perturbation,
      settings: {
        wavelength: settings.wavelength,
        octaves: settings.octaves,
        "sine-frequency": settings.sineFrequency,
      },
    };
  }
  const settings = drawGabor(random);
  const perturbation = toPerturbation(gaborNoise(height, width, settings, random), strength, geometry);
  const { sigma, wavelength, orientation, sides } = settings;
  return { perturbation, settings: { sigma, wavelength, "orientation-degrees": (orientation * 180) / Math.PI, sides } };
}

/**
 * The ranges of the authors' code, which has images of 299 pixels: 299/160 to 299/20 lattice cells across the image, a
 * sine frequency of 4 to 32, one to four octaves.
 */
function drawPerlin({ height, width }: ImageGeometry, random: Random): PerlinSettings {
  const cells = between(299 / 160, 299 / 20, random);
  return {
    wavelength: Math.max(height, width) / cells,
    octaves: 1 + random.integer(4),
    sineFrequency: between(4, 32, random),
  };
}

/** The ranges are ours: envelopes of 1 to 8 pixels, wavelengths of 2.5 to 24 pixels on a logarithmic scale. */
function drawGabor(random: Random): GaborSettings {
  return {
    sigma: between(1, 8, random),
    wavelength: Math.exp(between(Math.log(2.5), Math.log(24), random)),
    orientation: between(0, Math.PI, random),
    sides: 1 + random.integer(4),
  };
}

function between(lowest: number, highest: number, random: Random): number {
  return lowest + (highest - lowest) * random.uniform();
}

/** The grey texture in every channel: in L∞ its sign times ε, in L2 its direction at the radius; whole grey levels. */
function toPerturbation(texture: Float32Array, strength: Strength, geometry: ImageGeometry): Float32Array {
  if (strength.kind !== "epsilon") throw new Error("procedural-noise goes by epsilon");
  const { norm, stored } = strength;
  const energy = texture.reduce((sum, value) => sum + value * value, 0);
  const scale = stored / Math.sqrt(geometry.channels * energy);
  const size = imageSize(geometry);
  const perturbation = Float32Array.from({ length: size }, (_, i) => {
    const value = texture[i % texture.length] as number;
    return norm === "linf" ? greyLevels(stored) * Math.sign(value) : energy === 0 ? 0 : scale * value;
  });
  return quantiseUniversal(perturbation, strength, perturbation);
}
