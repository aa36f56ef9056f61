/**
 * A folder of NIfTI volumes, as data sets in BIDS (https://bids-specification.readthedocs.io) are laid out, with or without a table
 * of participants beside them. Each file is a sample; with `frames: each` each slice of each file is, named file#slice, and all
 * slices of a file have one `file` (and one participant).
 *
 * Columns: id (the relative path without extension, with #slice for slices), path, file (the relative path without extension),
 * slice (from 0; empty for whole files), one per named group of `pattern`, and those of the table of participants.
 */
import { promises as fs } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { defineDataSource, type PixelOptions, type SourceTable } from "../core/data.js";
import { sha256 } from "../core/hash.js";
import { imageOf } from "../image/formats/nifti.js";
import { slicingOf } from "../image/nifti/orientation.js";
import { HEAD_BYTES, type NiftiVolume, readHead, readNifti } from "../image/nifti/volume.js";
import { listFiles, ownColumn, stemOf } from "./shared/files.js";
import {
  checkImageReferences,
  framesByRow,
  furtherFiles,
  type ImageReferences,
  imageFileOf,
  loadImage,
  readImageFile,
  relativeName,
} from "./shared/image-files.js";
import { numbersOf } from "./shared/numbers.js";
import { addGroups, patternColumns, patternParameter } from "./shared/pattern.js";
import { joinTable, type ReadTable } from "./shared/table/join.js";
import { openTable } from "./shared/table/reader.js";

/** Volumes whose slices are being read: slices come file by file. */
const KEPT_VOLUMES = 2;

const parameters = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe("The folder with .nii and .nii.gz files, at any depth, relative to the protocol file."),
  pattern: patternParameter,
  participants: z
    .strictObject({
      path: z.string().min(1).describe("A table with one row per participant, relative to the protocol file."),
      on: z.string().min(1).default("participant_id").describe("Its key column."),
      key: z
        .string()
        .min(1)
        .default("file")
        .describe("Which column of the files is compared with it: file, or a group of pattern."),
    })
    .optional()
    .describe("A table (CSV, TSV, JSON Lines, Parquet) whose columns are put beside each file's."),
});

export default defineDataSource({
  meta: {
    id: "nifti",
    title: "Folder of NIfTI volumes",
    summary: "NIfTI files of a folder, whole or slice by slice, with a table of participants beside them.",
    parameters,
    needsImageColumn: false,
  },
  async open({ participants, path, pattern }, context): Promise<SourceTable> {
    const { baseFolder, eachFrame, frameColumn, pixels } = context;
    const root = resolve(baseFolder, path);
    const name = relativeName(baseFolder, path);
    const files = (await listFiles(root, name, [".nii", ".nii.gz"])).map((file) => file.path);
    const groups = pattern === undefined ? new Map<string, readonly string[]>() : patternColumns(pattern, files, name);
    const rows = eachFrame
      ? await slicesOf(root, name, files, pixels)
      : files.map((_, file) => ({ file, slice: null }));

    const stems = files.map(stemOf);
    const ofFile = (cells: readonly string[]) => rows.map(({ file }) => cells[file] ?? "");
    const own = new Map<string, readonly string[]>([
      ["id", rows.map(({ file, slice }) => `${stems[file]}${slice === null ? "" : `#${slice}`}`)],
      ["path", ofFile(files)],
      ["file", ofFile(stems)],
      ["slice", rows.map(({ slice }) => (slice === null ? "" : String(slice)))],
    ]);
    addGroups(own, new Map([...groups].map(([group, cells]) => [group, ofFile(cells)])));

    const wanted = [...context.columns, ...(frameColumn === null ? [] : [frameColumn])];
    const base = { name, own, count: rows.length, labels: own.get("id") ?? [] };
    const table = await withParticipants(base, participants, baseFolder, { texts: wanted, numbers: context.numbers });
    const rowName = (row: number): string => `${name}, file ${own.get("id")?.[row] ?? "?"}`;
    const images: ImageReferences = { root, paths: own.get("path") ?? [], rowName };
    const byRow = framesByRow(context, table.columns, rowName);
    return {
      count: rows.length,
      columns: table.columns,
      numbers: table.numbers,
      rowName,
      files: { [`${name}/`]: sha256(files.join("\n")), ...table.files },
      loadImage: eachFrame ? sliceLoader(images, rows, pixels) : (row) => loadImage(images, row, byRow(row)),
      ...furtherFiles(images, table.columns, (row) => {
        const slice = rows[row]?.slice ?? null;
        return slice === null ? byRow(row) : { ...pixels, frames: { take: "index", index: slice } };
      }),
      // Slices of one volume are cut from one reading of it, by one thread.
      ...(eachFrame ? {} : { imageFile: (row: number) => imageFileOf(images, row, byRow(row)) }),
      checkImages: (mayMiss) => checkImageReferences(images, mayMiss),
    };
  },
});

interface SampleRow {
  readonly file: number;
  /** null: the file is one sample. */
  readonly slice: number | null;
}

/** One row per slice, counted from the headers. */
async function slicesOf(
  root: string,
  name: string,
  files: readonly string[],
  { axis }: PixelOptions,
): Promise<SampleRow[]> {
  const rows: SampleRow[] = [];
  for (const [file, path] of files.entries()) {
    const where = `${name}, file ${path}`;
    const header = readHead(await headOf(join(root, path)), where);
    const { count } = slicingOf(header, axis, where);
    for (let slice = 0; slice < count; slice++) rows.push({ file, slice });
  }
  return rows;
}

async function headOf(path: string): Promise<Buffer> {
  const file = await fs.open(path);
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/**
 * Reads a volume once for all its slices, as long as they come one after the other. The SHA-256 of a slice is that of its file's
 * and its number: slices of one file are not the same file.
 */
function sliceLoader(
  images: ImageReferences,
  rows: readonly SampleRow[],
  pixels: PixelOptions,
): NonNullable<SourceTable["loadImage"]> {
  const volumes = new Map<number, Promise<{ volume: NiftiVolume; sha256: string }>>();
  const volumeOf = (row: number, file: number) => {
    let volume = volumes.get(file);
    if (volume === undefined) {
      volume = readImageFile(images, row).then(async ({ bytes, where }) => ({
        volume: await readNifti(bytes, where),
        sha256: sha256(bytes),
      }));
      volumes.set(file, volume);
      const oldest = volumes.keys().next();
      if (volumes.size > KEPT_VOLUMES && oldest.done !== true) volumes.delete(oldest.value);
    }
    return volume;
  };
  return async (row) => {
    const { file, slice } = rows[row] as SampleRow;
    const read = await volumeOf(row, file);
    const options: PixelOptions = { ...pixels, frames: { take: "index", index: slice ?? 0 } };
    return { image: imageOf(read.volume, options, images.rowName(row)), sha256: sha256(`${read.sha256}#${slice}`) };
  };
}

interface OwnColumns {
  readonly name: string;
  readonly own: ReadonlyMap<string, readonly string[]>;
  /** What messages call the rows. */
  readonly labels: readonly string[];
}

/** The wanted columns: the source's own, and others from the table of participants. */
async function withParticipants(
  { labels, name, own }: OwnColumns,
  participants: z.output<typeof parameters>["participants"],
  baseFolder: string,
  wanted: { readonly texts: readonly string[]; readonly numbers: readonly string[] },
): Promise<Pick<SourceTable, "columns" | "numbers" | "files">> {
  const mine = (column: string) => participants === undefined || own.has(column);
  const columns = new Map(wanted.texts.filter(mine).map((column) => [column, ownColumn(own, column, name)]));
  const numbers = new Map(
    wanted.numbers.filter(mine).map((column) => [column, numbersOf(ownColumn(own, column, name))]),
  );
  if (participants === undefined) return { columns, numbers, files: {} };
  const { key, on } = participants;
  const keys = own.get(key) ?? ownColumn(own, key, "data.participants.key");
  const tableName = relativeName(baseFolder, participants.path);
  const reader = await openTable(resolve(baseFolder, participants.path), tableName);
  const others = (list: readonly string[]) => list.filter((column) => !mine(column));
  const table = await reader.read({ texts: [...others(wanted.texts), on], numbers: others(wanted.numbers) });
  const main: ReadTable = {
    name,
    columns: new Map([["", keys]]),
    numbers: new Map(),
    lines: labels,
    unit: "file",
    sha256: "",
  };
  const joined = joinTable(main, table, { name: tableName, header: [], prefix: "", left: "", right: on });
  for (const column of others(wanted.texts))
    columns.set(column, column === on ? keys : (joined.columns.get(column) ?? []));
  for (const column of others(wanted.numbers)) {
    const found = joined.numbers.get(column);
    if (found !== undefined) numbers.set(column, found);
  }
  return { columns, numbers, files: { [tableName]: table.sha256 } };
}
