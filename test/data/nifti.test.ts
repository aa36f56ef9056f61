import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { AS_STORED, type SourceContext, type SourceTable } from "../../src/core/data.js";
import niftiSource from "../../src/data/nifti.js";
import { buildNifti } from "../support/nifti.js";
import { openSource, refusal } from "../support/sources.js";

let base = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "stepwedge-nifti-"));
});
afterEach(() => rmSync(base, { recursive: true }));

/** A volume of 2 × 1 × depth voxels, packed; slice z holds 10 z + first and the next. */
function volume(path: string, depth: number, first = 0): void {
  mkdirSync(dirname(join(base, path)), { recursive: true });
  const values = Array.from({ length: 2 * depth }, (_, index) => first + 10 * Math.floor(index / 2) + (index % 2));
  const sform = [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
  writeFileSync(join(base, path), gzipSync(buildNifti({ shape: [2, 1, depth], datatype: "uint8", values, sform })));
}

function open(parameters: Record<string, unknown> = {}, context: Partial<SourceContext> = {}): Promise<SourceTable> {
  return openSource(
    niftiSource,
    base,
    { path: "scans", ...parameters },
    { columns: ["id", "file", "slice"], ...context },
  );
}

const middle = { ...AS_STORED, frames: { take: "middle" } } as const;

test("each file is a sample, with its participant's row beside it", async () => {
  volume("scans/sub-01/anat/sub-01_T1w.nii.gz", 3);
  volume("scans/sub-02/anat/sub-02_T1w.nii.gz", 3, 100);
  writeFileSync(
    join(base, "participants.tsv"),
    "participant_id\tsex\tage\nsub-02\tM\t61\nsub-03\tM\tn/a\nsub-01\tF\t30\n",
  );
  const source = await open(
    { pattern: "^(?<patient>sub-[^/]+)/", participants: { path: "participants.tsv", key: "patient" } },
    { columns: ["id", "patient", "sex", "participant_id", "slice"], numbers: ["age"], pixels: middle },
  );
  expect(Object.fromEntries(source.columns)).toEqual({
    id: ["sub-01/anat/sub-01_T1w", "sub-02/anat/sub-02_T1w"],
    patient: ["sub-01", "sub-02"],
    sex: ["F", "M"],
    participant_id: ["sub-01", "sub-02"],
    slice: ["", ""],
  });
  expect(Array.from(source.numbers.get("age")?.values ?? [])).toEqual([30, 61]);
  expect(Object.keys(source.files)).toEqual(["scans/", "participants.tsv"]);
  await source.checkImages?.();
  expect(Array.from((await source.loadImage?.(1))?.image.data ?? [])).toEqual([110, 111]);
});

test("frames each: a sample per slice, of one file, with digests of their own", async () => {
  volume("scans/a.nii.gz", 3);
  volume("scans/b.nii.gz", 2, 50);
  volume("scans/c.nii.gz", 1, 90);
  const source = await open({}, { eachFrame: true });
  expect(source.columns.get("id")).toEqual(["a#0", "a#1", "a#2", "b#0", "b#1", "c#0"]);
  expect(source.columns.get("file")).toEqual(["a", "a", "a", "b", "b", "c"]);
  expect(source.columns.get("slice")).toEqual(["0", "1", "2", "0", "1", "0"]);
  const loaded = await Promise.all([5, 0, 3, 1, 4, 2].map((row) => source.loadImage?.(row)));
  expect(loaded.map((one) => Array.from(one?.image.data ?? []))).toEqual([
    [90, 91],
    [0, 1],
    [50, 51],
    [10, 11],
    [60, 61],
    [20, 21],
  ]);
  expect(new Set(loaded.map((one) => one?.sha256)).size).toBe(6);
  // Stored to the left: across the patient's axis from left to right, the stored order turns round.
  const sagittal = await open({}, { eachFrame: true, pixels: { ...AS_STORED, axis: "sagittal" } });
  expect(sagittal.count).toBe(6);
  expect(Array.from((await sagittal.loadImage?.(0))?.image.data ?? [])).toEqual([21, 11, 1]);
});

test("refuses files without a participant, and columns that nobody has", async () => {
  volume("scans/a.nii.gz", 1);
  writeFileSync(join(base, "people.csv"), "who,sex\nb,F\n");
  const participants = { path: "people.csv", on: "who" };
  expect(await refusal(open({ participants }))).toMatch(
    /^scans, file a: no row of people\.csv has "a" in column "who"/,
  );
  expect(await refusal(open({ participants }, { columns: ["sx"] }))).toMatch(/people\.csv.*no column "sx"/);
  expect(await refusal(open({}, { columns: ["sex"] }))).toMatch(/^scans: there is no column "sex"/);
  expect(await refusal(open({ participants: { ...participants, key: "patient" } }))).toMatch(
    /key: there is no column "patient"/,
  );
  writeFileSync(join(base, "scans", "b.nii"), "no volume");
  expect(await refusal(open({}, { eachFrame: true }))).toMatch(/^scans, file b\.nii: the file is not a NIfTI file/);
});
