import type { Reference } from "../../src/core/task.js";
import symbols from "../../src/tasks/symbols.js";

const classes = ["coarse", "middle", "fine"];
const parameters = symbols.meta.parameters.parse({ lengths: { coarse: 1, middle: 2, fine: 4 } });
const geometry = { channels: 1, height: 1, width: 1 };
const judge = () => symbols.open({ classes, parameters, geometry, width: 7 });
const references: Reference[] = [3, 4, 5].map((value) => ({ kind: "number", value }));
/** consistency, length, reference, then four tokens of each level. */
const level = (values: Float64Array, index: number) => [...values.subarray(index * 7, (index + 1) * 7)];

test("an intact hierarchy scores 1, level by level", () => {
  const answer = Float32Array.of(7, 7, 2, 7, 2, 9, -1);
  expect([...judge().success(answer, references)]).toEqual([1, 1, 1]);
  const values = judge().outcomes(answer, references);
  const none = Number.NaN;
  expect(level(values, 0)).toEqual([none, 1, 3, 7, none, none, none]);
  expect(level(values, 1)).toEqual([1, 2, 4, 7, 2, none, none]);
  expect(level(values, 2)).toEqual([1, 3, 5, 7, 2, 9, none]);
});

test("a broken one scores the share of levels that hold", () => {
  const brokenBelow = Float32Array.of(7, 7, 2, 7, 3, 9, -1);
  expect([...judge().success(brokenBelow, references)]).toEqual([0.5, 0.5, 0.5]);
  expect(level(judge().outcomes(brokenBelow, references), 2)[0]).toBe(0);
  const brokenAbove = Float32Array.of(8, 7, 2, 7, 2, 9, -1);
  expect(level(judge().outcomes(brokenAbove, references), 1)[0]).toBe(0);
  expect(level(judge().outcomes(brokenAbove, references), 2)[0]).toBe(1);
});

test("a child that is shorter than its parent does not extend it", () => {
  const answer = Float32Array.of(7, 7, 2, 7, -1, 9, 9);
  expect(level(judge().outcomes(answer, references), 2).slice(0, 2)).toEqual([0, 1]);
});

test("what are no tokens, or not as many as were said, is refused", () => {
  expect(() => judge().success(Float32Array.of(7, 7, 2.5, 7, 2, 9, -1), references)).toThrow(/2.5, which is no token/);
  expect(() => symbols.open({ classes, parameters, geometry, width: 8 })).toThrow(/8 tokens.*1 \+ 2 \+ 4/);
  expect(() => symbols.open({ classes: ["other"], parameters, geometry, width: 7 })).toThrow(
    /no length for the level "other"/,
  );
});
