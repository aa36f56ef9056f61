import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import { canonicalJson, sha256 } from "../core/hash.js";
import type { Explorer } from "../core/explorer.js";
import type { AuditRecord, Findings, Provenance } from "../core/record.js";
import { LINEAGES, upgraded } from "../core/upgrade.js";
import { VERSION } from "../core/version.js";
import type { LoadedProtocol } from "../protocol/load.js";
import { type LockFile, lockSha256, readLock } from "../protocol/lock.js";
import type { Protocol } from "../protocol/schema.js";
import { readArtifact } from "./artifact.js";
import { SCORES_FOLDER, sheetName } from "./evidence.js";
import { ARTIFACTS_FOLDER } from "./fitting.js";
import { unfinishedName, writeWhole } from "./parquet.js";
import type { Plan } from "./plan.js";

/** `protocol.json`: written before anything is scored. */
export interface ProtocolFile {
  readonly schemaVersion: "1.0";
  readonly sha256: string;
  readonly protocol: Protocol;
  readonly stepwedge: string;
  /** SHA-256 of the model's files and of the table, by name. */
  readonly inputs: Readonly<Record<string, string>>;
  /** SHA-256 of the lock that lay beside the protocol when the record was begun; null or absent where there was none. */
  readonly lock?: string | null;
}

export const FILES = {
  protocol: "protocol.json",
  evaluated: "protocol.evaluated.json",
  lock: "protocol.lock.json",
  findings: "findings.json",
  explorer: "explorer.json",
  provenance: "provenance.json",
  manifest: "manifest.json",
  signature: "signature.dsse.json",
} as const;

export interface OpenRecordOptions {
  readonly out: string;
  readonly resume: boolean;
  readonly loaded: LoadedProtocol;
  readonly inputs: Readonly<Record<string, string>>;
  /** The lock of the protocol; a copy is kept in the record. */
  readonly lock?: LockFile | null;
}

/**
 * Makes the record's folder and fixes the protocol in it, or, resuming, checks that nothing changed since.
 * @throws StepwedgeError where the folder holds something else, or the protocol, an input or the version differs.
 */
export function openRecord({ out, resume, loaded, inputs, lock = null }: OpenRecordOptions): void {
  const file = join(out, FILES.protocol);
  const wanted: ProtocolFile = {
    schemaVersion: "1.0",
    sha256: loaded.sha256,
    protocol: loaded.protocol,
    stepwedge: VERSION,
    inputs,
    lock: lock === null ? null : lockSha256(lock),
  };
  if (existsSync(file)) {
    if (!resume) {
      throw new StepwedgeError("already holds a record", {
        where: out,
        remedy: "Go on with it by --resume, or choose another folder by --out.",
      });
    }
    checkSame(readProtocolFile(out), wanted, out);
    refuseSigned(out);
  } else {
    // A run that was killed while it wrote the protocol has left that much, and nothing else.
    const unfinished = unfinishedName(FILES.protocol);
    if (existsSync(out) && readdirSync(out).some((name) => name !== unfinished)) {
      throw new StepwedgeError("is not empty and holds no record", {
        where: out,
        remedy: "Choose another folder by --out.",
      });
    }
    mkdirSync(out, { recursive: true });
    writeWhole(file, `${JSON.stringify(wanted, null, 2)}\n`);
  }
  // After the protocol, which names it: a run that was killed in between writes it when it is resumed.
  if (lock !== null) writeJson(join(out, FILES.lock), lock);
  mkdirSync(join(out, SCORES_FOLDER), { recursive: true });
  mkdirSync(join(out, ARTIFACTS_FOLDER), { recursive: true });
}

function checkSame(found: ProtocolFile, wanted: ProtocolFile, out: string): void {
  const differ = (what: string, remedy: string) => new StepwedgeError(`was begun with ${what}`, { where: out, remedy });
  if (found.sha256 !== wanted.sha256) {
    throw differ(
      "another protocol",
      "Put the protocol back, run into another folder, or use `stepwedge evaluate` for new gates and subgroups.",
    );
  }
  if (found.stepwedge !== wanted.stepwedge)
    throw differ(`stepwedge ${found.stepwedge}`, `Finish it with that version; this is ${wanted.stepwedge}.`);
  const lock = found.lock ?? null;
  if (lock !== wanted.lock) {
    throw differ(
      lock === null ? "an unlocked protocol" : wanted.lock === null ? "a locked protocol" : "another lock",
      "Put the lock back as it was beside the protocol, or run into another folder.",
    );
  }
  for (const [name, hash] of Object.entries(wanted.inputs)) {
    if (found.inputs[name] !== hash)
      throw differ(`another version of ${name}`, "Put the file back, or run into another folder.");
  }
}

/**
 * A signed record is not changed: the signature would be of something else.
 * @throws StepwedgeError where the record is signed
 */
export function refuseSigned(out: string): void {
  if (!existsSync(join(out, FILES.signature))) return;
  throw new StepwedgeError("is signed, and this would change it", {
    where: out,
    remedy: `Work on a copy without its ${FILES.signature}, or remove the signature by --unsign and sign again.`,
  });
}

/** Removes the signature, where that was asked for; else refuses to change a signed record. */
export function unsignOrRefuse(out: string, unsign: boolean): void {
  if (unsign) rmSync(join(out, FILES.signature), { force: true });
  else refuseSigned(out);
}

/** Reads `protocol.json`. @throws StepwedgeError where the folder is no record. */
export function readProtocolFile(out: string): ProtocolFile {
  return readHashedProtocol(out, FILES.protocol);
}

/** Reads `protocol.json` or `protocol.evaluated.json`. @throws StepwedgeError where it does not match its own hash. */
export function readHashedProtocol(out: string, name: typeof FILES.protocol | typeof FILES.evaluated): ProtocolFile {
  const path = join(out, name);
  // Held to its hash as it was written: an upgraded protocol has another.
  const file = parseJson(path, out) as ProtocolFile;
  const current = upgradedFile(file, path) as ProtocolFile;
  if (sha256(canonicalJson(file.protocol)) !== file.sha256) {
    throw new StepwedgeError("was changed after the run: its protocol does not match its hash", {
      where: path,
      remedy: "Take the record from its source again.",
    });
  }
  return current;
}

/**
 * The lock that the record's protocol names; null where it names none.
 * @throws StepwedgeError where it is missing or another
 */
export function readRecordLock(out: string, { lock: named = null }: ProtocolFile): LockFile | null {
  if (named === null) return null;
  const path = join(out, FILES.lock);
  const lock = readLock(path);
  if (lock !== null && lockSha256(lock) === named) return lock;
  throw new StepwedgeError(lock === null ? "is missing" : "is not the lock that protocol.json names", {
    where: path,
    remedy: "Take the record from its source again.",
  });
}

/** The protocol that a record's findings were made under: that of the run, or that of a later evaluation. */
export function evaluatedProtocol(out: string): ProtocolFile {
  const { protocolSha256 } = readJson<Findings>(join(out, FILES.findings), out);
  const original = readProtocolFile(out);
  return protocolSha256 === original.sha256 ? original : readHashedProtocol(out, FILES.evaluated);
}

/**
 * Reads a JSON file of the record, in the form of the current version.
 * @throws StepwedgeError where it is missing, no JSON, or of a newer version
 */
export function readJson<T>(path: string, out: string): T {
  return upgradedFile(parseJson(path, out), path) as T;
}

function upgradedFile(value: unknown, path: string): unknown {
  const lineage = LINEAGES[basename(path)];
  return lineage === undefined ? value : upgraded(value, lineage, path);
}

function parseJson(path: string, out: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new StepwedgeError("holds no finished record", {
      where: out,
      remedy: `Its ${relative(out, path)} is missing: run, or finish with \`stepwedge run --resume\`.`,
      exitCode: existsSync(out) ? ExitCode.incomplete : ExitCode.usage,
      cause,
    });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new StepwedgeError("is no valid JSON", {
      where: path,
      remedy: "Take the record from its source again.",
      exitCode: ExitCode.incomplete,
      cause,
    });
  }
}

export function writeJson(path: string, value: unknown): void {
  writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** A finished record as reports see it. */
export function readRecord(out: string, protocol: Protocol, plan: Plan, maxValue: number | null): AuditRecord {
  const findings = readJson<Findings>(join(out, FILES.findings), out);
  const provenance = readJson<Provenance>(join(out, FILES.provenance), out);
  const perturbations: Record<string, AuditRecord["perturbations"][string]> = {};
  for (const { key } of plan.fits) {
    const stored = readArtifact(join(out, ARTIFACTS_FOLDER, `${sheetName(key)}.json`), null);
    const array = stored?.fitted.arrays.perturbation;
    if (array !== undefined && maxValue !== null) perturbations[key] = { ...array, maxValue };
  }
  // Records of earlier versions have none.
  const explorer = existsSync(join(out, FILES.explorer))
    ? { explorer: readJson<Explorer>(join(out, FILES.explorer), out) }
    : {};
  return { protocol, findings, provenance, ...explorer, perturbations };
}

/** Removes what an earlier conclusion left, so that a failed one leaves no old verdict behind. */
export function clearConclusion(out: string): void {
  for (const name of [FILES.findings, FILES.explorer, FILES.manifest]) rmSync(join(out, name), { force: true });
}
