/**
 * Samples listed in a table, one row each, with images as files beside it. Tables are CSV or TSV (RFC 4180 in UTF-8,
 * https://www.rfc-editor.org/rfc/rfc4180), JSON Lines or Parquet; text may be packed with gzip, and further tables may be joined
 * by a key. The table is streamed and only the columns that
 * the protocol names are kept; images are opened one by one when they are asked for. Image paths may not leave their
 * folder, not even through symbolic links: an audit reads the data it was given and nothing else on the machine.
 */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { defineDataSource, type SourceContext, type SourceTable } from "../core/data.js";
import { StepwedgeError } from "../core/errors.js";
import { gzipDamage, isGzip } from "./shared/table/bytes.js";
import type { Wanted } from "./shared/table/columns.js";
import type { Delimiter } from "./shared/table/delimiter.js";
import {
  checkImageReferences,
  framesByRow,
  furtherFiles,
  type ImageReferences,
  imageFileOf,
  loadImage,
  relativeName,
} from "./shared/image-files.js";
import {
  assignColumns,
  type Headed,
  type JoinedTable,
  joinTable,
  type ReadTable,
  rowOfTable,
} from "./shared/table/join.js";
import { wideReader } from "./shared/table/pivot.js";
import { openTable, type TableReader } from "./shared/table/reader.js";

/** What `delimiter` may be, and what it stands for. */
const DELIMITERS: Readonly<Record<"comma" | "semicolon" | "tab", Delimiter>> = {
  comma: ",",
  semicolon: ";",
  tab: "\t",
};

const columnNames = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const long = z
  .strictObject({
    id: z.string().min(1).default("id").describe("The column that tells the sample."),
    by: columnNames.describe("The column, or columns, that tell what a row's values are of, such as class and attack."),
    values: columnNames.default("score").describe("The column, or columns, that hold the values."),
  })
  .transform(({ by, id, values }) => ({ id, by: [by].flat(), values: [values].flat() }))
  .optional()
  .describe(
    "A table with a row for each sample and class, or condition; it is read as one with columns value/cell/cell, such as score/effusion/fgsm.",
  );

const parameters = z.strictObject({
  path: z.string().min(1).describe("The table: CSV, TSV, JSON Lines or Parquet, relative to the protocol file."),
  root: z
    .string()
    .min(1)
    .optional()
    .describe("Folder that image paths are relative to; default: the folder of the table."),
  delimiter: z
    .enum(["comma", "semicolon", "tab"])
    .optional()
    .describe("What separates cells; default: comma in .csv, tab in .tsv, otherwise what the header line shows."),
  long,
  join: z
    .array(
      z.strictObject({
        path: z.string().min(1).describe("A further table, relative to the protocol file."),
        on: z
          .union([z.string().min(1), z.strictObject({ left: z.string().min(1), right: z.string().min(1) })])
          .describe("The key column, or its names in the main and in the further table."),
        prefix: z
          .string()
          .default("")
          .describe("What the protocol puts before the names of this table's columns; its key has the main table's."),
        delimiter: z.enum(["comma", "semicolon", "tab"]).optional().describe("As for the main table."),
        long,
      }),
    )
    .default([])
    .describe("Further tables whose rows are put beside the main table's, by a key that each of them holds once."),
});
type Join = z.output<typeof parameters>["join"][number];

export default defineDataSource({
  meta: {
    id: "table",
    title: "Table of samples",
    summary:
      "One row per sample in a CSV, TSV, JSON Lines or Parquet file, joined with others; images are files named by a column.",
    parameters,
    needsImageColumn: true,
  },
  async open(given, context): Promise<SourceTable> {
    const file = resolve(context.baseFolder, given.path);
    const wanted = { texts: wantedColumns(context), numbers: context.numbers };
    const main = await locate(given, context.baseFolder);
    const further = await Promise.all(given.join.map((join) => locate(join, context.baseFolder)));
    const table = await readAll(main, further, given.join, wanted).catch(async (error: unknown) => {
      throw await firstFault(error, [main, ...further]);
    });

    const rowName = (row: number): string => rowOfTable(table, row);
    const { columns, files, lines, numbers } = table;
    const base = { count: lines.length, columns, numbers, rowName, files };
    if (context.imageColumn === null) return { ...base, loadImage: null };

    const images: ImageReferences = {
      root: given.root === undefined ? dirname(file) : resolve(context.baseFolder, given.root),
      paths: columns.get(context.imageColumn) ?? [],
      rowName,
    };
    if (context.eachFrame) {
      throw new StepwedgeError("a table has one sample per row", {
        where: "data.frames",
        remedy: "Give every slice a row of its own and say { column: name }, or use the source nifti.",
      });
    }
    const pixels = framesByRow(context, columns, rowName);
    return {
      ...base,
      loadImage: (row) => loadImage(images, row, pixels(row)),
      ...furtherFiles(images, columns, pixels),
      imageFile: (row) => imageFileOf(images, row, pixels(row)),
      checkImages: (mayMiss) => checkImageReferences(images, mayMiss),
    };
  },
});

function wantedColumns({ columns, frameColumn, imageColumn }: SourceContext): readonly string[] {
  if (imageColumn === null) return columns;
  return [...new Set([...columns, imageColumn, ...(frameColumn === null ? [] : [frameColumn])])];
}

/** One table of the protocol: where it lies, what messages call it, and how it is read. */
interface Located {
  readonly file: string;
  readonly name: string;
  readonly reader: TableReader;
}

async function locate(
  { path, delimiter, long }: Pick<z.output<typeof parameters>, "path" | "delimiter" | "long">,
  baseFolder: string,
): Promise<Located> {
  const name = relativeName(baseFolder, path);
  const file = resolve(baseFolder, path);
  const reader = await openTable(file, name, delimiter && DELIMITERS[delimiter]);
  return { file, name, reader: long === undefined ? reader : wideReader(reader, name, long) };
}

/** The main table with the columns of the further ones beside its own, and the hashes of all. */
async function readAll(
  main: Located,
  located: readonly Located[],
  joins: readonly Join[],
  wanted: Wanted,
): Promise<ReadTable & { readonly files: Readonly<Record<string, string>> }> {
  if (joins.length === 0) {
    const table = await main.reader.read(wanted);
    return { ...table, files: { [main.name]: table.sha256 } };
  }
  const headed = await Promise.all(
    [main, ...located].map(async ({ name, reader }): Promise<Headed> => ({ name, header: await reader.header() })),
  );
  const joined = joins.map(({ on, prefix }, index): JoinedTable => {
    const [left, right] = typeof on === "string" ? [on, on] : [on.left, on.right];
    return { ...(headed[index + 1] as Headed), prefix, left, right };
  });
  const sides = assignColumns(headed[0] as Headed, joined, wanted);
  let table = await main.reader.read(sides[0] as Wanted);
  const files: Record<string, string> = { [main.name]: table.sha256 };
  for (const [index, one] of joined.entries()) {
    const other = await (located[index] as Located).reader.read(sides[index + 1] as Wanted);
    files[other.name] = other.sha256;
    table = joinTable(table, other, one);
  }
  // The main table's keys were read for the joins, wanted or not.
  const columns = new Map([...table.columns].filter(([name]) => wanted.texts.includes(name)));
  return { ...table, columns, files };
}

/** A damaged gzip file can unpack to nonsense before its checksum shows it: then that is the fault, not the nonsense. */
async function firstFault(error: unknown, tables: readonly Located[]): Promise<unknown> {
  if (!(error instanceof StepwedgeError)) return error;
  for (const { file, name } of tables) {
    const damage = isGzip(file) ? await gzipDamage(file, name) : null;
    if (damage !== null) return damage;
  }
  return error;
}
