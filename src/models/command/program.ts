// One run of a user's program: messages over its standard input and output, one question at a time.
import { type ChildProcess, spawn } from "node:child_process";
import { resolve, sep } from "node:path";
import { encodeFrame, type Frame, FrameReader, NotAFrame } from "./frames.js";

export interface ProgramOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Seconds that an answer may take. */
  readonly timeout: number;
}

/** The program ended, hangs, or prints what is no message. */
export class ProgramFault extends Error {
  override readonly name = "ProgramFault";

  constructor(
    message: string,
    /** Whether a new run may do better. */
    readonly passing: boolean,
    /** The last lines that it wrote to standard error. */
    readonly lastWords: string,
  ) {
    super(message);
  }
}

export interface Program {
  /** Sends a message and waits for the next one. @throws ProgramFault */
  ask(header: object, bytes: Uint8Array | null): Promise<Frame>;
  /** Ends it: end of input first, then SIGTERM, then SIGKILL. */
  close(): Promise<void>;
}

/** Bytes that an answer may have: scores are few. */
const ANSWER_LIMIT = 64 << 20;

/** Milliseconds between end of input, SIGTERM and SIGKILL. */
const GRACE = 2000;

const LAST_LINES = 12;
const LAST_CHARACTERS = 2000;

export function startProgram({ command, environment, folder, timeout }: ProgramOptions): Program {
  const [name = "", ...args] = command;
  // A path starts at the protocol's folder; a bare name is looked for in PATH. No shell sees either.
  const path = name.includes("/") || name.includes(sep) ? resolve(folder, name) : name;
  const child = spawn(path, args, {
    cwd: folder,
    env: environment as NodeJS.ProcessEnv,
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
    // A group of its own: Ctrl-C ends the run between two batches, and must not end the program within one.
    detached: process.platform !== "win32",
  });
  const reader = new FrameReader(ANSWER_LIMIT);
  let words = "";
  let fault: ProgramFault | null = null;
  let waiting: { resolve(frame: Frame): void; reject(error: ProgramFault): void } | null = null;

  const fail = (message: string, passing: boolean): void => {
    fault ??= new ProgramFault(message, passing, lastLines(words));
    waiting?.reject(fault);
    waiting = null;
  };
  const ended = new Promise<void>((done) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      fail(error.code === "ENOENT" ? "there is no such program" : `cannot be started (${error.code})`, false);
      done();
    });
    // Not "exit": what it wrote before is read first.
    child.once("close", (code, signal) => {
      fail(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`, true);
      done();
    });
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-2 * LAST_CHARACTERS);
  });
  child.stdout.on("data", (part: Buffer) => {
    if (fault !== null) return;
    try {
      for (const frame of reader.push(part)) {
        if (waiting === null) throw new NotAFrame("a message that nobody asked for");
        waiting.resolve(frame);
        waiting = null;
      }
    } catch (error) {
      if (!(error instanceof NotAFrame)) throw error;
      fail(`printed to standard output, which carries its answers: ${error.message}`, false);
      kill(child, "SIGTERM");
    }
  });
  // Its end is told by "close".
  child.stdin.on("error", () => {});
  const orphan = () => kill(child, "SIGKILL");
  process.once("exit", orphan);
  void ended.then(() => process.off("exit", orphan));

  /** Waits for its end, and brings it about by ever stronger means. */
  const end = async (signals: readonly NodeJS.Signals[]): Promise<void> => {
    for (const signal of signals) {
      if (!(await outlives(ended, GRACE))) return;
      kill(child, signal);
    }
    await outlives(ended, GRACE);
  };

  return {
    async ask(header, bytes) {
      if (fault !== null) throw fault;
      const answer = new Promise<Frame>((resolve, reject) => {
        waiting = { resolve, reject };
      });
      const timer = setTimeout(() => {
        fail(`gave no answer within ${timeout} s`, true);
        kill(child, "SIGTERM");
        void end(["SIGKILL"]);
      }, timeout * 1000);
      for (const part of encodeFrame(header, bytes)) child.stdin.write(part);
      try {
        return await answer;
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      child.stdin.end();
      await end(["SIGTERM", "SIGKILL"]);
    },
  };
}

/** Signals the child, and whatever it started in its group. */
function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // It has just ended.
  }
}

async function outlives(ended: Promise<void>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((done) => {
    timer = setTimeout(() => done(true), milliseconds);
  });
  try {
    return await Promise.race([ended.then(() => false), late]);
  } finally {
    clearTimeout(timer);
  }
}

function lastLines(text: string): string {
  return text
    .slice(-LAST_CHARACTERS)
    .split(/\r?\n/)
    .map((line) => line.replace(/[\p{Cc}\p{Cf}]+/gu, " ").trimEnd())
    .filter((line) => line !== "")
    .slice(-LAST_LINES)
    .join("\n  | ");
}
