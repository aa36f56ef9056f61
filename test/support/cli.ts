import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** How a process ended; `code` is null when a signal killed it. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = join(process.cwd(), "dist", "src", "cli", "main.js");

/** Runs the built command line and waits for its end. */
export function stepwedge(...args: string[]): Promise<Ended> {
  return startStepwedge(...args).ended;
}

/** Starts the built command line. Tests that kill it use `process`. */
export function startStepwedge(...args: string[]): { readonly process: ChildProcess; readonly ended: Promise<Ended> } {
  return startWith({}, args);
}

/** The same with more environment variables. */
export function stepwedgeWith(environment: Readonly<Record<string, string>>, ...args: string[]): Promise<Ended> {
  return startWith(environment, args).ended;
}

function startWith(environment: Readonly<Record<string, string>>, args: readonly string[]) {
  if (!existsSync(MAIN)) throw new Error("build first: npm run build");
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { process: child, ended };
}
