import { once } from "node:events";
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
  const workers = Array.from({ length: threads }, () => startWorker(workerData));
  try {
    await Promise.all(
      workers.map(async (worker) => {
        for (let next = left.shift(); next !== undefined; next = left.shift()) {
          const [place, job] = next;
          results[place] = await worker.perform(job);
        }
      }),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.end()));
  }
  return results;
}

function startWorker(workerData: ThreadData) {
  const worker = new Worker(WORKER, { workerData });
  const ended = once(worker, "exit").then(([code]): never => {
    throw new Error(`a thread that audits ended with code ${code}`);
  });
  // Where the thread ends because it was told to, nobody waits for this.
  ended.catch(() => {});
  return {
    /** Rejects with the thread's error, such as one of memory. */
    async perform(job: Job): Promise<JobResult> {
      const answer = once(worker, "message");
      worker.postMessage(job);
      const [result] = await Promise.race([answer, ended]);
      return result as JobResult;
    },
    end: () => worker.terminate(),
  };
}
