// A worker thread that holds one session: onnxruntime's `run` blocks its thread, and this one may be blocked.
import { parentPort, workerData } from "node:worker_threads";
import { StepwedgeError } from "../../core/errors.js";
import type { ImageGeometry } from "../../core/pixels.js";
import { type OnnxSession, openSession, type SessionSpec } from "./session.js";

export interface WorkerJob {
  readonly id: number;
  readonly data: Float32Array<ArrayBuffer>;
  readonly count: number;
  readonly geometry: ImageGeometry;
}

export type WorkerReply =
  | { readonly kind: "ready"; readonly input: OnnxSession["input"] }
  | {
      readonly kind: "done";
      readonly id: number;
      readonly values: Float64Array;
      readonly data: Float32Array<ArrayBuffer>;
    }
  | { readonly kind: "failed"; readonly id: number | null; readonly error: WorkerFault };

export interface WorkerFault {
  readonly message: string;
  readonly where?: string;
  readonly remedy?: string;
}

const port = parentPort;
if (port === null) throw new Error("worker.js is started by the pool, not by hand");

function fault(error: unknown): WorkerFault {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof StepwedgeError)) return { message };
  return {
    message,
    ...(error.where === undefined ? {} : { where: error.where }),
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
  };
}

const reply = (message: WorkerReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

try {
  const session = await openSession(workerData as SessionSpec);
  reply({ kind: "ready", input: session.input });
  port.on("message", async (job: WorkerJob | "close") => {
    if (job === "close") {
      await session.release();
      port.close();
      return;
    }
    try {
      const values = await session.run(job.data, job.count, job.geometry);
      reply({ kind: "done", id: job.id, values, data: job.data }, [job.data.buffer]);
    } catch (error) {
      reply({ kind: "failed", id: job.id, error: fault(error) });
    }
  });
} catch (error) {
  reply({ kind: "failed", id: null, error: fault(error) });
}
