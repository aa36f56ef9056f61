import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { StepwedgeError } from "../core/errors.js";
import { sha256File } from "../core/hash.js";
import type { Findings } from "../core/record.js";
import { VERSION } from "../core/version.js";
import { FILES, readJson, readProtocolFile, writeJson } from "./record.js";

/** `manifest.json`: every file of the record by its hash, chained to the protocol. Names are sorted, with forward slashes. */
export interface Manifest {
  readonly schemaVersion: "1.0";
  /** The version that wrote the manifest. */
  readonly stepwedge: string;
  /** Of the protocol that scores were made under. */
  readonly protocolSha256: string;
  /** Of the protocol that the findings were made under: the same, but after `evaluate --protocol`. */
  readonly findingsProtocolSha256: string;
  /** SHA-256 by name. */
  readonly files: Readonly<Record<string, string>>;
  /** Bytes by name. */
  readonly sizes: Readonly<Record<string, number>>;
  /** The version that rendered each report: another one may render otherwise. */
  readonly reports: Readonly<Record<string, string>>;
  /** Files in the folder that are no part of the record, each with the reason. */
  readonly leftOut: Readonly<Record<string, string>>;
}

/** What a manifest cannot list, since it is written afterwards. */
const AFTERWARDS: readonly string[] = [FILES.manifest, FILES.signature];

const UNFINISHED: readonly (readonly [RegExp, string])[] = [
  [/\.journal$/, "work of an interrupted run that was not finished; no part of the evidence"],
  [/\.writing$/, "a file that was being written when the process ended"],
];

/** Why a file is no part of the record; null where it is one. */
export function reasonLeftOut(name: string): string | null {
  return UNFINISHED.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** What lies in the record's folder, at any depth, but for the manifest and the signature. Folders are not listed. */
export interface FolderListing {
  /** Names of files relative to the folder, with forward slashes, in order of their UTF-16 code units. */
  readonly files: readonly string[];
  /** What is neither file nor folder, such as symbolic links: its bytes are not in the record. */
  readonly others: readonly string[];
}

export function listFolder(out: string): FolderListing {
  const entries = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => ({
      name: relative(out, join(entry.parentPath, entry.name)).split(sep).join("/"),
      plain: entry.isFile(),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    files: entries.filter(({ name, plain }) => plain && !AFTERWARDS.includes(name)).map(({ name }) => name),
    others: entries.filter(({ plain }) => !plain).map(({ name }) => name),
  };
}

/**
 * Lists every file of the record with its SHA-256 and size.
 * @param rendered the reports that this version has just rendered, by file name
 * @throws StepwedgeError where the folder holds a symbolic link, or anything else that is no plain file
 */
export async function writeManifest(out: string, rendered: readonly string[] = []): Promise<void> {
  const { files: names, others } = listFolder(out);
  if (others[0] !== undefined) {
    throw new StepwedgeError("is no plain file: a link's target may change, and lies outside of the record", {
      where: join(out, others[0]),
      remedy: "Replace it by a copy of what it leads to, or remove it; then `stepwedge evaluate` the record.",
    });
  }
  const leftOut = names.flatMap((name) => {
    const reason = reasonLeftOut(name);
    return reason === null ? [] : [[name, reason] as const];
  });
  const files: [string, string][] = [];
  const sizes: [string, number][] = [];
  for (const name of names.filter((name) => reasonLeftOut(name) === null)) {
    files.push([name, await sha256File(join(out, name))]);
    sizes.push([name, statSync(join(out, name)).size]);
  }
  const before = renderedBefore(out);
  const versions = Object.entries({ ...before, ...Object.fromEntries(rendered.map((name) => [name, VERSION])) });
  const manifest: Manifest = {
    schemaVersion: "1.0",
    stepwedge: VERSION,
    protocolSha256: readProtocolFile(out).sha256,
    findingsProtocolSha256: readJson<Findings>(join(out, FILES.findings), out).protocolSha256,
    files: Object.fromEntries(files),
    sizes: Object.fromEntries(sizes),
    reports: Object.fromEntries(versions.filter(([name]) => names.includes(name)).sort(([a], [b]) => (a < b ? -1 : 1))),
    leftOut: Object.fromEntries(leftOut),
  };
  writeJson(join(out, FILES.manifest), manifest);
}

/** The versions of reports that were rendered earlier and still lie there. */
function renderedBefore(out: string): Readonly<Record<string, string>> {
  const path = join(out, FILES.manifest);
  if (!existsSync(path)) return {};
  return (JSON.parse(readFileSync(path, "utf8")) as Partial<Manifest>).reports ?? {};
}
