import type { ApplyContext, Attack, Strength } from "../../src/core/attack.js";
import type { Fitted } from "../../src/core/fitted.js";
import { createBatch, type ImageGeometry, imageSize, type PixelBatch, sliceBatch } from "../../src/core/pixels.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { randomFrom } from "../../src/core/random.js";
import { assertWithin, projectCandidates } from "../../src/image/budget.js";
import { psnr } from "../../src/image/quality.js";
import { applyContext, noFile } from "../support/contexts.js";
import { describePlugin } from "../support/plugin-contract.js";
import { linearClassifier, toyOracle } from "../support/toy-oracle.js";
import { linearModel, ToyTarget, toyImages } from "../support/toy-target.js";

type Context = ApplyContext<Record<string, unknown>>;

/** Keys of a protocol's attack entry that belong to the base, whatever the attack. */
const BASE_KEYS = ["id", "epsilon", "norm", "severity", "objective", "queries", "class", "adaptive"];
const GEOMETRIES: readonly ImageGeometry[] = [
  { channels: 1, height: 24, width: 16, maxValue: 255 },
  { channels: 3, height: 13, width: 21, maxValue: 4095 },
  { channels: 1, height: 8, width: 40, maxValue: 65535 },
];
const QUERIES = 120;

function strengthsOf(attack: Attack, { maxValue }: ImageGeometry): Strength[] {
  const strengths: Strength[] = [];
  for (const norm of attack.meta.norms) {
    for (const epsilon of norm === "linf" ? [4 / 255, 0.5 / 255] : [0.5]) {
      strengths.push({ kind: "epsilon", norm, epsilon, stored: epsilon * maxValue });
    }
  }
  if (attack.meta.strengths.includes("severity")) {
    for (const level of [1, 2, 3, 4, 5]) strengths.push({ kind: "severity", level });
  }
  return strengths;
}

async function fitted(attack: Attack, geometry: ImageGeometry, strength: Strength): Promise<Fitted | null> {
  if (attack.fit === undefined) return null;
  const random = randomFrom("contract", "weights");
  const weights = Float32Array.from({ length: imageSize(geometry) }, () => random.normal());
  const target = new ToyTarget(linearModel(weights), strength, QUERIES, weights);
  const artifact = await attack.fit(
    {
      images: toyImages(geometry, 12, 5),
      labels: Uint8Array.from({ length: 12 }, (_, i) => i % 2),
      patients: Int32Array.from({ length: 12 }, (_, i) => i),
      classIndex: 0,
      threshold: 0.5,
    },
    {
      parameters: attack.meta.parameters.parse({}),
      strength,
      objective: attack.meta.objectives?.[0] ?? null,
      geometry,
      target,
      random: randomFrom("contract", attack.meta.id),
      file: noFile,
      progress: () => {},
    },
  );
  expect(target.queriesUsed).toBeLessThanOrEqual(QUERIES);
  return artifact;
}

/** A model whose decisions on the toy images are near enough to be flipped now and then. */
const CLASSIFIERS = new Map(
  GEOMETRIES.map((geometry) => {
    const random = randomFrom("contract", "classifier");
    const spread = 1 / Math.sqrt(imageSize(geometry));
    const weights = Float32Array.from({ length: imageSize(geometry) }, () => 4 * spread * random.normal());
    return [geometry, linearClassifier(weights)];
  }),
);

async function contextOf(
  attack: Attack,
  geometry: ImageGeometry,
  strength: Strength,
  artifact: Fitted | null,
  originals: PixelBatch,
): Promise<Context> {
  const model = CLASSIFIERS.get(geometry) ?? linearClassifier(new Float32Array(imageSize(geometry)));
  const asks = attack.meta.perImage !== undefined;
  return applyContext(attack, geometry, strength, {
    fitted: artifact,
    oracle: asks ? await toyOracle(model, attack, originals, strength, { budget: QUERIES }) : null,
    randomOf: (image) => randomFrom("contract", "image", image),
  });
}

function project(originals: PixelBatch, candidates: PixelBatch, strength: Strength): PixelBatch {
  return projectCandidates(originals, candidates, strength, createBatch(originals, originals.count));
}

describe.each([...(await loadPlugins("attacks"))])("attack %s", (id: string, attack: Attack) => {
  const { meta } = attack;

  describePlugin("attacks", id, meta, BASE_KEYS);

  test("its metadata is complete and consistent", () => {
    expect(meta.strengths.length).toBeGreaterThan(0);
    expect(meta.norms.length > 0).toBe(meta.strengths.includes("epsilon"));
    if (meta.objectives !== undefined) expect(meta.objectives.length).toBeGreaterThan(0);
    if (meta.knowledge === "none") expect([attack.fit, meta.perImage]).toEqual([undefined, undefined]);
    if (meta.perImage !== undefined) expect(meta.universal).toBe(false);
    if (meta.perImage === "minimal") expect(meta.strengths).toEqual(["epsilon"]);
  });

  describe.each(GEOMETRIES)("on $channels x $height x $width images up to $maxValue", (geometry) => {
    const strengths = strengthsOf(attack, geometry);
    const originals = toyImages(geometry, 3, 1);

    test.each(strengths)("$kind $norm $epsilon $level: budget, shape, range, seed, batches", async (strength) => {
      const untouched = originals.data.slice();
      const artifact = await fitted(attack, geometry, strength);
      const context = await contextOf(attack, geometry, strength, artifact, originals);

      const candidates = await attack.apply(originals, context);
      expect(originals.data).toEqual(untouched);
      const { data: _data, ...shape } = candidates;
      expect(shape).toEqual({ ...geometry, count: 3 });
      expect(candidates.data.every(Number.isFinite)).toBe(true);
      const perturbed = project(originals, candidates, strength);
      expect(() => assertWithin(originals, perturbed, strength)).not.toThrow();

      const again = await attack.apply(
        originals,
        await contextOf(attack, geometry, strength, await fitted(attack, geometry, strength), originals),
      );
      expect(again.data).toEqual(candidates.data);

      for (let image = 0; image < originals.count; image++) {
        const own = sliceBatch(originals, image, image + 1);
        const alone = await attack.apply(own, {
          ...(await contextOf(attack, geometry, strength, artifact, own)),
          randomOf: () => context.randomOf(image),
        });
        expect(alone.data).toEqual(sliceBatch(candidates, image, image + 1).data);
      }
    });

    if (meta.strengths.includes("severity")) {
      test("each severity is worse than the one before", async () => {
        const quality = [];
        for (const level of [1, 2, 3, 4, 5]) {
          const strength: Strength = { kind: "severity", level };
          const candidates = await attack.apply(
            originals,
            await contextOf(attack, geometry, strength, null, originals),
          );
          quality.push(psnr(originals.data, project(originals, candidates, strength).data, geometry.maxValue));
        }
        for (let level = 1; level < quality.length; level++) {
          expect(quality[level] as number).toBeLessThan(quality[level - 1] as number);
        }
      });
    }
  });
});
