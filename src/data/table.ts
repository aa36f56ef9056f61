/**
 * Samples listed in a CSV or TSV file, one row each, with images as PNG or JPEG files beside it.
 *
 * Format: RFC 4180 in UTF-8 (https://www.rfc-editor.org/rfc/rfc4180). The table is streamed and only the columns that
 * the protocol names are kept; images are opened one by one when they are asked for. Image paths may not leave their
 * folder, not even through symbolic links: an audit reads the data it was given and nothing else on the machine.
 */
import { createReadStream, promises as fs } from "node:fs";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { z } from "zod";
import { defineDataSource, type SourceContext, type SourceTable } from "../core/data.js";
import { ExitCode, received, StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { decodeImage } from "../image/decode.js";
import { ColumnCollector } from "./table/columns.js";
import { type Delimiter, guessDelimiter, unreadable } from "./table/delimiter.js";
import { checkImageReferences, type ImageReferences, resolveImage } from "./table/images.js";
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
});

export default defineDataSource({
  meta: {
    id: "table",
    title: "CSV or TSV table",
    summary: "One row per sample in a CSV or TSV file; images are PNG or JPEG files named by a column.",
    parameters,
    needsImageColumn: true,
  },
  async open(given, context): Promise<SourceTable> {
    const name = relativeName(context.baseFolder, given.path);
    const file = resolve(context.baseFolder, given.path);
    const delimiter = given.delimiter === undefined ? await guessDelimiter(file, name) : DELIMITERS[given.delimiter];
    const table = await readTable(file, name, delimiter, wantedColumns(context));

    const rowName = (row: number): string => `${name}, line ${table.lines[row] ?? "?"}`;
    const columns = table.columns;
    const base = { count: table.lines.length, columns, rowName, files: { [name]: table.sha256 } };
    if (context.imageColumn === null) return { ...base, loadImage: null };

    const images: ImageReferences = {
      root: given.root === undefined ? dirname(file) : resolve(context.baseFolder, given.root),
      paths: columns.get(context.imageColumn) ?? [],
      rowName,
    };
    return {
      ...base,
      loadImage: (row) => loadImage(images, row),
      checkImages: (mayMiss) => checkImageReferences(images, mayMiss),
    };
  },
});

function wantedColumns(context: SourceContext): readonly string[] {
  return context.imageColumn === null ? context.columns : [...context.columns, context.imageColumn];
}

/** The table is read in pieces of this size. */
const CHUNK_BYTES = 1 << 20;

interface ReadTable {
  readonly columns: ReadonlyMap<string, readonly string[]>;
  readonly lines: readonly number[];
  readonly sha256: string;
}

async function readTable(
  file: string,
  name: string,
  delimiter: Delimiter,
  wanted: readonly string[],
): Promise<ReadTable> {
  const collector = new ColumnCollector(name, wanted);
  const bytes = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  try {
    const hash = await readRecords(bytes, { file: name, delimiter }, (cells, line) => collector.add(cells, line));
    return { columns: collector.columns(), lines: collector.lines, sha256: hash };
  } catch (error) {
    throw unreadable(error, name);
  }
}

async function loadImage(images: ImageReferences, row: number): ReturnType<NonNullable<SourceTable["loadImage"]>> {
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
  return { image: await decodeImage(bytes, where), sha256: sha256(bytes) };
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
