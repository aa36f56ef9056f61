/**
 * Reads delimited text as RFC 4180 defines it, streaming. Beyond the RFC, a UTF-8 byte order mark and blank lines are
 * skipped; bytes that are not UTF-8 are refused, and every record knows the line of the file on which it begins.
 *
 * As long as no quote has come, a record is a line and a cell is what stands between two delimiters: these lines are split
 * here. From the first quote on csv-parse (https://csv.js.org/parse/) reads the file to its end. docs/decisions says why.
 */
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

const QUOTE = 0x22;
const LF = 0x0a;

/**
 * Reads all records, blank lines left out. What the sink throws ends the reading and is thrown on; so does the signal, by
 * an AbortError.
 * @throws StepwedgeError with the line, for stray and unclosed quotes, lone carriage returns and bytes that are no UTF-8.
 */
export async function readRecords(
  chunks: AsyncIterable<Buffer>,
  format: TextFormat,
  sink: RecordSink,
  signal?: AbortSignal,
): Promise<void> {
  const pieces = checked(chunks, format.file);
  const plain = new PlainLines(format, sink);
  try {
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
      signal?.throwIfAborted();
      if (next.value.includes(QUOTE)) {
        await readQuoted(followedBy([plain.unfinished, next.value], pieces), format, sink, plain, signal);
        return;
      }
      plain.add(next.value);
    }
    signal?.throwIfAborted();
    plain.finish();
  } finally {
    // Whoever stops early would leave the file open otherwise.
    await pieces.return(undefined);
  }
}

/** Lines without a quote: what was read of them so far. */
class PlainLines {
  /** Lines that are done, blank ones too, and records among them. */
  lines = 0;
  records = 0;
  /** The bytes of the line that has not ended yet. */
  unfinished: Buffer = Buffer.alloc(0);

  constructor(
    private readonly format: TextFormat,
    private readonly sink: RecordSink,
  ) {}

  add(piece: Buffer): void {
    const end = piece.lastIndexOf(LF) + 1;
    if (end === 0) {
      this.unfinished = Buffer.concat([this.unfinished, piece]);
    } else {
      const whole = Buffer.concat([this.unfinished, piece.subarray(0, end)]);
      this.unfinished = piece.subarray(end);
      this.#take(whole.toString("utf8"));
    }
    if (this.unfinished.length > LONGEST_RECORD) {
      throw fault(FAULTS.CSV_MAX_RECORD_SIZE as Fault, this.format.file, this.lines + 1);
    }
  }

  finish(): void {
    if (this.unfinished.length === 0) return;
    const text = this.unfinished.toString("utf8");
    this.#line(this.lines === 0 && text.startsWith("\ufeff") ? text.slice(1) : text);
  }

  /** Takes whole lines. */
  #take(text: string): void {
    let from = this.lines === 0 && text.startsWith("\ufeff") ? 1 : 0;
    for (let to = text.indexOf("\n", from); to !== -1; to = text.indexOf("\n", from)) {
      const isCrlf = to > from && text.charCodeAt(to - 1) === 0x0d;
      this.#line(text.slice(from, isCrlf ? to - 1 : to));
      from = to + 1;
    }
  }

  #line(line: string): void {
    this.lines++;
    if (line === "") return;
    this.records++;
    const cells = line.split(this.format.delimiter);
    if (hasLoneReturn(cells, this.records === 1)) throw fault(LONE_RETURN, this.format.file, this.lines);
    this.sink(cells, this.lines);
  }
}

/** The rest of a file in which quotes occur, from the beginning of a line on. */
async function readQuoted(
  chunks: AsyncIterable<Buffer>,
  format: TextFormat,
  sink: RecordSink,
  before: PlainLines,
  signal: AbortSignal | undefined,
): Promise<void> {
  const lines = new RecordLines(before.lines);
  const parser = parse({
    delimiter: format.delimiter,
    record_delimiter: ["\n", "\r\n"],
    bom: before.lines === 0,
    skip_empty_lines: true,
    // Rows of another width than the header's are the sink's to judge: it knows what to say about them.
    relax_column_count: true,
    max_record_size: LONGEST_RECORD,
    on_record(cells: readonly string[]): null {
      const line = lines.begin(parser.info);
      const isHeader = before.records + parser.info.records === 1;
      if (hasLoneReturn(cells, isHeader)) throw fault(LONE_RETURN, format.file, line);
      sink(cells, line);
      lines.end(parser.info, cells);
      return null;
    },
  });
  try {
    await pipeline(chunks, parser, { signal });
  } catch (error) {
    const known = error instanceof CsvError ? FAULTS[error.code] : undefined;
    throw known === undefined ? error : fault(known, format.file, lines.begin(parser.info), error);
  }
}

/** First these pieces, then the rest of an iteration that has begun. */
async function* followedBy(first: readonly Buffer[], rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield* first;
  yield* rest;
}

/** Hands the bytes on, known to be UTF-8: decoding would replace what is not. */
async function* checked(chunks: AsyncIterable<Buffer>, file: string): AsyncGenerator<Buffer> {
  const text = new Utf8Check(file);
  for await (const chunk of chunks) {
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

  /** `before`: lines of the file that were read otherwise. */
  constructor(private readonly before: number) {}

  /** The line on which the record that is being read begins. */
  begin(info: Info): number {
    return this.before + this.#ended + 1 + (info.empty_lines - this.#blank) - this.#returns;
  }

  /** Notes that a record has been read. */
  end(info: Info, cells: readonly string[]): void {
    const hasInnerLines = this.before + info.lines - this.#returns > this.begin(info);
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
