// A worker thread that loads images: one job after the other, of files that it reads and decodes by itself.
import { parentPort, workerData } from "node:worker_threads";
import type { ImageFile } from "../../core/data.js";
import { type ExitCode, StepwedgeError } from "../../core/errors.js";
import { loadImageFile } from "../../data/shared/image-files.js";
import { type LoadedRow, loadRow } from "./row.js";
import type { ThreadSpec } from "./threads.js";

export interface LoadJob {
  readonly files: readonly ImageFile[];
  /** Where the images go: room for all of them. It comes back with the answer. */
  readonly data: Float32Array;
}

export type LoadReply =
  | { readonly kind: "loaded"; readonly rows: readonly LoadedRow[]; readonly data: Float32Array }
  | { readonly kind: "failed"; readonly fault: LoadFault; readonly data: Float32Array };

/** An error on its way between threads. Without an exit code it is a fault of ours. */
export interface LoadFault {
  readonly message: string;
  readonly where?: string;
  readonly remedy?: string;
  readonly exitCode?: ExitCode;
}

const port = parentPort;
if (port === null) throw new Error("worker.js is started by openThreads, not by hand");

const { size, spec } = workerData as ThreadSpec;

port.on("message", async (job: LoadJob | "close") => {
  if (job === "close") {
    port.close();
    return;
  }
  const { data, files } = job;
  const reply = await perform(files, data).then(
    (rows): LoadReply => ({ kind: "loaded", rows, data }),
    (error: unknown): LoadReply => ({ kind: "failed", fault: asFault(error), data }),
  );
  port.postMessage(reply, [data.buffer as ArrayBuffer]);
});

async function perform(files: readonly ImageFile[], data: Float32Array): Promise<readonly LoadedRow[]> {
  const rows: LoadedRow[] = [];
  for (const [index, file] of files.entries()) {
    const out = data.subarray(index * size, (index + 1) * size);
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
