import type { Defense, DefenseContext } from "../../src/core/defense.js";
import type { Fitted } from "../../src/core/fitted.js";
import { type ImageGeometry, imageSize, sliceBatch } from "../../src/core/pixels.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { randomFrom } from "../../src/core/random.js";
import { epsilonStrength, noFile } from "../support/contexts.js";
import { describePlugin } from "../support/plugin-contract.js";
import { filesFor } from "../support/plugin-files.js";
import { QUICK_TRAINING } from "../support/quick-training.js";
import { linearModel, ToyTarget, toyImages } from "../support/toy-target.js";

const BASE_KEYS = ["id", "adaptive"];
const GEOMETRIES: readonly ImageGeometry[] = [
  { channels: 1, height: 24, width: 16, maxValue: 255 },
  { channels: 3, height: 13, width: 21, maxValue: 255 },
  { channels: 1, height: 30, width: 9, maxValue: 4095 },
  { channels: 3, height: 8, width: 40, maxValue: 65535 },
  { channels: 1, height: 1, width: 1, maxValue: 255 },
];

/** What `fit` may ask the toy model; a multiple of no chunk. */
const QUERIES = 61;

type Files = Readonly<Record<string, string>>;

/** The default parameters, a short training, and a file for each that the defense cannot do without. */
function parametersOf({ meta }: Defense, files: Files): Record<string, unknown> {
  return meta.parameters.parse({ ...QUICK_TRAINING[meta.id], ...files });
}

function contextOf(
  defense: Defense,
  files: Files,
  fitted: Fitted | null,
  seed: string,
): DefenseContext<Record<string, unknown>> {
  return {
    parameters: parametersOf(defense, files),
    fitted,
    randomOf: (image) => randomFrom(seed, image),
    file: (parameter) => files[parameter] ?? noFile(parameter),
  };
}

/** Trains a learned defense on twelve toy images of eight patients; null where there is nothing to train. */
async function trained(defense: Defense, geometry: ImageGeometry, files: Files, seed = "fit"): Promise<Fitted | null> {
  if (defense.fit === undefined) return null;
  const images = toyImages(geometry, 12, 5);
  const untouched = images.data.slice();
  const normal = randomFrom("contract", "weights").normal;
  const weights = Float32Array.from({ length: imageSize(geometry) }, () => normal());
  const target = new ToyTarget(linearModel(weights), epsilonStrength(4 / 255, geometry), QUERIES);
  const told: number[] = [];
  const fitted = await defense.fit(
    {
      images,
      labels: Uint8Array.from({ length: 12 }, (_, i) => i % 2),
      patients: Int32Array.from({ length: 12 }, (_, i) => i % 8),
      classIndex: 0,
      threshold: 0.6,
    },
    {
      parameters: parametersOf(defense, files),
      geometry,
      target,
      random: randomFrom(seed),
      progress: (fraction) => told.push(fraction),
      file: (parameter) => files[parameter] ?? noFile(parameter),
    },
  );
  expect(images.data).toEqual(untouched);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(told.every((fraction) => fraction >= 0 && fraction <= 1)).toBe(true);
  if (defense.meta.defaultQueries === 0) expect(target.queriesUsed).toBe(0);
  else expect(target.queriesUsed).toBeGreaterThan(0);
  return fitted;
}

describe.each([...(await loadPlugins("defenses"))])("defense %s", (id: string, defense: Defense) => {
  const { meta } = defense;
  const files = filesFor(id);

  describePlugin("defenses", id, meta, BASE_KEYS);

  test("its files are among its parameters, and the contract's own are among its files", () => {
    for (const parameter of meta.files ?? []) expect(Object.keys(meta.parameters.shape)).toContain(parameter);
    for (const parameter of Object.keys(files)) expect(meta.files).toContain(parameter);
  });

  if (defense.fit !== undefined) {
    test("it says what it may ask while it is trained", () => {
      expect(meta.defaultQueries).toBeGreaterThanOrEqual(0);
    });

    test("its training is a function of the seed, and ends in finite numbers", async () => {
      const geometry: ImageGeometry = { channels: 3, height: 13, width: 21, maxValue: 255 };
      const fitted = await trained(defense, geometry, files);
      expect(await trained(defense, geometry, files)).toEqual(fitted);
      expect((await trained(defense, geometry, files, "another"))?.arrays).not.toEqual(fitted?.arrays);

      const arrays = Object.values(fitted?.arrays ?? {});
      expect(arrays.length).toBeGreaterThan(0);
      for (const { data, shape } of arrays) {
        expect(data.every(Number.isFinite)).toBe(true);
        expect(shape.reduce((product, length) => product * length, 1)).toBe(data.length);
      }
      for (const [name, value] of Object.entries(fitted?.numbers ?? {})) {
        expect([name, Number.isFinite(value)]).toEqual([expect.stringMatching(/^[a-z][a-z0-9-]*$/), true]);
      }
    });
  }

  test.each(GEOMETRIES)("on $channels x $height x $width images up to $maxValue", async (geometry) => {
    const images = toyImages(geometry, 3, 2);
    const untouched = images.data.slice();
    const fitted = await trained(defense, geometry, files);
    const context = contextOf(defense, files, fitted, "a");

    const defended = await defense.apply(images, context);
    expect(images.data).toEqual(untouched);
    const { data: _data, ...shape } = defended;
    expect(shape).toEqual({ ...geometry, count: 3 });
    expect(defended.data.every(Number.isFinite)).toBe(true);

    expect((await defense.apply(images, contextOf(defense, files, fitted, "a"))).data).toEqual(defended.data);
    const otherSeed = await defense.apply(images, contextOf(defense, files, fitted, "b"));
    if (!meta.random) expect(otherSeed.data).toEqual(defended.data);

    for (let image = 0; image < images.count; image++) {
      const alone = await defense.apply(sliceBatch(images, image, image + 1), {
        ...context,
        randomOf: () => context.randomOf(image),
      });
      expect(alone.data).toEqual(sliceBatch(defended, image, image + 1).data);
    }
  });
});
