import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { ExitCode, StepwedgeError } from "../../core/errors.js";
import type { ImageGeometry } from "../../core/pixels.js";
import { type OnnxSession, openSession, type SessionInput, type SessionSpec } from "./session.js";
import type { WorkerFault, WorkerJob, WorkerReply } from "./worker.js";

/** Runs pieces of batches on any free session. */
export interface SessionPool {
  readonly input: SessionInput;
  readonly size: number;
  run(data: Float32Array, count: number, geometry: ImageGeometry): Promise<Float64Array>;
  close(): Promise<void>;
}

const WORKER = new URL("./worker.js", import.meta.url);

/**
 * Opens `size` sessions, each in a worker thread of its own. Where the compiled worker is not there (the sources run
 * directly, as in unit tests), one session runs in this thread instead: same answers, less overlap.
 */
export async function openPool(spec: SessionSpec, size: number): Promise<SessionPool> {
  if (!existsSync(fileURLToPath(WORKER))) return inThisThread(await openSession(spec));
  const seats = await Promise.all(Array.from({ length: size }, () => openSeat(spec)));
  const first = seats[0];
  if (first === undefined) throw new RangeError("a pool has at least one session");
  const free = [...seats];
  const waiting: ((seat: Seat) => void)[] = [];

  const take = (): Promise<Seat> => {
    const seat = free.pop();
    return seat === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(seat);
  };
  const giveBack = (seat: Seat): void => {
    const next = waiting.shift();
    if (next === undefined) free.push(seat);
    else next(seat);
  };
  return {
    input: first.input,
    size,
    async run(data, count, geometry) {
      const seat = await take();
      try {
        return await seat.run(data, count, geometry);
      } finally {
        giveBack(seat);
      }
    },
    async close() {
      await Promise.all(seats.map((seat) => seat.close()));
    },
  };
}

function inThisThread(session: OnnxSession): SessionPool {
  return { input: session.input, size: 1, run: session.run, close: session.release };
}

interface Seat {
  readonly input: SessionInput;
  run(data: Float32Array, count: number, geometry: ImageGeometry): Promise<Float64Array>;
  close(): Promise<void>;
}

/** One worker thread with one job at a time. Its input buffer goes back and forth: no allocation per job. */
async function openSeat(spec: SessionSpec): Promise<Seat> {
  const worker = new Worker(WORKER, { workerData: spec });
  let settle: { resolve(reply: WorkerReply): void; reject(error: unknown): void } | null = null;
  const next = () =>
    new Promise<WorkerReply>((resolve, reject) => {
      settle = { resolve, reject };
    });
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.on("message", (reply: WorkerReply) => settle?.resolve(reply));
  worker.on("error", (error) => settle?.reject(lost(spec, error)));
  worker.on("exit", () => settle?.reject(lost(spec, new Error("the thread ended"))));

  const greeting = await next();
  if (greeting.kind !== "ready") {
    await ended;
    throw revive(greeting.kind === "failed" ? greeting.error : { message: "unexpected answer" });
  }
  let buffer = new Float32Array(0);
  let jobs = 0;
  return {
    input: greeting.input,
    async run(data, count, geometry) {
      if (buffer.length !== data.length) buffer = new Float32Array(data.length);
      buffer.set(data);
      const { channels, height, width, maxValue } = geometry;
      const job: WorkerJob = { id: jobs++, data: buffer, count, geometry: { channels, height, width, maxValue } };
      const answer = next();
      worker.postMessage(job, [buffer.buffer]);
      buffer = new Float32Array(0);
      const reply = await answer;
      if (reply.kind === "failed") throw revive(reply.error);
      if (reply.kind !== "done") throw new Error("unexpected answer of a model thread");
      buffer = reply.data;
      return reply.values;
    },
    async close() {
      // Never terminate(): ending a thread inside onnxruntime aborts the whole process.
      settle = null;
      worker.postMessage("close");
      await ended;
    },
  };
}

function lost(spec: SessionSpec, cause: unknown): StepwedgeError {
  return new StepwedgeError(`a model thread died: ${cause instanceof Error ? cause.message : String(cause)}`, {
    where: spec.path,
    remedy: "What was scored is kept: run again with --resume.",
    exitCode: ExitCode.incomplete,
    cause,
  });
}

function revive(fault: WorkerFault): StepwedgeError {
  return new StepwedgeError(fault.message, {
    ...(fault.where === undefined ? {} : { where: fault.where }),
    ...(fault.remedy === undefined ? {} : { remedy: fault.remedy }),
  });
}
