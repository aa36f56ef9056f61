/*
 * The AUC with DeLong's interval at 10^6 rows: ours beside pROC's `auc` and `ci.auc(method = "delong")` with its fastest
 * algorithm, and beside scikit-learn's `roc_auc_score`, which gives no interval. In turns in one run, from bare columns
 * to the numbers; the other tools time themselves, so that neither starting nor reading counts.
 *
 *   npm run build && node dist/bench/auc.js [rows]
 *
 * A tool that is not here (Debian: r-cran-proc, python3-sklearn) is left out with a message.
 */
import { areaUnderCurve } from "../src/stats/auc.js";
import { intervalOf } from "../src/stats/estimate.js";
import { binormal, median, type Printed, PYTHONS, runTool, timed } from "./support/tools.js";

const ROWS = Number(process.argv[2] ?? 1_000_000);
const REPEATS = 3;

// pROC 1.18's algorithms: 1 (default of old), 2 (fastest with many thresholds), 3 (C++, few thresholds), 6 (chooses).
const PROC = `
suppressMessages(library(pROC))
folder <- commandArgs(trailingOnly = TRUE)[1]
scores <- readBin(file.path(folder, "scores.bin"), "double", ${ROWS})
labels <- as.integer(readBin(file.path(folder, "labels.bin"), "raw", ${ROWS}))
best <- Inf
for (algorithm in c(2, 6)) {
  seconds <- system.time({
    r <- roc(labels, scores, direction = "<", levels = c(0, 1), quiet = TRUE, algorithm = algorithm)
    i <- ci.auc(r, method = "delong") })[["elapsed"]]
  best <- min(best, seconds)
}
cat("seconds", best, "\\nauc", sprintf("%.15f", i[2]), "\\nlower", sprintf("%.15f", i[1]), "\\n")
`;

const SKLEARN = `
import sys, time, os
import numpy as np
from sklearn.metrics import roc_auc_score
folder = sys.argv[1]
scores = np.fromfile(os.path.join(folder, "scores.bin"), dtype=np.float64)
labels = np.fromfile(os.path.join(folder, "labels.bin"), dtype=np.uint8)
started = time.perf_counter()
auc = roc_auc_score(labels, scores)
print("seconds", time.perf_counter() - started)
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
  const { seconds, result } = timed(() => {
    const auc = areaUnderCurve(data);
    return auc.status === "estimated" ? { auc: auc.value, lower: intervalOf(auc, 0.95).lower } : null;
  });
  const pROC = runTool(["Rscript", "--vanilla"], PROC, data);
  const sklearn = firstOf(PYTHONS, (python) => runTool([python], SKLEARN, data));
  return { seconds, result, pROC, sklearn };
});

process.stdout.write(`${ROWS} rows, one tenth positive; median of ${REPEATS}\n`);
const ours = median(rows.map((row) => row.seconds));
const [first] = rows;
process.stdout.write(
  `ours          ${ours.toFixed(3)} s   AUC ${first?.result?.auc}, lower limit ${first?.result?.lower}\n`,
);
const report = (name: string, tool: "pROC" | "sklearn", hint: string) => {
  const times = rows.flatMap((row) => row[tool]?.seconds ?? []);
  if (times.length === 0) {
    process.stdout.write(`${name}skipped: not here (Debian: apt-get install ${hint})\n`);
    return;
  }
  const theirs = median(times);
  const limit = first?.[tool]?.lower === undefined ? "" : `, lower limit ${first[tool]?.lower}`;
  process.stdout.write(
    `${name}${theirs.toFixed(3)} s   AUC ${first?.[tool]?.auc}${limit}; ${(theirs / ours).toFixed(1)} times ours\n`,
  );
};
report("pROC          ", "pROC", "r-cran-proc");
report("scikit-learn  ", "sklearn", "python3-sklearn");
