import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { ImageFile } from "../../core/data.js";
import { ExitCode, StepwedgeError } from "../../core/errors.js";
import { loadSharp } from "../../image/sharp.js";
import type { LoadedRow, LoadSpec } from "./row.js";
import type { LoadFault, LoadReply, WorkerStart } from "./worker.js";

/** Threads that read, hash, decode and resize images, so that all cores do. */
export interface ImageThreads {
  readonly size: number;
  /**
   * Loads at most `most` images into `out`, in a thread that is free.
   * @throws StepwedgeError as `loadRow` does, of the first file at fault
   */
  load(files: readonly ImageFile[], out: Float32Array): Promise<readonly LoadedRow[]>;
  /** Ends the threads once they are through with what they have. Whoever still waits for one is turned away. */
  close(): Promise<void>;
}

export interface ThreadSpec {
  readonly spec: LoadSpec;
  /** Values per image. */
  readonly size: number;
  /** Images that a thread is given at once, at most. */
  readonly most: number;
}

const WORKER = new URL("./worker.js", import.meta.url);

/** Null where the compiled worker is not there (the sources run directly, as in unit tests): the calling thread loads then. */
export async function openThreads(spec: ThreadSpec, count: number): Promise<ImageThreads | null> {
  if (!existsSync(fileURLToPath(WORKER))) return null;
  // Its native library must be loaded by the main thread first, or goes with the first thread that ends.
  await loadSharp();
  const seats = Array.from({ length: count }, () => openSeat(spec));
  const free = [...seats];
  const waiting: { resolve(seat: Seat): void; reject(error: Error): void }[] = [];
  let closed = false;
  return {
    size: count,
    async load(files, out) {
      const gone = () => new Error("the image threads are closed");
      if (closed) throw gone();
      const seat = free.pop() ?? (await new Promise<Seat>((resolve, reject) => waiting.push({ resolve, reject })));
      try {
        return await seat.load(files, out);
      } finally {
        const next = waiting.shift();
        if (next === undefined) free.push(seat);
        else if (closed) next.reject(gone());
        else next.resolve(seat);
      }
    },
    async close() {
      closed = true;
      for (const { reject } of waiting.splice(0)) reject(new Error("the image threads are closed"));
      await Promise.all(seats.map((seat) => seat.close()));
    },
  };
}

interface Seat {
  load(files: readonly ImageFile[], out: Float32Array): Promise<readonly LoadedRow[]>;
  close(): Promise<void>;
}

/**
 * One thread with one job at a time. It leaves the images in memory that both share: buffers that are handed over count as new
 * in the thread that gets them, which then collects garbage all the time.
 */
function openSeat({ most, size, spec }: ThreadSpec): Seat {
  const images = new Float32Array(new SharedArrayBuffer(4 * most * size));
  const workerData: WorkerStart = { spec, size, images };
  // Without the process's own options: some, such as --input-type, are refused by threads.
  const worker = new Worker(WORKER, { workerData, execArgv: [] });
  // A thread without work keeps no process alive.
  worker.unref();
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  let job: { resolve(reply: LoadReply): void; reject(error: unknown): void } | null = null;
  let lostTo: unknown = null;
  let closing = false;
  const lose = (cause: unknown) => {
    lostTo ??= cause;
    job?.reject(lost(lostTo));
  };
  worker.on("message", (reply: LoadReply) => job?.resolve(reply));
  worker.on("error", lose);
  worker.on("exit", () => lose(new Error("the thread ended")));
  return {
    async load(files, out) {
      if (lostTo !== null) throw lost(lostTo);
      const answer = new Promise<LoadReply>((resolve, reject) => {
        job = { resolve, reject };
      });
      worker.ref();
      try {
        worker.postMessage(files);
        const reply = await answer;
        if (reply.kind === "failed") throw revive(reply.fault);
        out.set(images.subarray(0, out.length));
        return reply.rows;
      } finally {
        job = null;
        if (!closing) worker.unref();
      }
    },
    async close() {
      closing = true;
      worker.ref();
      worker.postMessage("close");
      await ended;
    },
  };
}

function lost(cause: unknown): StepwedgeError {
  return new StepwedgeError(
    `a thread that loads images died: ${cause instanceof Error ? cause.message : String(cause)}`,
    { remedy: "What was scored is kept: run again with --resume.", exitCode: ExitCode.incomplete, cause },
  );
}

function revive({ exitCode, message, remedy, where }: LoadFault): Error {
  if (exitCode === undefined) return new Error(message);
  return new StepwedgeError(message, {
    exitCode,
    ...(where === undefined ? {} : { where }),
    ...(remedy === undefined ? {} : { remedy }),
  });
}
