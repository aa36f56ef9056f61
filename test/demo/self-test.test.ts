import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { sha256 } from "../../src/core/hash.js";
import { PACKAGE_ROOT } from "../../src/core/version.js";
import { drawPopulation, type PhantomImage, type Planted } from "../../src/data/phantom/population.js";
import { type AucEstimate, areaUnderCurve, aucDifference } from "../../src/stats/auc.js";
import { type Estimate, intervalOf } from "../../src/stats/estimate.js";

// The harness on data whose truth is known: it finds the weakness that was planted, and none where there is none.

const FOLDER = join(PACKAGE_ROOT, "assets", "demo");
const SIDE = 64;
const BATCH = 64;
const LEVEL = 0.95;

const model = readFileSync(join(FOLDER, "nodule-classifier.onnx"));
let session: ort.InferenceSession;
beforeAll(async () => {
  session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 });
});
afterAll(() => session.release());

interface Scored {
  readonly images: readonly PhantomImage[];
  readonly logits: Float64Array;
}

async function score(seed: number, patients: number, planted: Planted): Promise<Scored> {
  const images = drawPopulation({ seed, name: "self-test", patients, prevalence: 0.45, contrast: 1, planted });
  const logits = new Float64Array(images.length);
  for (let start = 0; start < images.length; start += BATCH) {
    const part = images.slice(start, start + BATCH);
    const pixels = new Float32Array(part.length * SIDE * SIDE);
    part.forEach((image, place) => {
      pixels.set(image.render(SIDE), place * SIDE * SIDE);
    });
    const input = new ort.Tensor("float32", pixels.map(toUnit), [part.length, 1, SIDE, SIDE]);
    const { logit } = await session.run({ images: input });
    logits.set(logit?.data as Float32Array, start);
  }
  return { images, logits };
}

const toUnit = (value: number) => value / 255;

type Group = (image: PhantomImage) => boolean;
const youngWomen: Group = ({ sex, age }) => sex === "F" && age !== "" && Number(age) < 40;
const women: Group = ({ sex }) => sex === "F";
const onScannerC: Group = ({ scanner }) => scanner === "C";
const everybody: Group = () => true;

function aucOf({ images, logits }: Scored, group: Group): AucEstimate {
  const rows = [...images.keys()].filter((row) => group(images[row] as PhantomImage));
  const names = [...new Set(images.map(({ patient }) => patient))];
  const estimate = areaUnderCurve({
    scores: Float64Array.from(rows, (row) => logits[row] ?? Number.NaN),
    labels: Uint8Array.from(rows, (row) => images[row]?.nodule ?? 0),
    patients: Int32Array.from(rows, (row) => names.indexOf(images[row]?.patient ?? "")),
    clustered: true,
  });
  if (estimate.status !== "estimated") throw new Error(estimate.reason);
  return estimate;
}

/** AUC of a group minus AUC of everybody else. */
function gap(scored: Scored, group: Group): Estimate {
  const rest: Group = (image) => !group(image);
  return aucDifference(aucOf(scored, group), aucOf(scored, rest), true);
}

test("the shipped model is the one that the facts beside it describe", () => {
  const facts = JSON.parse(readFileSync(join(FOLDER, "nodule-classifier.json"), "utf8"));
  expect(facts.sha256).toBe(sha256(model));
  expect(facts.bytes).toBe(model.length);
  expect(model.length).toBeLessThan(500_000);
});

test("planted: both weaknesses are found", async () => {
  const scored = await score(1, 1000, true);
  const all = aucOf(scored, everybody).value;
  expect(all).toBeGreaterThan(0.88);
  expect(all).toBeLessThan(0.95);

  const young = gap(scored, youngWomen);
  expect(young.value).toBeLessThan(-0.12);
  expect(intervalOf(young, LEVEL).upper).toBeLessThan(-0.06);
  const [theirs, others] = [aucOf(scored, youngWomen), aucOf(scored, (image) => !youngWomen(image))];
  expect(intervalOf(theirs, LEVEL).upper).toBeLessThan(intervalOf(others, LEVEL).lower);

  expect(intervalOf(gap(scored, onScannerC), LEVEL).upper).toBeLessThan(0);
}, 120_000);

test("null: false alarms are as rare as they should be", async () => {
  const seeds = 20;
  const alarms: string[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const scored = await score(seed, 100, false);
    for (const [name, group] of Object.entries({ youngWomen, women, onScannerC })) {
      const { lower, upper } = intervalOf(gap(scored, group), LEVEL);
      if (lower > 0 || upper < 0) alarms.push(`${name}, seed ${seed}`);
    }
  }
  // Of 60 comparisons 3 should raise an alarm; 9 or more would in 1 of 350 such tests.
  expect(alarms.length).toBeLessThan(9);
}, 180_000);
