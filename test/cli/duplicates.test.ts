import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { sha256 } from "../../src/core/hash.js";
import type { Findings } from "../../src/core/record.js";
import { startStepwedge, stepwedge } from "../support/cli.js";
import { type SmallStudy, smallStudy } from "../support/small-study.js";

const findingsOf = (out: string) => JSON.parse(readFileSync(join(out, "findings.json"), "utf8")) as Findings;
const short = (id: string) => sha256(id).slice(0, 12);

/** s04 (tuning, positive is odd) again as s30 (evaluation); s41 and s43 one file; s50 the same as s51 but for its size. */
async function withDuplicates(): Promise<SmallStudy> {
  const study = await smallStudy();
  const file = (name: string) => join(study.images, `${name}.png`);
  copyFileSync(file("s04"), file("s30"));
  copyFileSync(file("s41"), file("s43"));
  writeFileSync(file("s51"), await sharp(file("s50")).resize(32, 32, { kernel: "nearest" }).png().toBuffer());
  study.writeProtocol((yaml) => yaml.replace("sessions: 1\n", "sessions: 1\n  input: { resize: bilinear }\n"));
  return study;
}

test("files that are the same, and files that look alike, are counted by split, patient and label", async () => {
  const study = await withDuplicates();
  const out = join(study.folder, "out");
  expect((await stepwedge("run", study.protocol, "--out", out)).code).toBe(0);
  const { deviations, duplicates } = findingsOf(out);
  expect(duplicates).toMatchObject({
    unchecked: null,
    distance: 4,
    exact: { pairs: 2, withinTuning: 0, withinEvaluation: 1, acrossSplits: 1, acrossPatients: 2, disagreeing: 0 },
    near: { pairs: 1, withinEvaluation: 1, acrossSplits: 0, acrossPatients: 0, disagreeing: 1, complete: true },
  });
  expect(duplicates.examples).toEqual([
    {
      kind: "exact",
      distance: 0,
      samples: [short("s04"), short("s30")],
      splits: ["tuning", "evaluation"],
      samePatient: false,
      disagreeing: [],
    },
    {
      kind: "exact",
      distance: 0,
      samples: [short("s41"), short("s43")],
      splits: ["evaluation", "evaluation"],
      samePatient: false,
      disagreeing: [],
    },
    {
      kind: "near",
      distance: 0,
      samples: [short("s50"), short("s51")],
      splits: ["evaluation", "evaluation"],
      samePatient: true,
      disagreeing: ["finding"],
    },
  ]);
  expect(deviations.map(({ id }) => id)).toEqual(["duplicates-across-splits", "duplicates-across-patients"]);
  expect(deviations[0]?.detail).toMatch(/1 pair of one file/);
  // Without the images: what was kept beside the scores suffices.
  const again = await stepwedge("evaluate", out);
  expect(again.code).toBe(0);
  expect(findingsOf(out).duplicates).toEqual(duplicates);
}, 60_000);

test("interrupted and resumed, a run finds the same duplicates", async () => {
  const study = await withDuplicates();
  const [whole, out] = [join(study.folder, "whole"), join(study.folder, "out")];
  const started = performance.now();
  await stepwedge("run", study.protocol, "--out", whole);
  const run = startStepwedge("run", study.protocol, "--out", out);
  await new Promise((resolve) => setTimeout(resolve, 0.8 * (performance.now() - started)));
  run.process.kill("SIGKILL");
  await run.ended;
  await stepwedge("run", study.protocol, "--out", out, "--resume");
  expect(readFileSync(join(out, "findings.json")).equals(readFileSync(join(whole, "findings.json")))).toBe(true);
}, 60_000);

test("without a patient column it is not known whether patients differ", async () => {
  const study = await withDuplicates();
  study.writeProtocol((yaml) =>
    yaml.replace("  patient: patient\n", "").replace("sessions: 1\n", "sessions: 1\n  input: { resize: bilinear }\n"),
  );
  const out = join(study.folder, "out");
  await stepwedge("run", study.protocol, "--out", out);
  const { deviations, duplicates } = findingsOf(out);
  expect(duplicates.exact).toMatchObject({ pairs: 2, acrossPatients: null });
  expect(duplicates.examples.every(({ samePatient }) => samePatient === null)).toBe(true);
  expect(deviations.map(({ id }) => id)).not.toContain("duplicates-across-patients");
}, 60_000);

test("one file with two labels is a deviation", async () => {
  const study = await withDuplicates();
  copyFileSync(join(study.images, "s44.png"), join(study.images, "s45.png"));
  const out = join(study.folder, "out");
  await stepwedge("run", study.protocol, "--out", out);
  const { deviations, duplicates } = findingsOf(out);
  expect(duplicates.exact.disagreeing).toBe(1);
  expect(deviations.map(({ id }) => id)).toContain("duplicates-disagree");
}, 60_000);
