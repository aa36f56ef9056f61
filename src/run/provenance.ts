import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
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
