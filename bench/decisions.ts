/*
 * How near decision-based attacks come: the median distance of the nearest flipped image on the real classifiers of
 * ../shared/data, with the interval that order statistics give, and the shares of images flipped within 2, 4 and 8 grey
 * levels (L∞) or the same root mean squares (L2).
 *
 *   npm run build && node dist/bench/decisions.js [model] [queries] [images] [attack/norm …]
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import type { Attack, Strength } from "../src/core/attack.js";
import type { Model } from "../src/core/model.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch, sliceBatch } from "../src/core/pixels.js";
import { findPlugin } from "../src/core/plugins.js";
import { randomFrom } from "../src/core/random.js";
import { PACKAGE_ROOT } from "../src/core/version.js";
import { decodeImage } from "../src/image/decode.js";
import { QueryLedger } from "../src/run/ledger.js";
import { decisionOf } from "../src/run/margins.js";
import { MeteredOracle } from "../src/run/oracle.js";

const BATCH = 16;
const RUNS = ["hop-skip-jump/linf", "hop-skip-jump/l2", "geoda/linf", "geoda/l2", "boundary/l2"];
const MODELS = {
  cxr: {
    folder: "cxr-nih-160",
    geometry: { channels: 1, height: 160, width: 160, maxValue: 255 },
    output: { name: "prob", select: { pneumonia: 0 } },
    className: "pneumonia",
    threshold: 0.579,
    images: 50,
  },
  skin: {
    folder: "skin-ham-128",
    geometry: { channels: 3, height: 128, width: 128, maxValue: 255 },
    output: { name: "prob", select: { malignant: 0 } },
    className: "malignant",
    threshold: 0.46827974915504456,
    images: 30,
  },
};

const shared = join(PACKAGE_ROOT, "..", "shared", "data");
if (!existsSync(shared)) {
  process.stdout.write("decisions: skipped, the shared studies are not here\n");
  process.exit(0);
}

/** What of a manifest's row is needed. */
interface Row {
  readonly path: string;
  readonly split: string;
}

/** The first images of the test split (skin: all of its images are of the test split). */
async function firstImages(folder: string, geometry: ImageGeometry, count: number): Promise<PixelBatch> {
  const manifest = parse(readFileSync(join(shared, folder, "manifest.csv")), { columns: true }) as Row[];
  const rows = manifest.filter(({ split }) => split === "test").slice(0, count);
  const batch = createBatch(geometry, rows.length);
  for (const [index, { path }] of rows.entries()) {
    const image = await decodeImage(readFileSync(join(shared, folder, path)), path);
    batch.data.set(image.data, index * imageSize(geometry));
  }
  return batch;
}

/** Distances of the nearest flipped images, as fractions of the window; infinite where none was found. */
async function distances(
  model: Model,
  attack: Attack,
  images: PixelBatch,
  norm: "linf" | "l2",
  threshold: number,
  budget: number,
): Promise<Float64Array> {
  const { channels, height, width, maxValue } = images;
  const geometry = { channels, height, width, maxValue };
  const strength: Strength = { kind: "epsilon", norm, epsilon: 1, stored: maxValue };
  const found = new Float64Array(images.count);
  for (let from = 0; from < images.count; from += BATCH) {
    const originals = sliceBatch(images, from, Math.min(from + BATCH, images.count));
    const oracle = new MeteredOracle({
      ledger: new QueryLedger(model),
      defense: null,
      journal: null,
      seed: 1,
      signal: undefined,
      originals,
      strength,
      knowledge: attack.meta.knowledge,
      classIndex: 0,
      threshold,
      cleanDecisions: decisionOf(await model.predict(originals), 0, threshold),
      budget,
    });
    await attack.apply(originals, {
      parameters: attack.meta.parameters.parse({}),
      strength,
      objective: null,
      geometry,
      fitted: null,
      oracle,
      randomOf: (image) => randomFrom("bench", from + image),
      file: (parameter) => {
        throw new Error(`no file was given for ${parameter}`);
      },
    });
    for (let image = 0; image < originals.count; image++) {
      found[from + image] = oracle.flips(image).at(-1)?.distance ?? Number.POSITIVE_INFINITY;
    }
  }
  return found;
}

/** The median and its distribution-free interval: the order statistics that binomial(n, ½) leaves outside with ≤ 5 %. */
function medianInterval(values: Float64Array): readonly [number, number, number] {
  const sorted = values.slice().sort();
  const n = sorted.length;
  let below = 0;
  let chance = 0.5 ** n;
  let rank = 0;
  while (below + chance <= 0.025) {
    below += chance;
    chance *= (n - rank) / (rank + 1);
    rank++;
  }
  const lower = sorted[Math.max(0, rank - 1)] as number;
  const upper = sorted[Math.min(n - 1, n - rank)] as number;
  const middle = ((sorted[(n - 1) >> 1] as number) + (sorted[n >> 1] as number)) / 2;
  return [middle, lower, upper];
}

const [, , onlyModel, onlyQueries, onlyImages, ...onlyRuns] = process.argv;
const adapter = await findPlugin("models", "onnx");
process.stdout.write("model  attack               queries   median [95 %] /255   within 2   4   8 /255   s/image\n");
for (const [name, study] of Object.entries(MODELS)) {
  if (onlyModel !== undefined && onlyModel !== name) continue;
  const options = adapter.meta.parameters.parse({ path: `models/${name}.onnx`, output: study.output });
  const model = await adapter.open(options, { baseFolder: shared, classes: [study.className], threads: 2 });
  if (model === null) throw new Error("the onnx adapter opens a model");
  const images = await firstImages(study.folder, study.geometry, Number(onlyImages ?? study.images));
  for (const queries of onlyQueries === undefined ? [640, 2000] : [Number(onlyQueries)]) {
    for (const run of onlyRuns.length > 0 ? onlyRuns : RUNS) {
      const [id = "", norm] = run.split("/");
      const attack = await findPlugin("attacks", id);
      const started = performance.now();
      const kind = norm === "l2" ? "l2" : "linf";
      const found = await distances(model, attack, images, kind, study.threshold, queries);
      const seconds = (performance.now() - started) / 1000 / images.count;
      // L2 as a root mean square over pixels and channels, so that both norms are in grey levels per pixel.
      const scale = kind === "l2" ? 255 / Math.sqrt(imageSize(study.geometry)) : 255;
      const levels = found.map((distance) => distance * scale);
      const [middle, lower, upper] = medianInterval(levels);
      const share = (bound: number) =>
        `${Math.round((100 * levels.filter((d) => d <= bound + 1e-9).length) / levels.length)} %`;
      process.stdout.write(
        `${name.padEnd(6)} ${run.padEnd(20)} ${String(queries).padStart(6)}    ` +
          `${middle.toFixed(2)} [${lower.toFixed(2)}, ${upper.toFixed(2)}]`.padEnd(22) +
          `${[2, 4, 8].map((bound) => share(bound).padStart(6)).join("")}   ${seconds.toFixed(2)}\n`,
      );
    }
  }
  await model.close();
}
