import type { OutcomeId } from "../../src/core/outcome.js";
import type { Reference } from "../../src/core/task.js";
import segmentation from "../../src/tasks/segmentation.js";

const HEIGHT = 4;
const WIDTH = 6;
const geometry = { channels: 1, height: HEIGHT, width: WIDTH };
const rows = (...lines: string[]) => Uint8Array.from(lines.join(""), (one) => (one === "#" ? 1 : 0));
const mask = (...lines: string[]): Reference => ({ kind: "mask", data: rows(...lines), shape: [HEIGHT, WIDTH] });
const answer = (...lines: string[]) => Float32Array.from(rows(...lines), (one) => one * 0.9 + 0.05);

function judge(classes: readonly string[] = ["a"], parameters: object = {}, width = HEIGHT * WIDTH * classes.length) {
  const given = segmentation.meta.parameters.parse(parameters);
  return segmentation.open({ classes, parameters: given, geometry, width });
}
function outcomesOf(found: Float32Array, reference: Reference, parameters: object = {}): Record<string, number> {
  const values = judge(["a"], parameters).outcomes(found, [reference]);
  return Object.fromEntries(segmentation.meta.outcomes.map((id: OutcomeId, index) => [id, values[index] as number]));
}

const EMPTY = ["......", "......", "......", "......"];
const LEFT = ["##....", "##....", "......", "......"];
const SHIFTED = [".##...", ".##...", "......", "......"];

test("two masks that overlap by half", () => {
  expect(outcomesOf(answer(...SHIFTED), mask(...LEFT))).toMatchObject({
    dice: 0.5,
    iou: 1 / 3,
    "volume-error": 0,
    "lesion-sensitivity": 1,
    "false-objects": 0,
    missed: 0,
  });
});

test("a missed structure has the worst of everything, and is not dropped", () => {
  expect(outcomesOf(answer(...EMPTY), mask(...LEFT))).toEqual({
    dice: 0,
    iou: 0,
    hd95: Math.hypot(HEIGHT, WIDTH),
    nsd: 0,
    "volume-error": -1,
    "lesion-sensitivity": 0,
    "false-objects": 0,
    missed: 1,
    objects: 1,
    "lesion-sensitivity-pooled": 0,
  });
});

test("a false alarm has no volume to be off from, and nothing that could be missed", () => {
  expect(outcomesOf(answer(...LEFT), mask(...EMPTY))).toEqual({
    dice: 0,
    iou: 0,
    hd95: Math.hypot(HEIGHT, WIDTH),
    nsd: 0,
    "volume-error": Number.NaN,
    "lesion-sensitivity": Number.NaN,
    "false-objects": 1,
    missed: Number.NaN,
    objects: 0,
    "lesion-sensitivity-pooled": Number.NaN,
  });
});

test("where there is nothing and nothing is found, only that is counted", () => {
  expect(outcomesOf(answer(...EMPTY), mask(...EMPTY))).toEqual({
    dice: Number.NaN,
    iou: Number.NaN,
    hd95: Number.NaN,
    nsd: Number.NaN,
    "volume-error": Number.NaN,
    "lesion-sensitivity": Number.NaN,
    "false-objects": 0,
    missed: Number.NaN,
    objects: 0,
    "lesion-sensitivity-pooled": Number.NaN,
  });
  expect(judge().success(answer(...EMPTY), [mask(...EMPTY)])).toEqual(Float64Array.of(1));
});

test("distances are in mm, by the pixel's size on each axis", () => {
  const far = ["....##", "....##", "......", "......"];
  const pixels = outcomesOf(answer(...far), mask(...LEFT), { surface: "voxel-boundary" });
  const mm = outcomesOf(answer(...far), mask(...LEFT), { surface: "voxel-boundary", spacing: [5, 0.25] });
  expect(pixels.hd95).toBe(4);
  expect(mm.hd95).toBe(1);
});

test("a mask that knows its pixels' size says it for the answer's grid, coarser or not", () => {
  const far = ["....##", "....##", "......", "......"];
  const reference = { ...mask(...LEFT), spacing: [5, 0.25] } as Reference;
  expect(outcomesOf(answer(...far), reference, { surface: "voxel-boundary", spacing: [9, 9] }).hd95).toBe(1);
  const coarse = segmentation.open({
    classes: ["a"],
    parameters: segmentation.meta.parameters.parse({ surface: "voxel-boundary", size: [2, 3] }),
    geometry,
    width: 6,
  });
  // Two coarse pixels apart, each of twice the width.
  expect(coarse.outcomes(Float32Array.of(0, 0, 1, 0, 0, 0), [reference])[2]).toBe(1);
});

test("distances are in mm only where somebody says how large a pixel is", () => {
  const unit = (parameters: object, hasSpacing: boolean) =>
    segmentation.unit?.(segmentation.meta.parameters.parse(parameters), { hasSpacing });
  expect(unit({}, false)).toBe("pixels");
  expect(unit({ spacing: [1, 1] }, false)).toBe("mm");
  expect(unit({}, true)).toBe("mm");
});

test("a pixel is inside where its value is above the threshold, not at it", () => {
  const found = Float32Array.from(rows(...LEFT), (one) => (one === 1 ? 0.5 : 0.2));
  expect(outcomesOf(found, mask(...LEFT), { threshold: 0.5 }).dice).toBe(0);
  expect(outcomesOf(found, mask(...LEFT), { threshold: 0.4999 }).dice).toBe(1);
});

test("argmax gives each pixel to one structure, the first channel being the background", () => {
  const pixels = HEIGHT * WIDTH;
  const found = new Float32Array(3 * pixels);
  found.fill(1, 0, pixels);
  found[pixels] = 2;
  found[2 * pixels + 1] = 3;
  const values = judge(["a", "b"], { rule: "argmax" }, 3 * pixels).success(found, [
    mask("#.....", "......", "......", "......"),
    mask(".#....", "......", "......", "......"),
  ]);
  expect([...values]).toEqual([1, 1]);
});

test("channels may come in another order", () => {
  const found = new Float32Array([...answer(...EMPTY), ...answer(...LEFT)]);
  const [value] = judge(["a"], { channels: { a: 1 } }, 2 * HEIGHT * WIDTH).success(found, [mask(...LEFT)]);
  expect(value).toBe(1);
});

test("a coarser output is measured on its own grid", () => {
  const found = Float32Array.from([1, 0, 0, 0, 0, 0]);
  const values = judge(["a"], { size: [2, 3] }, 6).success(found, [mask(...LEFT)]);
  expect([...values]).toEqual([1]);
});

test("of a sample without a reference nothing is said", () => {
  expect(
    judge()
      .outcomes(answer(...LEFT), [null])
      .every(Number.isNaN),
  ).toBe(true);
});

test("answers that are no maps are refused", () => {
  expect(() => judge(["a"], {}, 7)).toThrow(/no whole maps of 4 × 6/);
  expect(() => judge(["a", "b"], {}, HEIGHT * WIDTH)).toThrow(/"b" would be number 1/);
});
