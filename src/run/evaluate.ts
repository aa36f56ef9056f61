import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Rendering } from "../core/report.js";
import { StepwedgeError } from "../core/errors.js";
import type { Deviation, Findings, Provenance } from "../core/record.js";
import type { LoadedProtocol } from "../protocol/load.js";
import { bytesOf, conclude, renderEach } from "./conclude.js";
import { keepBaseline } from "./baseline.js";
import { readEvidence } from "./evidence.js";
import { type Manifest, writeManifest } from "./manifest.js";
import { writeWhole } from "./parquet.js";
import { attributeColumns } from "./prepare.js";
import {
  evaluatedProtocol,
  FILES,
  readJson,
  readProtocolFile,
  refuseSigned,
  unsignOrRefuse,
  writeJson,
} from "./record.js";
import { predictionKey } from "./run.js";

export interface EvaluateOptions {
  readonly out: string;
  /** A protocol with other gates, subgroups, audits or reports; default: the record's own. */
  readonly protocol?: LoadedProtocol;
  readonly command?: readonly string[];
  readonly now?: () => Date;
  /** Remove the signature of a signed record, which is not changed otherwise. */
  readonly unsign?: boolean;
}

/**
 * Does audits, gates and reports of a record again, from its score tables. With another protocol, only what comes
 * after scoring may differ, and that it differs is a deviation: the criteria were not fixed before the run.
 * @throws StepwedgeError where the record is not finished, or the protocol would need other scores.
 */
export async function evaluateRecord(options: EvaluateOptions): Promise<Findings> {
  const { out } = options;
  const original = readProtocolFile(out);
  if (options.unsign !== true) refuseSigned(out);
  const evidence = await readEvidence(out);
  const loaded = options.protocol ?? { protocol: original.protocol, sha256: original.sha256 };
  const deviations = evaluationDeviations(original.sha256, loaded.sha256);
  if (loaded.sha256 !== original.sha256) {
    if (predictionKey(loaded.protocol, original.inputs) !== evidence.index.key) {
      throw new StepwedgeError(
        "asks for other scores than the record holds (model, data, attacks, defenses, operating points or seed differ)",
        {
          where: options.protocol?.name ?? out,
          remedy:
            "Score anew with `stepwedge run`; `evaluate` may change gates, subgroups, audits, reports and confidence.",
        },
      );
    }
    checkColumns(loaded, Object.keys(evidence.evaluation.attributes), options.protocol?.name ?? out);
    unsignOrRefuse(out, options.unsign ?? false);
    writeJson(join(out, FILES.evaluated), { schemaVersion: "1.0", sha256: loaded.sha256, protocol: loaded.protocol });
  } else {
    unsignOrRefuse(out, options.unsign ?? false);
    rmSync(join(out, FILES.evaluated), { force: true });
  }
  await keepBaseline(out, loaded.protocol, options.protocol?.baseFolder ?? null);
  const command = options.command ?? previousCommand(out);
  return conclude({ out, loaded, evidence, deviations, command, now: (options.now ?? (() => new Date()))() });
}

function checkColumns(loaded: Pick<LoadedProtocol, "protocol">, known: readonly string[], where: string): void {
  const missing = attributeColumns(loaded.protocol).find((column) => !known.includes(column));
  if (missing === undefined) return;
  throw new StepwedgeError(`makes subgroups of column "${missing}", which the record did not keep`, {
    where,
    remedy: `Kept: ${known.join(", ") || "none"}. Run again to keep other columns.`,
  });
}

/** What is to be said of findings that were made under another protocol than the scores; both by their SHA-256. */
export function evaluationDeviations(scored: string, evaluated: string): Deviation[] {
  if (scored === evaluated) return [];
  return [
    {
      id: "protocol-changed",
      title: "The protocol was changed after scoring",
      detail: `Scored under protocol ${scored}; evaluated under ${evaluated}. Acceptance criteria or subgroups were not fixed before the run.`,
    },
  ];
}

function previousCommand(out: string): readonly string[] {
  return readJson<Provenance>(join(out, FILES.provenance), out).command;
}

/**
 * Renders reports of a finished record again; the record itself stays as it is but for the manifest. A signed record keeps
 * its signature where nothing would change.
 * @returns the files' names within the record.
 * @throws StepwedgeError where it would change a signed record and `unsign` is false
 */
export async function renderAgain(out: string, formats: readonly string[], unsign = false): Promise<string[]> {
  const { protocol } = evaluatedProtocol(out);
  const evidence = await readEvidence(out);
  const renderings = await renderEach(out, protocol, formats, evidence.index.maxValue);
  const files = renderings.map(({ file }) => file);
  const { files: known } = readJson<Manifest>(join(out, FILES.manifest), out);
  if (renderings.every(({ file, content }) => file in known && holds(join(out, file), content))) return files;
  unsignOrRefuse(out, unsign);
  for (const { file, content } of renderings) writeWhole(join(out, file), content);
  await writeManifest(out, files);
  return files;
}

function holds(path: string, content: Rendering): boolean {
  try {
    return readFileSync(path).equals(bytesOf(content));
  } catch {
    return false;
  }
}
