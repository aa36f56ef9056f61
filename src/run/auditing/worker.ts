// A worker thread that audits: one job after the other, on columns that all threads share.
import { parentPort, workerData } from "node:worker_threads";
import { askedFor, doJob, type Job } from "../auditing.js";
import { studyOf } from "./columns.js";
import type { ThreadData } from "./threads.js";

const port = parentPort;
if (port === null) throw new Error("worker.js is started by auditInThreads, not by hand");

const { ask, columns } = workerData as ThreadData;
const study = studyOf(columns);
const asked = askedFor(ask, study);

port.on("message", async (job: Job) => {
  port.postMessage(doJob(await asked, ask, study, job));
});
