import { basename, extname } from "node:path";
import type { Command } from "commander";
import { received, StepwedgeError } from "../core/errors.js";
import { findPlugin } from "../core/plugins.js";
import type { Findings } from "../core/record.js";
import { type LoadedProtocol, loadProtocol } from "../protocol/load.js";
import { changesSince, lockPath, lockSha256, newest, readLock } from "../protocol/lock.js";
import { runKey } from "../run/attacking.js";
import { matchesCondition } from "../run/gates.js";
import { changesText } from "../run/locking.js";
import { makePlan } from "../run/plan.js";
import { runAudit } from "../run/run.js";
import { interruptSignal } from "./interrupt.js";
import { terminalObserver } from "./progress.js";
import { act, type Outcome, table } from "./shell.js";
import { summarise } from "./summary.js";

interface Options {
  readonly out?: string;
  readonly resume?: boolean;
  readonly threads?: string;
  readonly reporter?: string[];
  readonly dryRun?: boolean;
  readonly set?: string[];
}

export function registerRun(program: Command): void {
  const command = program
    .command("run")
    .description("run an audit and leave its record")
    .argument("<protocol>", "the audit.yaml")
    .option("--out <dir>", "the record's folder (default: stepwedge-<protocol>)")
    .option("--resume", "go on with a record that was interrupted")
    .option("--threads <n>", "threads for the model (default: all cores)")
    .option("--reporter <format...>", "report formats instead of the protocol's")
    .option("--set <key=value...>", "override a protocol field, such as data.path=other.csv")
    .option("--dry-run", "validate, count the work, and score nothing");
  act(command, async (file: string, options: Options) => {
    const loaded = await loadProtocol(file, [...(options.set ?? []), ...reporterOverride(options.reporter)]);
    if (options.dryRun === true) return dryRun(loaded);
    const out = options.out ?? `stepwedge-${basename(file, extname(file))}`;
    const findings = await runInTerminal(loaded, out, options);
    return summarise(out, findings, loaded.protocol.reports);
  });
}

/** Runs with a progress line and Ctrl-C. */
export async function runInTerminal(
  loaded: LoadedProtocol,
  out: string,
  options: Pick<Options, "resume" | "threads">,
): Promise<Findings> {
  const observer = terminalObserver();
  const interrupt = interruptSignal();
  try {
    return await runAudit({
      protocol: loaded,
      out,
      resume: options.resume ?? false,
      ...(options.threads === undefined ? {} : { threads: threadCount(options.threads) }),
      observer,
      signal: interrupt.signal,
      command: ["stepwedge", ...process.argv.slice(2)],
    });
  } finally {
    observer.stop();
    interrupt.release();
  }
}

export function threadCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1024) return count;
  throw new StepwedgeError(`must be a whole number of at least 1; received ${received(text)}`, {
    where: "--threads",
    remedy: "Leave it out to use all cores.",
  });
}

function reporterOverride(formats: readonly string[] | undefined): string[] {
  return formats === undefined ? [] : [`reports=${JSON.stringify(formats)}`];
}

async function dryRun(loaded: LoadedProtocol): Promise<Outcome> {
  const plan = await makePlan(loaded.protocol, loaded.baseFolder);
  const adapter = await findPlugin("models", loaded.protocol.model.adapter);
  const searches = plan.fits.map((fit) => ({ condition: fit.key, queries: fit.attack.entry.queries ?? 0 }));
  const conditions = plan.conditions.map((planned) => planned.key);
  const queries = searches.reduce((total, search) => total + search.queries, 0);
  const trainings = plan.trainings.map(({ defense }) => ({
    defense: defense.entry.id,
    queries: defense.entry.queries ?? 0,
  }));
  // Conditions with one key share a run of their attack, so that its questions are asked once.
  const asking = new Map(
    plan.conditions
      .filter(({ attack }) => attack?.plugin.meta.perImage !== undefined)
      .map((planned) => [runKey(planned), planned.attack?.entry.queries ?? 0]),
  );
  const perImage = [...asking.values()].reduce((total, budget) => total + budget, 0);
  const idle = loaded.protocol.gates.filter(
    (gate) => !plan.conditions.some((planned) => matchesCondition(planned.condition, gate.condition)),
  );
  const rows = [
    ["Protocol", `${loaded.name} is valid (sha256 ${loaded.sha256})`],
    ["Lock", lockWords(loaded)],
    ["Model", `${loaded.protocol.model.adapter}: ${adapter.meta.title}`],
    ["Conditions", `${conditions.length}: ${conditions.join(", ")}`],
    [
      "Trainings",
      `${trainings.length} of learned defenses: ${trainings.map(({ defense }) => defense).join(", ") || "none"}`,
    ],
    ["Searches", `${searches.length}, ${queries.toLocaleString("en-US")} queries at most`],
    ["Asked of each image", `${perImage.toLocaleString("en-US")} queries at most, by ${asking.size} runs of attacks`],
    ["Forward passes", `${conditions.length} for each evaluation image, 1 for each tuning image`],
    ...idle.map((gate) => ["Warning", `gate ${gate.id} names a condition that is not planned: it will fail`]),
  ];
  return {
    text: table(rows),
    json: {
      protocolSha256: loaded.sha256,
      conditions,
      trainings,
      searches,
      perImage,
      gatesWithoutCondition: idle.map((gate) => gate.id),
    },
    exitCode: 0,
  };
}

/** How the protocol stands to its lock; files are not looked at. */
function lockWords(loaded: LoadedProtocol): string {
  const lock = readLock(lockPath(loaded));
  if (lock === null) return `none; \`stepwedge lock ${loaded.name}\` fixes the protocol before scoring`;
  const changes = changesSince(lock, loaded.protocol, null, "scoring");
  const since = `locked on ${newest(lock).lockedAt} (lock ${lockSha256(lock)})`;
  return changes.length === 0 ? `as ${since}` : `not as ${since}; a deviation: ${changesText(changes, 3)}`;
}
