import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import type { Finding } from "../../src/core/finding.js";
import { randomFrom } from "../../src/core/random.js";
import { stepwedge } from "../support/cli.js";
import { encoderModel } from "../support/encoder-study.js";

const SIDE = 64;
const BOX = 20;
const ORGANS = ["heart", "liver", "spleen"] as const;

const PROTOCOL = `version: 1
title: Regions
seed: 5
model:
  adapter: onnx
  path: vector.onnx
  task: retrieval
  classes: [${ORGANS.join(", ")}]
  sessions: 1
  input: { resize: bilinear }
  retrieval: { k: 5 }
data:
  adapter: table
  path: manifest.csv
  image: path
  patient: patient
  region: { x: left, y: top, width: w, height: h, context: 0.25 }
  labels:
${ORGANS.map((name) => `    ${name}: { column: organ, positive: ${name} }`).join("\n")}
  split: { column: split, tuning: val, evaluation: test }
subgroups:
  sex: { column: sex }
attacks:
  - { id: translation, severity: [1, 3, 5] }
  - { id: scaling, severity: [3] }
reports: [json]
`;

/** Pictures of three patches, each of a pattern of its own, wherever it lies; a row for each patch. */
async function regionStudy(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-regions-"));
  const random = randomFrom("regions");
  const rows = ["id,path,patient,sex,organ,left,top,w,h,split"];
  for (let patient = 0; patient < 40; patient++) {
    const pixels = Uint8Array.from({ length: SIDE * SIDE }, () => 100 + 8 * random.normal());
    const order = random.permutation(3);
    for (const [organ, name] of ORGANS.entries()) {
      const place = order[organ] as number;
      const [left, top] = [4 + 20 * place, 4 + random.integer(SIDE - BOX - 8)];
      for (let y = 0; y < BOX; y++) {
        for (let x = 0; x < BOX; x++) {
          const isBright = [x < BOX / 2, y < BOX / 2, x < BOX / 2 === y < BOX / 2][organ];
          pixels[(top + y) * SIDE + left + x] = (isBright ? 170 : 60) + 8 * random.normal();
        }
      }
      const split = patient < 20 ? "val" : "test";
      rows.push(
        [
          `p${patient}-${name}`,
          `p${patient}.png`,
          patient,
          patient % 2 ? "F" : "M",
          name,
          left,
          top,
          BOX,
          BOX,
          split,
        ].join(),
      );
    }
    await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } })
      .png()
      .toFile(join(folder, `p${patient}.png`));
  }
  writeFileSync(join(folder, "manifest.csv"), `${rows.join("\n")}\n`);
  writeFileSync(join(folder, "vector.onnx"), encoderModel("prob"));
  return folder;
}

test("regions of one image are found by what they show, and less so the farther their boxes are off", async () => {
  const folder = await regionStudy();
  const run = async (name: string, yaml: string) => {
    writeFileSync(join(folder, `${name}.yaml`), yaml);
    const ended = await stepwedge("run", join(folder, `${name}.yaml`), "--out", join(folder, name));
    return { ...ended, out: join(folder, name) };
  };
  const { out, stderr } = await run("regions", PROTOCOL);
  expect(stderr).toBe("");
  const { findings } = JSON.parse(readFileSync(join(out, "findings.json"), "utf8")) as { findings: Finding[] };
  const of = (metric: string, condition: string) => {
    const all = ORGANS.map((organ) => findings.find(({ id }) => id === `outcomes/${metric}/${organ}/all/${condition}`));
    return all.reduce((sum, one) => sum + (one?.estimate as number), 0) / 3;
  };
  // Three regions of each of 20 patients: none is found for another of its own picture.
  expect(findings.find(({ id }) => id === "outcomes/vote-correct/heart/all/clean")).toMatchObject({
    n: 20,
    patients: 20,
  });
  expect(of("vote-correct", "clean")).toBe(1);
  const similarity = [1, 3, 5].map((severity) => of("clean-similarity", `translation@s${severity}`));
  expect(similarity).toEqual([...similarity].sort().reverse());
  expect(similarity[2]).toBeLessThan(0.995);
  expect(of("mean-average-precision", "translation@s5")).toBeLessThan(of("mean-average-precision", "clean"));
  expect(of("clean-similarity", "scaling@s3")).toBeLessThan(1);

  const outside = await run("outside", PROTOCOL.replace("width: w", "width: left"));
  expect(outside).toMatchObject({ code: 2, stderr: expect.stringMatching(/reaches beyond the image of 64 × 64/) });
  const headless = await run(
    "headless",
    PROTOCOL.replace("task: retrieval", "task: multiclass").replace("  retrieval: { k: 5 }\n", ""),
  );
  expect(headless).toMatchObject({ code: 2, stderr: expect.stringMatching(/context.*[\s\S]*needs an encoder/) });
}, 120_000);
