/**
 * Synthetic chest radiographs, made in memory: the data of `stepwedge demo` and of our self-tests.
 *
 * Each patient has a thorax (lung fields, ribs, clavicles, heart, vessels), a sex, an age and a scanner; some come
 * two or three times and stand a little differently each time. About half of the images show a nodule in the lung.
 * Two weaknesses can be planted: nodules have 55 % of their contrast in women under 40, and scanner C has coarse noise
 * that the shipped classifier never learnt from. With `planted: false` all attributes are drawn without regard to the
 * pixels, so that no group differs from another except by chance.
 *
 * Limits: the phantoms show that the harness finds what is there and does not find what is not. They say nothing of
 * any device, nor of how real nodules look. See docs/demo.md.
 *
 * Columns: id, patient, sex (F, M), age (years), scanner (A, B, C), nodule (0, 1), ctr (cardiothoracic ratio in percent), lungs (the
 * mask of the lung that nothing lies in front of), split (tuning, evaluation).
 * Some ages are missing, as in any real table.
 */
import { z } from "zod";
import { defineDataSource, type SourceTable } from "../core/data.js";
import { StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { suggest } from "../core/plugins.js";
import { drawPopulation, type PhantomImage } from "./phantom/population.js";
import { numbersOf } from "./shared/numbers.js";

const COLUMNS = ["id", "patient", "sex", "age", "scanner", "nodule", "ctr", "lungs", "split"] as const;

/** A study reads an image once per attack and split; up to so many bytes of images are rendered only once. */
const CACHE_BYTES = 64 * 2 ** 20;

const parameters = z.strictObject({
  patients: z.int().min(1).max(100_000).default(900).describe("Number of patients; there are about 1.45 images each."),
  size: z.int().min(16).max(1024).default(64).describe("Rows and columns of each image, in pixels."),
  prevalence: z.number().min(0).max(1).default(0.45).describe("Probability that an image shows a nodule."),
  contrast: z.number().min(0).max(5).default(1).describe("Contrast of the nodules, relative to the usual."),
  planted: z
    .union([z.boolean(), z.enum(["women-under-40", "scanner-c"])])
    .default(true)
    .describe("The planted weaknesses: true for both, false for none, or one of them by name."),
  population: z
    .string()
    .min(1)
    .default("demo")
    .describe("Populations of different names share no patient, whatever the seed."),
});

export default defineDataSource({
  meta: {
    id: "phantom",
    title: "Synthetic chest phantoms",
    summary:
      "Chest radiographs drawn by a seeded generator, with lung nodules and, on request, two planted weaknesses: " +
      "faint nodules in women under 40 and coarse noise on scanner C.",
    parameters,
    needsImageColumn: false,
  },
  async open(
    { patients, size, prevalence, contrast, planted, population },
    { seed, columns, numbers },
  ): Promise<SourceTable> {
    const images = drawPopulation({ seed, name: population, patients, prevalence, contrast, planted });
    const rendered = new Map<number, Uint8Array>();
    return {
      count: images.length,
      columns: new Map(columns.map((name) => [name, column(images, name)])),
      numbers: new Map(numbers.map((name) => [name, numbersOf(column(images, name))])),
      rowName: (row) => `phantom ${images[row]?.id ?? `row ${row}`}`,
      files: {},
      loadImage: async (row) => {
        const data = rendered.get(row) ?? imageAt(images, row).render(size);
        if (rendered.size * data.length < CACHE_BYTES) rendered.set(row, data);
        return { image: { data, channels: 1, height: size, width: size, maxValue: 255 }, sha256: sha256(data) };
      },
      loadFile: async (row, name) => {
        const data = maskAt(images, row, name, size);
        return { image: { data, channels: 1, height: size, width: size, maxValue: 1 }, sha256: sha256(data) };
      },
      hashFile: async (row, name) => sha256(maskAt(images, row, name, size)),
    };
  },
});

/** @throws StepwedgeError where the column names no mask */
function maskAt(images: readonly PhantomImage[], row: number, name: string, size: number): Uint8Array {
  if (name === "lungs") return imageAt(images, row).mask(size);
  throw new StepwedgeError(`column "${name}" names no mask`, {
    where: "data.references",
    remedy: "The phantoms have one mask: lungs.",
  });
}

function imageAt(images: readonly PhantomImage[], row: number): PhantomImage {
  const image = images[row];
  if (image === undefined) throw new RangeError(`row ${row} of ${images.length} phantoms`);
  return image;
}

function column(images: readonly PhantomImage[], name: string): string[] {
  const known = COLUMNS.find((candidate) => candidate === name);
  if (known === undefined) {
    throw new StepwedgeError(`the phantoms have no column "${name}"`, {
      where: "data",
      remedy: `${suggest(name, COLUMNS)}Columns: ${COLUMNS.join(", ")}.`,
    });
  }
  if (known === "lungs") return images.map(({ id }) => `${id}.lungs`);
  if (known === "ctr") return images.map(({ ctr }) => ctr());
  return images.map((image) => String(image[known]));
}
