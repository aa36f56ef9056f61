import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join, sep } from "node:path";
import { sha256 } from "../core/hash.js";
import type { Provenance } from "../core/record.js";
import { PACKAGE_ROOT, VERSION } from "../core/version.js";
import type { EvidenceIndex } from "./evidence.js";

/** Packages whose version can change a number. */
const DECISIVE_PACKAGES = [
  "onnxruntime-node",
  "@tensorflow/tfjs",
  "sharp",
  "jimp",
  "dicom-parser",
  "dcmjs-codecs",
  "hyparquet",
  "hyparquet-writer",
  "pure-rand",
] as const;

/** What was run on what, and where. `now` is the one clock reading of a record. */
export function collectProvenance(
  index: EvidenceIndex,
  seed: number,
  command: readonly string[],
  now: Date,
): Provenance {
  return {
    schemaVersion: "1.0",
    stepwedge: VERSION,
    node: process.version,
    packages: Object.fromEntries(DECISIVE_PACKAGES.map((name) => [name, packageVersion(name)])),
    lockfileSha256: lockfileHash(),
    seed,
    command,
    model: { ...index.model, ...(index.head == null ? {} : { head: index.head }) },
    data: { ...index.data, imagesSha256: index.imagesSha256, images: index.images },
    hardware: {
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      platform: `${process.platform} ${process.arch}`,
    },
    finishedAt: now.toISOString(),
  };
}

/** Of our package-lock.json in a checkout, else of the lockfile that npm keeps in the node_modules that we lie in. */
function lockfileHash(): string | null {
  const parents = PACKAGE_ROOT.split(sep).map((_, index, parts) => parts.slice(0, parts.length - index).join(sep));
  const installed = parents.filter((folder) => folder.endsWith(`${sep}node_modules`));
  const candidates = [
    join(PACKAGE_ROOT, "package-lock.json"),
    ...installed.map((folder) => join(folder, ".package-lock.json")),
  ];
  for (const file of candidates) {
    try {
      return sha256(readFileSync(file));
    } catch {
      // Not there: the next one.
    }
  }
  return null;
}

function packageVersion(name: string): string {
  const require = createRequire(join(PACKAGE_ROOT, "package.json"));
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return (JSON.parse(readFileSync(join(folder, name, "package.json"), "utf8")) as { version: string }).version;
    } catch {
      // Not in this folder: npm may have put it into one further up.
    }
  }
  return "not installed";
}
