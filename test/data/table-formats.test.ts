import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";
import type { SourceTable } from "../../src/core/data.js";
import { StepwedgeError } from "../../src/core/errors.js";
import { previewTable } from "../../src/data/table/preview.js";
import table from "../../src/data/table.js";
import { openSource, refusal } from "../support/sources.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stepwedge-formats-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content);
  return name;
}

function open(
  path: string,
  columns: readonly string[],
  numbers: readonly string[] = [],
  more: Record<string, unknown> = {},
): Promise<SourceTable> {
  return openSource(table, folder, { path, ...more }, { columns, numbers });
}

const parquet = (columnData: ColumnSource[], options: object = {}): Buffer =>
  Buffer.from(parquetWriteBuffer({ columnData, ...options }));

describe("one table, five ways of writing it", () => {
  const ids = Array.from({ length: 700 }, (_, row) => `s${row}`);
  const sexes = ids.map((_, row) => (row % 3 === 0 ? "" : row % 2 === 0 ? "F" : "Łódź"));
  const scores = ids.map((_, row) => (row % 10 === 9 ? Number.NaN : row / 701));
  const labels = ids.map((_, row) => row % 2);

  const records = ids.map((id, row) => [id, sexes[row], Number.isNaN(scores[row]) ? "" : scores[row], labels[row]]);
  const text = (delimiter: string) =>
    [["id", "sex", "score", "y"], ...records].map((record) => record.join(delimiter)).join("\n");
  const lines = ids
    .map((id, row) =>
      JSON.stringify({
        id,
        ...(sexes[row] === "" ? {} : { sex: sexes[row] }),
        score: scores[row],
        y: row % 4 < 2 ? labels[row] : labels[row] === 1,
      }),
    )
    .join("\n");
  const columns = (type: "STRING" | "DOUBLE"): ColumnSource[] => [
    { name: "id", data: ids, type: "STRING" },
    { name: "sex", data: sexes.map((sex) => (sex === "" ? null : sex)), type: "STRING", nullable: true },
    type === "DOUBLE"
      ? { name: "score", data: scores.map((score) => (Number.isNaN(score) ? null : score)), type, nullable: true }
      : { name: "score", data: scores.map((score) => (Number.isNaN(score) ? "" : String(score))), type },
    { name: "y", data: labels.map(BigInt), type: "INT64" },
  ];

  const ways: readonly (readonly [string, string, () => Buffer])[] = [
    ["TSV", "a.tsv", () => Buffer.from(text("\t"))],
    ["JSON Lines", "a.jsonl", () => Buffer.from(lines)],
    ["JSON Lines by content", "a.txt", () => Buffer.from(`\ufeff${lines}`)],
    ["JSON Lines, packed", "a.ndjson.gz", () => gzipSync(lines)],
    ["Parquet", "a.parquet", () => parquet(columns("DOUBLE"))],
    [
      "Parquet of many row groups and pages, by content",
      "a",
      () => parquet(columns("DOUBLE"), { rowGroupSize: 97, pageSize: 64 }),
    ],
    [
      "Parquet with numbers as text, not packed",
      "a.parquet",
      () => parquet(columns("STRING"), { codec: "UNCOMPRESSED" }),
    ],
    [
      "Parquet packed with gzip",
      "a.parquet",
      () =>
        parquet(columns("DOUBLE"), { codec: "GZIP", compressors: { GZIP: (input: Uint8Array) => gzipSync(input) } }),
    ],
  ];

  test.each(ways)("%s is what CSV is", async (_, name, bytes) => {
    const csv = await open(write("a.csv", text(",")), ["id", "sex", "y"], ["score"]);
    const other = await open(write(name, bytes()), ["id", "sex", "y"], ["score"]);
    expect(other.count).toBe(csv.count);
    for (const key of ["id", "sex", "y"]) expect(other.columns.get(key)).toEqual(csv.columns.get(key));
    expect(other.numbers.get("score")).toEqual(csv.numbers.get("score"));
  });

  test("previews show the same cells", async () => {
    write("a.csv", text(","));
    const csv = await previewTable(join(folder, "a.csv"), 8);
    write("a.parquet", parquet(columns("DOUBLE"), { rowGroupSize: 5 }));
    expect(await previewTable(join(folder, "a.parquet"), 8)).toEqual(csv);
    write("a.jsonl", lines);
    const { names, columns: cells } = await previewTable(join(folder, "a.jsonl"), 8);
    expect(cells[names.indexOf("y")]).toEqual(csv.columns[3]);
  });

  test("joins of different kinds", async () => {
    write("main.csv", text(","));
    write(
      "right.parquet",
      parquet([
        { name: "key", data: ids, type: "STRING" },
        { name: "p", data: Float64Array.from(labels) },
      ]),
    );
    write("more.jsonl", ids.map((id, row) => JSON.stringify({ id, site: row % 5 })).join("\n"));
    const join = [
      { path: "right.parquet", on: { left: "id", right: "key" } },
      { path: "more.jsonl", on: "id", prefix: "m_" },
    ];
    const source = await open("main.csv", ["id", "m_site"], ["p"], { join });
    expect(Array.from(source.numbers.get("p")?.values ?? [])).toEqual(labels);
    expect(source.columns.get("m_site")?.slice(0, 6)).toEqual(["0", "1", "2", "3", "4", "0"]);
    write(
      "right.parquet",
      parquet([
        { name: "key", data: [...ids.slice(0, 3), "s1"], type: "STRING" },
        { name: "p", data: [1, 2, 3, 4], type: "DOUBLE" },
      ]),
    );
    expect(await refusal(open("main.csv", ["id"], ["p"], { join }))).toMatch(
      /^right\.parquet, row 4: "s1" stands twice.*first in row 2/,
    );
  });
});

describe("Parquet", () => {
  test("what cells of each type are as text and as number", async () => {
    const day = new Date("2024-02-29T12:34:56.789Z");
    const bytes = parquet([
      { name: "flag", data: [true, false, null], type: "BOOLEAN", nullable: true },
      { name: "small", data: Int32Array.from([-7, 0, 7]) },
      { name: "large", data: [9007199254740993n, -1n, null], type: "INT64", nullable: true },
      { name: "real", data: Float64Array.from([0.1, 1, Number.NaN]) },
      { name: "half", data: Float32Array.from([0.5, 0.1, Number.POSITIVE_INFINITY]), type: "FLOAT" },
      { name: "when", data: [day, new Date(-1), null], type: "TIMESTAMP", nullable: true },
      { name: "word", data: ["a\nb", "", null], type: "STRING", nullable: true },
      { name: "object", data: [{ a: 1 }, [2], null], type: "JSON", nullable: true },
    ]);
    const names = ["flag", "small", "large", "real", "half", "when", "word", "object"];
    const source = await open(write("a.parquet", bytes), names, names.slice(0, 5));
    expect(Object.fromEntries(source.columns)).toEqual({
      flag: ["1", "0", ""],
      small: ["-7", "0", "7"],
      large: ["9007199254740993", "-1", ""],
      real: ["0.1", "1", ""],
      half: ["0.5", String(Math.fround(0.1)), "Infinity"],
      when: ["2024-02-29T12:34:56.789Z", "1969-12-31T23:59:59.999Z", ""],
      word: ["a\nb", "", ""],
      object: ['{"a":1}', "[2]", ""],
    });
    const values = (name: string) => Array.from(source.numbers.get(name)?.values ?? []);
    expect(values("flag")).toEqual([1, 0, Number.NaN]);
    expect(values("small")).toEqual([-7, 0, 7]);
    expect(values("real")).toEqual([0.1, 1, Number.NaN]);
    expect(values("half")).toEqual([0.5, Math.fround(0.1), Number.NaN]);
    expect(source.numbers.get("half")?.texts.get(2)).toBe("Infinity");
    expect(source.numbers.get("real")?.texts.get(2)).toBe("");
    expect(source.rowName(2)).toBe("a.parquet, row 3");
  });

  test("dates are days", async () => {
    const schema = [
      { name: "root", num_children: 1 },
      { name: "born", type: "INT32" as const, converted_type: "DATE" as const, repetition_type: "REQUIRED" as const },
    ];
    const bytes = parquet([{ name: "born", data: [new Date("1959-03-01T00:00:00Z"), new Date(0)] }], { schema });
    expect((await open(write("a.parquet", bytes), ["born"])).columns.get("born")).toEqual(["1959-03-01", "1970-01-01"]);
  });

  test("refuses what is no table of cells, by name", async () => {
    const bytes = parquet([
      { name: "id", data: ["a"], type: "STRING" },
      { name: "raw", data: [Uint8Array.of(0xff, 0xfe)], type: "BYTE_ARRAY" },
    ]);
    write("a.parquet", bytes);
    expect(await refusal(open("a.parquet", ["id", "rwa"]))).toMatch(/a\.parquet: there is no column "rwa".*\n.*"raw"/s);
    expect(await refusal(open("a.parquet", ["raw"]))).toMatch(/a\.parquet, column "raw": .*(valid|UTF-8|utf-8)/);
    expect(await refusal(open("a.parquet", ["id"], [], { delimiter: "comma" }))).toMatch(/no delimiter/);
    const nested = [
      { name: "root", num_children: 1 },
      { name: "list", num_children: 1, converted_type: "LIST" as const, repetition_type: "OPTIONAL" as const },
      { name: "list", num_children: 1, repetition_type: "REPEATED" as const },
      { name: "element", type: "INT32" as const, repetition_type: "OPTIONAL" as const },
    ];
    write("b.parquet", parquet([{ name: "list", data: [[1, 2], [3]] }], { schema: nested }));
    expect(await refusal(open("b.parquet", ["list"]))).toMatch(/column "list" holds lists or structures/);
    write("c.parquet.gz", gzipSync(bytes));
    expect(await refusal(open("c.parquet.gz", ["id"]))).toMatch(/packed with gzip/);
    write("d.parquet", "id\na\n");
    expect(await refusal(open("d.parquet", ["id"]))).toMatch(/no Parquet file/);
    write("e.parquet", parquet([{ name: "id", data: [], type: "STRING" }]));
    expect(await refusal(open("e.parquet", ["id"]))).toMatch(/no rows/);
  });

  test("however a file is damaged, it is read or refused", async () => {
    const sound = parquet(
      [
        { name: "id", data: Array.from({ length: 40 }, (_, row) => `s${row}`), type: "STRING" },
        { name: "p", data: Float64Array.from({ length: 40 }, (_, row) => row / 40) },
      ],
      { rowGroupSize: 20 },
    );
    for (let cut = 4; cut < sound.length; cut += 13) {
      write("a.parquet", sound.subarray(0, cut));
      expect(await refusal(open("a.parquet", ["id"], ["p"]))).toMatch(/^a\.parquet/);
    }
    for (let at = 4; at < sound.length; at += 3) {
      for (const byte of [0x00, 0x7f, 0xff]) {
        const bytes = Buffer.from(sound);
        bytes[at] = byte;
        write("a.parquet", bytes);
        const result: unknown = await open("a.parquet", ["id"], ["p"]).catch((error: unknown) => error);
        if (!(result instanceof StepwedgeError)) expect(result).toHaveProperty("count");
      }
    }
  }, 60_000);
});

describe("JSON Lines", () => {
  test.each([
    ["a line that is no JSON", '{"id": 1}\n\n{"id": NaN}\n', /^a\.jsonl, line 3: the line is not JSON.*\n.*NaN/s],
    ["a line cut off", '{"id": 1}\n{"id": 2', /line 2: the line is not JSON/],
    ["a list", '{"id": 1}\n[2]\n', /line 2: the line is not an object: \[2\]/],
    ["a nested cell", '{"id": 1}\n{"id": {"a": 2}}\n', /line 2: column "id" holds a list or an object/],
    ["digits that get lost", '{"id": 12345678901234567890}\n', /line 1: column "id" holds a number whose digits/],
    ["a column that no line has", '{"idd": 1}\n{"x": 2}\n', /^a\.jsonl: there is no column "id".*\n.*"idd".*idd, x/s],
    ["an empty file", "\n", /^a\.jsonl: the table is empty/],
    [
      "bytes that are not UTF-8",
      Buffer.from('{"id": 1}\n{"id": "\xe9"}\n', "latin1"),
      /line 2: bytes that are not UTF-8/,
    ],
  ])("refuses %s", async (_, text, reason) => {
    write("a.jsonl", text as string);
    expect(await refusal(open("a.jsonl", ["id"]))).toMatch(reason);
  });

  test("keys of the language are no columns", async () => {
    write("a.jsonl", '{"id": 1}\n');
    expect(await refusal(open("a.jsonl", ["constructor"]))).toMatch(/no column "constructor"/);
  });

  test("a JSON array is refused with what to do", async () => {
    write("a.json", '[{"id": 1},\n{"id": 2}]');
    expect(await refusal(open("a.json", ["id"]))).toMatch(/one JSON array.*\n.*one object per line/s);
  });

  test("CRLF, blank lines, and rows named by line", async () => {
    write("a.jsonl", '{"id": "a"}\r\n\r\n{"id": "b", "n": 1e3}\r\n');
    const source = await open("a.jsonl", ["id"], ["n"]);
    expect(source.columns.get("id")).toEqual(["a", "b"]);
    expect(Array.from(source.numbers.get("n")?.values ?? [])).toEqual([Number.NaN, 1000]);
    expect(source.rowName(1)).toBe("a.jsonl, line 3");
  });
});
