import type { Command } from "commander";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import type { Verdict } from "../core/finding.js";

/** What a command prints and how it ends. Results go to standard output, everything else to standard error. */
export interface Outcome {
  /** The text for people. */
  readonly text: string;
  /** The document for machines (`--json`). */
  readonly json: unknown;
  readonly exitCode: ExitCode;
}

export const EXIT_OF_VERDICT: Readonly<Record<Verdict, ExitCode>> = {
  pass: ExitCode.pass,
  fail: ExitCode.fail,
  inconclusive: ExitCode.inconclusive,
};

/** Codes of the operating system that say: the machine is at fault, not the input. */
const MACHINE_FAULTS: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EIO", "EROFS", "EMFILE", "ENFILE", "ENOMEM"]);

/** Ties an action to a command: prints its outcome, and turns whatever it throws into a message and an exit code. */
export function act<Args extends unknown[]>(command: Command, action: (...args: Args) => Promise<Outcome>): Command {
  return command.option("--json", "print one JSON document for machines").action(async (...args: unknown[]) => {
    const asJson = command.opts<{ json?: boolean }>().json === true;
    try {
      const outcome = await action(...(args as Args));
      process.stdout.write(asJson ? `${JSON.stringify(outcome.json, null, 2)}\n` : outcome.text);
      process.exitCode = outcome.exitCode;
    } catch (error) {
      report(error, asJson);
    }
  });
}

function report(error: unknown, asJson: boolean): void {
  const { message, exitCode } = explain(error);
  process.stderr.write(`stepwedge: ${message}\n`);
  if (asJson) process.stdout.write(`${JSON.stringify({ error: { message, exitCode } }, null, 2)}\n`);
  process.exitCode = exitCode;
}

function explain(error: unknown): { message: string; exitCode: ExitCode } {
  if (error instanceof StepwedgeError) return { message: error.format(), exitCode: error.exitCode };
  if (error instanceof Error && error.name === "AbortError") {
    return { message: "interrupted. What was scored is kept; go on with --resume.", exitCode: ExitCode.interrupted };
  }
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const text = error instanceof Error ? error.message : String(error);
  if (code !== undefined && MACHINE_FAULTS.has(code)) {
    return {
      message: `${text}\n  What was scored is kept. Mend the machine (disk space, limits), then go on with --resume.`,
      exitCode: ExitCode.incomplete,
    };
  }
  const stack = process.env.STEPWEDGE_DEBUG === undefined || !(error instanceof Error) ? "" : `\n${error.stack ?? ""}`;
  return {
    message: `internal fault: ${text}\n  This is an error in stepwedge. STEPWEDGE_DEBUG=1 shows where; please report it.${stack}`,
    exitCode: ExitCode.incomplete,
  };
}

/** Lines of aligned columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map(
      (row) =>
        `${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join("  ")}\n`,
    )
    .join("");
}
