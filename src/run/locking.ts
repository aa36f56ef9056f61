import { received, StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { canonicalJson } from "../core/hash.js";
import type { Deviation, LockChange, ProtocolLock, Provenance } from "../core/record.js";
import { VERSION } from "../core/version.js";
import type { LoadedProtocol } from "../protocol/load.js";
import {
  changesSince,
  entrySha256,
  type LockEntry,
  type LockFile,
  lockPath,
  lockSha256,
  newest,
  readLock,
} from "../protocol/lock.js";
import type { Protocol } from "../protocol/schema.js";
import { SILENT } from "./observer.js";
import { openStudy } from "./opening.js";
import { writeJson } from "./record.js";

export interface LockOptions {
  readonly protocol: LoadedProtocol;
  /** Lock the hashes of the model and the data too: they must be there. */
  readonly inputs: boolean;
  readonly by: string | null;
  /** Why a changed protocol is locked anew; null: only a first lock is made. */
  readonly reason: string | null;
  readonly now?: () => Date;
}

export interface Locked {
  readonly path: string;
  readonly lock: LockFile;
  /** False where the protocol was locked already, as it is. */
  readonly written: boolean;
}

/**
 * Locks a protocol before scoring: writes `<protocol>.lock.json` beside it. A protocol that was locked otherwise is locked anew only with a
 * reason, and the file keeps what was locked before.
 * @throws StepwedgeError where a changed protocol is locked without a reason, or a lock is damaged
 */
export async function lockProtocol(options: LockOptions): Promise<Locked> {
  const { protocol: loaded, reason } = options;
  const path = lockPath(loaded);
  const earlier = readLock(path);
  const inputs = options.inputs ? await inputsOf(loaded) : null;
  if (earlier !== null) {
    const { inputs: held } = newest(earlier);
    const changes = changesSince(earlier, loaded.protocol, inputs, "scoring");
    if (changes.length === 0 && (inputs === null) === (held === null)) return { path, lock: earlier, written: false };
    if (reason === null) {
      throw new StepwedgeError(
        `was locked otherwise on ${newest(earlier).lockedAt}: ${listed(changes, held, inputs)}`,
        {
          where: loaded.name,
          remedy:
            "Put it back as it was locked, or lock it anew and say why: --relock --reason TEXT. The lock keeps both.",
        },
      );
    }
  }
  const entry: LockEntry = {
    protocolSha256: loaded.sha256,
    protocol: loaded.protocol,
    inputs,
    stepwedge: VERSION,
    by: options.by,
    reason: earlier === null ? null : reason,
    lockedAt: (options.now ?? (() => new Date()))().toISOString(),
    previous: earlier === null ? null : entrySha256(newest(earlier)),
  };
  const lock: LockFile = { schemaVersion: "1.0", entries: [...(earlier?.entries ?? []), entry] };
  writeJson(path, lock);
  return { path, lock, written: true };
}

function listed(changes: readonly LockChange[], held: LockEntry["inputs"], inputs: LockEntry["inputs"]): string {
  if (changes.length > 0) return changesText(changes, 5);
  return held === null && inputs !== null ? "without the model and the data" : "with the model and the data";
}

/** SHA-256 of the model's and the data's files, by the names that `protocol.json` has for them. */
export async function inputsOf(loaded: LoadedProtocol): Promise<Readonly<Record<string, string>>> {
  const { inputs, model } = await openStudy(loaded, SILENT, 1);
  await model?.close();
  return inputs;
}

/**
 * In what a protocol differs from the lock beside it.
 * @throws StepwedgeError where there is no lock
 */
export async function checkLock(
  loaded: LoadedProtocol,
  withInputs: boolean,
): Promise<{ readonly path: string; readonly lock: LockFile; readonly changes: readonly LockChange[] }> {
  const path = lockPath(loaded);
  const lock = readLock(path);
  if (lock === null) {
    throw new StepwedgeError("is not locked: there is no lock beside it", {
      where: loaded.name,
      remedy: `\`stepwedge lock ${loaded.name}\` makes one, before anything is scored.`,
    });
  }
  const inputs = withInputs && newest(lock).inputs !== null ? await inputsOf(loaded) : null;
  return { path, lock, changes: changesSince(lock, loaded.protocol, inputs, "scoring") };
}

/** The protocol that scores were made under, with its inputs, and that of the findings. */
export interface LockedStages {
  readonly scored: {
    readonly protocol: Protocol;
    readonly sha256: string;
    readonly inputs: Readonly<Record<string, string>>;
  };
  readonly evaluated: { readonly protocol: Protocol; readonly sha256: string };
}

/** How the protocols of a record stand to its lock: what the findings say of it. */
export function lockState(lock: LockFile | null, { scored, evaluated }: LockedStages): ProtocolLock {
  if (lock === null) {
    return { status: "unlocked", sha256: null, protocolSha256: null, inputs: false, relocks: [], changes: [] };
  }
  const changes = [
    ...changesSince(lock, scored.protocol, scored.inputs, "scoring"),
    ...(evaluated.sha256 === scored.sha256 ? [] : changesSince(lock, evaluated.protocol, null, "evaluation")),
  ];
  return {
    status: changes.length === 0 ? "locked" : "changed",
    sha256: lockSha256(lock),
    protocolSha256: newest(lock).protocolSha256,
    inputs: newest(lock).inputs !== null,
    relocks: lock.entries
      .slice(1)
      .map(({ protocolSha256, reason }) => ({ protocolSha256, reason: reason ?? "no reason was given" })),
    changes,
  };
}

/** What the report must say of a protocol that is not as it was locked. */
export function lockDeviations(state: ProtocolLock): Deviation[] {
  return (["scoring", "evaluation"] as const).flatMap((at) => {
    const changes = state.changes.filter((change) => change.at === at);
    if (changes.length === 0) return [];
    const [verb, id] = at === "scoring" ? ["scored", "protocol-lock"] : ["evaluated", "protocol-lock-evaluation"];
    return [
      {
        id,
        title: `The protocol was changed after it was locked, and ${verb} under the changed one`,
        detail: `Locked as ${state.protocolSha256} (lock ${state.sha256}). Changed since: ${changesText(changes, MOST_SHOWN)}`,
      },
    ];
  });
}

/** Differences that a sentence lists; findings.json has them all. */
const MOST_SHOWN = 20;

/** Differences as one sentence, values cut at 80 characters. */
export function changesText(changes: readonly LockChange[], most: number): string {
  const shown = changes
    .slice(0, most)
    .map(({ path, before, after }) => `${path} from ${shortened(before)} to ${shortened(after)}`);
  const more = changes.length > most ? `; and ${changes.length - most} more` : "";
  return `${shown.join("; ")}${more}.`;
}

function shortened(text: string | null): string {
  if (text === null) return "nothing";
  // Long values, such as a whole entry, are told apart by their hashes.
  return text.length <= 80
    ? text
    : `${received(JSON.parse(text))} (sha256 ${sha256(canonicalJson(JSON.parse(text))).slice(0, 12)})`;
}

/** Who locked, and when: what only the provenance may say. */
export function lockProvenance(lock: LockFile | null): Provenance["lock"] {
  if (lock === null) return null;
  const { lockedAt, by, stepwedge } = newest(lock);
  return { sha256: lockSha256(lock), lockedAt, by, stepwedge };
}
