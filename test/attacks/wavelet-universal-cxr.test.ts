import { readFileSync } from "node:fs";
import { join } from "node:path";
import randomSign from "../../attacks/random-sign.js";
import attack from "../../attacks/wavelet-universal.js";
import type { Strength } from "../../src/core/attack.js";
import type { Model } from "../../src/core/model.js";
import { createBatch, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import { findPlugin } from "../../src/core/plugins.js";
import { randomFrom } from "../../src/core/random.js";
import { projectCandidates } from "../../src/image/budget.js";
import { decodeImage } from "../../src/image/decode.js";
import { sharedData } from "../support/shared-data.js";
import { ToyTarget } from "../support/toy-target.js";
import { applyContext, noFile } from "../support/contexts.js";

// The chest X-ray classifier of ../shared/data, its val split for tuning, its test split for scoring.
const THRESHOLD = 0.579;
const geometry = { channels: 1, height: 160, width: 160, maxValue: 255 };
const strength: Strength = { kind: "epsilon", norm: "linf", epsilon: 4 / 255, stored: 4 };
const parameters = attack.meta.parameters.parse({});

async function loadSplit(root: string, split: string): Promise<{ images: PixelBatch; labels: Uint8Array }> {
  const folder = join(root, "cxr-nih-160");
  const [header, ...lines] = readFileSync(join(folder, "manifest.csv"), "utf8").trim().split("\n");
  const names = header?.split(",") ?? [];
  const columns = ["path", "label", "split"].map((name) => names.indexOf(name));
  const rows = lines
    .map((line) => columns.map((column) => line.split(",")[column] as string))
    .filter((row) => row[2] === split);
  const images = createBatch(geometry, rows.length);
  for (const [index, [path]] of rows.entries()) {
    const image = await decodeImage(readFileSync(join(folder, path as string)), path as string);
    images.data.set(image.data, index * imageSize(geometry));
  }
  return { images, labels: Uint8Array.from(rows, ([, label]) => (label === "pneumonia" ? 1 : 0)) };
}

async function decisions(model: Model, images: PixelBatch): Promise<boolean[]> {
  return Array.from((await model.predict(images)).values, (score) => score >= THRESHOLD);
}

const shareOfFlips = (before: boolean[], after: boolean[]) =>
  before.filter((decision, image) => decision !== after[image]).length / before.length;

const describeWithData = sharedData === null ? describe.skip : describe;

describeWithData("on a real chest X-ray classifier (skipped where ../shared/data is absent)", () => {
  test("3,000 queries flip twice as many decisions of other patients as random signs, and more than 47 %", async () => {
    const root = sharedData as string;
    const adapter = await findPlugin("models", "onnx");
    const options = adapter.meta.parameters.parse({
      path: "models/cxr.onnx",
      output: { name: "prob", select: { pneumonia: 0 } },
    });
    const model = await adapter.open(options, { baseFolder: root, classes: ["pneumonia"], threads: 2 });
    if (model === null) throw new Error("the onnx adapter opens a model");
    const tuning = await loadSplit(root, "val");
    const target = new ToyTarget((images) => model.predict(images), strength, 3000);
    const fitted = await attack.fit?.(
      { ...tuning, patients: Int32Array.from(tuning.labels, (_, image) => image), classIndex: 0, threshold: THRESHOLD },
      {
        parameters,
        strength,
        objective: "operating-point",
        geometry,
        target,
        random: randomFrom(1, "search"),
        progress: () => {},
        file: noFile,
      },
    );
    const { images } = await loadSplit(root, "test");
    const context = applyContext(attack, geometry, strength, { parameters, fitted: fitted ?? null });
    const perturbed = async (by: typeof attack) =>
      projectCandidates(images, await by.apply(images, context), strength, createBatch(images, images.count));
    const clean = await decisions(model, images);
    const flipped = shareOfFlips(clean, await decisions(model, await perturbed(attack)));
    const control = shareOfFlips(clean, await decisions(model, await perturbed(randomSign)));
    await model.close();

    expect(flipped).toBeGreaterThan(0.47);
    expect(control).toBeGreaterThan(0.22);
    expect(control).toBeLessThan(0.3);
  });
});
