/*
 * The AUC with DeLong's interval at 10^6 rows: ours beside pROC's `auc` and `ci.auc(method = "delong")` with its fastest
 * algorithm, and beside scikit-learn's `roc_auc_score`, which gives no interval. In turns in one run, from bare columns
 * to the numbers; the other tools time themselves, so that neither starting nor reading counts. On a machine that does other
 * things too the ratio of processor times is the one to read.
 *
 *   npm run build && node dist/bench/auc.js [rows]
 *
 * A tool that is not here (Debian: r-cran-proc, python3-sklearn) is left out with a message.
 */
import { areaUnderCurve } from "../src/stats/auc.js";
import { intervalOf } from "../src/stats/estimate.js";
import { binormal, median, type Printed, PYTHONS, runTool, timed } from "./support/tools.js";

const ROWS = Number(process.argv[2] ?? 1_000_000);
const REPEATS = 7;

// pROC 1.18's algorithms: 1 (default of old), 2 (fastest with many thresholds), 3 (C++, few thresholds), 6 (chooses).
const PROC = `
suppressMessages(library(pROC))
folder <- commandArgs(trailingOnly = TRUE)[1]
scores <- readBin(file.path(folder, "scores.bin"), "double", ${ROWS})
labels <- as.integer(readBin(file.path(folder, "labels.bin"), "raw", ${ROWS}))
best <- c(Inf, Inf)
for (algorithm in c(2, 6)) {
  t <- system.time({
    r <- roc(labels, scores, direction = "<", levels = c(0, 1), quiet = TRUE, algorithm = algorithm)
    i <- ci.auc(r, method = "delong") })
  best <- pmin(best, c(t[["elapsed"]], t[["user.self"]] + t[["sys.self"]]))
}
cat("seconds", best[1], "\nprocessor", best[2], "\nauc", sprintf("%.15f", i[2]), "\nlower", sprintf("%.15f", i[1]), "\n")
`;

const SKLEARN = `
import sys, time, os
import numpy as np
from sklearn.metrics import roc_auc_score
folder = sys.argv[1]
scores = np.fromfile(os.path.join(folder, "scores.bin"), dtype=np.float64)
labels = np.fromfile(os.path.join(folder, "labels.bin"), dtype=np.uint8)
started, processor = time.perf_counter(), time.process_time()
auc = roc_auc_score(labels, scores)
print("seconds", time.perf_counter() - started)
print("processor", time.process_time() - processor)
print("auc", repr(float(auc)))
`;

function firstOf(programs: readonly string[], run: (program: string) => Printed): Printed {
  for (const program of programs) {
    const printed = run(program);
    if (printed !== null) return printed;
  }
  return null;
}

const data = binormal(ROWS, 2, 0.1);
areaUnderCurve(data); // the compiler warms up
const rows = Array.from({ length: REPEATS }, () => {
  // A copy each time: orders and areas of columns that were seen before are remembered.
  const fresh = { ...data, scores: data.scores.slice(), labels: data.labels.slice(), patients: data.patients.slice() };
  const { seconds, processor, result } = timed(() => {
    const auc = areaUnderCurve(fresh);
    return auc.status === "estimated" ? { auc: auc.value, lower: intervalOf(auc, 0.95).lower } : null;
  });
  const pROC = runTool(["Rscript", "--vanilla"], PROC, data);
  const sklearn = firstOf(PYTHONS, (python) => runTool([python], SKLEARN, data));
  return { seconds, processor, result, pROC, sklearn };
});

process.stdout.write(`${ROWS} rows, one tenth positive; medians of ${REPEATS}, seconds of wall (processor) time\n`);
const ours = { seconds: median(rows.map((row) => row.seconds)), processor: median(rows.map((row) => row.processor)) };
const [first] = rows;
const written = ({ seconds, processor }: typeof ours) => `${seconds.toFixed(3)} (${processor.toFixed(3)})`;
process.stdout.write(
  `ours          ${written(ours)}  AUC ${first?.result?.auc}, lower limit ${first?.result?.lower}\n`,
);
const report = (name: string, tool: "pROC" | "sklearn", hint: string) => {
  const printed = rows.map((row) => row[tool]).filter((numbers) => numbers !== null);
  if (printed.length === 0) {
    process.stdout.write(`${name}skipped: not here (Debian: apt-get install ${hint})\n`);
    return;
  }
  const middle = (key: string) => median(printed.map((numbers) => numbers[key] ?? Number.NaN));
  const theirs = { seconds: middle("seconds"), processor: middle("processor") };
  const limit = printed[0]?.lower === undefined ? "" : `, lower limit ${printed[0].lower}`;
  const ratio = `${(theirs.seconds / ours.seconds).toFixed(1)} (${(theirs.processor / ours.processor).toFixed(1)}) times ours`;
  process.stdout.write(`${name}${written(theirs)}  AUC ${printed[0]?.auc}${limit}; ${ratio}\n`);
};
report("pROC          ", "pROC", "r-cran-proc");
report("scikit-learn  ", "sklearn", "python3-sklearn");
