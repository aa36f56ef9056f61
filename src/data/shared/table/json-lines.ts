/**
 * JSON Lines (https://jsonlines.org): one object per line in UTF-8, its keys the columns. A key may be absent where the cell is
 * missing. Texts are taken to the letter, numbers as JavaScript writes them, true and false as 1 and 0, null as missing.
 */
import { received, StepwedgeError } from "../../../core/errors.js";
import { NumberCollector } from "../numbers.js";
import { tableBytes } from "./bytes.js";
import { emptyTable, TextColumn, unknownColumn } from "./columns.js";
import { unreadable } from "./delimiter.js";
import type { TableReader } from "./reader.js";
import { Utf8Check } from "./utf8.js";

type Entry = Readonly<Record<string, unknown>>;
/** Takes one line's object; `true` ends the reading. */
type Sink = (entry: Entry, line: number) => boolean | undefined;

const LF = 0x0a;
/** A line beyond this many bytes is no line. */
const LONGEST_LINE = 16 * 2 ** 20;
/** Keys that messages list. */
const MOST_LISTED = 200;

export function jsonLinesReader(file: string, name: string): TableReader {
  async function read(sink: Sink): Promise<string> {
    const bytes = tableBytes(file, name);
    try {
      await readLines(bytes.chunks, name, sink);
    } catch (error) {
      throw unreadable(error, name);
    }
    return bytes.sha256();
  }

  return {
    /** Any line may bring a key of its own: all are read. */
    async header() {
      const names = new Set<string>();
      await read((entry) => {
        for (const key of Object.keys(entry)) names.add(key);
        return false;
      });
      return [...names];
    },
    async read(wanted) {
      const texts = new Map([...new Set(wanted.texts)].map((key) => [key, new TextColumn()]));
      const numbers = new Map([...new Set(wanted.numbers)].map((key) => [key, new NumberCollector()]));
      const missing = new Set([...texts.keys(), ...numbers.keys()]);
      const known = new Set<string>();
      const lines: number[] = [];
      const sha256 = await read((entry, line) => {
        for (const [key, column] of texts) column.add(textOf(entry, key, name, line));
        for (const [key, column] of numbers) {
          const value = own(entry, key);
          if (typeof value === "number") column.addNumber(value);
          else column.add(textOf(entry, key, name, line));
        }
        if (missing.size > 0) {
          for (const key of Object.keys(entry)) {
            missing.delete(key);
            if (known.size < MOST_LISTED) known.add(key);
          }
        }
        lines.push(line);
        return false;
      });
      if (lines.length === 0) throw emptyTable(name);
      for (const key of missing) throw unknownColumn(key, [...known], name);
      return {
        name,
        columns: new Map([...texts].map(([key, column]) => [key, column.values])),
        numbers: new Map([...numbers].map(([key, column]) => [key, column.numbers()])),
        lines,
        unit: "line",
        sha256,
      };
    },
    async preview(most) {
      const entries: Entry[] = [];
      await read((entry) => {
        entries.push(entry);
        return entries.length === most;
      });
      const names = [...new Set(entries.flatMap((entry) => Object.keys(entry)))];
      const shown = (value: unknown): string =>
        typeof value === "object" && value !== null ? JSON.stringify(value) : plainText(value);
      const columns = names.map((key) => entries.map((entry) => shown(own(entry, key))));
      return { names, columns, rows: entries.length };
    },
  };
}

/** A key of the object's own: `constructor` is no column. */
function own(entry: Entry, key: string): unknown {
  return Object.hasOwn(entry, key) ? entry[key] : null;
}

function plainText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "boolean" ? (value ? "1" : "0") : String(value);
}

function textOf(entry: Entry, key: string, name: string, line: number): string {
  const value = own(entry, key);
  const refuse = (message: string, remedy: string): StepwedgeError =>
    new StepwedgeError(`column ${JSON.stringify(key)} ${message}: ${received(value)}`, {
      where: `${name}, line ${line}`,
      remedy,
    });
  if (typeof value === "object" && value !== null) {
    throw refuse("holds a list or an object", "Give every column a text, a number, true, false or null.");
  }
  if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
    throw refuse("holds a number whose digits JSON readers change", "Write it as a text, in quotes.");
  }
  return plainText(value);
}

/** Blank lines are skipped. Ends where the sink says so, or with the file. */
async function readLines(chunks: AsyncIterable<Buffer>, name: string, sink: Sink): Promise<void> {
  const check = new Utf8Check(name);
  let open: Buffer[] = [];
  let openLength = 0;
  let line = 0;
  const take = (bytes: Buffer): boolean => {
    line++;
    const text = bytes.toString("utf8");
    const entry = parsed(line === 1 && text.startsWith("\ufeff") ? text.slice(1) : text, name, line);
    return entry !== null && sink(entry, line) === true;
  };
  for await (const chunk of chunks) {
    check.add(chunk);
    let from = 0;
    for (let to = chunk.indexOf(LF); to !== -1; to = chunk.indexOf(LF, from)) {
      const rest = chunk.subarray(from, to);
      from = to + 1;
      const whole = open.length === 0 ? rest : Buffer.concat([...open, rest]);
      open = [];
      openLength = 0;
      if (take(whole)) return;
    }
    if (from < chunk.length) {
      open.push(chunk.subarray(from));
      openLength += chunk.length - from;
    }
    if (openLength > LONGEST_LINE) {
      throw new StepwedgeError(`the line does not end within ${LONGEST_LINE / 2 ** 20} MiB`, {
        where: `${name}, line ${line + 1}`,
        remedy: "Write JSON Lines: one object per line.",
      });
    }
  }
  check.finish();
  if (openLength > 0) take(Buffer.concat(open));
}

function parsed(text: string, name: string, line: number): Entry | null {
  if (text.trim() === "") return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new StepwedgeError(`the line is not JSON: ${received(text.trim())}`, {
      where: `${name}, line ${line}`,
      remedy: "Write one whole JSON object per line; NaN and Infinity are not JSON: write null.",
      cause,
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Entry;
  throw new StepwedgeError(`the line is not an object: ${received(value)}`, {
    where: `${name}, line ${line}`,
    remedy: 'Write one object per line, such as {"id": "a", "score": 0.5}.',
  });
}
