import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { AS_STORED, type SourceContext, type SourceTable } from "../../src/core/data.js";
import { StepwedgeError } from "../../src/core/errors.js";
import type { Delimiter } from "../../src/data/table/delimiter.js";
import { previewTable } from "../../src/data/table/preview.js";
import { readRecords } from "../../src/data/table/records.js";
import table from "../../src/data/table.js";
import { encodePng } from "../../src/image/encode.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stepwedge-table-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Opening {
  readonly name?: string;
  readonly columns?: readonly string[];
  readonly numbers?: readonly string[];
  readonly imageColumn?: string | null;
  readonly parameters?: Record<string, unknown>;
}

/** Writes the text as a table and opens it. */
async function open(text: string | Buffer, opening: Opening = {}): Promise<SourceTable> {
  const name = opening.name ?? "manifest.csv";
  writeFileSync(join(folder, name), text);
  return openExisting(name, opening);
}

function openExisting(path: string, opening: Opening): Promise<SourceTable> {
  const context: SourceContext = {
    baseFolder: folder,
    seed: 1,
    columns: opening.columns ?? ["id", "note"],
    numbers: opening.numbers ?? [],
    imageColumn: opening.imageColumn ?? null,
    pixels: AS_STORED,
    frameColumn: null,
    eachFrame: false,
  };
  return table.open(table.meta.parameters.parse({ path, ...opening.parameters }), context);
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => "nothing was refused",
    (reason: unknown) => reason,
  );
  if (!(error instanceof StepwedgeError)) throw new Error(`expected a refusal, received ${String(error)}`);
  expect(error.remedy).toBeDefined();
  return error.format();
}

describe("RFC 4180", () => {
  test("quotes, doubled quotes, delimiters and line ends inside quotes; lines are counted through them", async () => {
    const source = await open('id,note\n1,"a, ""b"""\n2,"two\nlines"\n3,\n\n4,"crlf\r\ninside"\r\n5,last');
    expect(source.columns.get("id")).toEqual(["1", "2", "3", "4", "5"]);
    expect(source.columns.get("note")).toEqual(['a, "b"', "two\nlines", "", "crlf\r\ninside", "last"]);
    expect([0, 1, 2, 3, 4].map((row) => source.rowName(row))).toEqual(
      [2, 3, 5, 7, 9].map((line) => `manifest.csv, line ${line}`),
    );
    expect(source.count).toBe(5);
  });

  test.each([
    ["LF", "id,note\n1,x\n"],
    ["CRLF", "id,note\r\n1,x\r\n"],
    ["no line end at the end", "id,note\n1,x"],
    ["a byte order mark", "\ufeffid,note\n1,x\n"],
    ["blank lines", "\n\nid,note\n\n1,x\n\n\n"],
    ["a quoted header", '"id","note"\n"1","x"\n'],
    ["other columns", 'a,note,b,id\n"q\n""",x,z,1\n'],
  ])("%s", async (_, text) => {
    const source = await open(text);
    expect(Object.fromEntries(source.columns)).toEqual({ id: ["1"], note: ["x"] });
  });

  test("text beyond ASCII, and a row with one empty quoted cell", async () => {
    const source = await open('id\nŁódź 肺 🫁\n""\n', { columns: ["id"] });
    expect(source.columns.get("id")).toEqual(["Łódź 肺 🫁", ""]);
  });

  test("what is written is read back, in pieces of any size, and every record knows its line", async () => {
    const cell = fc.string({
      unit: fc.constantFrom("a", "é", '"', ",", "\t", "\n", "\r\n", "\r", " ", "🫁"),
      maxLength: 6,
    });
    const rows = fc
      .integer({ min: 1, max: 4 })
      .chain((width) =>
        fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }),
      );
    const layout = fc.record({
      mark: fc.constantFrom("", "\ufeff"),
      delimiter: fc.constantFrom<Delimiter>(",", "\t"),
      lineEnd: fc.constantFrom("\n", "\r\n"),
      blankLines: fc.array(fc.nat(2), { minLength: 6, maxLength: 6 }),
      isLastEnded: fc.boolean(),
      piece: fc.integer({ min: 1, max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(rows, layout, async (cells, { mark, delimiter, lineEnd, blankLines, isLastEnded, piece }) => {
        // A carriage return in the header is refused even in quotes, unless it belongs to a CRLF.
        const records = cells.map((row, index) =>
          row.map((text) => (index === 0 ? text.replace(/\r(?!\n)/g, "") : text)),
        );
        // In the last cell, one at the end cannot be told from a line end of old.
        for (const row of records) row.push("end");
        let text = mark;
        const written = records.map((row, index) => {
          text += lineEnd.repeat(blankLines[index] ?? 0);
          const line = text.split("\n").length;
          text += row.map((value) => written4180(value, delimiter)).join(delimiter);
          if (index < records.length - 1 || isLastEnded) text += lineEnd;
          return { cells: row, line };
        });
        expect(await readAll(Buffer.from(text), piece, delimiter)).toEqual(written);
      }),
      { numRuns: 500 },
    );
  });
});

/** A cell as RFC 4180 writes it. */
function written4180(text: string, delimiter: Delimiter): string {
  return [delimiter, '"', "\r", "\n"].some((special) => text.includes(special))
    ? `"${text.replaceAll('"', '""')}"`
    : text;
}

interface ReadRecord {
  readonly cells: readonly string[];
  readonly line: number;
}

async function readAll(bytes: Buffer, piece: number, delimiter: Delimiter): Promise<ReadRecord[]> {
  const records: ReadRecord[] = [];
  await readRecords(pieces(bytes, piece), { file: "x", delimiter }, (cells, line) => records.push({ cells, line }));
  return records;
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("what separates cells", () => {
  test.each([
    ["manifest.tsv", "id\tnote\n1\ta,b\n", {}],
    ["manifest.txt", "id\tnote\n1\ta,b\n", {}],
    ["manifest.txt", 'id,note\n1,"a,b"\n', {}],
    ["manifest.csv", "id;note\n1;a,b\n", { delimiter: "semicolon" }],
  ])("%s: %j", async (name, text, parameters) => {
    const source = await open(text, { name, parameters });
    expect(source.columns.get("note")).toEqual(["a,b"]);
  });
});

test("only the columns asked for are kept, and the file's hash is that of its bytes", async () => {
  const text = "id,note,secret\n1,x,y\n";
  const source = await open(text, { columns: ["note", "note"] });
  expect([...source.columns.keys()]).toEqual(["note"]);
  expect(source.files).toEqual({ "manifest.csv": createHash("sha256").update(text).digest("hex") });
  expect(source.loadImage).toBeNull();
});

test("a column of many different values keeps them all", async () => {
  const ids = Array.from({ length: 1000 }, (_, index) => `patient-${index}`);
  const source = await open(`id,note\n${ids.map((id) => `${id},x`).join("\n")}\n`);
  expect(source.columns.get("id")).toEqual(ids);
});

describe("a bad table is refused with its line", () => {
  test.each([
    ["an empty file", "", "manifest.csv: the table is empty"],
    ["blank lines only", "\n\n", "manifest.csv: the table is empty"],
    ["a header only", "id,note\n", "manifest.csv: the table has a header but no rows"],
    ["a repeated column", "id,note,id\n1,2,3\n", 'manifest.csv, line 1: the column name "id" stands twice'],
    ["a short row", 'id,note\n1,"x\ny"\n2\n', "manifest.csv, line 4: the row has 1 cells, the header has 2"],
    ["a long row", "id,note\n1,2,3\n", "manifest.csv, line 2: the row has 3 cells, the header has 2"],
    ["an unclosed quote", 'id,note\n1,x\n2,"y\n3,z\n', "manifest.csv, line 3: a quote opens here and is never closed"],
    ["a stray quote", 'id,note\n1,x"y\n', "manifest.csv, line 2: a quote inside a cell that is not quoted"],
    ["text behind a quote", 'id,note\n1,"x"y\n', "manifest.csv, line 2: text after the closing quote"],
    ["old Mac line ends", "id,note\r1,x\r", "manifest.csv, line 1: a carriage return without a line feed"],
    ["one old Mac line end", "id,note\n1,x\n2,y\r", "manifest.csv, line 3: a carriage return without a line feed"],
    ["CR CR LF", "id,note\n1,x\r\r\n", "manifest.csv, line 2: a carriage return without a line feed"],
    [
      "a fault behind blank lines and quoted line ends",
      '\n\r\nid,note\r\n1,"x\r\ny\r!"\r\n\r\n2,"y\n3,z\n',
      "manifest.csv, line 7: a quote opens here and is never closed",
    ],
    [
      "a fault behind a quoted line end of its own row",
      'id,note\n1,"x\r\ny"z\n',
      "manifest.csv, line 2: text after the closing quote",
    ],
  ])("%s", async (_, text, message) => {
    expect(await refusal(open(text))).toMatch(message);
  });

  test("bytes that are not UTF-8", async () => {
    const latin1 = Buffer.from("id,note\n1,x\n2,é\n", "latin1");
    expect(await refusal(open(latin1))).toMatch("manifest.csv, line 3: bytes that are not UTF-8 text");
    // Beyond the first megabyte, so that the file comes in several pieces, some of which end inside a character.
    const long = Buffer.concat([Buffer.from(`id,note\n${"1,é🫁\n".repeat(130_000)}`), Buffer.from("2,é\n", "latin1")]);
    expect(await refusal(open(long))).toMatch("manifest.csv, line 130002: bytes that are not UTF-8 text");
    const cut = Buffer.from("id,note\n1,é").subarray(0, -1);
    expect(await refusal(open(cut))).toMatch("manifest.csv, line 2: bytes that are not UTF-8 text");
    const utf16 = Buffer.from("\ufeffid,note\n1,x\n", "utf16le");
    expect(await refusal(open(utf16))).toMatch("manifest.csv, line 1: bytes that are not UTF-8 text");
  });

  test("an unknown column, with the nearest known one and all there are", async () => {
    const message = await refusal(open("id,patient_id\n1,x\n", { columns: ["patient"] }));
    expect(message).toMatch('manifest.csv, line 1: there is no column "patient"');
    expect(message).toMatch('Did you mean "patient_id"? Columns: id, patient_id.');
  });

  test("semicolons in a .csv are pointed out", async () => {
    expect(await refusal(open("id;note\n1;x\n"))).toMatch("set data.delimiter to semicolon");
  });

  test("no file, or a folder", async () => {
    expect(await refusal(openExisting("none.csv", {}))).toMatch("none.csv: the table does not exist");
    expect(await refusal(openExisting("none", {}))).toMatch("none: the table does not exist");
    mkdirSync(join(folder, "d.csv"));
    expect(await refusal(openExisting("d.csv", {}))).toMatch("d.csv: the table is a folder");
  });

  test("keys that the source does not have", () => {
    expect(table.meta.parameters.safeParse({ path: "x.csv", pathh: "y" }).success).toBe(false);
    expect(table.meta.parameters.safeParse({}).success).toBe(false);
  });
});

describe("a preview", () => {
  function preview(text: string | Buffer, most: number) {
    writeFileSync(join(folder, "manifest.txt"), text);
    return previewTable(join(folder, "manifest.txt"), most);
  }

  test("shows the first rows of every column, without those of another width", async () => {
    expect(await preview('id;"note"\n1;x\n2\n3;"y;\nz"\n4;w\n', 2)).toEqual({
      names: ["id", "note"],
      columns: [
        ["1", "3"],
        ["x", "y;\nz"],
      ],
      rows: 2,
    });
    expect((await preview("id;note\n1;x\n2;y", 9)).columns).toEqual([
      ["1", "2"],
      ["x", "y"],
    ]);
    expect(await preview("", 9)).toEqual({ names: [], columns: [], rows: 0 });
  });

  test("does not read on when it has seen enough", async () => {
    const rows = "1;x\n".repeat(1_000_000);
    expect((await preview(Buffer.concat([Buffer.from(`id;note\n${rows}`), Buffer.of(0xff)]), 3)).rows).toBe(3);
  });

  test("refuses what is no table", async () => {
    expect(await refusal(preview('id;note\n1;"x\n', 3))).toMatch("manifest.txt, line 2: a quote opens here");
    expect(await refusal(previewTable(join(folder, "none.csv"), 3))).toMatch("none.csv: the table does not exist");
  });
});

describe("images", () => {
  const pixels = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), channels: 1, width: 3, height: 2, maxValue: 255 };

  function openImages(paths: readonly string[], parameters: Record<string, unknown> = {}): Promise<SourceTable> {
    const rows = paths.map((path, index) => `${index},"${path}"`);
    return open(`id,path\n${rows.join("\n")}\n`, { columns: ["id"], imageColumn: "path", parameters });
  }

  async function check(source: SourceTable): Promise<void> {
    if (source.checkImages === undefined) throw new Error("checkImages is missing");
    await source.checkImages();
  }

  async function load(source: SourceTable, row: number) {
    if (source.loadImage === null) throw new Error("loadImage is missing");
    return source.loadImage(row);
  }

  beforeEach(() => {
    mkdirSync(join(folder, "images"));
    writeFileSync(join(folder, "images/a.png"), encodePng(pixels));
  });

  test("are decoded, and hashed as they lie on disk", async () => {
    const source = await openImages(["images/a.png"]);
    await check(source);
    const { image, sha256 } = await load(source, 0);
    expect(image).toEqual(pixels);
    expect(sha256).toBe(createHash("sha256").update(encodePng(pixels)).digest("hex"));
  });

  test("may lie in another folder, by root", async () => {
    const source = await openImages(["a.png", "./a.png", "../images/a.png"], { root: "images" });
    await check(source);
    expect((await load(source, 2)).image.width).toBe(3);
  });

  test.each([
    ["missing", "images/b.png", 'image not found: "images/b.png"'],
    ["in a missing folder", "pictures/a.png", 'image not found: "pictures/a.png"'],
    ["a folder", "images", "the image is not a file"],
    ["nameless", "", "the row has no image path"],
    ["above the folder", "../secret.png", 'path outside the data folder: "../secret.png"'],
    ["above by a detour", "images/../../secret.png", "path outside the data folder"],
    ["absolute", "/etc/hostname", "path outside the data folder"],
    ["the folder itself", ".", "path outside the data folder"],
  ])("that are %s are refused with their line, before and when they are read", async (_, path, message) => {
    const source = await openImages(["images/a.png", path]);
    for (const attempt of [check, (opened: SourceTable) => load(opened, 1)]) {
      const words = await refusal(attempt(source));
      expect(words).toMatch("manifest.csv, line 3");
      expect(words).toMatch(message);
    }
  });

  test("behind symbolic links are followed inside the folder only", async () => {
    const outside = mkdtempSync(join(tmpdir(), "stepwedge-outside-"));
    writeFileSync(join(outside, "a.png"), encodePng(pixels));
    symlinkSync(join(folder, "images/a.png"), join(folder, "images/inside.png"));
    symlinkSync(join(outside, "a.png"), join(folder, "images/out.png"));
    symlinkSync(outside, join(folder, "elsewhere"));
    await check(await openImages(["images/inside.png"]));
    for (const path of ["images/out.png", "elsewhere/a.png"]) {
      const source = await openImages([path]);
      expect(await refusal(check(source))).toMatch(`path outside the data folder: "${path}"`);
      expect(await refusal(load(source, 0))).toMatch(`path outside the data folder: "${path}"`);
    }
    rmSync(outside, { recursive: true });
  });

  test("that do not decode are refused with line and path", async () => {
    writeFileSync(join(folder, "images/text.png"), "this is text");
    const source = await openImages(["images/a.png", "images/text.png"]);
    await check(source);
    expect(await refusal(load(source, 1))).toMatch('manifest.csv, line 3, image "images/text.png": the file is no PNG');
  });
});
