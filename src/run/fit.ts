import { join } from "node:path";
import { StepwedgeError } from "../core/errors.js";
import type { LoadedProtocol } from "../protocol/load.js";
import { artifactFile, ARTIFACTS_FOLDER } from "./fitting.js";
import { type RunObserver, SILENT } from "./observer.js";
import { openStudy } from "./opening.js";
import { withGroundwork } from "./predict.js";
import { openRecord } from "./record.js";
import { predictionKey } from "./run.js";

export interface FitOptions {
  readonly protocol: LoadedProtocol;
  /** A folder of its own: new or empty, or begun earlier and `resume` true. */
  readonly out: string;
  readonly resume?: boolean;
  readonly threads?: number;
  readonly observer?: RunObserver;
  readonly signal?: AbortSignal;
}

/** One thing that was learnt: its file, what it cost and what it reported. */
export interface FitResult {
  readonly key: string;
  readonly file: string;
  readonly sha256: string;
  readonly queries: number;
  readonly numbers: Readonly<Record<string, number>>;
}

/**
 * Learns all that a protocol's attacks and defenses have to learn, and nothing else: the evaluation split is not scored.
 * Entries of a later protocol use it by `fitted: <out>/artifacts`.
 * @throws StepwedgeError as a run does, and where there is nothing to learn
 */
export async function fitPlan(options: FitOptions): Promise<FitResult[]> {
  const { out, protocol: loaded } = options;
  const observer = options.observer ?? SILENT;
  const study = await openStudy(loaded, observer, options.threads);
  try {
    const { data, inputs, model, plan } = study;
    const learning = plan.fits.length + plan.trainings.length + (plan.head?.plugin.source.kind === "tuning" ? 1 : 0);
    if (model === null || learning === 0) {
      throw new StepwedgeError("has no attack, defense or head that learns", {
        where: loaded.name,
        remedy: "`stepwedge list` with attacks, defenses or heads says which do; add one to the protocol.",
      });
    }
    openRecord({ out, resume: options.resume ?? false, loaded, inputs });
    const key = predictionKey(loaded.protocol, inputs);
    const { stored } = await withGroundwork(
      model,
      { loaded, plan, data, out, key, observer, signal: options.signal },
      async (ground) => ground,
    );
    return [...stored].map(([name, { fitted, queries, sha256 }]) => ({
      key: name,
      file: join(ARTIFACTS_FOLDER, artifactFile(name)),
      sha256,
      queries: queries.search + queries.surrogate,
      numbers: fitted.numbers,
    }));
  } finally {
    await study.model?.close();
  }
}
