import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { randomFrom } from "../../src/core/random.js";
import { encodeModel } from "../../src/training/onnx-writer.js";

const SIDE = 16;
const SAMPLES = 60;

/** A folder with 60 noisy 16 × 16 images, their table, a linear model as ONNX, and the protocol that joins them. */
export interface SmallStudy {
  readonly folder: string;
  readonly protocol: string;
  /** The table's rows, header first, for tests that spoil one. */
  readonly rows: readonly string[][];
  /** Writes the table again. */
  writeTable(rows: readonly (readonly string[])[]): void;
  /** Writes the protocol again, with some text replaced. */
  writeProtocol(change?: (yaml: string) => string): void;
  readonly images: string;
}

const PROTOCOL = `version: 1
title: Small study
seed: 5
model:
  adapter: onnx
  path: linear.onnx
  classes: [finding]
  sessions: 1
data:
  adapter: table
  path: manifest.csv
  image: path
  patient: patient
  labels: { finding: finding }
  split: { column: split, tuning: val, evaluation: test }
subgroups:
  sex: { column: sex }
attacks:
  - id: random-sign
    epsilon: [8/255]
  - id: wavelet-universal
    epsilon: [8/255]
    queries: 600
operatingPoints:
  - id: locked
    specificity: 0.8
gates:
  - { id: G1, metric: auc, bound: estimate, atLeast: 0.6 }
reports: [json]
`;

export async function smallStudy(): Promise<SmallStudy> {
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-study-"));
  const images = join(folder, "images");
  mkdirSync(images);
  const random = randomFrom("small study");
  const rows: string[][] = [["id", "path", "patient", "sex", "split", "finding"]];
  for (let index = 0; index < SAMPLES; index++) {
    const finding = index % 2;
    const pixels = Uint8Array.from({ length: SIDE * SIDE }, (_, pixel) => {
      const stripe = pixel % SIDE < SIDE / 2 ? 1 : -1;
      return Math.max(0, Math.min(255, 128 + stripe * (finding * 6 - 3) + 40 * random.normal()));
    });
    const name = `s${String(index).padStart(2, "0")}`;
    await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } })
      .png()
      .toFile(join(images, `${name}.png`));
    rows.push([
      name,
      `images/${name}.png`,
      `p${index >> 1}`,
      index % 3 === 0 ? "F" : "M",
      index < 20 ? "val" : "test",
      String(finding),
    ]);
  }
  writeFileSync(join(folder, "linear.onnx"), linearModel());
  const study: SmallStudy = {
    folder,
    images,
    rows,
    protocol: join(folder, "audit.yaml"),
    writeTable: (table) =>
      writeFileSync(join(folder, "manifest.csv"), table.map((row) => `${row.join(",")}\n`).join("")),
    writeProtocol: (change = (yaml) => yaml) => writeFileSync(join(folder, "audit.yaml"), change(PROTOCOL)),
  };
  study.writeTable(rows);
  study.writeProtocol();
  return study;
}

/** sigmoid(40 × mean of left minus right half): a model whose weakness to vertical stripes is known. */
function linearModel(): Uint8Array {
  const weights = Float32Array.from({ length: SIDE * SIDE }, (_, pixel) => (pixel % SIDE < SIDE / 2 ? 40 : -40));
  return encodeModel({
    name: "linear",
    description: "sigmoid of a weighted mean",
    nodes: [
      { op: "Mul", inputs: ["image", "weights"], outputs: ["weighted"], attributes: {} },
      { op: "ReduceMean", inputs: ["weighted", "axes"], outputs: ["logit"], attributes: { keepdims: 0 } },
      { op: "Sigmoid", inputs: ["logit"], outputs: ["prob"], attributes: {} },
    ],
    initializers: [
      { name: "weights", shape: [1, 1, SIDE, SIDE], data: weights },
      { name: "axes", shape: [2], data: BigInt64Array.of(2n, 3n) },
    ],
    inputs: [{ name: "image", type: "float32", shape: ["batch", 1, SIDE, SIDE] }],
    outputs: [{ name: "prob", type: "float32", shape: ["batch", 1] }],
  });
}
