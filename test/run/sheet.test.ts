import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../../src/core/hash.js";
import { Sheet, type SheetLayout } from "../../src/run/sheet.js";

const KEY = sha256("study");
const folder = () => mkdtempSync(join(tmpdir(), "stepwedge-sheet-"));
const layout: SheetLayout = { name: "clean", ids: ["a", "b", "c"], columns: ["score.x", "score.y"], digests: true };
const digest = (name: string) => sha256(name);

test("rows survive an interruption before, and the file after, completion", async () => {
  const at = folder();
  const first = await Sheet.open(layout, at, KEY);
  first.put(1, Float64Array.of(0.1, Number.NaN, 0.3, 1e-300), [digest("b"), digest("c")]);
  first.close();

  const second = await Sheet.open(layout, at, KEY);
  expect([second.has(0), second.has(1), second.has(2), second.complete]).toEqual([false, true, true, false]);
  second.put(0, Float64Array.of(1, 2), [digest("a")]);
  expect(second.complete).toBe(true);
  expect(existsSync(join(at, "clean.journal"))).toBe(false);

  const third = await Sheet.open(layout, at, KEY);
  expect(third.complete).toBe(true);
  expect([...third.values]).toEqual([1, 2, 0.1, Number.NaN, 0.3, 1e-300]);
  expect(third.digests).toEqual([digest("a"), digest("b"), digest("c")]);
});

test("a finished file of other samples is refused", async () => {
  const at = folder();
  const sheet = await Sheet.open({ ...layout, digests: false }, at, KEY);
  sheet.put(0, new Float64Array(6));
  await expect(Sheet.open({ ...layout, ids: ["a", "b", "d"] }, at, KEY)).rejects.toThrow(/not the 3 of this study/);
});

test("an empty split is complete at once", async () => {
  const at = folder();
  const sheet = await Sheet.open({ ...layout, ids: [] }, at, KEY);
  expect(sheet.complete).toBe(true);
  expect((await Sheet.open({ ...layout, ids: [] }, at, KEY)).values.length).toBe(0);
});
