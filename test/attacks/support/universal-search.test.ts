import { cosineBlocks, pixelBlocks, TiledTexture } from "../../../attacks/support/tiled-texture.js";
import { type SearchParameters, searchUniversal } from "../../../attacks/support/universal-search.js";
import type { PerturbationSpace } from "../../../attacks/support/antithetic.js";
import type { Calibration, Strength } from "../../../src/core/attack.js";
import { type ImageGeometry, imageSize, type PixelBatch } from "../../../src/core/pixels.js";
import { randomFrom } from "../../../src/core/random.js";
import { epsilonStrength, noFile } from "../../support/contexts.js";
import { linearModel, type Predict, ToyTarget, toyImages } from "../../support/toy-target.js";

const geometry: ImageGeometry = { channels: 1, height: 8, width: 8, maxValue: 255 };
const size = imageSize(geometry);
const settings: SearchParameters = { calibrationImages: 100, minibatch: 4, confirmation: 0.25, restarts: 2 };

/** A target that also notes which images every call was about, by their first image's place in the calibration set. */
class WatchedTarget extends ToyTarget {
  readonly universal: number[][] = [];
  readonly candidates: number[][] = [];
  /** How every step's first image was to be moved. */
  readonly moves: string[] = [];

  constructor(
    predict: Predict,
    strength: Strength,
    budget: number,
    readonly calibration: Calibration,
  ) {
    super(predict, strength, budget);
  }

  override predictUniversal(images: PixelBatch, perturbation: Float32Array) {
    this.universal.push(this.#identify(images));
    return super.predictUniversal(images, perturbation);
  }

  override predictCandidates(originals: PixelBatch, candidates: PixelBatch) {
    this.candidates.push(this.#identify(originals));
    const move = candidates.data
      .slice(0, size)
      .map((value, i) => Math.round(100 * (value - (originals.data[i] as number))));
    this.moves.push(move.join());
    return super.predictCandidates(originals, candidates);
  }

  #identify(images: PixelBatch): number[] {
    const { data, count } = this.calibration.images;
    return Array.from({ length: images.count }, (_, image) =>
      Array.from({ length: count }, (_, known) => known).findIndex((known) =>
        images.data.subarray(image * size, (image + 1) * size).every((value, i) => value === data[known * size + i]),
      ),
    );
  }
}

function calibrationOf(count: number, patientOf: (image: number) => number): Calibration {
  return {
    images: toyImages(geometry, count, 3),
    labels: Uint8Array.from({ length: count }, (_, image) => image % 2),
    patients: Int32Array.from({ length: count }, (_, image) => patientOf(image)),
    classIndex: 0,
    threshold: 0.5,
  };
}

async function search(
  model: Predict,
  queries: number,
  parameters: Partial<SearchParameters> = {},
  calibration = calibrationOf(16, (image) => Math.floor(image / 2)),
  space: PerturbationSpace = new TiledTexture(geometry, pixelBlocks(4)),
) {
  const strength = epsilonStrength(4 / 255, geometry);
  const target = new WatchedTarget(model, strength, queries, calibration);
  const found = await searchUniversal(space, calibration, {
    parameters: { ...settings, ...parameters },
    strength,
    objective: "operating-point",
    geometry,
    target,
    random: randomFrom(1, "search"),
    progress: () => {},
    file: noFile,
  });
  return { found, target, calibration };
}

const weights = Float32Array.from({ length: size }, (_, i) =>
  ((i % 4) + Math.floor(i / 8) * 3) % 5 === 0 ? 0.1 : -0.03,
);

test("the images that choose are of other patients than the images that are learnt from", async () => {
  const { target, calibration, found } = await search(linearModel(weights), 600);
  const patientsOf = (images: number[]) => new Set(images.map((image) => calibration.patients[image]));
  const learnt = patientsOf(target.candidates.flat());
  // The first question is about the images held back, as are all checks; the second and the last about the learning images.
  const [first, second] = target.universal as [number[], number[]];
  const confirming = patientsOf(first);
  expect([...confirming].filter((patient) => learnt.has(patient))).toEqual([]);
  expect(learnt).toEqual(patientsOf(second));
  expect(target.universal.at(-1)).toEqual(second);
  for (const check of target.universal.slice(2, -1)) expect(check).toEqual(first);
  expect([confirming.size, learnt.size]).toEqual([2, 6]);
  expect(found.numbers["confirmation-images"]).toBe(4);
  expect(found.numbers["learning-images"]).toBe(12);
});

test("its numbers are the objectives of what it returns, on either part, and when that was found", async () => {
  const { found, target } = await search(linearModel(weights), 600);
  const { numbers } = found;
  expect(numbers["objective-after"] as number).toBeLessThan(numbers["objective-before"] as number);
  expect(numbers["confirmation-after"] as number).toBeLessThan(numbers["confirmation-before"] as number);
  // What was asked last is the kept perturbation, on the learning images: a mean log-probability of the true class.
  expect(numbers["queries-to-best"] as number).toBeLessThanOrEqual(target.queriesUsed - 12);
  expect(numbers["queries-to-best"] as number).toBeGreaterThan(16);
  expect(numbers.steps as number).toBeGreaterThan(10);
});

test("where nothing helps it keeps the images as they are, starts anew as often as it may, and stops early", async () => {
  const flat = linearModel(new Float32Array(size));
  for (const restarts of [0, 1, 3]) {
    const { found, target } = await search(flat, 100_000, { restarts });
    expect(found.numbers.restarts).toBe(restarts);
    expect(found.perturbation.every((value) => value === 0)).toBe(true);
    expect(found.numbers["objective-after"]).toBe(found.numbers["objective-before"]);
    // A run ends after three vain tenths of the queries that it could plan with.
    const left = 0.7 ** (restarts + 1);
    expect(target.queriesLeft / 100_000).toBeGreaterThan(left - 0.06);
    expect(target.queriesLeft / 100_000).toBeLessThan(left + 0.06);
  }
});

test("restarts search in other directions, and the best of all runs is kept", async () => {
  const one = await search(linearModel(weights), 6000, { restarts: 0 });
  const more = await search(linearModel(weights), 6000, { restarts: 3 });
  expect(more.found.numbers.restarts).toBe(3);
  expect(more.found.numbers["confirmation-after"] as number).toBeLessThanOrEqual(
    one.found.numbers["confirmation-after"] as number,
  );
  // Every run begins at nothing, so that its first moves are its directions alone.
  expect(more.target.moves[0]).toBe(one.target.moves[0]);
  expect(more.target.moves.slice(1)).not.toContain(more.target.moves[0]);
  // The first run is the same; what follows it comes by other textures.
  const asked = (target: ToyTarget) => target.asked.map((perturbation) => perturbation.join());
  const first = asked(one.target);
  const later = asked(more.target).slice(first.length);
  expect(asked(more.target).slice(0, first.length - 1)).toEqual(first.slice(0, -1));
  expect(later.filter((texture) => !first.includes(texture)).length).toBeGreaterThan(later.length / 2);
});

test.each([
  ["one patient", calibrationOf(8, () => 0)],
  ["one patient a class", calibrationOf(8, (image) => image % 2)],
])("with %s nobody is held back, and the learning images choose", async (_, calibration) => {
  const { found, target } = await search(linearModel(weights), 300, {}, calibration);
  expect(found.numbers["confirmation-images"]).toBe(0);
  expect(found.numbers["learning-images"]).toBe(8);
  expect(found.numbers["confirmation-after"]).toBe(found.numbers["objective-after"]);
  for (const check of target.universal) expect(check.length).toBe(8);
});

test.each([60, 61, 90, 333])(
  "with %i queries it asks no more, and leaves less than a step and a check",
  async (queries) => {
    const { target } = await search(linearModel(weights), queries);
    expect(target.queriesUsed).toBeLessThanOrEqual(queries);
    expect(target.queriesLeft).toBeLessThan(8 + 4);
  },
);

test.each([
  ["pixels", pixelBlocks(4), 16],
  ["cosines", cosineBlocks(4, "octaves"), 15],
  ["cosines, all alike", cosineBlocks(4, "flat"), 15],
])("blocks of %s have no mean, repeat, and are of the size of their gain", (_, basis, dimension) => {
  const colour: ImageGeometry = { channels: 3, height: 10, width: 7, maxValue: 255 };
  const space = new TiledTexture(colour, basis);
  expect(space.dimension).toBe(3 * dimension);
  const random = randomFrom("amplitudes");
  let energy = 0;
  const draws = 400;
  for (let draw = 0; draw < draws; draw++) {
    const amplitudes = Float64Array.from({ length: space.dimension }, () => random.sign());
    const image = space.synthesise(amplitudes, 2, new Float32Array(imageSize(colour)));
    for (let channel = 0; channel < 3; channel++) {
      let sum = 0;
      for (let i = 0; i < 16; i++) {
        const value = image[channel * 70 + Math.floor(i / 4) * 7 + (i % 4)] as number;
        sum += value;
        energy += value ** 2 / (48 * draws);
      }
      expect(sum).toBeCloseTo(0, 4);
      expect(image[channel * 70 + 5 * 7 + 6]).toBe(image[channel * 70 + 7 + 2]);
    }
  }
  expect(Math.sqrt(energy)).toBeCloseTo(2, 1);
});

test("the cosines of a block are what Wallace's formula for JPEG says", () => {
  const basis = cosineBlocks(8, "flat");
  const block = new Float64Array(64);
  const [u, v] = [2, 5];
  const amplitudes = new Float64Array(63);
  amplitudes[u * 8 + v - 1] = 1;
  basis.synthesise(amplitudes, 1, block);
  for (const [y, x] of [
    [0, 0],
    [3, 1],
    [7, 6],
  ] as const) {
    const wave = (k: number, frequency: number) => Math.cos(((2 * k + 1) * frequency * Math.PI) / 16);
    expect(block[y * 8 + x]).toBeCloseTo((8 / Math.sqrt(63)) * 0.25 * wave(y, u) * wave(x, v), 12);
  }
});

test("octaves share the energy: a low cosine is as strong as all those of an octave above it together", () => {
  const basis = cosineBlocks(8, "octaves");
  const energyOf = (member: (u: number, v: number) => boolean) => {
    const amplitudes = Float64Array.from({ length: 63 }, (_, i) =>
      member(Math.floor((i + 1) / 8), (i + 1) % 8) ? 1 : 0,
    );
    const block = new Float64Array(64);
    basis.synthesise(amplitudes, 1, block);
    return block.reduce((sum, value) => sum + value * value, 0) / 64;
  };
  for (const octave of [0, 1, 2]) {
    expect(energyOf((u, v) => Math.floor(Math.log2(Math.max(u, v))) === octave)).toBeCloseTo(1 / 3, 12);
  }
});
