import { rmSync } from "node:fs";
import { join } from "node:path";
import { StepwedgeError } from "../core/errors.js";
import type { Deviation, Findings, Provenance } from "../core/record.js";
import type { LoadedProtocol } from "../protocol/load.js";
import { keepBaseline } from "./baseline.js";
import { conclude, renderReports } from "./conclude.js";
import { readEvidence } from "./evidence.js";
import { attributeColumns } from "./prepare.js";
import { FILES, type ProtocolFile, readJson, readProtocolFile, writeJson, writeManifest } from "./record.js";
import { predictionKey } from "./run.js";

export interface EvaluateOptions {
  readonly out: string;
  /** A protocol with other gates, subgroups, audits or reports; default: the record's own. */
  readonly protocol?: LoadedProtocol;
  readonly command?: readonly string[];
  readonly now?: () => Date;
}

/**
 * Does audits, gates and reports of a record again, from its score tables. With another protocol, only what comes
 * after scoring may differ, and that it differs is a deviation: the criteria were not fixed before the run.
 * @throws StepwedgeError where the record is not finished, or the protocol would need other scores.
 */
export async function evaluateRecord(options: EvaluateOptions): Promise<Findings> {
  const { out } = options;
  const original = readProtocolFile(out);
  const evidence = await readEvidence(out);
  const loaded = options.protocol ?? { protocol: original.protocol, sha256: original.sha256 };
  const deviations: Deviation[] = [];
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
    deviations.push(changedProtocol(original.sha256, loaded.sha256));
    writeJson(join(out, FILES.evaluated), { schemaVersion: "1.0", sha256: loaded.sha256, protocol: loaded.protocol });
  } else {
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

function changedProtocol(before: string, after: string): Deviation {
  return {
    id: "protocol-changed",
    title: "The protocol was changed after scoring",
    detail: `Scored under protocol ${before}; evaluated under ${after}. Acceptance criteria or subgroups were not fixed before the run.`,
  };
}

function previousCommand(out: string): readonly string[] {
  return readJson<Provenance>(join(out, FILES.provenance), out).command;
}

/**
 * Renders reports of a finished record again; the record itself stays as it is but for the manifest.
 * @returns the files' names within the record.
 */
export async function renderAgain(out: string, formats: readonly string[]): Promise<string[]> {
  const { protocol } = evaluatedProtocol(out);
  const evidence = await readEvidence(out);
  const files = await renderReports(out, protocol, formats, evidence.index.maxValue);
  await writeManifest(out);
  return files;
}

/** The protocol that the record's findings were made under: that of the run, or that of a later evaluation. */
function evaluatedProtocol(out: string): Pick<LoadedProtocol, "protocol" | "sha256"> {
  const { protocolSha256 } = readJson<Findings>(join(out, FILES.findings), out);
  const original = readProtocolFile(out);
  return protocolSha256 === original.sha256 ? original : readJson<ProtocolFile>(join(out, FILES.evaluated), out);
}
