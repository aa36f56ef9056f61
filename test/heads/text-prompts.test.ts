import type { VectorTable } from "../../src/core/head.js";
import type { HeadContext } from "../../src/core/head.js";
import { embeddingsOf, headOf } from "../support/heads.js";

function tableOf(rows: readonly (readonly [name: string, polarity: string, vector: readonly number[]])[]): VectorTable {
  const { count, values, width } = embeddingsOf(rows.map(([, , vector]) => vector));
  const texts = new Map([
    ["class", rows.map(([name]) => name)],
    ["polarity", rows.map(([, polarity]) => polarity)],
  ]);
  return { name: "prompts.csv", count, width, values, texts, rowName: (row) => `prompts.csv, line ${row + 2}` };
}

async function scored(
  task: HeadContext<unknown>["task"],
  classes: readonly string[],
  table: VectorTable,
  image: readonly number[],
  logitScale: number,
): Promise<number[]> {
  const { context, head } = await headOf("text-prompts", { embeddings: "prompts.csv", logitScale }, classes, task);
  if (head.source.kind !== "table") throw new Error("it is made of a table");
  return [...head.score(embeddingsOf([image]), head.source.build(table, context), context)];
}

test("classes of a multiclass task: the softmax of scaled cosines with the mean of the unit prompts", async () => {
  // The mean of (1, 0) and (0, 1), whatever their lengths, points to (1, 1) / √2.
  const table = tableOf([
    ["a", "", [10, 0]],
    ["a", "positive", [0, 1]],
    ["b", "", [0, 3]],
  ]);
  const [a, b] = await scored("multiclass", ["a", "b"], table, [0, 7], 5);
  const [x, y] = [Math.exp(5 * Math.SQRT1_2), Math.exp(5)];
  expect(a).toBeCloseTo(x / (x + y), 6);
  expect(b).toBeCloseTo(y / (x + y), 6);
});

test("other tasks: the sigmoid of the scaled difference between positive and negative", async () => {
  const table = tableOf([
    ["a", "positive", [1, 0]],
    ["a", "negative", [0, 1]],
  ]);
  const [score] = await scored("binary", ["a"], table, [3, 4], 10);
  expect(score).toBeCloseTo(1 / (1 + Math.exp(-10 * (0.6 - 0.8))), 6);
  expect(await scored("binary", ["a"], table, [0, 0], 10)).toEqual([0.5]);
});

test.each([
  ["a class without prompts", "multiclass", ["a", "b"], [["a", "", [1, 0]]], 'has no positive prompt of class "b"'],
  ["no negative prompts", "binary", ["a"], [["a", "", [1, 0]]], 'has no negative prompt of class "a"'],
  ["an unknown class", "multiclass", ["a"], [["z", "", [1, 0]]], 'of class "z", which the protocol does not have'],
  ["an unknown polarity", "binary", ["a"], [["a", "maybe", [1, 0]]], "polarity must be positive or negative"],
  [
    "a prompt without direction",
    "binary",
    ["a"],
    [
      ["a", "positive", [0, 0]],
      ["a", "negative", [1, 0]],
    ],
    "it has no direction",
  ],
] as const)("%s is refused", async (_, task, classes, rows, message) => {
  await expect(scored(task, classes, tableOf(rows), [1, 1], 1)).rejects.toThrow(message);
});
