import { isAscii, isUtf8 } from "node:buffer";
import { StepwedgeError } from "../../core/errors.js";

/**
 * A streaming reader of delimited text as RFC 4180 defines it: cells may be quoted, a quote inside a quoted cell is
 * doubled, quoted cells may hold delimiters and line ends, lines end with LF or CRLF. Beyond the RFC, a UTF-8 byte
 * order mark and blank lines are skipped. It finds cells as spans of bytes, so that cells nobody asked for never
 * become strings: that is why it is ours and not a library's (docs/data.md has the measurement).
 */
export interface CellSpans {
  count: number;
  /** First byte of each cell, without its opening quote. */
  starts: Int32Array;
  /** One past the last byte of each cell, without its closing quote. */
  ends: Int32Array;
  /** 1 where the cell still holds doubled quotes. */
  doubled: Uint8Array;
  /** The same bytes as text, where they are all ASCII, so that byte and character counts agree; else null. */
  text: string | null;
}

/** Takes one record. `line` is the line on which it begins, from 1. The spans are only valid during the call. */
export type RecordSink = (bytes: Buffer, cells: CellSpans, line: number) => void;

export type Delimiter = "," | ";" | "\t";

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** What a scan returns when the record's end has not been read from the file yet. */
const INCOMPLETE = -1;

/**
 * Characters up to which V8 copies a slice of a string. A longer slice would keep its whole chunk alive, so that longer
 * cells are decoded from the bytes, which is slower.
 */
const LONGEST_COPY = 12;

/** A record beyond this many bytes is taken for an unclosed quote that swallows the file. */
const LONGEST_RECORD = 16 * 2 ** 20;

/** The reader of one file. Feed it the file's bytes in pieces of any size, then call `finish`. */
export class DelimitedReader {
  readonly #file: string;
  readonly #delimiter: number;
  readonly #sink: RecordSink;
  readonly #cells: CellSpans = emptySpans(64);
  /** The bytes of a record whose end has not come yet. */
  #rest: Buffer = Buffer.alloc(0);
  /** Line on which that record begins. */
  #line = 1;
  /** Line ends inside quoted cells of the record that is being scanned. */
  #innerLines = 0;
  #atStart = true;

  /** `file` is what error messages call the file. */
  constructor(file: string, delimiter: Delimiter, sink: RecordSink) {
    this.#file = file;
    this.#delimiter = delimiter.charCodeAt(0);
    this.#sink = sink;
  }

  /**
   * Reads as many whole records as have arrived.
   * @throws StepwedgeError with the line, for stray and unclosed quotes, lone carriage returns and bytes that are no UTF-8.
   */
  write(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#consume(bytes, false);
    if (this.#rest.length > LONGEST_RECORD) {
      throw this.#error(this.#line, `the record does not end within ${LONGEST_RECORD / 2 ** 20} MiB`, UNCLOSED_REMEDY);
    }
  }

  /** Reads what is left: the last record need not end with a line end. */
  finish(): void {
    this.#consume(this.#rest, true);
  }

  #consume(bytes: Buffer, last: boolean): void {
    let at = 0;
    if (this.#atStart) {
      // Three bytes must be at hand before a byte order mark can be told from text.
      if (bytes.length < BYTE_ORDER_MARK.length && !last) {
        this.#rest = bytes;
        return;
      }
      this.#atStart = false;
      if (bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)) at = BYTE_ORDER_MARK.length;
    }
    this.#cells.text = isAscii(bytes) ? bytes.toString("latin1") : null;
    if (this.#cells.text === null)
      this.#checkEncoding(bytes.subarray(at, last ? bytes.length : bytes.lastIndexOf(LF) + 1));
    while (at < bytes.length) {
      const next = this.#scanRecord(bytes, at, last);
      if (next === INCOMPLETE) break;
      const cells = this.#cells;
      const blank = cells.count === 1 && cells.starts[0] === at && cells.ends[0] === at;
      if (!blank) this.#sink(bytes, cells, this.#line);
      this.#line += 1 + this.#innerLines;
      at = next;
    }
    this.#rest = bytes.subarray(at);
  }

  /** Finds the cells of the record that begins at `from`; returns where the next record begins. */
  #scanRecord(bytes: Buffer, from: number, last: boolean): number {
    const cells = this.#cells;
    cells.count = 0;
    this.#innerLines = 0;
    let at = from;
    for (;;) {
      at = bytes[at] === QUOTE ? this.#scanQuoted(bytes, at + 1, last) : this.#scanPlain(bytes, at);
      if (at === INCOMPLETE) return INCOMPLETE;
      if (at >= bytes.length) return last ? at : INCOMPLETE;
      const byte = bytes[at];
      if (byte === LF) return at + 1;
      if (byte === CR) {
        if (bytes[at + 1] === LF) return at + 2;
        if (at + 1 === bytes.length && !last) return INCOMPLETE;
        throw this.#error(
          this.#line + this.#innerLines,
          "a carriage return without a line feed",
          "Save the table with LF or CRLF line ends.",
        );
      }
      if (byte !== this.#delimiter) {
        throw this.#error(
          this.#line + this.#innerLines,
          "text after the closing quote of a cell",
          "Double every quote inside a quoted cell.",
        );
      }
      at++;
    }
  }

  /** A cell without quotes; returns the index of the delimiter or line end behind it. */
  #scanPlain(bytes: Buffer, from: number): number {
    const delimiter = this.#delimiter;
    let at = from;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === delimiter || byte === LF || byte === CR) break;
      if (byte === QUOTE) {
        throw this.#error(
          this.#line + this.#innerLines,
          "a quote inside a cell that is not quoted",
          "Put the whole cell in quotes and double the quotes inside.",
        );
      }
    }
    this.#keep(from, at, 0);
    return at;
  }

  /** The rest of a quoted cell; returns the index behind the closing quote. */
  #scanQuoted(bytes: Buffer, from: number, last: boolean): number {
    const openedOn = this.#line + this.#innerLines;
    let doubled = 0;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === LF) this.#innerLines++;
      if (byte !== QUOTE) continue;
      if (bytes[at + 1] !== QUOTE) {
        if (at + 1 === bytes.length && !last) return INCOMPLETE;
        this.#keep(from, at, doubled);
        return at + 1;
      }
      doubled = 1;
      at++;
    }
    if (!last) return INCOMPLETE;
    throw this.#error(openedOn, "a quote opens here and is never closed", UNCLOSED_REMEDY);
  }

  #keep(start: number, end: number, doubled: number): void {
    const cells = this.#cells;
    if (cells.count === cells.starts.length) grow(cells);
    cells.starts[cells.count] = start;
    cells.ends[cells.count] = end;
    cells.doubled[cells.count] = doubled;
    cells.count++;
  }

  #checkEncoding(bytes: Buffer): void {
    if (isUtf8(bytes)) return;
    let line = this.#line;
    for (let from = 0; from < bytes.length; line++) {
      const lineEnd = bytes.indexOf(LF, from);
      const to = lineEnd === -1 ? bytes.length : lineEnd + 1;
      if (!isUtf8(bytes.subarray(from, to))) break;
      from = to;
    }
    throw this.#error(line, "bytes that are not UTF-8 text", "Save the table as CSV or TSV in UTF-8.");
  }

  #error(line: number, message: string, remedy: string): StepwedgeError {
    return new StepwedgeError(message, { where: `${this.#file}, line ${line}`, remedy });
  }
}

const UNCLOSED_REMEDY = "Close the quote, or double it where it is part of the text.";

/** The text of a cell of the record that a sink is being given. */
export function cellText(bytes: Buffer, cells: CellSpans, column: number): string {
  const start = cells.starts[column] ?? 0;
  const end = cells.ends[column] ?? 0;
  const text =
    cells.text !== null && end - start <= LONGEST_COPY
      ? cells.text.slice(start, end)
      : bytes.toString("utf8", start, end);
  return cells.doubled[column] === 1 ? text.replaceAll('""', '"') : text;
}

function emptySpans(capacity: number): CellSpans {
  return {
    count: 0,
    starts: new Int32Array(capacity),
    ends: new Int32Array(capacity),
    doubled: new Uint8Array(capacity),
    text: null,
  };
}

function grow(cells: CellSpans): void {
  const wider = emptySpans(2 * cells.starts.length);
  wider.starts.set(cells.starts);
  wider.ends.set(cells.ends);
  wider.doubled.set(cells.doubled);
  cells.starts = wider.starts;
  cells.ends = wider.ends;
  cells.doubled = wider.doubled;
}
