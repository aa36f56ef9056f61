import type { Defense, DefenseContext } from "../../src/core/defense.js";
import { type ImageGeometry, sliceBatch } from "../../src/core/pixels.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { randomFrom } from "../../src/core/random.js";
import { noFile } from "../support/contexts.js";
import { describePlugin } from "../support/plugin-contract.js";
import { filesFor } from "../support/plugin-files.js";
import { toyImages } from "../support/toy-target.js";

const BASE_KEYS = ["id", "adaptive"];
const GEOMETRIES: readonly ImageGeometry[] = [
  { channels: 1, height: 24, width: 16, maxValue: 255 },
  { channels: 3, height: 13, width: 21, maxValue: 255 },
  { channels: 1, height: 30, width: 9, maxValue: 4095 },
  { channels: 3, height: 8, width: 40, maxValue: 65535 },
  { channels: 1, height: 1, width: 1, maxValue: 255 },
];

/** The default parameters, and a file for each that the defense cannot do without. */
function contextOf(
  defense: Defense,
  files: Readonly<Record<string, string>>,
  seed: string,
): DefenseContext<Record<string, unknown>> {
  return {
    parameters: defense.meta.parameters.parse(files),
    fitted: null,
    randomOf: (image) => randomFrom(seed, image),
    file: (parameter) => files[parameter] ?? noFile(parameter),
  };
}

describe.each([...(await loadPlugins("defenses"))])("defense %s", (id: string, defense: Defense) => {
  const { meta } = defense;
  const files = filesFor(id);

  describePlugin("defenses", id, meta, BASE_KEYS);

  test("its files are among its parameters, and the contract's own are among its files", () => {
    for (const parameter of meta.files ?? []) expect(Object.keys(meta.parameters.shape)).toContain(parameter);
    for (const parameter of Object.keys(files)) expect(meta.files).toContain(parameter);
  });

  test.each(GEOMETRIES)("on $channels x $height x $width images up to $maxValue", async (geometry) => {
    const images = toyImages(geometry, 3, 2);
    const untouched = images.data.slice();
    const context = contextOf(defense, files, "a");

    const defended = await defense.apply(images, context);
    expect(images.data).toEqual(untouched);
    const { data: _data, ...shape } = defended;
    expect(shape).toEqual({ ...geometry, count: 3 });
    expect(defended.data.every(Number.isFinite)).toBe(true);

    expect((await defense.apply(images, contextOf(defense, files, "a"))).data).toEqual(defended.data);
    const otherSeed = await defense.apply(images, contextOf(defense, files, "b"));
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
