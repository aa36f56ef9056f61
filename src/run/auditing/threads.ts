import { Worker } from "node:worker_threads";
import type { Study } from "../../core/audit.js";
import type { Ask, Job, JobResult } from "../auditing.js";
import { columnsOf, type StudyColumns } from "./columns.js";

/** What a thread is started with. */
export interface ThreadData {
  readonly ask: Ask;
  readonly columns: StudyColumns;
}

const WORKER = new URL("./worker.js", import.meta.url);

/** Does the jobs in several threads that share the study's columns; results in the jobs' order. */
export async function auditInThreads(
  ask: Ask,
  study: Study,
  jobs: readonly Job[],
  threads: number,
): Promise<JobResult[]> {
  const workerData: ThreadData = { ask, columns: columnsOf(study) };
  const results: JobResult[] = [];
  const left = [...jobs.entries()];
  const workers = Array.from({ length: threads }, () => new Worker(WORKER, { workerData }));
  try {
    await Promise.all(
      workers.map(async (worker) => {
        for (let next = left.shift(); next !== undefined; next = left.shift()) {
          const [place, job] = next;
          results[place] = await done(worker, job);
        }
      }),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return results;
}

function done(worker: Worker, job: Job): Promise<JobResult> {
  return new Promise((resolve, reject) => {
    const clear = () => worker.removeAllListeners();
    worker.once("message", (result: JobResult) => {
      clear();
      resolve(result);
    });
    worker.once("error", (error) => {
      clear();
      reject(error);
    });
    worker.once("exit", (code) => {
      clear();
      reject(new Error(`a thread that audits ended with code ${code}`));
    });
    worker.postMessage(job);
  });
}
