import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { SourceContext, SourceTable } from "../../src/core/data.js";
import { yearsOf } from "../../src/data/dicom/cells.js";
import dicom from "../../src/data/dicom.js";
import { changes, type DicomElement, dicomFile, imageElements, SYNTAX, words } from "../support/dicom.js";
import { sharedData } from "../support/shared-data.js";
import { openSource, refusal } from "../support/sources.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stepwedge-dicom-"));
  delete process.env.STEPWEDGE_PSEUDONYM_KEY;
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A gray image of 1 × 2 with some of a person's data. */
function scan(uid: string, patient: string, more: readonly DicomElement[] = [], frames = 1): Buffer {
  const elements = imageElements(
    1,
    2,
    changes(
      ["0008,0018", "UI", uid],
      ["0008,0070", "LO", "Acme"],
      ["0010,0010", "PN", "Doe^Jane"],
      ["0010,0020", "LO", patient],
      ["0010,0040", "CS", "F"],
      ["0010,1010", "AS", "052Y"],
      ["0018,0060", "DS", "120"],
      ["0028,0008", "IS", String(frames)],
      ...more,
    ),
  );
  const values = Array.from({ length: 2 * frames }, (_, at) => at);
  return dicomFile([...elements, ["7fe0,0010", "OW", words(values)]]);
}

function put(path: string, bytes: Buffer | string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), bytes);
}

interface Opening {
  readonly columns?: readonly string[];
  readonly numbers?: readonly string[];
  readonly parameters?: Record<string, unknown>;
  readonly context?: Partial<SourceContext>;
}

async function open({
  columns = ["id"],
  context = {},
  numbers = [],
  parameters = {},
}: Opening = {}): Promise<SourceTable> {
  return openSource(dicom, folder, { path: "scans", ...parameters }, { columns, numbers, ...context });
}

const cells = (source: SourceTable, column: string): readonly string[] => source.columns.get(column) ?? [];

describe("files become samples", () => {
  test("at any depth, in order, with attributes by keyword and by tag", async () => {
    put("scans/b/2.dcm", scan("1.2", "P2"));
    put("scans/a", scan("1.3", "P1", [["0018,5101", "CS", "AP"]]));
    const source = await open({
      columns: ["path", "PatientSex", "PatientAge", "ViewPosition", "(0008,0070)"],
      numbers: ["KVP"],
    });
    expect(Object.fromEntries(source.columns)).toEqual({
      path: ["a", "b/2.dcm"],
      PatientSex: ["F", "F"],
      PatientAge: ["52", "52"],
      ViewPosition: ["AP", ""],
      "(0008,0070)": ["Acme", "Acme"],
    });
    expect([...(source.numbers.get("KVP")?.values ?? [])]).toEqual([120, 120]);
    expect(source.rowName(1)).toBe("scans, file b/2.dcm");
    expect((await source.loadImage?.(0))?.image).toMatchObject({ channels: 1, height: 1, width: 2, maxValue: 65535 });
  });

  test("what is no DICOM and what is no image are passed over and counted", async () => {
    put("scans/a.dcm", scan("1.2", "P1"));
    put("scans/notes.txt", "hello");
    put("scans/empty", "");
    put("scans/.hidden", scan("1.9", "P9"));
    put(
      "scans/report.dcm",
      dicomFile([
        ["0008,0018", "UI", "1.4"],
        ["0008,0060", "CS", "SR"],
      ]),
    );
    const source = await open();
    expect(source.count).toBe(1);
    expect(source.deviations?.map(({ detail }) => detail).join()).toMatch(
      /2 that are no DICOM files, and 1 DICOM files without an image/,
    );
    rmSync(join(folder, "scans/a.dcm"));
    expect(await refusal(open())).toMatch(/no DICOM image among 3 files/);
    expect(await refusal(open({ parameters: { path: "elsewhere" } }))).toMatch(/does not exist/);
  });

  test("a damaged file stays a sample, of a patient of its own, and fails when it is loaded", async () => {
    put("scans/a.dcm", scan("1.2", "P1"));
    put("scans/cut.dcm", scan("1.3", "P1").subarray(0, 200));
    put("scans/short.dcm", scan("1.4", "P1").subarray(0, -2));
    const source = await open({ columns: ["id", "PatientID", "PatientSex"] });
    expect(source.count).toBe(3);
    expect(new Set(cells(source, "id")).size).toBe(3);
    const [whole, cut, short] = cells(source, "PatientID");
    expect([whole === short, whole === cut, cut === ""]).toEqual([true, false, false]);
    expect(cells(source, "PatientSex")).toEqual(["F", "", "F"]);
    expect(await refusal(source.loadImage?.(1) ?? Promise.resolve())).toMatch(/scans, file cut\.dcm: /);
    expect(await refusal(source.loadImage?.(2) ?? Promise.resolve())).toMatch(/2 of 4 bytes/);
  });

  test("frames become samples of their own", async () => {
    put("scans/a.dcm", scan("1.2", "P1", [], 3));
    put("scans/b.dcm", scan("1.3", "P2"));
    const source = await open({ columns: ["id", "sample", "frame", "PatientID"], context: { eachFrame: true } });
    expect(cells(source, "sample")).toEqual(["a.dcm#0", "a.dcm#1", "a.dcm#2", "b.dcm#0"]);
    expect(cells(source, "frame")).toEqual(["0", "1", "2", "0"]);
    expect(new Set(cells(source, "id")).size).toBe(4);
    expect(new Set(cells(source, "PatientID")).size).toBe(2);
    const loaded = await Promise.all([0, 1, 2].map(async (row) => source.loadImage?.(row)));
    expect(loaded.map((one) => [...(one?.image.data ?? [])])).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(new Set(loaded.map((one) => one?.sha256)).size).toBe(3);
  });

  test("a header may be longer than the first bytes that are read, and deflated", async () => {
    const long: DicomElement = ["0009,1010", "OB", Buffer.alloc(400_000, 7)];
    put("scans/long.dcm", scan("1.2", "P1", [long]));
    const elements = imageElements(1, 2, changes(["0010,0040", "CS", "M"], long));
    put("scans/packed.dcm", dicomFile([...elements, ["7fe0,0010", "OW", words([1, 2])]], SYNTAX.deflated));
    expect(cells(await open({ columns: ["PatientSex"] }), "PatientSex")).toEqual(["F", "M"]);
  });

  test("a symbolic link may not lead out of the folder", async () => {
    put("scans/a.dcm", scan("1.2", "P1"));
    put("scans/sub/b.dcm", scan("1.3", "P2"));
    symlinkSync(join(folder, "scans/sub/b.dcm"), join(folder, "scans/link.dcm"));
    expect((await open({ columns: ["path"] })).count).toBe(3);
    put("outside.dcm", scan("1.4", "P3"));
    symlinkSync(join(folder, "outside.dcm"), join(folder, "scans/out.dcm"));
    expect(await refusal(open())).toMatch(/"out\.dcm" leads out of the folder/);
    rmSync(join(folder, "scans/out.dcm"));
    symlinkSync(join(folder, "scans"), join(folder, "scans/sub/round"));
    expect(await refusal(open())).toMatch(/leads round in circles/);
  });

  test("text in another character set", async () => {
    const institution = Buffer.from("Klinik Süd");
    put(
      "scans/a.dcm",
      scan("1.2", "P1", [
        ["0008,0005", "CS", "ISO_IR 192"],
        ["0008,0080", "LO", institution],
      ]),
    );
    put(
      "scans/b.dcm",
      scan("1.3", "P1", [
        ["0008,0005", "CS", "ISO_IR 100"],
        ["0008,0080", "LO", "Klinik S\u00fcd"],
      ]),
    );
    expect(cells(await open({ columns: ["InstitutionName"] }), "InstitutionName")).toEqual([
      "Klinik Süd",
      "Klinik Süd",
    ]);
  });
});

// PS3.5 section 6.2, VR AS.
test.each([
  ["052Y", "52"],
  ["018M", "1.5"],
  ["026W", "0.4983"],
  ["010D", "0.0274"],
  ["", ""],
  ["52", "52"],
  ["unknown", "unknown"],
])("the age %j is %j years", (written, years) => {
  expect(yearsOf(written)).toBe(years);
});

describe("nobody is named", () => {
  test("patients and instances are pseudonyms, the same for the same key and no other", async () => {
    put("scans/a.dcm", scan("1.2", "MRN-4711"));
    put("scans/b.dcm", scan("1.3", "MRN-4711"));
    put("scans/c.dcm", scan("1.4", "MRN-0815"));
    const columns = ["id", "PatientID", "SOPInstanceUID"];
    const bySeed = await open({ columns });
    const [a, b, c] = cells(bySeed, "PatientID");
    expect([a === b, a === c]).toEqual([true, false]);
    expect(JSON.stringify([...bySeed.columns.values()])).not.toMatch(/MRN|4711|"1\.2"/);
    expect(bySeed.deviations?.map(({ id }) => id)).toEqual(["guessable-pseudonyms"]);

    put("key", "0123456789abcdef0123456789abcdef\n");
    const byFile = await open({ columns, parameters: { pseudonymKey: "key" } });
    expect(byFile.deviations).toEqual([]);
    expect(cells(byFile, "PatientID")).not.toEqual(cells(bySeed, "PatientID"));
    process.env.STEPWEDGE_PSEUDONYM_KEY = "0123456789abcdef0123456789abcdef";
    expect(cells(await open({ columns }), "PatientID")).toEqual(cells(byFile, "PatientID"));
    process.env.STEPWEDGE_PSEUDONYM_KEY = "short";
    expect(await refusal(open())).toMatch(/fewer than 16 bytes/);
    expect(await refusal(open({ parameters: { pseudonymKey: "missing" } }))).toMatch(/missing: .*cannot be read/);
  });

  test.each(["PatientName", "(0010,0010)", "PatientBirthDate", "(0010,1040)"])("%s is not read", async (column) => {
    put("scans/a.dcm", scan("1.2", "P1"));
    expect(await refusal(open({ columns: [column] }))).toMatch(/identifies a person/);
  });

  test("names of persons under other tags stay empty; unknown keywords are suggested", async () => {
    put("scans/a.dcm", scan("1.2", "P1", [["0040,a123", "PN", "Doe^Jane"]]));
    expect(cells(await open({ columns: ["(0040,a123)"] }), "(0040,a123)")).toEqual([""]);
    expect(await refusal(open({ columns: ["PatientSexx"] }))).toMatch(/PatientSex/);
  });
});

describe("labels from a table", () => {
  beforeEach(() => {
    put("scans/a.dcm", scan("1.2", "MRN-1"));
    put("scans/b.dcm", scan("1.3", "MRN-2"));
  });

  test.each([
    ["path", "path,effusion,score\nb.dcm,0,0.25\na.dcm,1,0.5\nz.dcm,1,1\n"],
    ["SOPInstanceUID", "SOPInstanceUID,effusion,score\n1.3,0,0.25\n1.2,1,0.5\n"],
    ["PatientID", "PatientID,effusion,score\nMRN-1,1,0.5\nMRN-2,0,0.25\n"],
    [{ left: "PatientID", right: "person" }, "person,effusion,score\nMRN-1,1,0.5\nMRN-2,0,0.25\n"],
  ])("by %j", async (on, text) => {
    put("labels.csv", text);
    const source = await open({
      columns: ["id", "effusion", "PatientID"],
      numbers: ["score"],
      parameters: { table: { path: "labels.csv", on } },
    });
    expect(cells(source, "effusion")).toEqual(["1", "0"]);
    expect([...(source.numbers.get("score")?.values ?? [])]).toEqual([0.5, 0.25]);
    expect(JSON.stringify([...source.columns.values()])).not.toMatch(/MRN/);
    expect(Object.keys(source.files)).toEqual(["scans/", "labels.csv"]);
  });

  test("a prefix tells the table's columns from attributes", async () => {
    put("labels.csv", "path,PatientSex\na.dcm,M\nb.dcm,M\n");
    const labels = { path: "labels.csv", on: "path" };
    expect(await refusal(open({ columns: ["PatientSex"], parameters: { table: labels } }))).toMatch(
      /stands in the table too/,
    );
    const source = await open({
      columns: ["PatientSex", "my_PatientSex"],
      parameters: { table: { ...labels, prefix: "my_" } },
    });
    expect(Object.fromEntries(source.columns)).toEqual({ PatientSex: ["F", "F"], my_PatientSex: ["M", "M"] });
  });

  test("a key that is missing or stands twice is refused without being named", async () => {
    const parameters = { table: { path: "labels.csv", on: "PatientID" } };
    put("labels.csv", "PatientID,effusion\nMRN-1,1\n");
    const missing = await refusal(open({ columns: ["effusion"], parameters }));
    expect(missing).toMatch(/scans, file b\.dcm: no row of labels\.csv has this file's key/);
    put("labels.csv", "PatientID,effusion\nMRN-1,1\nMRN-2,1\nMRN-1,0\n");
    const twice = await refusal(open({ columns: ["effusion"], parameters }));
    expect(twice).toMatch(/labels\.csv, line 4: the key in column "PatientID" stands twice, first in line 2/);
    expect(missing + twice).not.toMatch(/MRN/);
    put("labels.csv", "id,effusion\n1,1\n");
    expect(await refusal(open({ columns: ["effusion"], parameters }))).toMatch(/there is no column "PatientID"/);
  });

  test("a damaged file has no labels, and is no reason to stop", async () => {
    put("scans/cut.dcm", scan("1.4", "MRN-1").subarray(0, 200));
    put("labels.csv", "PatientID,effusion\nMRN-1,1\nMRN-2,0\n");
    const source = await open({
      columns: ["effusion"],
      parameters: { table: { path: "labels.csv", on: "PatientID" } },
    });
    expect(cells(source, "effusion")).toEqual(["1", "0", ""]);
  });
});

const real = sharedData === null ? test.skip : test;

real("the whole material: every file is a sample or passed over, none ends the opening", async () => {
  cpSync(join(sharedData ?? "", "dicom", "files"), join(folder, "scans"), { recursive: true });
  const files = readdirSync(join(folder, "scans")).length;
  const source = await open({
    columns: ["id", "path", "PatientID", "PatientSex", "PatientAge", "Modality", "Manufacturer"],
  });
  expect(files).toBe(132);
  // Ten hold no image or are no DICOM by their beginning.
  expect(source.count).toBeGreaterThan(115);
  expect(source.count).toBeLessThan(132);
  const cells_ = cells(source, "Modality");
  expect(cells_[cells(source, "path").indexOf("pydicom__CT_small.dcm")]).toBe("CT");
  expect(await open({ columns: ["path", "id"] }).then((again) => again.files)).toEqual(source.files);
});
