/**
 * A folder of DICOM files, at any depth: each file is a sample, or with `frames: each` each of its frames. What an audit asks of the
 * headers become columns by DICOM keyword; labels, which DICOM files rarely hold, come from a table beside them.
 *
 * Columns: id (pseudonym of the SOP Instance UID, with #frame), path (relative to the folder, with forward slashes), sample (path,
 * with #frame), frame (from 0; empty for whole files), keywords such as PatientSex, and tags written (gggg,eeee). PatientID, UIDs and
 * accession numbers are pseudonyms; attributes that name persons are not read. docs/dicom.md has the rules.
 */
import { promises as fs } from "node:fs";
import { resolve } from "node:path";
import type { DataSet } from "dicom-parser";
import { z } from "zod";
import { defineDataSource, type PixelOptions, type SourceContext, type SourceTable } from "../core/data.js";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import type { Deviation } from "../core/record.js";
import { decodeImage } from "../image/decode.js";
import { cellOf, rawText } from "./dicom/cells.js";
import { type Attribute, attributeOf, isAttributeName } from "./dicom/dictionary.js";
import { type Header, type PassedOver, readHeaders } from "./dicom/headers.js";
import { headerOf, type LabelTable, readLabels } from "./dicom/labels.js";
import { openPseudonyms, type Pseudonyms } from "./dicom/pseudonyms.js";
import { listFiles } from "./shared/files.js";
import { framesByRow, isOfTheFile, relativeName } from "./shared/image-files.js";
import { numbersOf } from "./shared/numbers.js";

const parameters = z.strictObject({
  path: z.string().min(1).describe("The folder with the DICOM files, at any depth, relative to the protocol file."),
  pseudonymKey: z
    .string()
    .min(1)
    .optional()
    .describe(
      "File with the secret key of pseudonyms; default: the environment variable STEPWEDGE_PSEUDONYM_KEY, else a key made of the seed.",
    ),
  table: z
    .strictObject({
      path: z.string().min(1).describe("A table of any kind that `table` reads, relative to the protocol file."),
      on: z
        .union([z.string().min(1), z.strictObject({ left: z.string().min(1), right: z.string().min(1) })])
        .describe(
          "The key: path, sample, id, or a keyword such as SOPInstanceUID or PatientID, which the table has in clear; { left, right } where the table's column has another name.",
        ),
      prefix: z.string().default("").describe("What the protocol puts before the names of the table's columns."),
    })
    .optional()
    .describe("A table of labels, and of whatever else the files do not hold, with one row for each key."),
});
type Labels = NonNullable<z.output<typeof parameters>["table"]>;

export default defineDataSource({
  meta: {
    id: "dicom",
    title: "Folder of DICOM files",
    summary:
      "DICOM files of a folder, whole or frame by frame, with attributes of their headers and a table of labels.",
    parameters,
    needsImageColumn: false,
  },
  async open({ path, pseudonymKey, table: labels }, context): Promise<SourceTable> {
    const { baseFolder, frameColumn, seed } = context;
    const name = relativeName(baseFolder, path);
    const keyFile = pseudonymKey === undefined ? null : resolve(baseFolder, pseudonymKey);
    const pseudonyms = await openPseudonyms(keyFile, relativeName(baseFolder, pseudonymKey ?? ""), seed);
    const wanted: Wanted = {
      texts: [...new Set([...context.columns, ...(frameColumn === null ? [] : [frameColumn])])],
      numbers: context.numbers,
    };
    const mine = labels === undefined ? () => true : await ownColumns(labels, wanted, baseFolder);
    const attributes = new Map(
      [...wanted.texts, ...wanted.numbers]
        .filter((column) => mine(column) && !isPlain(column))
        .map((column) => [column, attributeOf(column)] as const),
    );
    const key = labels === undefined || isPlain(leftOf(labels)) ? null : attributeOf(leftOf(labels));
    const list = [...attributes.values()];
    const found = await readHeaders(await listFiles(resolve(baseFolder, path), name, null), (dataSet: DataSet) => ({
      cells: list.map((attribute) => cellOf(dataSet, attribute, pseudonyms)),
      key: key === null ? null : rawText(dataSet, key),
    }));
    const headers = found.filter((header): header is Header => typeof header === "object");
    if (headers.length === 0) throw noImages(name, found.length);

    const rows = context.eachFrame ? headers.flatMap(framesOf) : headers.map((header) => ({ header, frame: null }));
    const rowName = (row: number): string => `${name}, file ${sampleOf(rows[row])}`;
    const own = columnsOf(rows, attributes, pseudonyms);
    const cells = (column: string): readonly string[] => own.get(column) ?? [];
    const columns = new Map(wanted.texts.filter(mine).map((column) => [column, cells(column)]));
    const numbers = new Map(wanted.numbers.filter(mine).map((column) => [column, numbersOf(cells(column))]));
    const files: Record<string, string> = { [`${name}/`]: digestOf(headers) };
    if (labels !== undefined) {
      const table = await joined(labels, baseFolder, wanted, mine, keysOf(labels, rows, own), rowName);
      for (const [column, values] of table.columns) columns.set(`${labels.prefix}${column}`, values);
      for (const [column, values] of table.numbers) numbers.set(`${labels.prefix}${column}`, values);
      files[table.name] = table.sha256;
    }
    const pixels = pixelsByRow(context, rows, columns, rowName);
    const read = fileReader();
    return {
      count: rows.length,
      columns,
      numbers,
      rowName,
      files,
      loadImage: async (row) => {
        const { frame, header } = rows[row] as Row;
        const options = pixels(row);
        const { bytes, sha256: hash } = await read(header, rowName(row));
        const image = await decodeImage(bytes, rowName(row), options);
        // Frames of one file are not the same image.
        return { image, sha256: frame === null ? hash : sha256(`${hash}#${frame}`) };
      },
      deviations: [...pseudonyms.deviations, ...passedOver(found)],
    };
  },
});

interface Wanted {
  readonly texts: readonly string[];
  readonly numbers: readonly string[];
}

interface Row {
  readonly header: Header;
  /** From 0; null: the file is one sample. */
  readonly frame: number | null;
}

function framesOf(header: Header): Row[] {
  return Array.from({ length: header.frames }, (_, frame) => ({ header, frame }));
}

/** The columns that the source has beside attributes. */
const PLAIN = ["id", "path", "sample", "frame"] as const;

function isPlain(column: string): boolean {
  return (PLAIN as readonly string[]).includes(column);
}

function sampleOf(row: Row | undefined): string {
  return row === undefined ? "?" : `${row.header.file.path}${suffix(row.frame)}`;
}

function suffix(frame: number | null): string {
  return frame === null ? "" : `#${frame}`;
}

/** Every column of the source's own that was asked for. What a damaged file does not say is empty, but for names. */
function columnsOf(
  rows: readonly Row[],
  attributes: ReadonlyMap<string, Attribute>,
  pseudonyms: Pseudonyms,
): ReadonlyMap<string, readonly string[]> {
  const columns = new Map<string, readonly string[]>([
    ["id", rows.map(({ frame, header }) => `${idOf(header, pseudonyms)}${suffix(frame)}`)],
    ["path", rows.map(({ header }) => header.file.path)],
    ["sample", rows.map(sampleOf)],
    ["frame", rows.map(({ frame }) => (frame === null ? "" : String(frame)))],
  ]);
  for (const [index, [column, { kind }]] of [...attributes].entries()) {
    columns.set(
      column,
      // A damaged file is nobody's: counted as a patient of its own, it can be rejected and reported.
      rows.map(({ header }) => header.facts?.cells[index] ?? (kind === "identifier" ? idOf(header, pseudonyms) : "")),
    );
  }
  return columns;
}

function idOf({ facts, file }: Header, pseudonyms: Pseudonyms): string {
  return pseudonyms.of("uid", facts?.instance ?? "") || pseudonyms.of("path", file.path);
}

function leftOf({ on }: Labels): string {
  return typeof on === "string" ? on : on.left;
}

function rightOf({ on }: Labels): string {
  return typeof on === "string" ? on : on.right;
}

/**
 * Which wanted columns are the source's own, and not the table's.
 * @throws StepwedgeError for a column that both have, and for a key that the table lacks
 */
async function ownColumns(
  labels: Labels,
  { numbers, texts }: Wanted,
  baseFolder: string,
): Promise<(column: string) => boolean> {
  const name = relativeName(baseFolder, labels.path);
  const header = await headerOf(resolve(baseFolder, labels.path), name);
  if (!header.includes(rightOf(labels))) {
    throw new StepwedgeError(`there is no column ${JSON.stringify(rightOf(labels))}`, {
      where: name,
      remedy: `Correct data.table.on. Columns: ${header.join(", ")}.`,
    });
  }
  const inTable = (column: string): boolean =>
    column.startsWith(labels.prefix) && header.includes(column.slice(labels.prefix.length));
  for (const column of [...texts, ...numbers]) {
    const isMine = isPlain(column) || isAttributeName(column);
    if (isMine && inTable(column) && column !== rightOf(labels)) {
      throw new StepwedgeError(
        `the column ${JSON.stringify(column)} is a DICOM attribute and stands in the table too`,
        {
          where: name,
          remedy: "Give the table a prefix (data.table.prefix), and name its columns with it.",
        },
      );
    }
  }
  return (column) => isPlain(column) || isAttributeName(column) || !inTable(column);
}

/** What each row is looked up by; null for damaged files. */
function keysOf(
  labels: Labels,
  rows: readonly Row[],
  own: ReadonlyMap<string, readonly string[]>,
): readonly (string | null)[] {
  const plain = isPlain(leftOf(labels)) ? own.get(leftOf(labels)) : undefined;
  return rows.map(({ header }, row) => (plain === undefined ? (header.facts?.key ?? null) : (plain[row] ?? null)));
}

function joined(
  labels: Labels,
  baseFolder: string,
  { numbers, texts }: Wanted,
  mine: (column: string) => boolean,
  keys: readonly (string | null)[],
  rowName: (row: number) => string,
): Promise<LabelTable> {
  const theirs = (columns: readonly string[]): string[] =>
    columns.filter((column) => !mine(column)).map((column) => column.slice(labels.prefix.length));
  return readLabels(
    resolve(baseFolder, labels.path),
    relativeName(baseFolder, labels.path),
    rightOf(labels),
    keys,
    { texts: theirs(texts), numbers: theirs(numbers) },
    rowName,
  );
}

/** One hash for all headers that columns were made of. */
function digestOf(headers: readonly Header[]): string {
  return sha256(headers.map(({ file, sha256: hash }) => `${file.path}\0${hash}\n`).join(""));
}

function passedOver(found: readonly (Header | PassedOver)[]): Deviation[] {
  const count = (reason: PassedOver): number => found.filter((one) => one === reason).length;
  const [strangers, others] = [count("no DICOM"), count("no image")];
  if (strangers + others === 0) return [];
  return [
    {
      id: "files-passed-over",
      title: "Files of the data folder that are no samples",
      detail: `${strangers} that are no DICOM files, and ${others} DICOM files without an image, such as reports, plans and directories.`,
    },
  ];
}

function noImages(name: string, files: number): StepwedgeError {
  return new StepwedgeError(`the folder holds no DICOM image among ${files} files`, {
    where: name,
    remedy: "Correct data.path; it is relative to the protocol file.",
  });
}

/** How each row is decoded: a sample of one frame is that frame, whatever a column says. */
function pixelsByRow(
  context: SourceContext,
  rows: readonly Row[],
  columns: ReadonlyMap<string, readonly string[]>,
  rowName: (row: number) => string,
): (row: number) => PixelOptions {
  const byColumn = framesByRow(context, columns, rowName);
  return (row) => {
    const frame = rows[row]?.frame ?? null;
    return frame === null ? byColumn(row) : { ...context.pixels, frames: { take: "index", index: frame } };
  };
}

/** Reads files, and keeps the last one: frames of a file come one after the other. */
function fileReader(): (header: Header, where: string) => Promise<{ readonly bytes: Buffer; readonly sha256: string }> {
  let last: { readonly path: string; readonly content: Promise<{ bytes: Buffer; sha256: string }> } | null = null;
  return ({ file, frames }, where) => {
    if (last?.path === file.path) return last.content;
    const content = readWhole(file.real, where);
    last = frames > 1 ? { path: file.path, content } : null;
    return content;
  };
}

async function readWhole(path: string, where: string): Promise<{ bytes: Buffer; sha256: string }> {
  try {
    const bytes = await fs.readFile(path);
    return { bytes, sha256: sha256(bytes) };
  } catch (cause) {
    throw new StepwedgeError("the file cannot be read", {
      where,
      remedy: "Check the file's permissions.",
      exitCode: isOfTheFile(cause) ? ExitCode.usage : ExitCode.incomplete,
      cause,
    });
  }
}
