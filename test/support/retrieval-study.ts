import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { randomFrom } from "../../src/core/random.js";
import { encoderModel } from "./encoder-study.js";

const SIDE = 16;
const SQUARE = 4;

export interface RetrievalStudyOptions {
  /** How much brighter one square of women's images is: 0 tells nothing of sex. */
  readonly leak: number;
  /** How many of an image's grey levels tell its class. */
  readonly signal?: number;
  readonly patients?: number;
  readonly seed?: string;
}

export interface RetrievalStudy {
  readonly folder: string;
  readonly protocol: string;
  writeProtocol(change?: (yaml: string) => string): void;
}

const PROTOCOL = `version: 1
title: Squares
seed: 5
model:
  adapter: onnx
  path: vector.onnx
  task: retrieval
  classes: [left, right]
  sessions: 1
  retrieval: { k: 5 }
data:
  adapter: table
  path: manifest.csv
  image: path
  patient: patient
  labels:
    left: { column: class, positive: left }
    right: { column: class, positive: right }
  split: { column: split, tuning: val, evaluation: test }
subgroups:
  sex: { column: sex }
gates:
  - { id: G1, metric: leakage-auc, subgroups: [sex], bound: lower, atMost: 0.5 }
reports: [json]
`;

/**
 * A folder with 16 × 16 images, two of every patient, and an encoder that gives the means of their 16 squares. The class is a
 * brighter square, on the left or on the right; so is, with a leak, the patient's sex, elsewhere.
 */
export async function retrievalStudy(options: RetrievalStudyOptions): Promise<RetrievalStudy> {
  const { leak, patients = 120, seed = "squares", signal = 60 } = options;
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-retrieval-"));
  mkdirSync(join(folder, "images"));
  const random = randomFrom(seed);
  const rows = ["id,path,patient,sex,class,split"];
  for (let patient = 0; patient < patients; patient++) {
    const sex = random.uniform() < 0.5 ? "F" : "M";
    const side = random.uniform() < 0.5 ? "left" : "right";
    for (const view of ["a", "b"]) {
      const name = `p${patient}${view}`;
      const squares = Float64Array.from({ length: 16 }, () => 90 + 10 * random.normal());
      const marked = side === "left" ? 4 : 7;
      squares[marked] = (squares[marked] as number) + signal;
      if (sex === "F") squares[14] = (squares[14] as number) + leak;
      const pixels = Uint8Array.from({ length: SIDE * SIDE }, (_, at) => {
        const square = Math.floor(at / SIDE / SQUARE) * SQUARE + Math.floor((at % SIDE) / SQUARE);
        return Math.max(0, Math.min(255, (squares[square] as number) + 6 * random.normal()));
      });
      await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } })
        .png()
        .toFile(join(folder, "images", `${name}.png`));
      rows.push(`${name},images/${name}.png,${patient},${sex},${side},${patient < patients / 2 ? "val" : "test"}`);
    }
  }
  writeFileSync(join(folder, "manifest.csv"), `${rows.join("\n")}\n`);
  writeFileSync(join(folder, "vector.onnx"), encoderModel("prob"));
  const study: RetrievalStudy = {
    folder,
    protocol: join(folder, "audit.yaml"),
    writeProtocol: (change = (yaml) => yaml) => writeFileSync(join(folder, "audit.yaml"), change(PROTOCOL)),
  };
  study.writeProtocol();
  return study;
}
