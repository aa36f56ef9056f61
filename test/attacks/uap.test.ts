import attack from "../../attacks/uap.js";
import type { Strength } from "../../src/core/attack.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { applyContext, noFile } from "../support/contexts.js";
import { leastDistance } from "../support/toy-oracle.js";
import { linearModel, ToyTarget } from "../support/toy-target.js";

const eight: ImageGeometry = { channels: 1, height: 12, width: 16, maxValue: 255 };
const sixteen: ImageGeometry = { channels: 3, height: 8, width: 10, maxValue: 65535 };

function greyImages(geometry: ImageGeometry, count: number): PixelBatch {
  const batch = createBatch(geometry, count);
  const random = randomFrom("uap", "images");
  for (let i = 0; i < batch.data.length; i++) {
    batch.data[i] = Math.round((0.4 + 0.2 * random.uniform()) * geometry.maxValue);
  }
  return batch;
}

function weightsOf(geometry: ImageGeometry, scale = 1): Float32Array {
  const random = randomFrom("uap", "weights");
  return Float32Array.from(
    { length: imageSize(geometry) },
    () => scale * random.sign() * (0.02 + 0.1 * random.uniform()),
  );
}

const strengthOf = (stored: number, norm: "linf" | "l2", { maxValue }: ImageGeometry): Strength => ({
  kind: "epsilon",
  norm,
  epsilon: stored / maxValue,
  stored,
});

interface Setting {
  readonly geometry?: ImageGeometry;
  readonly labels: readonly number[];
  readonly strength: Strength;
  readonly weights?: Float32Array;
  readonly bias?: number;
  readonly parameters?: Record<string, unknown>;
  readonly objective?: string;
  readonly queries?: number;
}

async function learn(setting: Setting) {
  const { geometry = eight, labels, strength, bias = 0, parameters = {}, queries = 600 } = setting;
  const weights = setting.weights ?? weightsOf(geometry);
  const images = greyImages(geometry, labels.length);
  const target = new ToyTarget(linearModel(weights, bias), strength, queries, weights);
  const fitted = await attack.fit?.(
    {
      images,
      labels: Uint8Array.from(labels),
      patients: Int32Array.from(labels, (_, i) => i),
      classIndex: 0,
      threshold: 0.5,
    },
    {
      parameters: attack.meta.parameters.parse(parameters),
      strength,
      objective: setting.objective ?? "operating-point",
      geometry,
      target,
      random: randomFrom(1, "uap"),
      progress: () => {},
      file: noFile,
    },
  );
  const perturbation = fitted?.arrays.perturbation?.data ?? new Float32Array();
  const gain = perturbation.reduce((sum, value, i) => sum + (value * (weights[i] as number)) / geometry.maxValue, 0);
  return { fitted, perturbation, gain, images, weights, target };
}

const positives = new Array<number>(10).fill(1);

describe("on a linear model", () => {
  test("sgd finds the best universal perturbation in L∞: −ε · sign(w)", async () => {
    const { perturbation, weights } = await learn({ labels: positives, strength: strengthOf(3, "linf", eight) });
    expect([...perturbation]).toEqual([...weights].map((weight) => -3 * Math.sign(weight)));
  });

  test("sgd finds the best universal perturbation in L2: −ε · w / ‖w‖", async () => {
    const strength = strengthOf(9000, "l2", sixteen);
    const { gain, weights } = await learn({ geometry: sixteen, labels: positives, strength });
    const norm = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0));
    expect(gain / ((-norm * 9000) / 65535)).toBeGreaterThan(0.99);
  });

  test("sgd lowers the right class: the other labels turn the perturbation round", async () => {
    const setting = { strength: strengthOf(3, "linf", eight) };
    const up = await learn({ ...setting, labels: new Array(10).fill(0) });
    expect([...up.perturbation]).toEqual([...up.weights].map((weight) => 3 * Math.sign(weight)));
  });

  test.each(["l2", "linf"] as const)(
    "deepfool ends where the hardest image flips, in %s: 1.02 × its least distance",
    async (norm) => {
      // All positive, at margins from about 2 to 4.
      const weights = weightsOf(sixteen, 3);
      const images = greyImages(sixteen, 8);
      const margins = (await linearModel(weights, 3)(images)).values.map((p) => Math.log(p / (1 - p)));
      expect(Math.min(...margins)).toBeGreaterThan(0);
      const least = Math.max(...margins.map((margin) => leastDistance(margin, weights, sixteen, norm)));
      const { perturbation, fitted } = await learn({
        geometry: sixteen,
        labels: new Array(8).fill(1),
        weights,
        bias: 3,
        strength: strengthOf(2 * least, norm, sixteen),
        parameters: { method: "deepfool" },
      });
      expect(fitted?.numbers["tuning-decisions-flipped"]).toBe(1);
      const size =
        norm === "l2"
          ? Math.sqrt(perturbation.reduce((sum, value) => sum + value * value, 0))
          : Math.max(...perturbation.map(Math.abs));
      expect(size / least).toBeGreaterThan(1);
      expect(size / least).toBeLessThan(1.021);
    },
  );

  test("a ranking cannot be changed by one shift of all logits", async () => {
    const labels = positives.map((_, i) => i % 2);
    const { fitted } = await learn({ labels, strength: strengthOf(3, "linf", eight), objective: "ranking" });
    const { "objective-before": before, "objective-after": after } = fitted?.numbers ?? {};
    expect(after as number).toBeCloseTo(before as number, 5);
  });
});

test("capped images count no more", async () => {
  // Nine images that are lost from the start, and would push one way; one that is not, and pushes the other.
  const labels = [...new Array<number>(9).fill(1), 0];
  const setting = { labels, bias: -5, strength: strengthOf(2, "linf", eight), parameters: { lossCap: 2 } };
  const capped = await learn(setting);
  // Only the negative one has a say: the logit goes up, though that helps the nine.
  expect(capped.gain).toBeGreaterThan(0);
  expect(capped.fitted?.numbers["objective-before"]).toBeGreaterThan(-2);
  const free = await learn({ ...setting, parameters: { lossCap: 100 } });
  expect(free.gain).toBeLessThan(0);
});

test("what it returns lies in the ball, at whole grey levels, and was asked about; and it keeps to its queries", async () => {
  for (const method of ["sgd", "deepfool"]) {
    for (const norm of ["linf", "l2"] as const) {
      const stored = norm === "linf" ? 2 : 20;
      const setting = { labels: positives, strength: strengthOf(stored, norm, eight), parameters: { method }, bias: 1 };
      const { perturbation, target } = await learn({ ...setting, queries: 217 });
      expect(perturbation.every(Number.isInteger)).toBe(true);
      const length = Math.sqrt(perturbation.reduce((sum, value) => sum + value * value, 0));
      if (norm === "linf") expect(Math.max(...perturbation.map(Math.abs))).toBeLessThanOrEqual(2);
      else expect(length).toBeLessThanOrEqual(20);
      expect(target.asked.some((asked) => asked.every((value, i) => value === perturbation[i]))).toBe(true);
      expect(target.queriesUsed).toBeLessThanOrEqual(217);
      expect(target.queriesUsed).toBeGreaterThan(217 - 20);
    }
  }
});

test.each([
  [{ queries: 25 }, "needs at least 30 queries here, received 25"],
  [{ objective: "ranking" }, "10 positive of 10"],
])("it refuses %j", async (setting, message) => {
  const strength = strengthOf(2, "linf", eight);
  await expect(learn({ labels: positives, strength, ...setting })).rejects.toThrow(message);
});

test("it adds the same pattern to every image", async () => {
  const strength = strengthOf(3, "linf", eight);
  const { fitted, perturbation } = await learn({ labels: positives, strength });
  const grey = createBatch(eight, 2);
  grey.data.fill(100);
  const out = await attack.apply(grey, applyContext(attack, eight, strength, { fitted: fitted ?? null }));
  for (let i = 0; i < out.data.length; i++) {
    expect(out.data[i]).toBe(100 + (perturbation[i % perturbation.length] as number));
  }
});
