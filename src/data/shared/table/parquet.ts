/**
 * Parquet tables (https://parquet.apache.org/docs/file-format), by hyparquet. Only the columns that are wanted are read, one row
 * group at a time. What a cell's text is: docs/data.md.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import * as zlib from "node:zlib";
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type Compressors,
  type FileMetaData,
  type ParquetParsers,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type RowGroup,
  type SchemaElement,
  snappyUncompress,
} from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { StepwedgeError } from "../../../core/errors.js";
import { NumberCollector } from "../numbers.js";
import { noRows, refuseRepeated, TextColumn, unknownColumn } from "./columns.js";
import { unreadable } from "./delimiter.js";
import type { TableReader } from "./reader.js";

/** More rows than this are refused unread. */
const MOST_ROWS = 2 ** 27;
/** A page beyond this many bytes is refused unread; writers make them of about 1 MiB. */
const LARGEST_PAGE = 2 ** 28;

/** A column of the file's top level. */
interface ParquetColumn {
  readonly element: SchemaElement;
  /** Lists, maps and structures: they have no one cell per row. */
  readonly isNested: boolean;
}

interface OpenFile {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly columns: ReadonlyMap<string, ParquetColumn>;
}

export function parquetReader(path: string, name: string): TableReader {
  const open = async (): Promise<OpenFile> => {
    try {
      const file = await asyncBufferFromFile(path);
      const metadata = await parquetMetadataAsync(file, { geoparquet: false });
      const children = parquetSchema(metadata).children;
      if (!children.every(({ element }) => typeof element.name === "string"))
        throw new TypeError("a column has no name");
      refuseRepeated(
        children.map((child) => child.element.name),
        name,
      );
      if (metadata.num_rows > BigInt(MOST_ROWS)) throw new RangeError(`${metadata.num_rows} rows`);
      const columns = children.map(({ children: inner, element }): [string, ParquetColumn] => [
        element.name,
        { element, isNested: inner.length > 0 || element.repetition_type === "REPEATED" },
      ]);
      return { file, metadata, columns: new Map(columns) };
    } catch (error) {
      throw damaged(error, name);
    }
  };

  return {
    header: async () => [...(await open()).columns.keys()],
    async read(wanted) {
      const source = await open();
      const count = Number(source.metadata.num_rows);
      if (count === 0) throw noRows(name);
      const columns = new Map<string, readonly string[]>();
      for (const key of new Set(wanted.texts)) {
        const column = new TextColumn();
        const text = textOf(wantedColumn(source, key, name), key, name);
        await readCells(source, key, name, count, (cell) => column.add(text(cell)));
        columns.set(key, column.values);
      }
      const numbers = new Map<string, ReturnType<NumberCollector["numbers"]>>();
      for (const key of new Set(wanted.numbers)) {
        const column = new NumberCollector();
        const text = textOf(wantedColumn(source, key, name), key, name);
        await readCells(source, key, name, count, (cell) => {
          if (typeof cell === "number") column.addNumber(cell);
          else column.add(text(cell));
        });
        numbers.set(key, column.numbers());
      }
      const lines = Uint32Array.from({ length: count }, (_, row) => row + 1);
      return { name, columns, numbers, lines, unit: "row", sha256: await hashOf(path) };
    },
    /** Columns that have no cells are shown as empty. */
    async preview(most) {
      const source = await open();
      const rows = Math.min(most, Number(source.metadata.num_rows));
      const names = [...source.columns.keys()];
      const columns: string[][] = [];
      for (const key of names) {
        const column = source.columns.get(key) as ParquetColumn;
        const cells: string[] = [];
        if (!column.isNested && refusalOf(column.element) === null) {
          const text = textOf(column, key, name);
          await readCells(source, key, name, rows, (cell) => cells.push(text(cell)));
        }
        columns.push(cells.length === rows ? cells : new Array<string>(rows).fill(""));
      }
      return { names, columns, rows };
    },
  };
}

function wantedColumn({ columns }: OpenFile, key: string, name: string): ParquetColumn {
  const column = columns.get(key);
  if (column === undefined) throw unknownColumn(key, [...columns.keys()], name);
  const refusal = column.isNested ? "lists or structures" : refusalOf(column.element);
  if (refusal === null) return column;
  throw new StepwedgeError(`column ${JSON.stringify(key)} holds ${refusal}`, {
    where: name,
    remedy: "Write it as a column of texts or numbers.",
  });
}

/** Kinds of cell that have no plain text; null where there is one. */
function refusalOf({
  converted_type: converted,
  logical_type: logical,
  precision,
  type,
}: SchemaElement): string | null {
  if (converted === "BSON" || logical?.type === "BSON") return "BSON";
  if (converted === "INTERVAL" || logical?.type === "INTERVAL") return "intervals";
  if (logical?.type === "VARIANT") return "variants";
  if (logical?.type === "GEOMETRY" || logical?.type === "GEOGRAPHY") return "shapes";
  if (converted?.startsWith("TIME_") || logical?.type === "TIME") return "times of day";
  if (type === "INT96") return "timestamps of the outdated kind INT96";
  if (converted === "DECIMAL" && (precision ?? 0) > 15) return "decimals of more than 15 digits";
  const isPlain = logical?.type === "UUID" || logical?.type === "FLOAT16" || converted === "DECIMAL";
  return type === "FIXED_LEN_BYTE_ARRAY" && !isPlain ? "bytes" : null;
}

/** How a column's cells are written as text. */
function textOf({ element }: ParquetColumn, key: string, name: string): (cell: unknown) => string {
  const scale = element.converted_type === "DECIMAL" ? (element.scale ?? 0) : null;
  return (cell) => {
    if (cell === undefined || cell === null) return "";
    switch (typeof cell) {
      case "string":
        return cell;
      case "boolean":
        return cell ? "1" : "0";
      case "number":
        if (Number.isNaN(cell)) return "";
        return scale === null ? String(cell) : cell.toFixed(scale);
      case "bigint":
        return String(cell);
      default:
        throw new StepwedgeError(`column ${JSON.stringify(key)} holds what is no text and no number`, {
          where: name,
          remedy: "Write it as a column of texts or numbers.",
        });
    }
  };
}

/** Hands the first `count` cells of a column on, in order. */
async function readCells(
  { file, metadata, columns }: OpenFile,
  key: string,
  name: string,
  count: number,
  sink: (cell: unknown) => void,
): Promise<void> {
  const parsers = parsersOf((columns.get(key) as ParquetColumn).element);
  let done = 0;
  for (const group of metadata.row_groups) {
    const end = Math.min(done + Number(group.num_rows), count);
    if (end <= done) continue;
    const chunks: { readonly from: number; readonly cells: ArrayLike<unknown> }[] = [];
    try {
      await checkPages(file, group, key);
      await parquetRead({
        file,
        metadata,
        columns: [key],
        rowStart: done,
        rowEnd: end,
        geoparquet: false,
        compressors: COMPRESSORS,
        parsers,
        onChunk: ({ columnData, rowStart }) => chunks.push({ from: rowStart, cells: columnData }),
      });
    } catch (error) {
      throw damaged(error, name, `column ${JSON.stringify(key)}`);
    }
    for (const { cells, from } of chunks.sort((a, b) => a.from - b.from)) {
      // A page may begin before the rows that were asked for, or go on behind them.
      const first = Math.max(0, done - from);
      const last = Math.min(cells.length, end - from);
      for (let index = first; index < last; index++) sink(cells[index]);
      done = Math.max(done, from + last);
    }
    if (done !== end) throw damaged(new Error(`row ${done + 1} is missing`), name, `column ${JSON.stringify(key)}`);
  }
  if (done !== count) throw damaged(new Error(`it has ${done} of ${count} rows`), name);
}

/**
 * Walks over the pages of a column before hyparquet does: it trusts their headers, and a broken one can send it round in circles.
 * @throws RangeError where the pages do not lie one behind the other or do not hold the rows that they should
 */
async function checkPages(file: AsyncBuffer, group: RowGroup, key: string): Promise<void> {
  for (const { meta_data: chunk } of group.columns) {
    if (chunk?.path_in_schema[0] !== key) continue;
    const first = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
    const from = Math.min(first, Number(chunk.data_page_offset));
    const to = from + Number(chunk.total_compressed_size);
    if (!(from >= 4 && to >= from && to <= file.byteLength)) throw new RangeError("a column lies outside the file");
    const reader = { view: new DataView(await file.slice(from, to)), offset: 0 };
    let rows = 0;
    while (reader.offset < to - from) {
      const header = parquetHeader(reader);
      const values = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values ?? 0;
      const sizes = [header.compressed_page_size, header.uncompressed_page_size, values];
      const isDictionary = header.type === "DICTIONARY_PAGE";
      if (!sizes.every((size) => Number.isInteger(size) && size >= 0)) throw new RangeError("a page of no size");
      if (sizes[0] === undefined || reader.offset + sizes[0] > to - from) throw new RangeError("a page is cut off");
      if (isDictionary && (header.dictionary_page_header?.num_values ?? -1) < 0)
        throw new RangeError("an odd dictionary");
      reader.offset += sizes[0];
      rows += values;
      if (rows > Number(group.num_rows)) throw new RangeError("more values than rows");
    }
    if (rows !== Number(group.num_rows)) throw new RangeError(`${rows} values of ${group.num_rows}`);
    return;
  }
  throw new RangeError("a row group lacks the column");
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Texts must be UTF-8; days and instants are written as ISO 8601. */
function parsersOf({ converted_type: converted, logical_type: logical }: SchemaElement): Partial<ParquetParsers> {
  const isUtc = logical?.type === "TIMESTAMP" ? logical.isAdjustedToUTC : converted !== undefined;
  const instant = (value: bigint, perSecond: bigint) => isoInstant(BigInt(value), perSecond, isUtc);
  return {
    stringFromBytes: (bytes) => bytes && utf8.decode(bytes),
    jsonFromBytes: (bytes) => bytes && utf8.decode(bytes),
    dateFromDays: (days) => new Date(days * 86_400_000).toISOString().slice(0, 10),
    timestampFromMilliseconds: (value) => instant(value, 1000n),
    timestampFromMicroseconds: (value) => instant(value, 1_000_000n),
    timestampFromNanoseconds: (value) => instant(value, 1_000_000_000n),
  };
}

function isoInstant(value: bigint, perSecond: bigint, isUtc: boolean): string {
  const fraction = ((value % perSecond) + perSecond) % perSecond;
  const seconds = (value - fraction) / perSecond;
  const digits = String(fraction)
    .padStart(String(perSecond).length - 1, "0")
    .replace(/0+$/, "");
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}${digits === "" ? "" : `.${digits}`}${isUtc ? "Z" : ""}`;
}

/** Pages say how long they are unpacked: nothing is unpacked beyond that, nor allocated that the packed bytes cannot hold. */
function bounded(unpack: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array, best: number) {
  return (input: Uint8Array, outputLength: number): Uint8Array => {
    if (outputLength > LARGEST_PAGE || outputLength > best * input.length + 64) {
      throw new RangeError(`a page of ${input.length} bytes claims to unpack to ${outputLength}`);
    }
    return unpack(input, { maxOutputLength: Math.max(1, outputLength) });
  };
}

const COMPRESSORS: Compressors = {
  SNAPPY: bounded((input, { maxOutputLength }) => {
    const output = new Uint8Array(maxOutputLength);
    snappyUncompress(input, output);
    return output;
  }, 64),
  GZIP: bounded((input, options) => new Uint8Array(zlib.gunzipSync(input, options)), 1032),
  BROTLI: bounded((input, options) => new Uint8Array(zlib.brotliDecompressSync(input, options)), 2 ** 20),
  ...zstd(),
};

/** Node has zstd from 22.15 on. */
function zstd(): Compressors {
  const unpack: unknown = (zlib as unknown as Record<string, unknown>).zstdDecompressSync;
  if (typeof unpack !== "function") return {};
  return { ZSTD: bounded((input, options) => new Uint8Array(unpack(input, options) as Buffer), 2 ** 20) };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function damaged(error: unknown, name: string, part?: string): unknown {
  const known = unreadable(error, name);
  // zlib's faults bear a code as the file system's do.
  const isOfZlib = String((error as NodeJS.ErrnoException | null)?.code).match(/^(Z_|ERR_)/) !== null;
  if (known instanceof StepwedgeError && !isOfZlib) return known;
  const words = error instanceof Error ? error.message : String(error);
  const codec = /unsupported compression codec: (\w+)/.exec(words)?.[1];
  return new StepwedgeError(
    codec === undefined ? `the Parquet file is damaged: ${words}` : `the Parquet file is packed with ${codec}`,
    {
      where: part === undefined ? name : `${name}, ${part}`,
      remedy:
        codec === undefined
          ? "Copy or write the file again."
          : "Write it with snappy, gzip, brotli or without compression.",
      cause: error,
    },
  );
}
