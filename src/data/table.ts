/**
 * Samples listed in a CSV or TSV file, one row each, with images as PNG or JPEG files beside it. The file may be packed
 * with gzip, and further tables may be joined to it by a key.
 *
 * Format: RFC 4180 in UTF-8 (https://www.rfc-editor.org/rfc/rfc4180). The table is streamed and only the columns that
 * the protocol names are kept; images are opened one by one when they are asked for. Image paths may not leave their
 * folder, not even through symbolic links: an audit reads the data it was given and nothing else on the machine.
 */
import { promises as fs } from "node:fs";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { z } from "zod";
import { defineDataSource, type PixelOptions, type SourceContext, type SourceTable } from "../core/data.js";
import { ExitCode, received, StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { decodeImage } from "../image/decode.js";
import { gzipDamage, isGzip, tableBytes } from "./table/bytes.js";
import { ColumnCollector, type Wanted } from "./table/columns.js";
import { type Delimiter, guessDelimiter, unreadable } from "./table/delimiter.js";
import { checkImageReferences, type ImageReferences, resolveImage } from "./table/images.js";
import { assignColumns, type Headed, type JoinedTable, joinTable, type ReadTable } from "./table/join.js";
import { readRecords } from "./table/records.js";

/** What `delimiter` may be, and what it stands for. */
const DELIMITERS: Readonly<Record<"comma" | "semicolon" | "tab", Delimiter>> = {
  comma: ",",
  semicolon: ";",
  tab: "\t",
};

const parameters = z.strictObject({
  path: z.string().min(1).describe("The table: CSV or TSV, relative to the protocol file."),
  root: z
    .string()
    .min(1)
    .optional()
    .describe("Folder that image paths are relative to; default: the folder of the table."),
  delimiter: z
    .enum(["comma", "semicolon", "tab"])
    .optional()
    .describe("What separates cells; default: comma in .csv, tab in .tsv, otherwise what the header line shows."),
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
      }),
    )
    .default([])
    .describe("Further tables whose rows are put beside the main table's, by a key that each of them holds once."),
});
type Join = z.output<typeof parameters>["join"][number];

export default defineDataSource({
  meta: {
    id: "table",
    title: "CSV or TSV table",
    summary:
      "One row per sample in a CSV or TSV file, packed with gzip or not, joined with others; images are PNG or JPEG files named by a column.",
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

    const rowName = (row: number): string => `${main.name}, line ${table.lines[row] ?? "?"}`;
    const { columns, files, lines, numbers } = table;
    const base = { count: lines.length, columns, numbers, rowName, files };
    if (context.imageColumn === null) return { ...base, loadImage: null };

    const images: ImageReferences = {
      root: given.root === undefined ? dirname(file) : resolve(context.baseFolder, given.root),
      paths: columns.get(context.imageColumn) ?? [],
      rowName,
    };
    const pixels = framesByRow(context, columns, rowName);
    return {
      ...base,
      loadImage: (row) => loadImage(images, row, pixels(row)),
      checkImages: (mayMiss) => checkImageReferences(images, mayMiss),
    };
  },
});

function wantedColumns({ columns, frameColumn, imageColumn }: SourceContext): readonly string[] {
  if (imageColumn === null) return columns;
  return [...new Set([...columns, imageColumn, ...(frameColumn === null ? [] : [frameColumn])])];
}

/** How each row's file is decoded: a column may say which of its frames is the image. */
function framesByRow(
  { eachFrame, frameColumn, pixels }: SourceContext,
  columns: ReadonlyMap<string, readonly string[]>,
  rowName: (row: number) => string,
): (row: number) => PixelOptions {
  if (eachFrame) {
    throw new StepwedgeError("a table has one sample per row", {
      where: "data.frames",
      remedy: "Give every slice a row of its own and say { column: name }, or use a source that reads folders.",
    });
  }
  if (frameColumn === null) return () => pixels;
  const cells = columns.get(frameColumn) ?? [];
  return (row) => {
    const text = (cells[row] ?? "").trim();
    if (/^\d{1,9}$/.test(text)) return { ...pixels, frames: { take: "index", index: Number(text) } };
    throw new StepwedgeError(`is no number of a frame or slice: ${received(cells[row])}`, {
      where: `${rowName(row)}, column "${frameColumn}"`,
      remedy: "Give whole numbers from 0.",
    });
  };
}

/** One table of the protocol: where it lies, what messages call it, and what separates its cells. */
interface Located {
  readonly file: string;
  readonly name: string;
  readonly delimiter: Delimiter;
}

async function locate(
  { path, delimiter }: { readonly path: string; readonly delimiter?: keyof typeof DELIMITERS | undefined },
  baseFolder: string,
): Promise<Located> {
  const name = relativeName(baseFolder, path);
  const file = resolve(baseFolder, path);
  return { file, name, delimiter: delimiter === undefined ? await guessDelimiter(file, name) : DELIMITERS[delimiter] };
}

/** The main table with the columns of the further ones beside its own, and the hashes of all. */
async function readAll(
  main: Located,
  located: readonly Located[],
  joins: readonly Join[],
  wanted: Wanted,
): Promise<ReadTable & { readonly files: Readonly<Record<string, string>> }> {
  if (joins.length === 0) {
    const table = await readTable(main, wanted);
    return { ...table, files: { [main.name]: table.sha256 } };
  }
  const headed = await Promise.all([main, ...located].map(headerOf));
  const joined = joins.map(({ on, prefix }, index): JoinedTable => {
    const [left, right] = typeof on === "string" ? [on, on] : [on.left, on.right];
    return { ...(headed[index + 1] as Headed), prefix, left, right };
  });
  const sides = assignColumns(headed[0] as Headed, joined, wanted);
  let table = await readTable(main, sides[0] as Wanted);
  const files: Record<string, string> = { [main.name]: table.sha256 };
  for (const [index, one] of joined.entries()) {
    const other = await readTable(located[index] as Located, sides[index + 1] as Wanted);
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

async function readTable({ delimiter, file, name }: Located, wanted: Wanted): Promise<ReadTable> {
  const collector = new ColumnCollector(name, wanted);
  const { chunks, sha256: hash } = tableBytes(file, name);
  try {
    await readRecords(chunks, { file: name, delimiter }, (cells, line) => collector.add(cells, line));
    const { lines } = collector;
    return { name, columns: collector.columns(), numbers: collector.numbers(), lines, sha256: hash() };
  } catch (error) {
    throw unreadable(error, name);
  }
}

async function headerOf({ delimiter, file, name }: Located): Promise<Headed> {
  const enough = new AbortController();
  let header: readonly string[] = [];
  try {
    const take = (cells: readonly string[]): void => {
      if (header.length === 0) header = cells;
      enough.abort();
    };
    await readRecords(tableBytes(file, name).chunks, { file: name, delimiter }, take, enough.signal);
  } catch (error) {
    if (!enough.signal.aborted) throw unreadable(error, name);
  }
  return { name, header };
}

async function loadImage(
  images: ImageReferences,
  row: number,
  pixels: PixelOptions,
): ReturnType<NonNullable<SourceTable["loadImage"]>> {
  const file = await resolveImage(images, row);
  const where = `${images.rowName(row)}, image ${received(images.paths[row])}`;
  let bytes: Buffer;
  try {
    bytes = await fs.readFile(file);
  } catch (cause) {
    throw new StepwedgeError("the image cannot be read", {
      where,
      remedy: "Check the file's permissions.",
      exitCode: isOfTheFile(cause) ? ExitCode.usage : ExitCode.incomplete,
      cause,
    });
  }
  return { image: await decodeImage(bytes, where, pixels), sha256: sha256(bytes) };
}

/** Whether the file is at fault, and not the disk or the network for the moment. */
function isOfTheFile(cause: unknown): boolean {
  return ["ENOENT", "EACCES", "EPERM", "EISDIR"].includes((cause as NodeJS.ErrnoException).code ?? "");
}

/** The table's name in messages and in the record: relative to the protocol, with forward slashes everywhere. */
function relativeName(baseFolder: string, path: string): string {
  const name = isAbsolute(path) ? relative(baseFolder, path) : path;
  return name.split(sep).join("/");
}
