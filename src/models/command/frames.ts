import { received } from "../../core/errors.js";

/** What the two sides call what they speak. */
export const PROTOCOL = "stepwedge/1";

/** One message of the program: its line of JSON, and the bytes that follow it. */
export interface Frame {
  readonly header: Readonly<Record<string, unknown>>;
  readonly bytes: Buffer;
}

/** What stands on standard output is no message. */
export class NotAFrame extends Error {
  override readonly name = "NotAFrame";
}

const LONGEST_HEADER = 64 << 10;
const NEWLINE = 0x0a;

/** A message as its bytes. Its header says how many follow: `input.bytes` in questions, `output.bytes` in answers. */
export function encodeFrame(header: object, bytes: Uint8Array | null): readonly Uint8Array[] {
  const line = Buffer.from(`${JSON.stringify(header)}\n`, "utf8");
  return bytes === null ? [line] : [line, bytes];
}

/**
 * Cuts a stream into messages: a line of JSON, then as many bytes as its `output.bytes` says. A message that announces
 * more than `limit` bytes is refused before anything is kept for it.
 */
export class FrameReader {
  readonly #limit: number;
  #parts: Buffer[] = [];
  #length = 0;
  #header: Frame["header"] | null = null;
  #expected = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * The messages that end in this part of the stream.
   * @throws NotAFrame
   */
  push(part: Buffer): Frame[] {
    const frames: Frame[] = [];
    let rest = part;
    while (rest.length > 0) {
      rest = this.#header === null ? this.#pushHeader(rest, frames) : this.#pushBytes(rest, frames);
    }
    return frames;
  }

  #pushHeader(part: Buffer, frames: Frame[]): Buffer {
    const end = part.indexOf(NEWLINE);
    const line = end < 0 ? part : part.subarray(0, end);
    this.#keep(line);
    if (this.#length > LONGEST_HEADER) throw new NotAFrame(`a line of more than ${LONGEST_HEADER} bytes`);
    if (end < 0) return part.subarray(part.length);
    const header = parseHeader(this.#take());
    this.#expected = announced(header, this.#limit);
    if (this.#expected === 0) frames.push({ header, bytes: Buffer.alloc(0) });
    else this.#header = header;
    return part.subarray(end + 1);
  }

  #pushBytes(part: Buffer, frames: Frame[]): Buffer {
    const missing = this.#expected - this.#length;
    this.#keep(part.subarray(0, missing));
    if (this.#length === this.#expected && this.#header !== null) {
      frames.push({ header: this.#header, bytes: this.#take() });
      this.#header = null;
    }
    return part.subarray(missing);
  }

  #keep(part: Buffer): void {
    this.#parts.push(part);
    this.#length += part.length;
  }

  #take(): Buffer {
    const whole = Buffer.concat(this.#parts, this.#length);
    this.#parts = [];
    this.#length = 0;
    return whole;
  }
}

function parseHeader(line: Buffer): Frame["header"] {
  const text = line.toString("utf8");
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Frame["header"];
  } catch {
    // Told below.
  }
  throw new NotAFrame(received(text.replace(/[\p{Cc}\p{Cf}]+/gu, " ").trim()));
}

function announced(header: Frame["header"], limit: number): number {
  const { output } = header as { output?: { bytes?: unknown } | null };
  const bytes = output?.bytes ?? 0;
  if (Number.isSafeInteger(bytes) && (bytes as number) >= 0 && (bytes as number) <= limit) return bytes as number;
  throw new NotAFrame(`a message that announces ${received(bytes)} bytes; 0 to ${limit} can be read`);
}
