/*
 * 2,000 replicates of the bootstrap of an AUC at 10^4 samples, stratified by class: ours (a patient per sample; from bare
 * columns to the percentile interval, the sort included) beside pROC's `ci.auc(method = "bootstrap", boot.n = 2000)`, in
 * turns in one run. pROC times itself in R, with its roc object made beforehand. On a machine that does other things too
 * the ratio of processor times is the one to read; neither side uses a second thread but for its garbage collector.
 *
 *   npm run build && node dist/bench/resampling.js
 *
 * Without Rscript or pROC (Debian: r-cran-proc) ours is timed alone.
 */
import { randomFrom } from "../src/core/random.js";
import { bootstrap, bootstrapInterval } from "../src/stats/bootstrap.js";
import { resamplingPlan } from "../src/stats/resample.js";
import { weightedAuc } from "../src/stats/weighted.js";
import { binormal, median, runTool, timed } from "./support/tools.js";

const SAMPLES = 10_000;
const REPLICATES = 2_000;
const REPEATS = 5;

const PROC = `
suppressMessages(library(pROC))
folder <- commandArgs(trailingOnly = TRUE)[1]
scores <- readBin(file.path(folder, "scores.bin"), "double", ${SAMPLES})
labels <- as.integer(readBin(file.path(folder, "labels.bin"), "raw", ${SAMPLES}))
set.seed(1)
r <- roc(labels, scores, direction = "<", levels = c(0, 1), quiet = TRUE)
t <- system.time(
  i <- ci.auc(r, method = "bootstrap", boot.n = ${REPLICATES}, boot.stratified = TRUE, progress = "none"))
cat("seconds", t[["elapsed"]], "\nprocessor", t[["user.self"]] + t[["sys.self"]], "\nlower", i[1], "\nupper", i[3], "\n")
`;

function ours(data: ReturnType<typeof binormal>, seed: number) {
  const plan = resamplingPlan([data]);
  const statistic = weightedAuc(data, plan.numbers[0] as Uint32Array);
  const replicates = bootstrap(statistic, plan, REPLICATES, randomFrom("bench", "resampling", seed));
  return replicates.status === "estimated" ? bootstrapInterval(replicates, 0.95, "percentile") : null;
}

const data = binormal(SAMPLES, 1);
ours(data, 0); // the compiler warms up
process.stdout.write(
  "seconds: wall (processor)\nours           pROC             ratio        ours 95 %        pROC 95 %\n",
);
const ratios: number[] = [];
const processorRatios: number[] = [];
for (let repeat = 1; repeat <= REPEATS; repeat++) {
  // A copy each time: orders of columns that were seen before are remembered.
  const fresh = { ...data, scores: data.scores.slice(), labels: data.labels.slice(), patients: data.patients.slice() };
  const { seconds, processor, result } = timed(() => ours(fresh, repeat));
  const pROC = runTool(["Rscript", "--vanilla"], PROC, data);
  const interval = result !== null && "lower" in result ? `${result.lower.toFixed(5)} ${result.upper.toFixed(5)}` : "–";
  const mine = `${seconds.toFixed(3)} (${processor.toFixed(3)})`;
  if (pROC === null) {
    process.stdout.write(`${mine}  pROC skipped: not here (Debian: apt-get install r-cran-proc)\n`);
    continue;
  }
  const [wall, cpu] = [pROC.seconds ?? Number.NaN, pROC.processor ?? Number.NaN];
  ratios.push(wall / seconds);
  processorRatios.push(cpu / processor);
  const ratio = `${(wall / seconds).toFixed(1)} (${(cpu / processor).toFixed(1)})`;
  const theirs = `${wall.toFixed(3)} (${cpu.toFixed(3)})`;
  const limits = `${(pROC.lower ?? 0).toFixed(5)} ${(pROC.upper ?? 0).toFixed(5)}`;
  process.stdout.write(`${mine}  ${theirs}  ${ratio}  ${interval}  ${limits}\n`);
}
if (ratios.length > 0) {
  process.stdout.write(`median ratio ${median(ratios).toFixed(1)} (${median(processorRatios).toFixed(1)})\n`);
}
