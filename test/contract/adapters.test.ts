import { z } from "zod";
import { loadPlugins } from "../../src/core/plugins.js";

const models = await loadPlugins("models");
const sources = await loadPlugins("data");
const plugins = [...models, ...sources];

test("there are adapters to hold to the contract", () => {
  expect(models.size).toBeGreaterThanOrEqual(2);
  expect(sources.size).toBeGreaterThanOrEqual(2);
});

test.each(plugins)("%s is called as its file, and says what it is", (id, { meta }) => {
  expect(meta.id).toBe(id);
  expect(meta.title.length).toBeGreaterThan(3);
  expect(meta.summary).toMatch(/^[A-Z].*\.$/);
});

test.each(plugins)("%s refuses unknown parameters and has a JSON Schema", (_id, { meta }) => {
  const result = meta.parameters.safeParse({ "no-such-parameter": 1 });
  expect(result.error?.issues.map((issue) => issue.code)).toContain("unrecognized_keys");
  expect(z.toJSONSchema(meta.parameters, { io: "input" })).toMatchObject({
    type: "object",
    additionalProperties: false,
  });
});

test.each([...models])("%s either opens a model or names the columns that hold its scores", (_id, adapter) => {
  expect(adapter.meta.needsImages).toBe(adapter.scoreTables === undefined);
});
