import { basename, extname } from "node:path";
import type { Command } from "commander";
import { loadProtocol } from "../protocol/load.js";
import { type FitResult, fitPlan } from "../run/fit.js";
import { interruptSignal } from "./interrupt.js";
import { terminalObserver } from "./progress.js";
import { threadCount } from "./run.js";
import { act, type Outcome, table } from "./shell.js";

interface Options {
  readonly out?: string;
  readonly resume?: boolean;
  readonly threads?: string;
  readonly set?: string[];
}

export function registerFit(program: Command): void {
  const command = program
    .command("fit")
    .description("learn what attacks and defenses have to learn, on the tuning split, and keep it for reuse")
    .argument("<protocol>", "the audit.yaml")
    .option("--out <dir>", "the folder (default: stepwedge-fit-<protocol>)")
    .option("--resume", "go on with a fit that was interrupted")
    .option("--threads <n>", "threads for the model (default: all cores)")
    .option("--set <key=value...>", "override a protocol field, such as attacks.0.queries=5000");
  act(command, async (file: string, options: Options) => {
    const loaded = await loadProtocol(file, options.set ?? []);
    const out = options.out ?? `stepwedge-fit-${basename(file, extname(file))}`;
    const observer = terminalObserver();
    const interrupt = interruptSignal();
    try {
      const results = await fitPlan({
        protocol: loaded,
        out,
        resume: options.resume ?? false,
        ...(options.threads === undefined ? {} : { threads: threadCount(options.threads) }),
        observer,
        signal: interrupt.signal,
      });
      return outcome(out, results);
    } finally {
      observer.stop();
      interrupt.release();
    }
  });
}

function outcome(out: string, results: readonly FitResult[]): Outcome {
  const rows = results.map(({ key, queries, sha256 }) => [
    key,
    `${queries.toLocaleString("en-US")} queries`,
    sha256.slice(0, 12),
  ]);
  const text = `${table(rows)}Use it in a protocol's entry: fitted: ${out}/artifacts\n`;
  return { text, json: { out, fits: results }, exitCode: 0 };
}
