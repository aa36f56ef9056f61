import type { Defense, DefenseContext } from "../../src/core/defense.js";
import { type ImageGeometry, sliceBatch } from "../../src/core/pixels.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { randomFrom } from "../../src/core/random.js";
import { describePlugin } from "../support/plugin-contract.js";
import { toyImages } from "../support/toy-target.js";

const BASE_KEYS = ["id", "adaptive"];
const GEOMETRIES: readonly ImageGeometry[] = [
  { channels: 1, height: 24, width: 16, maxValue: 255 },
  { channels: 3, height: 13, width: 21, maxValue: 255 },
  { channels: 1, height: 30, width: 9, maxValue: 4095 },
  { channels: 3, height: 8, width: 40, maxValue: 65535 },
  { channels: 1, height: 1, width: 1, maxValue: 255 },
];

function contextOf(defense: Defense, seed: string): DefenseContext<Record<string, unknown>> {
  return {
    parameters: defense.meta.parameters.parse({}),
    fitted: null,
    randomOf: (image) => randomFrom(seed, image),
    file: (parameter) => {
      throw new Error(`no file was given for ${parameter}`);
    },
  };
}

describe.each([...(await loadPlugins("defenses"))])("defense %s", (id: string, defense: Defense) => {
  const { meta } = defense;

  describePlugin("defenses", id, meta, BASE_KEYS);

  test.each(GEOMETRIES)("on $channels x $height x $width images up to $maxValue", async (geometry) => {
    const images = toyImages(geometry, 3, 2);
    const untouched = images.data.slice();
    const context = contextOf(defense, "a");

    const defended = await defense.apply(images, context);
    expect(images.data).toEqual(untouched);
    const { data: _data, ...shape } = defended;
    expect(shape).toEqual({ ...geometry, count: 3 });
    expect(defended.data.every(Number.isFinite)).toBe(true);

    expect((await defense.apply(images, contextOf(defense, "a"))).data).toEqual(defended.data);
    const otherSeed = await defense.apply(images, contextOf(defense, "b"));
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
