import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { SourceContext, SourceTable } from "../../src/core/data.js";
import folderSource from "../../src/data/folder.js";
import { encodePng } from "../../src/image/encode.js";
import { openSource, refusal } from "../support/sources.js";

let base = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "stepwedge-folder-"));
});
afterEach(() => rmSync(base, { recursive: true }));

/** A gray image of one value. */
async function image(path: string, value = 0): Promise<void> {
  mkdirSync(dirname(join(base, path)), { recursive: true });
  const data = new Float32Array(4).fill(value);
  writeFileSync(join(base, path), await encodePng({ data, channels: 1, height: 2, width: 2, maxValue: 255 }));
}

function open(parameters: Record<string, unknown> = {}, context: Partial<SourceContext> = {}): Promise<SourceTable> {
  return openSource(
    folderSource,
    base,
    { path: "set", ...parameters },
    { columns: ["id", "class", "split", "path"], ...context },
  );
}

test("class folders: sorted by path, deeper files too, hidden and other files passed over", async () => {
  for (const path of ["set/b/2.png", "set/b/10.png", "set/a/x/9.JPG", "set/a/.hidden.png", "set/.cache/a/1.png"])
    await image(path);
  writeFileSync(join(base, "set", "README.txt"), "not an image");
  const source = await open();
  expect(Object.fromEntries(source.columns)).toEqual({
    id: ["a/x/9", "b/10", "b/2"],
    class: ["a", "b", "b"],
    split: ["", "", ""],
    path: ["a/x/9.JPG", "b/10.png", "b/2.png"],
  });
  expect(source.rowName(1)).toBe("set, file b/10.png");
  await source.checkImages?.();
});

test("split folders are told by their names; the layout can say otherwise", async () => {
  for (const path of ["set/train/a/1.png", "set/TEST/b/2.png", "set/val/a/3.png"]) await image(path, 7);
  const source = await open();
  expect(source.columns.get("split")).toEqual(["TEST", "train", "val"]);
  expect(source.columns.get("class")).toEqual(["b", "a", "a"]);
  expect((await source.loadImage?.(0))?.image.data).toEqual(new Uint8Array(4).fill(7));
  expect((await open({ layout: "class" })).columns.get("class")).toEqual(["TEST", "train", "val"]);
});

test("a class that is called test does not make splits", async () => {
  for (const path of ["set/test/1.png", "set/control/2.png"]) await image(path);
  expect((await open()).columns.get("class")).toEqual(["control", "test"]);
  expect(await refusal(open({ layout: "split/class" }))).toMatch(/"control\/2\.png" lies in no class folder/);
});

test("the named groups of a pattern are columns", async () => {
  for (const path of ["set/a/person7_x1.png", "set/b/person12.png"]) await image(path);
  const pattern = "(?<patient>person\\d+)(_x(?<visit>\\d+))?";
  const source = await open({ pattern }, { columns: ["patient"], numbers: ["visit"] });
  expect(source.columns.get("patient")).toEqual(["person7", "person12"]);
  expect(Array.from(source.numbers.get("visit")?.values ?? [])).toEqual([1, Number.NaN]);
  expect(await refusal(open({ pattern }, { columns: ["patients"] }))).toMatch(/no column "patients".*\n.*patient/s);
});

test("the list of files is part of what the scores depend on", async () => {
  await image("set/a/1.png");
  const before = (await open()).files;
  await image("set/a/2.png");
  expect((await open()).files).not.toEqual(before);
});

describe("refuses", () => {
  test("symbolic links out of the folder, in circles and to nowhere; follows those inside", async () => {
    await image("set/a/1.png");
    await image("elsewhere/2.png");
    symlinkSync(join(base, "set", "a", "1.png"), join(base, "set", "a", "inside.png"));
    expect((await open()).columns.get("id")).toEqual(["a/1", "a/inside"]);
    for (const [target, reason] of [
      [join(base, "elsewhere", "2.png"), /"a\/link\.png" leads out of the folder/],
      [join(base, "nowhere"), /leads nowhere/],
      [join(base, "set", "a"), /round in circles/],
    ] as const) {
      symlinkSync(target, join(base, "set", "a", "link.png"));
      expect(await refusal(open())).toMatch(reason);
      rmSync(join(base, "set", "a", "link.png"));
    }
  });

  test("images outside class folders, empty and missing folders", async () => {
    expect(await refusal(open())).toMatch(/^set: the data folder does not exist/);
    mkdirSync(join(base, "set"));
    expect(await refusal(open())).toMatch(/holds no files that end in \.png/);
    await image("set/1.png");
    expect(await refusal(open())).toMatch(/"1\.png" lies in no class folder/);
  });

  test.each([
    ["(", /no regular expression/],
    ["person\\d+", /no named group/],
    ["(?<class>a)", /group "class" has the name of a column/],
    ["(?<x>zebra)", /finds nothing in "a\/1\.png"/],
  ])("the pattern %s", async (pattern, reason) => {
    await image("set/a/1.png");
    expect(await refusal(open({ pattern }))).toMatch(reason);
  });

  test("a pattern that takes ages", async () => {
    await image(`set/a/${"a".repeat(60)}!.png`);
    expect(await refusal(open({ pattern: "(?<x>(a+)+)$" }))).toMatch(/takes longer than 5 seconds/);
  }, 30_000);

  test("slices as samples", async () => {
    await image("set/a/1.png");
    expect(await refusal(open({}, { eachFrame: true }))).toMatch(/one sample here.*\n.*nifti/s);
  });
});
