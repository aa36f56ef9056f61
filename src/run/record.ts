import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import type { Explorer } from "../core/explorer.js";
import { canonicalJson, sha256, sha256File } from "../core/hash.js";
import type { AuditRecord, Findings, Provenance } from "../core/record.js";
import { VERSION } from "../core/version.js";
import type { LoadedProtocol } from "../protocol/load.js";
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
}

export const FILES = {
  protocol: "protocol.json",
  evaluated: "protocol.evaluated.json",
  findings: "findings.json",
  explorer: "explorer.json",
  provenance: "provenance.json",
  manifest: "manifest.json",
} as const;

export interface OpenRecordOptions {
  readonly out: string;
  readonly resume: boolean;
  readonly loaded: LoadedProtocol;
  readonly inputs: Readonly<Record<string, string>>;
}

/**
 * Makes the record's folder and fixes the protocol in it, or, resuming, checks that nothing changed since.
 * @throws StepwedgeError where the folder holds something else, or the protocol, an input or the version differs.
 */
export function openRecord({ out, resume, loaded, inputs }: OpenRecordOptions): void {
  const file = join(out, FILES.protocol);
  const wanted: ProtocolFile = {
    schemaVersion: "1.0",
    sha256: loaded.sha256,
    protocol: loaded.protocol,
    stepwedge: VERSION,
    inputs,
  };
  if (existsSync(file)) {
    if (!resume) {
      throw new StepwedgeError("already holds a record", {
        where: out,
        remedy: "Go on with it by --resume, or choose another folder by --out.",
      });
    }
    checkSame(readProtocolFile(out), wanted, out);
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
  for (const [name, hash] of Object.entries(wanted.inputs)) {
    if (found.inputs[name] !== hash)
      throw differ(`another version of ${name}`, "Put the file back, or run into another folder.");
  }
}

/** Reads `protocol.json`. @throws StepwedgeError where the folder is no record. */
export function readProtocolFile(out: string): ProtocolFile {
  const file = readJson<ProtocolFile>(join(out, FILES.protocol), out);
  if (sha256(canonicalJson(file.protocol)) !== file.sha256) {
    throw new StepwedgeError("was changed after the run: its protocol does not match its hash", {
      where: join(out, FILES.protocol),
      remedy: "Take the record from its source again.",
    });
  }
  return file;
}

export function readJson<T>(path: string, out: string): T {
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
    return JSON.parse(text) as T;
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

/** Lists the SHA-256 of every file of the record, but for the list itself and what is still being written. */
export async function writeManifest(out: string): Promise<void> {
  const names = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(out, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((name) => name !== FILES.manifest && !/\.(journal|writing)$/.test(name))
    .sort();
  const files: Record<string, string> = {};
  for (const name of names) files[name] = await sha256File(join(out, name));
  writeJson(join(out, FILES.manifest), { schemaVersion: "1.0", files });
}

/** Removes what an earlier conclusion left, so that a failed one leaves no old verdict behind. */
export function clearConclusion(out: string): void {
  for (const name of [FILES.findings, FILES.explorer, FILES.manifest]) rmSync(join(out, name), { force: true });
}
