// Prints one closing line that programs can read: "N passed, N failed", with skipped tests when there are any.
import { writeSync } from "node:fs";

const STDOUT = 1;

export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    const skipped = results.numPendingTests + results.numTodoTests;
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const line = `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`;
    // Jest adds a summary of its own after all reporters; the process's end comes after that.
    process.once("exit", () => writeSync(STDOUT, line));
  }
}
