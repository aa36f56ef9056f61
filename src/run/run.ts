import { join } from "node:path";
import { canonicalJson, sha256 } from "../core/hash.js";
import type { Findings } from "../core/record.js";
import { VERSION } from "../core/version.js";
import type { LoadedProtocol } from "../protocol/load.js";
import { lockPath, readLock } from "../protocol/lock.js";
import type { Protocol } from "../protocol/schema.js";
import { keepBaseline } from "./baseline.js";
import { conclude } from "./conclude.js";
import { ROSTER_FILES, readEvidence, SCORES_FOLDER, writeIndex } from "./evidence.js";
import { type RunObserver, SILENT } from "./observer.js";
import { type OpenStudy, openStudy } from "./opening.js";
import { copyScores, type PredictOptions, predict } from "./predict.js";
import { openRecord } from "./record.js";
import { writeRoster } from "./roster.js";

export interface RunOptions {
  readonly protocol: LoadedProtocol;
  /** The record's folder: new or empty, or begun earlier and `resume` true. */
  readonly out: string;
  readonly resume?: boolean;
  /** Threads for the model; default: all cores. */
  readonly threads?: number;
  readonly observer?: RunObserver;
  /** Aborting it stops the run between two batches; everything scored is kept. */
  readonly signal?: AbortSignal;
  /** How the run was called, for provenance. */
  readonly command?: readonly string[];
  readonly now?: () => Date;
}

/**
 * Runs a whole audit and leaves the record in `out`: protocol, score tables, findings, reports, provenance, manifest.
 * Where a lock lies beside the protocol, the findings say how the protocol stands to it.
 * @throws StepwedgeError for faults of the input (exit code 2) or the machine (4); the signal's reason when aborted.
 */
export async function runAudit(options: RunOptions): Promise<Findings> {
  const { out, protocol: loaded } = options;
  const observer = options.observer ?? SILENT;
  await scoreInto(options, observer);
  observer.stage("auditing", null);
  return conclude({
    out,
    loaded,
    evidence: await readEvidence(out),
    deviations: [],
    command: options.command ?? ["runAudit"],
    now: (options.now ?? (() => new Date()))(),
  });
}

/** What is read here is let go of when this returns: audits of a large table need the room. */
async function scoreInto(options: RunOptions, observer: RunObserver): Promise<void> {
  const { out, protocol: loaded } = options;
  const lock = readLock(lockPath(loaded));
  const study = await openStudy(loaded, observer, options.threads);
  try {
    const { data, inputs, plan } = study;
    openRecord({ out, resume: options.resume ?? false, loaded, inputs, lock });
    await keepBaseline(out, loaded.protocol, loaded.baseFolder);
    const key = predictionKey(loaded.protocol, inputs);
    await gatherEvidence(study, { loaded, plan, data, out, key, observer, signal: options.signal });
  } finally {
    await study.model?.close();
  }
}

async function gatherEvidence({ adapter, data, model, plan }: OpenStudy, options: PredictOptions): Promise<void> {
  const { key, loaded, out } = options;
  const { protocol } = loaded;
  for (const side of ["tuning", "evaluation"] as const) {
    writeRoster(join(out, SCORES_FOLDER, ROSTER_FILES[side]), data[side], { key });
  }
  const outcome = model === null ? await copyScores(options) : await predict(model, options);
  const attacks = plan.conditions.flatMap((planned) => (planned.attack === null ? [] : [planned.attack]));
  writeIndex(out, {
    key,
    classes: protocol.model.classes,
    conditions: plan.conditions.map((planned) => planned.condition),
    flow: data.flow,
    deviations: data.deviations,
    attackKnowledge: Object.fromEntries(attacks.map((attack) => [attack.entry.id, attack.plugin.meta.knowledge])),
    model: {
      adapter: adapter.meta.id,
      runtime: model?.meta.runtime ?? "none: scores from the table",
      files: model?.meta.files ?? {},
    },
    data: { adapter: protocol.data.adapter, files: data.source.files },
    ...outcome,
  });
}

/**
 * Names everything that a score depends on: same key, same scores. Gates, subgroups and reports are not in it.
 * @param version of the stepwedge that scored
 */
export function predictionKey(
  protocol: Protocol,
  inputs: Readonly<Record<string, string>>,
  version: string = VERSION,
): string {
  const { attacks, comparators, data, defenses, model, operatingPoints, seed } = protocol;
  return sha256(canonicalJson({ version, attacks, comparators, data, defenses, inputs, model, operatingPoints, seed }));
}
