import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Fitted } from "../../src/core/fitted.js";
import type { Head, HeadContext } from "../../src/core/head.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { randomFrom } from "../../src/core/random.js";
import { headOf, plantedSamples, promptTable } from "../support/heads.js";

const heads = [...(await loadPlugins("heads"))];
const WIDTH = 6;
/** What a head cannot do without. */
const GIVEN: Readonly<Record<string, Record<string, unknown>>> = {
  knn: { k: 7 },
  "text-prompts": { embeddings: "prompts.csv", logitScale: 10 },
};

test("there are heads to hold to the contract", () => {
  expect(heads.map(([id]) => id)).toEqual(expect.arrayContaining(["knn", "linear-probe", "text-prompts"]));
});

function made(head: Head, context: HeadContext<Record<string, unknown>>, classes: number): Fitted {
  const { source } = head;
  if (source.kind === "tuning") return source.fit(plantedSamples(60, WIDTH, classes), context);
  return source.build(promptTable(context.classes, WIDTH), context);
}

describe.each(heads)("%s", (id, head) => {
  test("is called as its file, and says what it is, from where, and on which page", () => {
    expect(head.meta.id).toBe(id);
    expect(head.meta.summary).toMatch(/^[A-Z].*\.$/);
    expect(head.meta.references.length).toBeGreaterThan(0);
    const page = readFileSync(new URL("../../docs/models/heads.md", import.meta.url), "utf8");
    expect(page).toContain(`\`${id}\``);
    for (const key of Object.keys(head.meta.parameters.shape)) expect(page).toContain(`\`${key}\``);
  });

  test("describes its parameters, refuses unknown ones, and leaves the base's alone", () => {
    expect(head.meta.parameters.safeParse({ ...GIVEN[id], "no-such-parameter": 1 }).success).toBe(false);
    for (const [key, schema] of Object.entries(head.meta.parameters.shape)) {
      expect(["kind", "fitted"]).not.toContain(key);
      expect([key, (schema as { description?: string }).description]).toEqual([key, expect.stringMatching(/\w{3}/)]);
    }
    expect(z.toJSONSchema(head.meta.parameters, { io: "input" })).toMatchObject({ additionalProperties: false });
  });

  test.each([
    ["binary", 1],
    ["multilabel", 2],
    ["multiclass", 3],
  ] as const)("gives probabilities of a %s task, the same alone and in company, in any order", async (task, count) => {
    const classes = ["a", "b", "c"].slice(0, count);
    const { context } = await headOf(id, GIVEN[id] ?? {}, classes, task);
    const fitted = made(head, context, count);
    const { embeddings } = plantedSamples(23, WIDTH, count, 1);
    const scores = head.score(embeddings, fitted, context);
    expect(scores.length).toBe(23 * count);
    for (const score of scores) {
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(1);
    }
    for (let image = 0; image < 23; image++) {
      const row = scores.subarray(image * count, (image + 1) * count);
      if (task === "multiclass") expect(row.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 12);
      const values = embeddings.values.slice(image * WIDTH, (image + 1) * WIDTH);
      expect([...head.score({ count: 1, width: WIDTH, values }, fitted, context)]).toEqual([...row]);
    }
  });

  test("is made the same twice, of plain arrays that survive being stored", async () => {
    const { context } = await headOf(id, GIVEN[id] ?? {}, ["a", "b"], "multilabel");
    const [one, two] = [made(head, context, 2), made(head, context, 2)];
    expect(one).toEqual(two);
    for (const { data, shape } of Object.values(one.arrays)) {
      expect(data).toBeInstanceOf(Float32Array);
      expect(data.length).toBe(shape.reduce((product, side) => product * side, 1));
      expect(data.every(Number.isFinite)).toBe(true);
    }
    const copy: Fitted = {
      numbers: one.numbers,
      arrays: Object.fromEntries(
        Object.entries(one.arrays).map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]),
      ),
    };
    const { embeddings } = plantedSamples(11, WIDTH, 2);
    expect(head.score(embeddings, copy, context)).toEqual(head.score(embeddings, one, context));
  });

  test("if it learns: a patient's labels do not reach the held-out scores of the patient's own images", async () => {
    if (head.source.kind !== "tuning") return;
    const { context } = await headOf(id, GIVEN[id] ?? {}, ["a"], "binary");
    const samples = plantedSamples(60, WIDTH, 1);
    const heldOut = (labels: Int8Array) => {
      const own = { ...samples, labels: [labels] };
      const { source } = head as Head & { source: { kind: "tuning" } };
      return source.heldOut(own, source.fit(own, context), { ...context, random: randomFrom("folds") });
    };
    const before = heldOut(samples.labels[0] as Int8Array);
    // Both images of patient 4 change sides together: what others say of them must stay as it was.
    const flipped = Int8Array.from(samples.labels[0] as Int8Array);
    [flipped[8], flipped[9]] = [flipped[9] as number, flipped[8] as number];
    const after = heldOut(flipped);
    expect([after[8], after[9]]).toEqual([before[8], before[9]]);
    expect([...after]).not.toEqual([...before]);
  });
});
