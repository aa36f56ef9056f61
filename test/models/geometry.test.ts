import { z } from "zod";
import { loadPlugins } from "../../src/core/plugins.js";
import { geometry, modelInput } from "../../src/models/shared/geometry.js";

const schema = z.strictObject(geometry);
const size = { channels: 3, height: 224, width: 320 };
const input = (options: object) => modelInput(schema.parse(options), size);

test("without a word, images are stretched", () => {
  expect(input({})).toEqual({ ...size, resize: "bilinear" });
  expect(input({ resize: "none" })).toEqual({ ...size, resize: "none" });
});

test("a crop is cut from the model's longer side, or from what the protocol says", () => {
  expect(input({ fit: "crop" }).fit).toEqual({ kind: "crop", shortSide: 320 });
  expect(input({ fit: "crop", resizeTo: 366 }).fit).toEqual({ kind: "crop", shortSide: 366 });
  expect(() => input({ fit: "crop", resizeTo: 319 })).toThrow("cannot be cut out");
});

test("borders are black unless the protocol says otherwise", () => {
  expect(input({ fit: "letterbox", resize: "area" })).toEqual({
    ...size,
    resize: "area",
    fit: { kind: "letterbox", padding: 0 },
  });
  expect(input({ fit: "letterbox", padding: 0.5 }).fit).toEqual({ kind: "letterbox", padding: 0.5 });
});

test("what contradicts itself is refused", () => {
  expect(() => input({ resizeTo: 256 })).toThrow("means nothing without fit: crop");
  expect(() => input({ fit: "crop", padding: 0 })).toThrow("means nothing without fit: letterbox");
  expect(() => input({ fit: "letterbox", resize: "none" })).toThrow("needs a way of resizing");
  expect(schema.safeParse({ padding: 128 }).success).toBe(false);
});

test.each(["onnx", "tfjs"])("%s takes these keys under input", async (id) => {
  const parameters = (await loadPlugins("models")).get(id)?.meta.parameters;
  const given = { path: "x", input: { resize: "lanczos", fit: "crop", resizeTo: 256 } };
  expect(parameters?.parse(given)).toMatchObject(given);
});
