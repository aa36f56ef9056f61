// A worker thread that loads images: one job after the other, of files that it reads and decodes by itself.
import { parentPort, workerData } from "node:worker_threads";
import type { ImageFile } from "../../core/data.js";
import { type ExitCode, StepwedgeError } from "../../core/errors.js";
import { loadImageFile } from "../../data/shared/image-files.js";
import { type LoadedRow, type LoadSpec, loadRow } from "./row.js";

/** What a thread is started with. */
export interface WorkerStart {
  readonly spec: LoadSpec;
  /** Values per image. */
  readonly size: number;
  /** Where the images of a job go; shared with the main thread, which reads it after the reply. */
  readonly images: Float32Array;
}

export type LoadReply =
  | { readonly kind: "loaded"; readonly rows: readonly LoadedRow[] }
  | { readonly kind: "failed"; readonly fault: LoadFault };

/** An error on its way between threads. Without an exit code it is a fault of ours. */
export interface LoadFault {
  readonly message: string;
  readonly where?: string;
  readonly remedy?: string;
  readonly exitCode?: ExitCode;
}

const port = parentPort;
if (port === null) throw new Error("worker.js is started by openThreads, not by hand");

const { images, size, spec } = workerData as WorkerStart;

/** The job at hand, if any. */
let busy: Promise<void> = Promise.resolve();

port.on("message", (job: readonly ImageFile[] | "close") => {
  if (job === "close") busy.then(() => port.close());
  else busy = answer(job);
});

async function answer(job: readonly ImageFile[]): Promise<void> {
  const reply = await perform(job).then(
    (rows): LoadReply => ({ kind: "loaded", rows }),
    (error: unknown): LoadReply => ({ kind: "failed", fault: asFault(error) }),
  );
  port?.postMessage(reply);
}

async function perform(files: readonly ImageFile[]): Promise<readonly LoadedRow[]> {
  const rows: LoadedRow[] = [];
  for (const [index, file] of files.entries()) {
    const out = images.subarray(index * size, (index + 1) * size);
    rows.push(await loadRow(() => loadImageFile(file), file.place, spec, out));
  }
  return rows;
}

function asFault(error: unknown): LoadFault {
  if (!(error instanceof StepwedgeError)) {
    return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  const { exitCode, message, remedy, where } = error;
  return {
    message,
    exitCode,
    ...(where === undefined ? {} : { where }),
    ...(remedy === undefined ? {} : { remedy }),
  };
}
