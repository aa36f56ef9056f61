import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Finding } from "../../src/core/finding.js";
import { randomFrom } from "../../src/core/random.js";
import { encodeModel } from "../../src/training/onnx-writer.js";
import { stepwedge } from "../support/cli.js";
import { encoderModel } from "../support/encoder-study.js";
import { buildNifti } from "../support/nifti.js";

const SIDE = 16;
const SLICES = 6;
const ANATOMIES = ["head", "chest", "pelvis"] as const;

const protocolOf = (model: string) => `version: 1
title: Volumes
seed: 5
model:
  adapter: onnx
${model}
  task: retrieval
  classes: [${ANATOMIES.join(", ")}]
  sessions: 1
  retrieval: { k: 4 }
data:
  adapter: table
  path: manifest.csv
  image: path
  patient: patient
  frames: all
  axis: stored
  labels:
${ANATOMIES.map((name) => `    ${name}: { column: anatomy, positive: ${name} }`).join("\n")}
  split: { column: split, tuning: val, evaluation: test }
subgroups:
  size: { column: size }
attacks:
  - { id: gaussian-noise, severity: [3] }
privacy: { minimumCell: 0 }
reports: [json]
`;

/** Volumes of three anatomies: a bright square, each in a corner of its own, in as many slices as the lesion is large. */
function volumeStudy(): string {
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-volumes-"));
  const random = randomFrom("volumes");
  const rows = ["id,path,patient,anatomy,size,split"];
  for (let index = 0; index < 72; index++) {
    const anatomy = index % 3;
    const size = index % 2 === 0 ? "large" : "small";
    const values = Array.from({ length: SIDE * SIDE * SLICES }, (_, at) => {
      const [x, y, z] = [at % SIDE, Math.floor(at / SIDE) % SIDE, Math.floor(at / SIDE / SIDE)];
      const inside = Math.floor(x / 4) === anatomy && Math.floor(y / 4) === 1;
      const slices = size === "large" ? z < 5 : z === 2;
      const value = 90 + 12 * random.normal() + (inside && slices ? 80 : 0);
      return Math.max(0, Math.min(255, Math.round(value)));
    });
    const shape = [SIDE, SIDE, SLICES];
    writeFileSync(join(folder, `v${index}.nii`), buildNifti({ shape, datatype: "uint8", values }));
    rows.push(`v${index},v${index}.nii,p${index},${ANATOMIES[anatomy]},${size},${index < 36 ? "val" : "test"}`);
  }
  writeFileSync(join(folder, "manifest.csv"), `${rows.join("\n")}\n`);
  writeFileSync(join(folder, "slices.onnx"), encoderModel("prob"));
  writeFileSync(join(folder, "volumes.onnx"), volumeEncoder());
  return folder;
}

/** The mean over all slices of the means of squares: what the encoder of images gives, if its slices are averaged. */
function volumeEncoder(): Uint8Array {
  const window = [SLICES, 4, 4];
  return encodeModel({
    name: "volumes",
    description: "means of columns",
    nodes: [
      { op: "AveragePool", inputs: ["image"], outputs: ["map"], attributes: { kernel_shape: window, strides: window } },
      { op: "Flatten", inputs: ["map"], outputs: ["prob"], attributes: {} },
    ],
    initializers: [],
    inputs: [{ name: "image", type: "float32", shape: ["batch", 1, SLICES, SIDE, SIDE] }],
    outputs: [{ name: "prob", type: "float32", shape: ["batch", 16] }],
  });
}

const findingsOf = (out: string) =>
  (JSON.parse(readFileSync(join(out, "findings.json"), "utf8")) as { findings: Finding[] }).findings;
const estimateOf = (findings: readonly Finding[], id: string) => {
  const found = findings.find((finding) => finding.id === id);
  if (found === undefined) throw new Error(`no finding ${id}`);
  return found.estimate as number;
};

test("volumes as one tensor, and as slices whose embeddings are averaged, are found alike; the largest finds small lesions", async () => {
  const folder = volumeStudy();
  const run = async (name: string, model: string) => {
    writeFileSync(join(folder, `${name}.yaml`), protocolOf(model));
    const out = join(folder, name);
    expect(await stepwedge("run", join(folder, `${name}.yaml`), "--out", out)).toMatchObject({ stderr: "" });
    return findingsOf(out);
  };
  const sliced = (by: string) => `  path: slices.onnx\n  aggregate: { slices: ${SLICES}, by: ${by} }`;
  const tensor = await run("tensor", "  path: volumes.onnx");
  const mean = await run("mean", sliced("mean"));
  const ranked = (findings: readonly Finding[]) => findings.filter(({ metric }) => metric === "mean-average-precision");
  expect(ranked(mean).length).toBeGreaterThan(10);
  ranked(mean).forEach((finding, index) => {
    expect(finding.estimate).toBeCloseTo(ranked(tensor)[index]?.estimate as number, 6);
  });
  const largest = await run("max", sliced("max"));
  await run("similarity", sliced("similarity"));
  for (const anatomy of ANATOMIES) {
    const id = (size: string) => `outcomes/mean-average-precision/${anatomy}/size=${size}/clean`;
    expect(estimateOf(mean, id("large"))).toBeGreaterThan(0.75);
    // One slice of six is lost in a mean.
    expect(estimateOf(mean, id("small"))).toBeLessThan(estimateOf(largest, id("small")));
    expect(estimateOf(largest, id("small"))).toBeGreaterThan(0.9);
  }
}, 120_000);

test("volumes of another number of slices, and tasks without embeddings, are refused", async () => {
  const folder = volumeStudy();
  const errorOf = async (model: string, change: (yaml: string) => string = (yaml) => yaml) => {
    writeFileSync(join(folder, "audit.yaml"), change(protocolOf(model)));
    const { code, stderr } = await stepwedge("run", join(folder, "audit.yaml"), "--out", join(folder, "out"));
    expect(code).toBe(2);
    return stderr;
  };
  expect(await errorOf("  path: slices.onnx\n  aggregate: { slices: 5 }")).toMatch(
    /the image has 6 channels, the model takes 5/,
  );
  expect(
    await errorOf("  path: slices.onnx\n  aggregate: { slices: 6 }", (yaml) =>
      yaml.replace("task: retrieval", "task: multiclass").replace("  retrieval: { k: 4 }\n", ""),
    ),
  ).toMatch(/aggregate.*[\s\S]*needs an encoder/);
  expect(await errorOf("  path: volumes.onnx\n  aggregate: { slices: 6 }")).toMatch(/takes images of 6 channels/);
}, 60_000);
