import { existsSync, readFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { z } from "zod";
import { StepwedgeError } from "../core/errors.js";
import { canonicalJson, sha256 } from "../core/hash.js";
import type { LockChange } from "../core/record.js";
import { LINEAGES, type Lineage, upgraded } from "../core/upgrade.js";
import { differences } from "./difference.js";
import type { LoadedProtocol } from "./load.js";
import { protocolHash } from "./load.js";
import type { Protocol } from "./schema.js";

/** `audit.lock.json`: what was fixed before scoring, and how often it was fixed anew. Oldest entry first. */
export interface LockFile {
  readonly schemaVersion: "1.0";
  readonly entries: readonly LockEntry[];
}

export interface LockEntry {
  readonly protocolSha256: string;
  /** The canonical protocol. */
  readonly protocol: Protocol;
  /** SHA-256 of the files of the model and the data by name, as in `protocol.json`; null where only the protocol is locked. */
  readonly inputs: Readonly<Record<string, string>> | null;
  /** The version that locked: another one may complete the same audit.yaml otherwise. */
  readonly stepwedge: string;
  /** Who locked, as they said. */
  readonly by: string | null;
  /** Why it was locked anew; null in the first entry. */
  readonly reason: string | null;
  /** The clock of the machine that locked; the one clock reading of an entry. */
  readonly lockedAt: string;
  /** `entrySha256` of the entry before; null in the first. */
  readonly previous: string | null;
}

const digest = z.string().regex(/^[0-9a-f]{64}$/);

const entry = z
  .strictObject({
    protocolSha256: digest.describe("Of the canonical protocol as canonical JSON."),
    protocol: z.record(z.string(), z.unknown()).describe("The canonical protocol."),
    inputs: z
      .record(z.string(), digest)
      .nullable()
      .describe("SHA-256 of the files of the model and the data; null where only the protocol is locked."),
    stepwedge: z.string(),
    by: z.string().nullable(),
    reason: z.string().nullable().describe("Why it was locked anew; null in the first entry."),
    lockedAt: z.iso.datetime().describe("The clock of the machine that locked."),
    previous: digest.nullable().describe("SHA-256 of the entry before as canonical JSON; null in the first."),
  })
  .meta({ id: "LockEntry" });

/** The form of the file. The protocol inside is held to its hash, not to the schema of another version. */
export const lockSchema = z.strictObject({
  schemaVersion: z.literal("1.0"),
  entries: z.array(entry).min(1).describe("Oldest first; each names the one before."),
});

/** The SHA-256 that names an entry and, through `previous`, all before it. */
export function entrySha256(entry: LockEntry): string {
  return sha256(canonicalJson(entry));
}

/** The entry that is in force. */
export function newest({ entries }: LockFile): LockEntry {
  return entries.at(-1) as LockEntry;
}

/** The SHA-256 of a lock: that of its newest entry. */
export function lockSha256(lock: LockFile): string {
  return entrySha256(newest(lock));
}

/** Where the lock of a protocol lies: beside it, `audit.lock.json` for `audit.yaml`. */
export function lockPath({ baseFolder, name }: Pick<LoadedProtocol, "baseFolder" | "name">): string {
  return join(baseFolder, `${basename(name, extname(name))}.lock.json`);
}

/**
 * Reads a lock; null where there is none.
 * @throws StepwedgeError where it is no lock, or an entry was changed after it was made
 */
export function readLock(path: string): LockFile | null {
  if (!existsSync(path)) return null;
  return parseLock(readFileSync(path, "utf8"), path);
}

/** @throws StepwedgeError where the text is no lock, or an entry was changed after it was made */
export function parseLock(text: string, where: string): LockFile {
  const fault = (message: string) =>
    new StepwedgeError(message, {
      where,
      remedy: "Take the lock from its source again, such as version control. A lock is never edited by hand.",
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault("is no valid JSON");
  }
  upgraded(value, LINEAGES["protocol.lock.json"] as Lineage, where);
  const parsed = lockSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw fault(`is no lock: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
  }
  const lock = value as LockFile;
  for (const [index, entry] of lock.entries.entries()) {
    const before = lock.entries[index - 1];
    if (protocolHash(entry.protocol) !== entry.protocolSha256) {
      throw fault(`entry ${index + 1} was changed: its protocol does not match its protocolSha256`);
    }
    if (entry.previous !== (before === undefined ? null : entrySha256(before))) {
      throw fault(
        index === 0
          ? "entry 1 names an entry before it, which is missing"
          : `entry ${index} was changed, or one between ${index} and ${index + 1} is missing: entry ${index + 1} names another`,
      );
    }
  }
  return lock;
}

/** In what a protocol and its inputs differ from the lock's newest entry. */
export function changesSince(
  lock: LockFile,
  protocol: Protocol,
  inputs: Readonly<Record<string, string>> | null,
  at: LockChange["at"],
): LockChange[] {
  const locked = newest(lock);
  const files =
    locked.inputs === null || inputs === null ? [] : differences({ inputs: locked.inputs }, { inputs: { ...inputs } });
  return [...differences(locked.protocol, protocol), ...files].map((difference) => ({ at, ...difference }));
}
