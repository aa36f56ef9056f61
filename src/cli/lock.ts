import type { Command } from "commander";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import { loadProtocol } from "../protocol/load.js";
import { lockSha256, newest } from "../protocol/lock.js";
import { checkLock, changesText, lockProtocol } from "../run/locking.js";
import { act, type Outcome } from "./shell.js";

interface Options {
  readonly by?: string;
  readonly check?: boolean;
  readonly protocolOnly?: boolean;
  readonly relock?: boolean;
  readonly reason?: string;
  readonly set?: string[];
}

export function registerLock(program: Command): void {
  const command = program
    .command("lock")
    .description("fix a protocol before scoring: writes <protocol>.lock.json beside it")
    .argument("<protocol>", "the audit.yaml")
    .option("--by <name>", "who locks")
    .option("--check", "write nothing; say whether the protocol is as it was locked")
    .option("--protocol-only", "leave out the hashes of the model and the data, which need not be there then")
    .option("--relock", "lock a protocol anew that was changed since; with --reason")
    .option("--reason <text>", "why it is locked anew")
    .option("--set <key=value...>", "override a protocol field, as the run will")
    .addHelpText(
      "after",
      "\nExit codes: 0 locked, or as locked · 1 --check found differences · 2 not locked, or locked otherwise",
    );
  act(command, async (file: string, options: Options) => {
    const loaded = await loadProtocol(file, options.set ?? []);
    const inputs = options.protocolOnly !== true;
    if (options.check === true) return check(loaded, inputs);
    const { lock, path, written } = await lockProtocol({
      protocol: loaded,
      inputs,
      by: options.by ?? null,
      reason: relockReason(options),
    });
    const { inputs: held, lockedAt, protocolSha256 } = newest(lock);
    const sha256 = lockSha256(lock);
    const what = written
      ? lock.entries.length > 1
        ? `Locked anew (entry ${lock.entries.length})`
        : "Locked"
      : `Locked already, on ${lockedAt}`;
    const scope =
      held === null
        ? "the protocol alone"
        : `the protocol and ${Object.keys(held).length} files of the model and the data`;
    return {
      text: `${what}: ${scope}.\nProtocol ${protocolSha256}\nLock     ${sha256}\n${path}\nKeep the lock under version control, or send its number to somebody: that is what dates it.\n`,
      json: { path, sha256, protocolSha256, inputs: held, entries: lock.entries.length, written },
      exitCode: 0,
    };
  });
}

function relockReason({ reason, relock }: Options): string | null {
  const given = reason?.trim() ?? "";
  if (relock === true && given !== "") return given;
  if (relock !== true && reason === undefined) return null;
  throw new StepwedgeError("--relock and --reason go together", {
    where: "lock",
    remedy: "Say why the protocol is locked anew: --relock --reason TEXT.",
  });
}

async function check(loaded: Parameters<typeof checkLock>[0], inputs: boolean): Promise<Outcome> {
  const { changes, lock, path } = await checkLock(loaded, inputs);
  const sha256 = lockSha256(lock);
  const since = `locked on ${newest(lock).lockedAt} (lock ${sha256})`;
  return {
    text:
      changes.length === 0
        ? `As ${since}.\n`
        : `Not as ${since}. Changed: ${changesText(changes, changes.length)}\nA run goes on, and records the changes as a deviation.\n`,
    json: { path, sha256, entries: lock.entries.length, locked: changes.length === 0, changes },
    exitCode: changes.length === 0 ? ExitCode.pass : ExitCode.fail,
  };
}
