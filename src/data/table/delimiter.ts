import { extname } from "node:path";
import { StepwedgeError } from "../../core/errors.js";
import { isGzip, tableBytes } from "./bytes.js";

/** What separates the cells of a table. */
export type Delimiter = "," | ";" | "\t";

/** A table's header is looked for in this many bytes. */
const HEADER_BYTES = 1 << 16;

/**
 * What separates the cells of a table: by the file's extension; for other extensions, whatever occurs most in the first
 * line, a comma in doubt. `name` is what error messages call the file.
 * @throws StepwedgeError where the file cannot be read.
 */
export async function guessDelimiter(file: string, name: string): Promise<Delimiter> {
  const extension = extname(isGzip(file) ? file.slice(0, -".gz".length) : file).toLowerCase();
  if (extension === ".csv") return ",";
  if (extension === ".tsv" || extension === ".tab") return "\t";
  const header = await firstLine(file, name);
  const candidates: readonly Delimiter[] = [",", "\t", ";"];
  const counts = candidates.map((candidate) => header.split(candidate).length);
  return candidates[counts.indexOf(Math.max(...counts))] ?? ",";
}

async function firstLine(file: string, name: string): Promise<string> {
  const text = (await readHead(file, name)).toString("utf8");
  return text.slice(0, text.search(/[\r\n]|$/));
}

async function readHead(file: string, name: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of tableBytes(file, name).chunks) {
      pieces.push(piece);
      length += piece.length;
      if (length >= HEADER_BYTES) break;
    }
    return Buffer.concat(pieces).subarray(0, HEADER_BYTES);
  } catch (error) {
    throw unreadable(error, name);
  }
}

/** The error of a table that cannot be opened or read; whatever is no fault of the file system stays as it is. */
export function unreadable(error: unknown, name: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (error instanceof StepwedgeError || typeof code !== "string") return error;
  if (code === "ENOENT") {
    return new StepwedgeError("the table does not exist", {
      where: name,
      remedy: "Correct its path under data; it is relative to the protocol file.",
      cause: error,
    });
  }
  const reason = code === "EISDIR" ? "the table is a folder" : `the table cannot be read (${code})`;
  return new StepwedgeError(reason, { where: name, remedy: "Give the path of a CSV or TSV file.", cause: error });
}
