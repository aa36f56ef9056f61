import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { AS_STORED, type SourceTable } from "../../src/core/data.js";
import { StepwedgeError } from "../../src/core/errors.js";
import { sha256 } from "../../src/core/hash.js";
import { readRecords } from "../../src/data/shared/table/records.js";
import { previewTable } from "../../src/data/table/preview.js";
import table from "../../src/data/table.js";
import { sharedData } from "../support/shared-data.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stepwedge-join-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const MAIN = "id,site\na,1\nb,2\nc,3\n";
const SCORES = "id,p,note\nc,0.3,z\nunused,0.9,w\na,0.1,x\nb,,y\n";

function open(
  files: Readonly<Record<string, string | Buffer>>,
  parameters: Record<string, unknown>,
  wanted: { readonly columns?: readonly string[]; readonly numbers?: readonly string[] } = {},
  baseFolder = folder,
): Promise<SourceTable> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { columns = ["id", "site"], numbers = [] } = wanted;
  const context = {
    baseFolder,
    seed: 1,
    columns,
    numbers,
    imageColumn: null,
    pixels: AS_STORED,
    frameColumn: null,
    eachFrame: false,
  };
  return table.open(table.meta.parameters.parse({ path: "main.csv", ...parameters }), context);
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => "nothing was refused",
    (reason: unknown) => reason,
  );
  if (!(error instanceof StepwedgeError)) throw new Error(`expected a refusal, received ${String(error)}`);
  return error.format();
}

const JOIN = { join: [{ path: "scores.csv", on: "id" }] };

test("a further table's columns stand beside the main table's, by key and not by order", async () => {
  const source = await open({ "main.csv": MAIN, "scores.csv": SCORES }, JOIN, {
    columns: ["site", "note"],
    numbers: ["p"],
  });
  expect(source.count).toBe(3);
  expect(source.columns.get("note")).toEqual(["x", "y", "z"]);
  expect([...(source.numbers.get("p")?.values ?? [])]).toEqual([0.1, Number.NaN, 0.3]);
  expect([...(source.numbers.get("p")?.texts ?? [])]).toEqual([[1, ""]]);
  expect(source.rowName(2)).toBe("main.csv, line 4");
  expect(source.files).toEqual({ "main.csv": sha256(MAIN), "scores.csv": sha256(SCORES) });
});

test("two tables with the same columns are told apart by a prefix, keys may have two names", async () => {
  const other = "sample,p\nb,20\na,10\nc,30\n";
  const joins = [
    { path: "scores.csv", on: "id" },
    { path: "other.csv", on: { left: "id", right: "sample" }, prefix: "other_" },
  ];
  const source = await open(
    { "main.csv": MAIN, "scores.csv": SCORES, "other.csv": other },
    { join: joins },
    {
      numbers: ["p", "other_p"],
    },
  );
  expect([...(source.numbers.get("other_p")?.values ?? [])]).toEqual([10, 20, 30]);
  expect(source.columns.has("sample")).toBe(false);
});

test.each([
  ["a key that is missing", SCORES.replace("a,0.1,x\n", ""), 'main.csv, line 2: no row of scores.csv has "a"'],
  [
    "a key that is asked for and stands twice",
    `${SCORES}c,0.4,v\n`,
    'scores.csv, line 6: "c" stands twice in column "id", first in line 2',
  ],
  ["an empty table", "", "scores.csv: the table is empty"],
  ["another delimiter", "id;p\na;1\n", "separated by semicolons: give that table delimiter: semicolon"],
  ["no key column", SCORES.replace("id", "name"), 'scores.csv: there is no column "id"'],
])("%s", async (_, scores, words) => {
  expect(await refusal(open({ "main.csv": MAIN, "scores.csv": scores }, JOIN, { numbers: ["p"] }))).toMatch(words);
});

test("a column that stands in two tables, and one that stands in none", async () => {
  const files = { "main.csv": "id,p\na,1\n", "scores.csv": "id,p\na,2\n" };
  const both = await refusal(open(files, JOIN, { columns: ["id"], numbers: ["p"] }));
  expect(both).toMatch('the column "p" stands in two tables');
  expect(both).toMatch("prefix");
  const none = await refusal(open(files, JOIN, { columns: ["id", "q"] }));
  expect(none).toMatch("main.csv has id, p; scores.csv has p.");
  const prefixed = { join: [{ path: "scores.csv", on: "id", prefix: "run_" }] };
  const key = await refusal(open(files, prefixed, { columns: ["id", "run_id"] }));
  expect(key).toMatch('there is no column "run_id"');
  expect(key).toMatch("main.csv has id, p; scores.csv has run_p.");
  const ofTwo = { join: [...prefixed.join, { path: "again.csv", on: "id", prefix: "run_" }] };
  const twice = await refusal(
    open({ ...files, "again.csv": "id,p\na,3\n" }, ofTwo, { columns: ["id"], numbers: ["run_p"] }),
  );
  expect(twice).toMatch("scores.csv and again.csv");
});

test("keys that no row asks for may stand twice, and a key that the protocol does not name is not kept", async () => {
  const scores = `${SCORES}unused,0.8,w\n,1,\n,2,\n`;
  const source = await open({ "main.csv": MAIN, "scores.csv": scores }, JOIN, { columns: ["site", "note"] });
  expect([...source.columns.keys()]).toEqual(["site", "note"]);
  expect(source.columns.get("note")).toEqual(["x", "y", "z"]);
});

test("a table in which several rows share a key, such as one of patients, serves each of them", async () => {
  const main = "id,patient\na,p1\nb,p2\nc,p1\n";
  const patients = "person;age\np2;20\np1;10\n";
  const source = await open(
    { "main.csv": main, "patients.csv": patients },
    { join: [{ path: "patients.csv", on: { left: "patient", right: "person" }, delimiter: "semicolon" }] },
    { columns: ["age"] },
  );
  expect(source.columns.get("age")).toEqual(["10", "20", "10"]);
});

test("the errors name the remedy, and which of the tables is missing", async () => {
  const files = { "main.csv": MAIN, "scores.csv": SCORES.replace("a,0.1,x\n", "") };
  expect(await refusal(open(files, JOIN))).toMatch("Add the row there, or take it out of the main table.");
  const twice = { "main.csv": MAIN, "scores.csv": `${SCORES}c,0.4,v\n` };
  expect(await refusal(open(twice, JOIN))).toMatch("Give the further table one row for each key.");
  const none = { join: [{ path: "none.csv", on: "id" }] };
  expect(await refusal(open({ "main.csv": MAIN }, none))).toMatch("none.csv: the table does not exist");
  expect(await refusal(open({ "main.csv": "", "scores.csv": SCORES }, JOIN))).toMatch("main.csv: the table is empty");
});

test("gzip: the same table, hashed as it lies on the disk", async () => {
  const packed = gzipSync(SCORES);
  const joins = { join: [{ path: "scores.csv.gz", on: "id" }] };
  const source = await open({ "main.csv": MAIN, "scores.csv.gz": packed }, joins, { numbers: ["p"] });
  expect([...(source.numbers.get("p")?.values ?? [])]).toEqual([0.1, Number.NaN, 0.3]);
  expect(source.files["scores.csv.gz"]).toBe(sha256(packed));
  const preview = await previewTable(join(folder, "scores.csv.gz"), 2);
  expect([preview.names, preview.rows]).toEqual([["id", "p", "note"], 2]);
});

test("gzip: tabs behind .tsv.gz, and several members one after the other", async () => {
  const packed = Buffer.concat([gzipSync("id\tsite\na\t1,5\n"), gzipSync("b\t2\n")]);
  const source = await open({ "main.TSV.GZ": packed }, { path: "main.TSV.GZ" });
  expect(source.columns.get("site")).toEqual(["1,5", "2"]);
  expect(source.rowName(1)).toBe("main.TSV.GZ, line 3");
  expect(source.files).toEqual({ "main.TSV.GZ": sha256(packed) });
});

test("gzip: a flipped bit anywhere is refused by name, or changes nothing", async () => {
  // Stored without compression, so that most flips give text that can be read: only the checksum knows.
  const packed = gzipSync(MAIN, { level: 0 });
  let refused = 0;
  for (let at = 0; at < packed.length; at++) {
    const spoilt = Buffer.from(packed);
    spoilt[at] = (packed[at] ?? 0) ^ 1;
    const opened = open({ "main.csv.gz": spoilt }, { path: "main.csv.gz" });
    const words = await opened.then(
      ({ columns }) => [...columns.values()].join(),
      () => refusal(opened),
    );
    if (words !== "a,b,c,1,2,3") {
      expect(words).toMatch("main.csv.gz: the file is damaged");
      refused++;
    }
  }
  // RFC 1952: nothing depends on the hint "text" (1 byte), the time (4), the effort (1) and the system (1).
  expect(refused).toBe(packed.length - 7);
});

test.each([
  ["cut off", (packed: Buffer) => packed.subarray(0, packed.length - 12), "the file is damaged, cut off"],
  ["empty", () => Buffer.alloc(0), "the file is damaged, cut off"],
  ["no gzip at all", () => Buffer.from(SCORES), "the file is damaged, cut off, or no gzip file"],
  ["followed by text", (packed: Buffer) => Buffer.concat([packed, Buffer.from("x")]), "the file is damaged"],
  [
    "followed by zeros, which zlib would leave unread",
    (packed: Buffer) => Buffer.concat([packed, Buffer.alloc(3 << 20)]),
    "the gzip data ends before the file does",
  ],
])("gzip that is %s is refused by name", async (_, spoil, words) => {
  const joins = { join: [{ path: "scores.csv.gz", on: "id" }] };
  const files = { "main.csv": MAIN, "scores.csv.gz": spoil(gzipSync(SCORES)) };
  expect(await refusal(open(files, joins, { numbers: ["p"] }))).toMatch(`scores.csv.gz: ${words}`);
});

test.each([
  ["plain", "id\n1\n"],
  ["quoted", '"id"\n1\n'],
])("whoever stops reading early leaves no file open: %s", async (_, text) => {
  let isOpen = true;
  const endless = async function* () {
    try {
      for (;;) yield Buffer.from(text);
    } finally {
      isOpen = false;
    }
  };
  const stop = () => {
    throw new Error("enough");
  };
  await expect(readRecords(endless(), { file: "x", delimiter: "," }, stop)).rejects.toThrow("enough");
  expect(isOpen).toBe(false);
});

test("lines without quotes are read as a reader of quotes reads them, whatever the pieces", async () => {
  const cell = fc.stringMatching(/^[a-z0-9 .é€]*$/);
  const end = fc.constantFrom("\n", "\r\n", "\n\n", "\r\n\r\n");
  const file = fc.array(fc.tuple(fc.array(cell, { minLength: 2, maxLength: 4 }), end), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(file, fc.integer({ min: 1, max: 9 }), async (records, size) => {
      const text = records.map(([cells, ending]) => `${cells.join(",")}${ending}`).join("");
      const read = async (bytes: Buffer) => {
        const found: [readonly string[], number][] = [];
        const pieces = async function* () {
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
        };
        await readRecords(pieces(), { file: "x", delimiter: "," }, (cells, line) => found.push([cells, line]));
        return found;
      };
      const plain = await read(Buffer.from(text));
      // A quoted record in front makes csv-parse read all that follows: one line further down.
      const [first, ...rest] = await read(Buffer.from(`"q",q\n${text}`));
      expect(first).toEqual([["q", "q"], 1]);
      expect(plain).toEqual(rest.map(([cells, line]) => [cells, line - 1]));
      // A quote in the last line: what stands before it was read plainly.
      const before = await read(Buffer.from(`${text}"q",q\n`));
      expect(before.slice(0, -1)).toEqual(plain);
      expect(before.at(-1)?.[1]).toBe(text.split("\n").length);
    }),
  );
});

const STUDY = "audit-nih-underdiagnosis";

/** A column by key, read in the plainest way; the study's files have no quotes. */
function byKey(text: string, column: string): ReadonlyMap<string, string> {
  const [header = [], ...rows] = text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(","));
  const at = header.indexOf(column);
  return new Map(rows.map((cells) => [cells[0] ?? "", cells[at] ?? ""]));
}

(sharedData === null ? test.skip : test)("the published study: a manifest and two runs, joined", async () => {
  const at = (name: string) => join(sharedData ?? "", STUDY, name);
  const source = await open(
    {},
    {
      path: at("manifest.csv"),
      join: [
        { path: at("predictions-run11.csv.gz"), on: "id" },
        { path: at("predictions-run37.csv.gz"), on: "id", prefix: "run37_" },
      ],
    },
    { columns: ["id", "sex"], numbers: ["p_Effusion", "run37_p_Effusion", "b_Effusion"] },
    sharedData ?? "",
  );
  expect(source.count).toBe(6373);
  const ids = source.columns.get("id") ?? [];
  const runs = { p_Effusion: "predictions-run11.csv.gz", run37_p_Effusion: "predictions-run37.csv.gz" };
  for (const [column, name] of Object.entries(runs)) {
    const expected = byKey(gunzipSync(readFileSync(at(name))).toString("utf8"), "p_Effusion");
    expect([...(source.numbers.get(column)?.values ?? [])]).toEqual(ids.map((id) => Number(expected.get(id))));
    expect(source.numbers.get(column)?.texts.size).toBe(0);
  }
  const names = ["manifest.csv", "predictions-run11.csv.gz", "predictions-run37.csv.gz"];
  expect(source.files).toEqual(
    Object.fromEntries(names.map((name) => [`${STUDY}/${name}`, sha256(readFileSync(at(name)))])),
  );
});
