import type { Reference } from "../../src/core/task.js";
import regression from "../../src/tasks/regression.js";

const number = (value: number): Reference => ({ kind: "number", value });
const geometry = { channels: 1, height: 1, width: 1 };
const open = (parameters: object, classes = ["age"], width = classes.length) =>
  regression.open({ classes, parameters: regression.meta.parameters.parse(parameters), geometry, width });

test("errors are in the reference's unit, signed as predicted minus reference", () => {
  const judge = open({ tolerance: 5, scale: 12, offset: 3 });
  expect([...judge.outcomes(Float32Array.of(10), [number(130)])]).toEqual([7, -7, 0, 130]);
  expect([...judge.outcomes(Float32Array.of(10), [number(118)])]).toEqual([5, 5, 1, 118]);
});

test("success falls with the error, and is one half at the tolerance", () => {
  const judge = open({ tolerance: 4 });
  expect([...judge.success(Float32Array.of(10), [number(10)])]).toEqual([1]);
  expect([...judge.success(Float32Array.of(10), [number(14)])]).toEqual([0.5]);
  expect([...judge.success(Float32Array.of(10), [number(22)])]).toEqual([0.25]);
});

test("a sample without a reference has neither", () => {
  const judge = open({ tolerance: 4 });
  expect([...judge.success(Float32Array.of(10), [null])]).toEqual([Number.NaN]);
  expect([...judge.outcomes(Float32Array.of(10), [null])]).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
});

test("columns are chosen, and never guessed", () => {
  const judge = open({ tolerance: 4, select: { age: 2 } }, ["age"], 3);
  expect(judge.outcomes(Float32Array.of(1, 2, 3), [number(3)])[0]).toBe(0);
  expect(() => open({ tolerance: 4 }, ["age"], 3)).toThrow(/gives 3 numbers per image for 1 quantities/);
  expect(() => open({ tolerance: 4, select: { age: 3 } }, ["age"], 3)).toThrow(/gives 3 numbers per image/);
});
