import { cpSync } from "node:fs";
import { join } from "node:path";
import { readParquet } from "../../src/run/parquet.js";
import { tensorflow } from "../../src/tfjs/runtime.js";
import { stepwedge } from "../support/cli.js";
import { smallStudy } from "../support/small-study.js";
import { writeLayersModel } from "../support/tfjs-models.js";

const SIDE = 16;
/** ‖w‖₁ of the model: what its logit can be moved by, per display window. */
const REACH = 40;

const PROTOCOL_ATTACKS = `attacks:
  - { id: fgsm, epsilon: [4/255] }
  - { id: pgd, epsilon: [4/255], steps: 4 }
  - { id: uap, epsilon: [4/255], queries: 400 }
operatingPoints:`;

test("white-box attacks on a TensorFlow.js model move the scores of an audit by what their formula says", async () => {
  const study = await smallStudy();
  const { tf } = await tensorflow();
  // sigmoid(40 × mean of left minus right half), as the study's ONNX model.
  const model = tf.sequential({
    layers: [tf.layers.flatten({ inputShape: [SIDE, SIDE, 1] }), tf.layers.dense({ units: 1, activation: "sigmoid" })],
  });
  const weights = Float32Array.from({ length: SIDE * SIDE }, (_, pixel) =>
    pixel % SIDE < SIDE / 2 ? REACH / SIDE ** 2 : -REACH / SIDE ** 2,
  );
  model.setWeights([tf.tensor(weights, [SIDE * SIDE, 1]), tf.zeros([1])]);
  cpSync(await writeLayersModel(tf, model), join(study.folder, "striped"), { recursive: true });
  study.writeProtocol((yaml) =>
    yaml
      .replace("adapter: onnx", "adapter: tfjs")
      .replace("path: linear.onnx", "path: striped")
      .replace("  sessions: 1\n", "")
      .replace(/attacks:[\s\S]*operatingPoints:/, PROTOCOL_ATTACKS),
  );
  const out = join(study.folder, "out");
  const ended = await stepwedge("run", study.protocol, "--out", out);
  expect(ended).toMatchObject({ code: 0, stderr: "" });

  const columnOf = async (name: string, column: string) =>
    (await readParquet(join(out, "scores", `${name}.parquet`))).get(column) as Float64Array;
  const logits = async (name: string) => (await columnOf(name, "score.finding")).map((p) => Math.log(p / (1 - p)));
  const clean = await logits("clean");
  expect(clean).toHaveLength(40);
  const epsilon = 4 / 255;
  const moved = await logits(`fgsm@${epsilon.toFixed(4)}`);
  const changes = moved.map((value, image) => value - (clean[image] as number));
  // Every pixel by four grey levels against the decision: the logit moves by 40 × 4/255, less where the window ends.
  for (const change of changes) {
    expect(Math.abs(change)).toBeLessThanOrEqual(REACH * epsilon + 1e-6);
    expect(Math.abs(change)).toBeGreaterThan(0.97 * REACH * epsilon);
  }
  // Positive decisions go down and negative ones up: all that go down lie above all that go up.
  const down = clean.filter((_, image) => (changes[image] as number) < 0);
  const up = clean.filter((_, image) => (changes[image] as number) > 0);
  expect(Math.min(...down)).toBeGreaterThan(Math.max(...up));
  // On a linear model nothing beats fgsm, and pgd reaches every flip that it reaches.
  const successes = async (id: string) =>
    Array.from(await columnOf(`${id}@${epsilon.toFixed(4)}`, "search.queries-to-success"), Number.isFinite);
  const flipped = await successes("fgsm");
  expect(flipped.filter(Boolean).length).toBeGreaterThan(5);
  expect(flipped.filter(Boolean).length).toBeLessThan(35);
  expect(await successes("pgd")).toEqual(flipped);
  // One pattern: all logits move alike.
  const universal = (await logits(`uap.operating-point@${epsilon.toFixed(4)}`)).map(
    (value, image) => value - (clean[image] as number),
  );
  expect(Math.max(...universal) - Math.min(...universal)).toBeLessThan(0.05 * REACH * epsilon);
}, 120_000);
