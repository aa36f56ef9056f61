import fc from "fast-check";
import { parse } from "yaml";
import { guessTable, type TableGuess } from "../../../src/cli/init/guess.js";
import { type ModelFacts, readShape, scoresOutput } from "../../../src/cli/init/model.js";
import { type Draft, draftProtocol, yamlWord } from "../../../src/cli/init/template.js";
import { validateProtocol } from "../../../src/protocol/load.js";
import { schemaFaults } from "../../support/validator.js";

test("any word survives YAML, also inside a flow mapping", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.constantFrom("yes", "null", "~", "1", "a: b", "# x", "{x}", ".inf", "- a", "a, b", ""),
      ),
      (word) => {
        expect(parse(`a: ${yamlWord(word)}\nb: { c: ${yamlWord(word)} }`)).toEqual({ a: word, b: { c: word } });
      },
    ),
  );
});

describe("shapes", () => {
  test.each([
    [["batch", 1, 160, 160], "NCHW", 1, 160, 160],
    [["batch", 150, 148, 1], "NHWC", 1, 150, 148],
    [[1, 3, 224, 224], "NCHW", 3, 224, 224],
    [["n", "c", "h", "w"], "NCHW", null, null, null],
    [["n", "h", "w", 3], "NHWC", 3, null, null],
    [[-1, 3, -1, 3], "NCHW", 3, null, 3],
  ])("%j is %s", (shape, layout, channels, height, width) => {
    expect(readShape(shape)).toMatchObject({ layout, channels, height, width });
  });
});

test("scores are looked for in outputs called probabilities, then scores, then logits, then in the first", () => {
  const named = (...names: string[]) => scoresOutput(names.map((name) => ({ name, shape: [], columns: 1 })))?.name;
  expect(named("logits", "prob")).toBe("prob");
  expect(named("probabilities_map", "probabilities")).toBe("probabilities");
  expect(named("features", "logits", "class_scores")).toBe("class_scores");
  expect(named("features", "logits")).toBe("logits");
  expect(named("a", "b")).toBe("a");
  expect(named()).toBeUndefined();
});

function facts(columns: number | null, bounded: boolean | null, shape: readonly (number | string)[]): ModelFacts {
  const output = { name: "out", shape: ["n", columns ?? "k"], columns };
  const input = { name: "image", ...readShape(shape) };
  return { adapter: "onnx", head: null, input, output, outputs: [output], bounded };
}

const TABLE: TableGuess = guessTable({
  names: ["id", "path", "patient", "label", "sex", "age", "p_sick: yes"],
  columns: [
    ["a", "b", "c", "d"],
    ["a.png", "b.png", "c.png", "d.png"],
    ["p", "q", "r", "s"],
    ["sick: yes", "no: well", "sick: yes", "no: well"],
    ["F", "M", "F", "M"],
    ["20", "30", "40", "50"],
    ["0.1", "0.2", "0.3", "0.4"],
  ],
  rows: 4,
});

function draft(model: ModelFacts | null, guess: TableGuess | null): Draft {
  return {
    schema: "../schema/audit.schema.json",
    model: model === null ? null : { path: "a model.onnx", facts: model },
    table: guess === null ? null : { path: "a: table.csv", guess },
  };
}

const MODELS: readonly (readonly [string, ModelFacts | null])[] = [
  ["no model", null],
  ["probabilities", facts(1, true, ["n", 1, 64, 64])],
  ["logits of two classes", facts(2, false, ["n", 64, 64, 3])],
  ["four columns", facts(4, true, ["n", 3, 64, 64])],
  ["everything open", facts(null, null, ["n", "c", "h", "w"])],
];
const TABLES: readonly (readonly [string, TableGuess | null])[] = [
  ["no table", null],
  ["a good table", TABLE],
  ["a table that says nothing", guessTable({ names: ["x"], columns: [["1", "1"]], rows: 2 })],
  [
    "a table of 0 and 1",
    guessTable({
      names: ["a", "b"],
      columns: [
        ["0", "1"],
        ["1", "0"],
      ],
      rows: 2,
    }),
  ],
];

describe("a drafted protocol validates, by the program and by the JSON Schema", () => {
  test.each(MODELS.flatMap(([model, m]) => TABLES.map(([table, t]) => [model, table, draft(m, t)] as const)))(
    "%s and %s",
    async (_model, _table, given) => {
      const value: unknown = parse(draftProtocol(given));
      await expect(validateProtocol(value)).resolves.toMatchObject({ version: 1 });
      expect(schemaFaults("audit", value)).toEqual([]);
    },
  );
});

test("the first line tells editors where the schema is", () => {
  expect(draftProtocol(draft(null, null)).split("\n")[0]).toBe(
    "# yaml-language-server: $schema=../schema/audit.schema.json",
  );
});

test("what the model's outputs need is guessed from what they did", async () => {
  const modelOf = async (model: ModelFacts) =>
    (await validateProtocol(parse(draftProtocol(draft(model, TABLE))))).model;
  expect(await modelOf(facts(1, true, ["n", 1, 64, 64]))).toMatchObject({ activation: "none", output: {} });
  expect(await modelOf(facts(1, false, ["n", 1, 64, 64]))).toMatchObject({ activation: "sigmoid" });
  // Two exclusive columns: the second one is the positive class.
  expect(await modelOf(facts(2, false, ["n", 1, 64, 64]))).toMatchObject({
    activation: "softmax",
    output: { select: { "sick: yes": 1 } },
  });
});

test("a table with scores and no model is audited without one", async () => {
  const { attacks, model } = await validateProtocol(parse(draftProtocol(draft(null, TABLE))));
  expect(model).toMatchObject({ adapter: "scores", columns: { "sick: yes": "p_sick: yes" } });
  expect(attacks).toEqual([]);
});
