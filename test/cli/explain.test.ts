import { explainableIds, explanationsOf } from "../../src/cli/explain/explanation.js";
import { formatExplanation, wrap } from "../../src/cli/explain/format.js";
import { parametersOfSchema } from "../../src/cli/explain/parameters.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { stepwedge } from "../support/cli.js";

test("every plug-in and every metric can be explained", async () => {
  const ids = await explainableIds();
  expect(ids).toEqual(
    expect.arrayContaining(["wavelet-universal", "jpeg", "fairness", "html", "onnx", "table", "auc-gap"]),
  );
  for (const id of ids) {
    for (const explanation of await explanationsOf(id)) {
      expect(explanation.title).toMatch(/\w/);
      expect(explanation.summary).toMatch(/\w{3}.*\./);
      expect(formatExplanation(explanation)).toContain(`${explanation.kind} ${id}`);
    }
  }
});

test("an attack's keys are the base's and its own, as the protocol takes them", async () => {
  const [explanation] = await explanationsOf("wavelet-universal");
  const attack = (await loadPlugins("attacks")).get("wavelet-universal");
  const names = explanation?.parameters.map((parameter) => parameter.name) ?? [];
  expect(names).toEqual(expect.arrayContaining(["epsilon", "norm", "objective", "queries"]));
  expect(names).toEqual(expect.arrayContaining(Object.keys(attack?.meta.parameters.shape ?? {})));
  expect(names).not.toContain("id");
  expect(explanation?.parameters.find(({ name }) => name === "norm")).toMatchObject({
    type: "linf | l2",
    default: "linf",
    required: false,
  });
  expect(explanation?.references.length).toBeGreaterThan(0);
});

test("an audit's keys are its parameters, with their defaults; one without has none", async () => {
  const keysOf = async (id: string) => (await explanationsOf(id)).find(({ kind }) => kind === "audit")?.parameters;
  const keys = await keysOf("fairness");
  const audit = (await loadPlugins("audits")).get("fairness");
  expect(keys?.map(({ name }) => name)).toEqual(Object.keys(audit?.meta.parameters?.shape ?? {}));
  expect(keys?.find(({ name }) => name === "margin")).toMatchObject({ default: 0.05, required: false });
  expect(keys?.find(({ name }) => name === "against")?.type).toBe("a list of reference | rest | overall");
  expect(await keysOf("robustness")).toEqual([]);
});

test("nested keys stand with their path, required ones are marked", async () => {
  const [onnx] = await explanationsOf("onnx");
  const parameter = (name: string) => onnx?.parameters.find((one) => one.name === name);
  expect(parameter("path")).toMatchObject({ required: true });
  expect(parameter("activation")).toMatchObject({ type: "none | sigmoid | softmax", default: "none" });
  expect(parameter("input.range")).toMatchObject({ type: "[a number, a number]", default: [0, 1] });
});

test("a metric tells how it is computed, in which unit, and by which audit", async () => {
  const [metric] = await explanationsOf("auc-gap");
  expect(metric).toMatchObject({ kind: "metric", facts: { audit: "fairness", better: "lower" } });
  expect(metric?.summary).toMatch(/interval/i);
});

test("types in words", () => {
  const schema = {
    properties: {
      a: { type: "number", exclusiveMinimum: 0, maximum: 1 },
      b: {
        anyOf: [
          { type: "integer", minimum: 2 },
          { type: "array", items: { type: "integer", minimum: 2 } },
        ],
      },
      c: { type: ["string", "number"] },
      d: { type: "object", additionalProperties: { type: "boolean" } },
    },
    required: ["a"],
  };
  expect(parametersOfSchema(schema).map(({ type, required }) => [type, required])).toEqual([
    ["a number (above 0, at most 1)", true],
    ["a whole number (at least 2), or a list of a whole number (at least 2)", false],
    ["text or a number", false],
    ["a mapping of names to true | false", false],
  ]);
});

test("text is broken at spaces, and no word is lost", () => {
  const text = Array.from({ length: 80 }, (_, index) => `word${index}`).join(" ");
  const lines = wrap(text, 4).trimEnd().split("\n");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  expect(lines.every((line) => line.startsWith("    word"))).toBe(true);
  expect(lines.map((line) => line.trim()).join(" ")).toBe(text);
});

test("an unknown id ends with code 2 and the nearest known one", async () => {
  const { code, stdout, stderr } = await stepwedge("explain", "auc-gpa");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/nothing is called "auc-gpa"[\s\S]*Did you mean "auc-gap"/);
});

test("--json prints one document", async () => {
  const { code, stdout } = await stepwedge("explain", "jpeg", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject([{ id: "jpeg", kind: "defense" }]);
});

test("what an attack asks is told by when it asks", async () => {
  const queriesOf = async (id: string) => (await explanationsOf(id))[0]?.facts.queries;
  expect(await queriesOf("random-sign")).toBe("none");
  expect(await queriesOf("wavelet-universal")).toMatch(/for each search$/);
  expect(await queriesOf("square")).toMatch(/for each image and ε$/);
  expect(await queriesOf("hop-skip-jump")).toMatch(/one run serves every ε$/);
});

test("long lists of words are cut, short ones are not", async () => {
  const [square] = await explanationsOf("square");
  const typeOf = (name: string) => square?.parameters.find((one) => one.name === name)?.type;
  expect(typeOf("wavelet")).toMatch(/^one of 106: haar \| db1 .* … \| dmey$/);
  expect(typeOf("space")).toBe("pixel | wavelet");
});
