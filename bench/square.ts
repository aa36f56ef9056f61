/*
 * The square attack on the two shared classifiers: decisions flipped, with Wilson's 95 % interval, and queries per image,
 * those that never flipped included; beside what the Adversarial Robustness Toolbox's square attack needed (500
 * iterations at three forward passes each). Queries per second are set against bare forward passes of one batch shape.
 *
 *   npm run build && node dist/bench/square.js [images] [queries] [pixel|wavelet] [model] [grey levels]
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import square from "../attacks/square.js";
import type { Model } from "../src/core/model.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch, sliceBatch } from "../src/core/pixels.js";
import { findPlugin } from "../src/core/plugins.js";
import { randomFrom } from "../src/core/random.js";
import { PACKAGE_ROOT } from "../src/core/version.js";
import { decodeImage } from "../src/image/decode.js";
import { QueryLedger } from "../src/run/ledger.js";
import { decisionOf } from "../src/run/margins.js";
import { MeteredOracle } from "../src/run/oracle.js";
import { wilsonLimits } from "../src/stats/proportion.js";

interface Study {
  readonly name: string;
  readonly folder: string;
  readonly output: { readonly name: string; readonly select?: Record<string, number> };
  readonly threshold: number;
  readonly geometry: ImageGeometry;
  /** ART's square attack at so many grey levels: decisions flipped in percent, queries per image. */
  readonly marks: readonly { readonly levels: number; readonly flips: number; readonly queries: number }[];
}

const STUDIES: readonly Study[] = [
  {
    name: "cxr",
    folder: "cxr-nih-160",
    output: { name: "prob", select: { positive: 0 } },
    threshold: 0.579,
    geometry: { channels: 1, height: 160, width: 160, maxValue: 255 },
    marks: [
      { levels: 4, flips: 100, queries: 590 },
      { levels: 2, flips: 52, queries: 1131 },
      { levels: 1, flips: 21, queries: 1344 },
    ],
  },
  {
    name: "skin",
    folder: "skin-ham-128",
    output: { name: "prob" },
    threshold: 0.46827974915504456,
    geometry: { channels: 3, height: 128, width: 128, maxValue: 255 },
    marks: [{ levels: 4, flips: 6, queries: 1457 }],
  },
];
/** The normal quantile of a 95 % interval. */
const NORMAL_97_5 = 1.959963984540054;

const [images = "100", queries = "500", only, model, levels] = process.argv.slice(2);
const shared = join(PACKAGE_ROOT, "..", "shared", "data");
if (!existsSync(shared)) {
  process.stdout.write("square: skipped, the shared studies are not here\n");
  process.exit(0);
}
const onnx = await findPlugin("models", "onnx");
process.stdout.write(`${images} images, at most ${queries} queries each\n\n`);
process.stdout.write(
  "| model | ε | space | flips (95 %) | queries per image | ART flips | ART queries | of bare speed |\n",
);
process.stdout.write("|---|---|---|---|---|---|---|---|\n");
for (const study of STUDIES) {
  const marks = study.marks.filter((mark) => levels === undefined || mark.levels === Number(levels));
  if (model === undefined || study.name === model) await measure({ ...study, marks });
}

async function measure(study: Study): Promise<void> {
  const options = onnx.meta.parameters.parse({ path: join("models", `${study.name}.onnx`), output: study.output });
  const model = await onnx.open(options, { baseFolder: shared, classes: ["positive"], threads: 2 });
  if (model === null) throw new Error("the onnx adapter opened no model");
  const originals = await firstTestImages(study, Number(images));
  for (const mark of study.marks) {
    for (const space of ["pixel", "wavelet"]) {
      if (only !== undefined && only !== space) continue;
      const bare = await bareRate(model, originals);
      const { flips, rate, spent } = await attack(model, study, originals, mark.levels, space);
      const share = flips / originals.count;
      const { lower, upper } = wilsonLimits(share, originals.count, NORMAL_97_5);
      const percent = (value: number) => (100 * value).toFixed(0);
      const cells = [
        study.name,
        `${mark.levels}/255`,
        space,
        `${percent(share)} % (${percent(lower)}–${percent(upper)})`,
        (spent / originals.count).toFixed(0),
        `${mark.flips} %`,
        String(mark.queries),
        (rate / bare).toFixed(2),
      ];
      process.stdout.write(`| ${cells.join(" | ")} |\n`);
    }
  }
  await model.close();
}

async function firstTestImages({ folder, geometry }: Study, most: number): Promise<PixelBatch> {
  const [header = "", ...lines] = readFileSync(join(shared, folder, "manifest.csv"), "utf8")
    .trim()
    .split("\n");
  const path = header.split(",").indexOf("path");
  // A quoted column may hold commas, but the path stands before it and the split is a word by itself.
  const rows = lines.map((line) => line.split(",")).filter((cells) => cells.includes("test"));
  const batch = createBatch(geometry, Math.min(most, rows.length));
  for (let image = 0; image < batch.count; image++) {
    const file = join(shared, folder, rows[image]?.[path] as string);
    batch.data.set((await decodeImage(readFileSync(file), file)).data, image * imageSize(geometry));
  }
  return batch;
}

async function attack(model: Model, study: Study, originals: PixelBatch, levels: number, space: string) {
  const strength = { kind: "epsilon", norm: "linf", epsilon: levels / 255, stored: levels } as const;
  const { geometry, threshold } = study;
  const ledger = new QueryLedger(model);
  const oracle = new MeteredOracle({
    ledger,
    defense: null,
    journal: null,
    seed: 1,
    signal: undefined,
    originals,
    strength,
    knowledge: "scores",
    classIndex: 0,
    threshold,
    cleanDecisions: decisionOf(await model.predict(originals), 0, threshold),
    budget: Number(queries),
  });
  const started = performance.now();
  await square.apply(originals, {
    parameters: square.meta.parameters.parse({ space }),
    strength,
    objective: null,
    geometry,
    fitted: null,
    oracle,
    file: (parameter) => {
      throw new Error(`square has no file ${parameter}`);
    },
    randomOf: (image) => randomFrom("bench", "square", image),
  });
  const seconds = (performance.now() - started) / 1000;
  const flips = Array.from({ length: originals.count }, (_, image) => oracle.flips(image).length > 0);
  return { flips: flips.filter(Boolean).length, spent: ledger.spent.search, rate: ledger.spent.search / seconds };
}

/** Images per second of the model alone. */
async function bareRate(model: Model, originals: PixelBatch): Promise<number> {
  const batch = sliceBatch(originals, 0, Math.min(32, originals.count));
  await model.predict(batch);
  const started = performance.now();
  for (let repeat = 0; repeat < 6; repeat++) await model.predict(batch);
  return (6 * batch.count) / ((performance.now() - started) / 1000);
}
