/**
 * Reads delimited text as RFC 4180 defines it, streaming, by csv-parse (https://csv.js.org/parse/). Beyond the RFC, a
 * UTF-8 byte order mark and blank lines are skipped. What is added here: bytes that are not UTF-8 are refused, and
 * every record knows the line of the file on which it begins.
 */
import { createHash, type Hash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { CsvError, type CsvErrorCode, type Info, parse } from "csv-parse";
import { StepwedgeError } from "../../core/errors.js";
import type { Delimiter } from "./delimiter.js";
import { Utf8Check } from "./utf8.js";

/** Takes one record. `line` is the line on which it begins, from 1. */
export type RecordSink = (cells: readonly string[], line: number) => void;

export interface TextFormat {
  /** What error messages call the file. */
  readonly file: string;
  readonly delimiter: Delimiter;
}

/** A record beyond this many characters is taken for an unclosed quote that swallows the file. */
const LONGEST_RECORD = 16 * 2 ** 20;

/**
 * Reads all records, blank lines left out, and returns the SHA-256 of the bytes in hexadecimal. What the sink throws
 * ends the reading and is thrown on; so does the signal, by an AbortError.
 * @throws StepwedgeError with the line, for stray and unclosed quotes, lone carriage returns and bytes that are no UTF-8.
 */
export async function readRecords(
  chunks: AsyncIterable<Buffer>,
  format: TextFormat,
  sink: RecordSink,
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash("sha256");
  const lines = new RecordLines();
  const parser = parse({
    delimiter: format.delimiter,
    record_delimiter: ["\n", "\r\n"],
    bom: true,
    skip_empty_lines: true,
    // Rows of another width than the header's are the sink's to judge: it knows what to say about them.
    relax_column_count: true,
    max_record_size: LONGEST_RECORD,
    on_record(cells: readonly string[]): null {
      const line = lines.begin(parser.info);
      const isHeader = parser.info.records === 1;
      if (hasLoneReturn(cells, isHeader)) throw fault(LONE_RETURN, format.file, line);
      sink(cells, line);
      lines.end(parser.info, cells);
      return null;
    },
  });
  try {
    await pipeline(chunks, (bytes: AsyncIterable<Buffer>) => checked(bytes, format.file, hash), parser, { signal });
  } catch (error) {
    const known = error instanceof CsvError ? FAULTS[error.code] : undefined;
    throw known === undefined ? error : fault(known, format.file, lines.begin(parser.info), error);
  }
  return hash.digest("hex");
}

/** Hands the bytes on, hashed and known to be UTF-8: csv-parse itself would replace what is not. */
async function* checked(chunks: AsyncIterable<Buffer>, file: string, hash: Hash): AsyncGenerator<Buffer> {
  const text = new Utf8Check(file);
  for await (const chunk of chunks) {
    hash.update(chunk);
    text.add(chunk);
    yield chunk;
  }
  text.finish();
}

/**
 * The lines on which records begin. csv-parse tells the line that it has reached, and how many blank lines it skipped:
 * a record begins behind the last one's end and the blank lines since. It counts every CR and LF inside cells as a line
 * of its own, so that a quoted CRLF counts twice; here, as in an editor, only LF ends a line.
 */
class RecordLines {
  /** csv-parse's line on which the last record ended, and its count of blank lines by then. */
  #ended = 0;
  #blank = 0;
  /** Carriage returns inside cells so far, which csv-parse counted as lines. */
  #returns = 0;

  /** The line on which the record that is being read begins. */
  begin(info: Info): number {
    return this.#ended + 1 + (info.empty_lines - this.#blank) - this.#returns;
  }

  /** Notes that a record has been read. */
  end(info: Info, cells: readonly string[]): void {
    const hasInnerLines = info.lines - this.#returns > this.begin(info);
    if (hasInnerLines) for (const cell of cells) this.#returns += cell.split("\r").length - 1;
    this.#ended = info.lines;
    this.#blank = info.empty_lines;
  }
}

/**
 * Whether a carriage return without a line feed stands where lines end. Quotes are gone by now, so that one inside a row
 * may be a quoted one, which is legal; files whose lines end so show it in the header, or at a row's end.
 */
function hasLoneReturn(cells: readonly string[], isHeader: boolean): boolean {
  return isHeader ? cells.some((cell) => /\r(?!\n)/.test(cell)) : cells.at(-1)?.endsWith("\r") === true;
}

interface Fault {
  readonly message: string;
  readonly remedy: string;
}

const UNCLOSED_REMEDY = "Close the quote, or double it where it is part of the text.";

const LONE_RETURN: Fault = {
  message: "a carriage return without a line feed",
  remedy: "Save the table with LF or CRLF line ends.",
};

/** What csv-parse's errors mean to the person who wrote the table. */
const FAULTS: Partial<Record<CsvErrorCode, Fault>> = {
  CSV_QUOTE_NOT_CLOSED: { message: "a quote opens here and is never closed", remedy: UNCLOSED_REMEDY },
  CSV_MAX_RECORD_SIZE: {
    message: `the record does not end within ${LONGEST_RECORD / 2 ** 20} MiB`,
    remedy: UNCLOSED_REMEDY,
  },
  CSV_INVALID_CLOSING_QUOTE: {
    message: "text after the closing quote of a cell",
    remedy: "Double every quote inside a quoted cell.",
  },
  INVALID_OPENING_QUOTE: {
    message: "a quote inside a cell that is not quoted",
    remedy: "Put the whole cell in quotes and double the quotes inside.",
  },
};

function fault({ message, remedy }: Fault, file: string, line: number, cause?: unknown): StepwedgeError {
  return new StepwedgeError(message, { where: `${file}, line ${line}`, remedy, cause });
}
