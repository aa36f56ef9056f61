import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { createBatch, type PixelBatch, sliceBatch } from "../../src/core/pixels.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { decodeImage } from "../../src/image/decode.js";
import { psnr } from "../../src/image/quality.js";
import { corruptAndStore } from "../support/corrupt.js";
import { sharedData } from "../support/shared-data.js";

const corruptions = [...(await loadPlugins("attacks"))].filter(
  ([, { meta }]) => meta.knowledge === "none" && meta.strengths.includes("severity"),
);
const IMAGES = 4;

/** A handful of images from all over a study, as one batch. */
async function handful(folder: string): Promise<PixelBatch> {
  const rows = parse(readFileSync(join(folder, "manifest.csv")), { columns: true }) as { path: string }[];
  const images = [];
  for (let index = 0; index < IMAGES; index++) {
    const path = join(folder, rows[Math.floor((index * rows.length) / IMAGES)]?.path ?? "");
    images.push(await decodeImage(readFileSync(path), path));
  }
  const [first] = images;
  if (first === undefined) throw new Error("the study has no images");
  const { channels, height, width, maxValue } = first;
  const batch = createBatch({ channels, height, width, maxValue }, IMAGES);
  images.forEach((image, index) => {
    batch.data.set(image.data, index * image.data.length);
  });
  return batch;
}

const real = sharedData === null ? describe.skip : describe;

real.each(["cxr-nih-160", "skin-ham-128"])("on images of %s", (study) => {
  let originals: PixelBatch;
  beforeAll(async () => {
    originals = await handful(join(sharedData ?? "", study));
  });

  test.each(corruptions)(
    "each severity of %s is worse than the one before, for every image, and none is nothing",
    async (_id, attack) => {
      const quality: number[][] = [];
      for (const level of [1, 2, 3, 4, 5]) {
        const { data } = await corruptAndStore(attack, originals, level);
        const size = data.length / IMAGES;
        quality.push(
          Array.from({ length: IMAGES }, (_, image) =>
            psnr(
              sliceBatch(originals, image, image + 1).data,
              data.subarray(image * size, (image + 1) * size),
              originals.maxValue,
            ),
          ),
        );
      }
      for (let image = 0; image < IMAGES; image++) {
        const ladder = quality.map((level) => level[image] as number);
        expect(ladder[0]).toBeLessThan(60);
        for (let level = 1; level < 5; level++) expect(ladder[level]).toBeLessThan(ladder[level - 1] as number);
      }
    },
  );
});
