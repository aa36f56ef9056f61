import { AS_STORED } from "../core/data.js";
import { join } from "node:path";
import { StepwedgeError } from "../core/errors.js";
import type { Fitted } from "../core/fitted.js";
import { sliceBatch } from "../core/pixels.js";
import { findPlugin } from "../core/plugins.js";
import type { LoadedProtocol } from "../protocol/load.js";
import { readArtifact } from "./artifact.js";
import { ARTIFACTS_FOLDER, artifactFile } from "./fitting.js";
import { HeadedModel } from "./headed-model.js";
import { type ImageLoader, openImages } from "./images.js";
import { QueryLedger } from "./ledger.js";
import { type RunObserver, SILENT } from "./observer.js";
import { openModel } from "./opening.js";
import { PERTURBED_TABLE } from "./perturb.js";
import { type PlannedHead, planHead } from "./plan.js";

export interface CheckOptions {
  readonly protocol: LoadedProtocol;
  /** A folder that `perturb` wrote. */
  readonly folder: string;
  readonly threads: number;
  readonly observer?: RunObserver;
}

export interface CheckOutcome {
  readonly images: number;
  /** Largest difference between the table's "after" columns and the scores of now. */
  readonly largestDifference: number;
}

const BATCH = 64;

/**
 * Scores the files of a perturbed folder again, in whatever process this is, and compares with its table.
 * @throws StepwedgeError where a file is missing or its bytes are not those of the table
 */
export async function checkPerturbed(options: CheckOptions): Promise<CheckOutcome> {
  const { folder, protocol: loaded } = options;
  const { protocol } = loaded;
  const observer = options.observer ?? SILENT;
  const { classes } = protocol.model;
  const source = await findPlugin("data", "table");
  const table = await source.open(source.meta.parameters.parse({ path: PERTURBED_TABLE }), {
    baseFolder: folder,
    seed: protocol.seed,
    columns: ["image-sha256", ...classes.map((name) => `after.${name}`)],
    numbers: [],
    imageColumn: "image",
    pixels: AS_STORED,
    frameColumn: null,
    eachFrame: false,
  });
  const adapter = await findPlugin("models", protocol.model.adapter);
  const head = await planHead(protocol, loaded.baseFolder);
  const model = await openModel(loaded, adapter, { head, task: null }, options.threads, { source: table });
  if (model === null) throw new Error("a table of scores has no images");
  let images: ImageLoader | null = null;
  try {
    if (head !== null && model instanceof HeadedModel) model.use(headOf(folder, head));
    const { bits } = protocol.data;
    images = await openImages({ source: table, input: model.meta.input, bits, unreadable: "fail", rows: [0] });
    const ledger = new QueryLedger(model);
    observer.stage("checking", table.count);
    let largestDifference = 0;
    for (let first = 0; first < table.count; first += BATCH) {
      const rows = Array.from({ length: Math.min(BATCH, table.count - first) }, (_, k) => first + k);
      const { batch, sha256 } = await images.load(rows);
      const expected = (column: string, row: number) => table.columns.get(column)?.[row] ?? "";
      for (const [k, digest] of sha256.entries()) {
        if (digest !== expected("image-sha256", first + k)) {
          throw new StepwedgeError("the image is not the one that the table was written for", {
            where: `${join(folder, PERTURBED_TABLE)}, ${table.rowName(first + k)}`,
            remedy: "Make the folder again with `stepwedge perturb`.",
          });
        }
      }
      const outputs = await ledger.predict(sliceBatch(batch, 0, batch.count), "verification");
      outputs.values.forEach((value, at) => {
        const column = `after.${classes[at % classes.length]}`;
        const before = Number(expected(column, first + Math.floor(at / classes.length)));
        largestDifference = Math.max(largestDifference, Math.abs(value - before));
      });
      observer.advance(batch.count, "perturbed images");
    }
    return { images: table.count, largestDifference };
  } finally {
    await images?.close();
    await model.close();
  }
}

/** The head that the folder's images were scored by. */
function headOf(folder: string, { key }: PlannedHead): Fitted {
  const path = join(folder, ARTIFACTS_FOLDER, artifactFile(key));
  const stored = readArtifact(path, null);
  if (stored !== null) return stored.fitted;
  throw new StepwedgeError("does not exist", {
    where: path,
    remedy: "Make the folder again with `stepwedge perturb`.",
  });
}
