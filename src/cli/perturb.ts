import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { ExitCode, received, StepwedgeError } from "../core/errors.js";
import { loadProtocol } from "../protocol/load.js";
import { epsilon as epsilonSchema } from "../protocol/values.js";
import { PERTURBED_TABLE, type PerturbSelection, perturbImages } from "../run/perturb.js";
import { checkPerturbed } from "../run/perturb-check.js";
import { interruptSignal } from "./interrupt.js";
import { terminalObserver } from "./progress.js";
import { threadCount } from "./run.js";
import { act, type Outcome, table } from "./shell.js";

interface Options {
  readonly attack?: string;
  readonly variant?: string;
  readonly epsilon?: string;
  readonly severity?: string;
  readonly objective?: string;
  readonly defense?: string;
  readonly limit?: string;
  readonly out?: string;
  readonly check?: string;
  readonly threads?: string;
  readonly set?: string[];
}

/** Scores of the same file may differ by this much between two machines; on one machine they do not differ. */
const TOLERANCE = 1e-6;

export function registerPerturb(program: Command): void {
  const command = program
    .command("perturb")
    .description("write attacked images losslessly, with a table of what was done; or check such a folder")
    .argument("<protocol>", "the audit.yaml")
    .option("--attack <id>", "the attack; its entry in the protocol gives the parameters, else their defaults")
    .option("--variant <name>", "which of several entries with that attack")
    .option("--epsilon <fraction>", "ε as a fraction of the display window, such as 4/255")
    .option("--severity <1-5>", "how strong a corruption is")
    .option("--objective <name>", "what a search is to spoil")
    .option("--defense <id>", "a defense of the protocol inside the attacker's query loop")
    .option("--limit <n>", "at most so many images, the first of the evaluation split")
    .option("--out <dir>", "the folder, new or empty")
    .option("--check <dir>", "score the images of such a folder again and compare with its table")
    .option("--threads <n>", "threads for the model (default: all cores)")
    .option("--set <key=value...>", "override a protocol field");
  act(command, async (file: string, options: Options) =>
    options.check === undefined ? perturb(file, options) : check(file, options.check, options),
  );
}

async function perturb(file: string, options: Options): Promise<Outcome> {
  const loaded = await loadProtocol(file, options.set ?? []);
  const selection = selectionOf(options);
  const out = options.out ?? `stepwedge-perturbed-${selection.attack}`;
  const observer = terminalObserver();
  const interrupt = interruptSignal();
  try {
    const done = await perturbImages({
      protocol: loaded,
      selection,
      out,
      ...(options.threads === undefined ? {} : { threads: threadCount(options.threads) }),
      observer,
      signal: interrupt.signal,
    });
    const text = table([
      ["Condition", done.condition],
      ["Images", `${done.images}, written and read back`],
      ["Queries", `${done.queries.toLocaleString("en-US")} by the attack`],
      ["Read back", `scores differ by at most ${done.largestDifference}`],
      ["Table", join(out, PERTURBED_TABLE)],
    ]);
    return { text, json: { out, ...done }, exitCode: ExitCode.pass };
  } finally {
    observer.stop();
    interrupt.release();
  }
}

async function check(file: string, folder: string, options: Options): Promise<Outcome> {
  const loaded = await loadProtocol(file, options.set ?? []);
  const observer = terminalObserver();
  try {
    const threads = options.threads === undefined ? availableParallelism() : threadCount(options.threads);
    const { images, largestDifference } = await checkPerturbed({ protocol: loaded, folder, threads, observer });
    const same = largestDifference <= TOLERANCE;
    const text = `${images} images scored again: ${same ? "as in the table" : "NOT as in the table"} (largest difference ${largestDifference})\n`;
    return { text, json: { images, largestDifference, same }, exitCode: same ? ExitCode.pass : ExitCode.fail };
  } finally {
    observer.stop();
  }
}

function selectionOf(options: Options): PerturbSelection {
  const { attack, defense, epsilon, limit, objective, severity, variant } = options;
  if (attack === undefined) {
    throw new StepwedgeError("is missing", {
      where: "--attack",
      remedy: "Name one; `stepwedge list attacks` shows them.",
    });
  }
  return {
    attack,
    ...(variant === undefined ? {} : { variant }),
    ...(epsilon === undefined ? {} : { epsilon: epsilonOf(epsilon) }),
    ...(severity === undefined ? {} : { severity: wholeNumber("--severity", severity, 5) }),
    ...(objective === undefined ? {} : { objective }),
    ...(defense === undefined ? {} : { defense }),
    ...(limit === undefined ? {} : { limit: wholeNumber("--limit", limit, Number.MAX_SAFE_INTEGER) }),
  };
}

function epsilonOf(text: string): number {
  const parsed = epsilonSchema.safeParse(/^[\d.]+$/.test(text) ? Number(text) : text);
  if (parsed.success) return parsed.data;
  throw new StepwedgeError(`must be a fraction of the display window; received ${received(text)}`, {
    where: "--epsilon",
    remedy: "Write it as a number or a quotient, such as 4/255.",
  });
}

function wholeNumber(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new StepwedgeError(`must be a whole number of at least 1; received ${received(text)}`, {
    where: option,
    remedy: most === 5 ? "Severities go from 1 to 5." : "Leave it out to take all.",
  });
}
