import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { conditionKey } from "../core/condition.js";
import type { DecodedImage } from "../core/data.js";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { MEASURES, type Measure } from "../core/measures.js";
import type { Model, Outputs } from "../core/model.js";
import { imageSize, type PixelBatch, sliceBatch } from "../core/pixels.js";
import { findPlugin } from "../core/plugins.js";
import { decodeImage } from "../image/decode.js";
import { encodePng } from "../image/encode.js";
import { psnr, SSIM_WINDOW, ssim } from "../image/quality.js";
import { attackSchema } from "../protocol/blocks.js";
import { type LoadedProtocol, protocolHash } from "../protocol/load.js";
import type { AttackEntry, DefenseEntry, Protocol } from "../protocol/schema.js";
import { ARTIFACTS_FOLDER } from "./fitting.js";
import { BatchPreparation } from "./attacking.js";
import { SCORES_FOLDER } from "./evidence.js";
import { type RunObserver, SILENT } from "./observer.js";
import { openStudy } from "./opening.js";
import { writeWhole } from "./parquet.js";
import type { PlannedCondition } from "./plan.js";
import { type Groundwork, withGroundwork } from "./predict.js";
import type { PreparedData } from "./prepare.js";
import { predictionKey } from "./run.js";

/** Which perturbation to make, of all that a protocol could ask for. */
export interface PerturbSelection {
  readonly attack: string;
  readonly variant?: string;
  readonly epsilon?: number;
  readonly severity?: number;
  readonly objective?: string;
  /** The defense that the attacker meets in the query loop. The images are written undefended. */
  readonly defense?: string;
  /** At most so many images, the first of the evaluation split. */
  readonly limit?: number;
}

export interface PerturbOptions {
  readonly protocol: LoadedProtocol;
  readonly selection: PerturbSelection;
  /** A new or empty folder. */
  readonly out: string;
  readonly threads?: number;
  readonly observer?: RunObserver;
  readonly signal?: AbortSignal;
}

export interface PerturbOutcome {
  readonly condition: string;
  readonly images: number;
  readonly queries: number;
  /** Largest difference between the scores of the images in memory and of the files read back. */
  readonly largestDifference: number;
}

export const PERTURBED_TABLE = "perturbed.csv";
const IMAGES_FOLDER = "images";
/** Images that are attacked and written together. */
const BATCH = 64;

/**
 * Attacks the evaluation images and writes them losslessly, with a table of what was done to each. Every file is read
 * back and scored again: the "after" columns are what the model says of the file.
 * @throws StepwedgeError as a run does, where the folder is not empty, and where a file does not read back as written
 */
export async function perturbImages(options: PerturbOptions): Promise<PerturbOutcome> {
  const { out } = options;
  const observer = options.observer ?? SILENT;
  const loaded = await narrow(options.protocol, options.selection);
  if (existsSync(out) && readdirSync(out).length > 0) {
    throw new StepwedgeError("is not empty", { where: out, remedy: "Choose another folder by --out." });
  }
  for (const folder of [IMAGES_FOLDER, SCORES_FOLDER, ARTIFACTS_FOLDER])
    mkdirSync(join(out, folder), { recursive: true });
  const study = await openStudy(loaded, observer, options.threads);
  try {
    const { data, inputs, model } = study;
    if (model === null) throw new Error("a table of scores has no images");
    refuseVolumes(model.meta.input.channels);
    if (model.judge !== undefined) throw notOfTask(loaded.protocol.model.task);
    const planned = chosenCondition(study.plan.conditions, options.selection);
    const plan = { ...study.plan, fits: study.plan.fits.filter((fit) => fit.key === planned.fit) };
    const key = predictionKey(loaded.protocol, inputs);
    const predicting = { loaded, plan, data, out, key, observer, signal: options.signal };
    const { rows, spent } = await withGroundwork(model, predicting, async (ground) => ({
      rows: await perturbAll(planned, ground, data, model, options),
      spent: ground.evaluation.ledger.spent,
    }));
    writeWhole(join(out, PERTURBED_TABLE), tableText(rows));
    rmSync(join(out, SCORES_FOLDER), { recursive: true });
    return {
      condition: planned.key,
      images: rows.length,
      queries: spent.search + spent.surrogate,
      largestDifference: rows.reduce((kept, row) => Math.max(kept, row.difference), 0),
    };
  } finally {
    await study.model?.close();
  }
}

function notOfTask(task: string): StepwedgeError {
  return new StepwedgeError(`knows no task ${task}: it writes how scores of classes change`, {
    where: "perturb",
    remedy: "`stepwedge run` audits such a model under attack.",
  });
}

function refuseVolumes(channels: number): void {
  if (channels === 1 || channels === 3) return;
  throw new StepwedgeError(`the model takes ${channels} slices; only images of 1 or 3 channels can be written as PNG`, {
    where: "perturb",
    remedy: "`stepwedge run` audits such a model under attack; its attacked volumes cannot be written yet.",
  });
}

/** The protocol with one attack at one strength, and with the defense in its loop, if any. */
async function narrow(loaded: LoadedProtocol, selection: PerturbSelection): Promise<LoadedProtocol> {
  const { protocol } = loaded;
  const plugin = await findPlugin("attacks", selection.attack, "--attack");
  const given =
    protocol.attacks.find(
      (entry) =>
        entry.id === selection.attack && (selection.variant === undefined || entry.variant === selection.variant),
    ) ?? (attackSchema(selection.attack, plugin).parse({ id: selection.attack }) as unknown as AttackEntry);
  const { epsilon: _epsilon, severity: _severity, ...rest } = given;
  const attack: AttackEntry = {
    ...rest,
    id: given.id,
    ...(selection.epsilon === undefined ? {} : { epsilon: [selection.epsilon] }),
    ...(selection.severity === undefined ? {} : { severity: [selection.severity] }),
    ...(selection.objective === undefined ? {} : { objective: [selection.objective] }),
  };
  checkStrength(attack, plugin.meta.strengths);
  const narrowed: Protocol = { ...protocol, attacks: [attack], defenses: defensesOf(protocol, selection.defense) };
  return { ...loaded, protocol: narrowed, sha256: protocolHash(narrowed) };
}

function checkStrength(attack: AttackEntry, strengths: readonly string[]): void {
  const given = [attack.epsilon === undefined ? [] : "epsilon", attack.severity === undefined ? [] : "severity"].flat();
  const [only] = given;
  if (given.length === 1 && only !== undefined && strengths.includes(only)) return;
  throw new StepwedgeError(
    `${attack.id} goes by ${strengths.join(" or ")}; received ${given.join(" and ") || "neither"}`,
    { where: "perturb", remedy: `Give one of ${strengths.map((strength) => `--${strength}`).join(", ")}.` },
  );
}

function defensesOf(protocol: Protocol, id: string | undefined): readonly DefenseEntry[] {
  if (id === undefined) return [];
  const found = protocol.defenses.filter((entry) => entry.id === id);
  if (found.length > 0) return found.map((entry) => ({ ...entry, adaptive: true }));
  throw new StepwedgeError(`the protocol has no defense "${id}"`, {
    where: "--defense",
    remedy: `It has: ${protocol.defenses.map((entry) => entry.id).join(", ") || "none"}.`,
  });
}

/** The condition whose images are written: the attack's own, or the one that met the defense in its loop. */
function chosenCondition(conditions: readonly PlannedCondition[], { defense }: PerturbSelection): PlannedCondition {
  const attacked = conditions.filter((planned) => planned.attack !== null);
  const found = attacked.find((planned) => (defense === undefined ? planned.defense === null : planned.adaptive));
  if (found !== undefined) return found;
  throw new StepwedgeError("this attack asks the model nothing, so no defense changes what it does", {
    where: "--defense",
    remedy: "Leave it out.",
  });
}

/** One line of the table. */
interface Row {
  readonly cells: readonly (readonly [column: string, cell: string])[];
  readonly difference: number;
}

async function perturbAll(
  planned: PlannedCondition,
  ground: Groundwork,
  data: PreparedData,
  model: Model,
  { out, selection, signal }: PerturbOptions,
): Promise<Row[]> {
  const { images, ledger, observer, roster } = ground.evaluation;
  const count = Math.min(selection.limit ?? roster.ids.length, roster.ids.length);
  observer.stage("perturbing", count);
  const rows: Row[] = [];
  for (let first = 0; first < count; first += BATCH) {
    signal?.throwIfAborted();
    const asked = roster.rows.subarray(first, Math.min(first + BATCH, count));
    const { batch, rejected, sha256: originals } = await images.load(asked);
    const fault = rejected.findIndex((code) => code > 0);
    if (fault >= 0) throw (await images.faultOf(asked[fault] as number)) ?? new Error("an image changed meanwhile");
    const before = await ledger.predict(batch, "score");
    const preparation = new BatchPreparation({
      context: ground.evaluation,
      fits: ground.fits,
      originals: batch,
      first: 0, // Every batch counts as the first of its split, so that every image is measured in full.
      keys: roster.ids.slice(first, first + batch.count),
      cleanScores: async (classIndex) => columnOf(before, classIndex),
    });
    const prepared = await preparation.prepare({ ...planned, defense: null });
    preparation.forget();
    const files = prepared.seen;
    const scores = await ledger.predict(files, "score");
    const names = Array.from(
      { length: batch.count },
      (_, k) => `${IMAGES_FOLDER}/${String(first + k + 1).padStart(6, "0")}.png`,
    );
    const readBack = await writeAndRead(files, names, out);
    const after = await ledger.predict(readBack, "verification");
    for (let k = 0; k < batch.count; k++) {
      const name = names[k] as string;
      rows.push({
        cells: [
          ...sourceCells(data, roster.rows[first + k] as number, name),
          ["original-sha256", originals[k] as string],
          ["image-sha256", sha256(readFileSync(join(out, name)))],
          ["condition", conditionKey(planned.condition)],
          ...measureCells(prepared.measures, k, batch, files),
          ...model.meta.classes.flatMap((className, column) => [
            [`before.${className}`, String(columnOf(before, column)[k])] as const,
            [`after.${className}`, String(columnOf(after, column)[k])] as const,
          ]),
        ],
        difference: Math.max(
          ...model.meta.classes.map((_, column) =>
            Math.abs((columnOf(scores, column)[k] as number) - (columnOf(after, column)[k] as number)),
          ),
        ),
      });
    }
    observer.advance(batch.count, planned.key);
  }
  return rows;
}

/** Writes the images and reads them back from disk. @throws StepwedgeError where a value differs */
async function writeAndRead(batch: PixelBatch, names: readonly string[], out: string): Promise<PixelBatch> {
  const data = new Float32Array(batch.data.length);
  const size = imageSize(batch);
  await Promise.all(
    names.map(async (name, k) => {
      const path = join(out, name);
      const one = sliceBatch(batch, k, k + 1);
      writeWhole(path, encodePng({ ...one, data: one.data }));
      const decoded: DecodedImage = await decodeImage(readFileSync(path), name);
      if (decoded.data.length !== size || one.data.some((value, i) => value !== decoded.data[i])) {
        throw new StepwedgeError("does not read back as it was written", {
          where: path,
          remedy: "The disk or an image library is at fault: nothing of this folder can be trusted.",
          exitCode: ExitCode.incomplete,
        });
      }
      data.set(decoded.data, k * size);
    }),
  );
  return { ...batch, data };
}

/** The source's own columns, so that the table can stand in for the original one; the image's path is the new file's. */
function sourceCells({ source }: PreparedData, row: number, name: string): [string, string][] {
  const own = [...source.columns].map(([column, cells]): [string, string] => [column, cells[row] ?? ""]);
  return [...own.filter(([column]) => column !== "image"), ["image", name]];
}

function measureCells(
  measures: Float64Array | null,
  image: number,
  originals: PixelBatch,
  files: PixelBatch,
): [string, string][] {
  const of = (measure: Measure) => measures?.[image * MEASURES.length + MEASURES.indexOf(measure)] ?? Number.NaN;
  const one = (batch: PixelBatch) => sliceBatch(batch, image, image + 1).data;
  const quality = psnr(one(originals), one(files), originals.maxValue);
  const fits = Math.min(originals.width, originals.height) >= SSIM_WINDOW;
  const numbers: [string, number][] = [
    ["queries", of("search.queries")],
    ["queries-to-success", of("search.queries-to-success")],
    ["linf", of("perturbation.linf")],
    ["l2", of("perturbation.l2")],
    ["psnr", quality],
    ["ssim", fits ? ssim(one(originals), one(files), originals) : Number.NaN],
  ];
  return numbers.map(([name, value]) => [name, Number.isFinite(value) ? String(value) : ""]);
}

function columnOf(outputs: Outputs, column: number): Float64Array {
  return Float64Array.from(
    { length: outputs.count },
    (_, row) => outputs.values[row * outputs.classes.length + column] as number,
  );
}

function tableText(rows: readonly Row[]): string {
  const header = rows[0]?.cells.map(([column]) => column) ?? [];
  const lines = [header, ...rows.map((row) => row.cells.map(([, cell]) => cell))];
  return lines.map((cells) => `${cells.map(quoted).join(",")}\n`).join("");
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
