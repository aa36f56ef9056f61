import { isUtf8 } from "node:buffer";
import { StepwedgeError } from "../../../core/errors.js";

const LF = 0x0a;

/** Checks, piece by piece, that a file is UTF-8 text, and says on which line it is not. */
export class Utf8Check {
  readonly #file: string;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  /** The line that has not ended yet, from 1, and the pieces of it that have come. */
  #line = 1;
  #open: Buffer[] = [];

  /** `file` is what error messages call the file. */
  constructor(file: string) {
    this.#file = file;
  }

  /**
   * Takes the next piece of the file, of any size.
   * @throws StepwedgeError with the line of the first bytes that are not UTF-8.
   */
  add(piece: Buffer): void {
    try {
      this.#decoder.decode(piece, { stream: true });
    } catch (cause) {
      this.#open.push(piece);
      throw this.#refusal(cause);
    }
    const lastEnd = piece.lastIndexOf(LF);
    if (lastEnd !== -1) {
      this.#line += countLineEnds(piece);
      this.#open = [];
    }
    this.#open.push(piece.subarray(lastEnd + 1));
  }

  /**
   * Says that the file ends here.
   * @throws StepwedgeError where it ends inside a character.
   */
  finish(): void {
    try {
      this.#decoder.decode();
    } catch (cause) {
      throw this.#refusal(cause);
    }
  }

  #refusal(cause: unknown): StepwedgeError {
    const line = this.#line + validLines(Buffer.concat(this.#open));
    return new StepwedgeError("bytes that are not UTF-8 text", {
      where: `${this.#file}, line ${line}`,
      remedy: "Save the table as CSV or TSV in UTF-8.",
      cause,
    });
  }
}

/** How many whole lines come before the first one that is not UTF-8, or before the unfinished last one. */
function validLines(bytes: Buffer): number {
  let count = 0;
  let from = 0;
  for (let to = bytes.indexOf(LF); to !== -1 && isUtf8(bytes.subarray(from, to)); to = bytes.indexOf(LF, from)) {
    count++;
    from = to + 1;
  }
  return count;
}

function countLineEnds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) count++;
  return count;
}
