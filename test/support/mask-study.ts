import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { randomFrom } from "../../src/core/random.js";
import { encodeModel } from "../../src/training/onnx-writer.js";

const SIDE = 24;

export interface MaskStudyOptions {
  /** Share of cases, by sex, whose object is too faint for the model. */
  readonly faint: Readonly<Record<"F" | "M", number>>;
  readonly patients?: number;
  readonly seed?: string;
}

export interface MaskStudy {
  readonly folder: string;
  readonly protocol: string;
  writeProtocol(change?: (yaml: string) => string): void;
}

const PROTOCOL = `version: 1
title: Discs
seed: 5
model:
  adapter: onnx
  path: identity.onnx
  task: segmentation
  classes: [disc]
  sessions: 1
  segmentation: { threshold: 0.6, spacing: [0.5, 0.5], tolerance: 1 }
data:
  adapter: table
  path: manifest.csv
  image: path
  patient: patient
  references: { disc: mask }
  split: { column: split, tuning: val, evaluation: test }
subgroups:
  sex: { column: sex }
attacks:
  - id: random-sign
    epsilon: [40/255]
  - id: wavelet-universal
    epsilon: [40/255]
    queries: 400
operatingPoints:
  - id: usable
    threshold: 0.5
gates:
  - { id: G1, metric: dice-gap, subgroups: [sex], bound: lower, atMost: 0.05 }
reports: [json, html]
`;

/**
 * A folder with pictures of discs, two of every patient, masks, and a "model" that gives the picture back: what is brighter than
 * the threshold is the predicted mask. Faint discs are missed altogether.
 */
export async function maskStudy({ faint, patients = 60, seed = "masks" }: MaskStudyOptions): Promise<MaskStudy> {
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-masks-"));
  for (const name of ["images", "masks"]) mkdirSync(join(folder, name));
  const random = randomFrom(seed);
  const rows = ["id,path,mask,patient,sex,split"];
  for (let patient = 0; patient < patients; patient++) {
    const sex = patient % 2 === 0 ? "F" : "M";
    for (const side of ["l", "r"]) {
      const name = `p${patient}${side}`;
      const [x, y] = [8 + random.integer(8), 8 + random.integer(8)];
      const brightness = random.uniform() < faint[sex] ? 130 : 175;
      const inside = Uint8Array.from({ length: SIDE * SIDE }, (_, at) =>
        Math.hypot((at % SIDE) - x, Math.floor(at / SIDE) - y) <= 5 ? 1 : 0,
      );
      const picture = inside.map((one) => (one === 1 ? brightness : 60) + random.integer(20));
      await png(picture, join(folder, "images", `${name}.png`));
      await png(
        inside.map((one) => one * 255),
        join(folder, "masks", `${name}.png`),
      );
      rows.push(`${name},images/${name}.png,masks/${name}.png,${patient},${sex},${patient < 12 ? "val" : "test"}`);
    }
  }
  writeFileSync(join(folder, "manifest.csv"), `${rows.join("\n")}\n`);
  writeFileSync(join(folder, "identity.onnx"), identityModel());
  const study: MaskStudy = {
    folder,
    protocol: join(folder, "audit.yaml"),
    writeProtocol: (change = (yaml) => yaml) => writeFileSync(join(folder, "audit.yaml"), change(PROTOCOL)),
  };
  study.writeProtocol();
  return study;
}

function png(pixels: Uint8Array, path: string): Promise<unknown> {
  return sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } })
    .png()
    .toFile(path);
}

function identityModel(): Uint8Array {
  const shape = ["batch", 1, SIDE, SIDE] as const;
  return encodeModel({
    name: "identity",
    description: "the picture itself",
    nodes: [{ op: "Identity", inputs: ["image"], outputs: ["map"], attributes: {} }],
    initializers: [],
    inputs: [{ name: "image", type: "float32", shape }],
    outputs: [{ name: "map", type: "float32", shape }],
  });
}
