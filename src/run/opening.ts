import { availableParallelism } from "node:os";
import type { ModelAdapter } from "../core/adapter.js";
import type { Encoder, Model } from "../core/model.js";
import { findPlugin } from "../core/plugins.js";
import type { LoadedProtocol } from "../protocol/load.js";
import { parametersOf } from "../protocol/schema.js";
import { CentreEncoder } from "./centre-encoder.js";
import { HeadedModel } from "./headed-model.js";
import { hashPluginFiles } from "./inputs.js";
import { JudgedModel } from "./judged-model.js";
import { hashReferences, openReferences } from "./reference-standard.js";
import type { RunObserver } from "./observer.js";
import { SliceEncoder } from "./slice-encoder.js";
import { makePlan, type Plan, type PlannedHead } from "./plan.js";
import { type PreparedData, prepareData } from "./prepare.js";

/** A study whose data are read and whose model is loaded. Whoever opens it closes the model. */
export interface OpenStudy {
  readonly loaded: LoadedProtocol;
  readonly plan: Plan;
  readonly adapter: ModelAdapter;
  readonly data: PreparedData;
  /** null for tables of scores. */
  readonly model: Model | null;
  /** SHA-256 of every file that a score may depend on, but for the images. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** Reads the table, loads the model and hashes what scores depend on. */
export async function openStudy(
  loaded: LoadedProtocol,
  observer: RunObserver,
  threads: number | undefined,
): Promise<OpenStudy> {
  const { protocol, baseFolder } = loaded;
  const plan = await makePlan(protocol, baseFolder);
  const adapter = await findPlugin("models", protocol.model.adapter);
  observer.stage("reading the data", null);
  const data = await withHashedReferences(await prepareData(loaded, adapter), protocol, plan);
  const files = await hashPluginFiles(plan, baseFolder);
  observer.stage("loading the model", null);
  const model = await openModel(loaded, adapter, plan, threads ?? availableParallelism(), data);
  return { loaded, plan, adapter, data, model, inputs: { ...data.source.files, ...model?.meta.files, ...files } };
}

/** Masks are inputs like the table: who changes one changes the study. */
async function withHashedReferences(
  data: PreparedData,
  protocol: LoadedProtocol["protocol"],
  { task }: Plan,
): Promise<PreparedData> {
  if (task?.plugin.meta.reference !== "mask") return data;
  const rows = [...data.tuning.rows, ...data.evaluation.rows];
  const hashed = await hashReferences(data.source, protocol.data.references, rows);
  return { ...data, source: { ...data.source, files: { ...data.source.files, ...hashed } } };
}

/** The adapter's parameters, with its answers taken as they come: nothing of a mask is to be reduced. */
function wholeAnswers(parameters: Record<string, unknown>): Record<string, unknown> {
  return { ...parameters, output: { ...(parameters.output as object | undefined), reduce: "whole" } };
}

/** The source that holds references, and the splits where queries are among their samples. */
export type ModelData = Pick<PreparedData, "source"> & Partial<Pick<PreparedData, "tuning" | "evaluation">>;

/** By class, the rows of the source that have it. */
function queriesOf(
  { evaluation, tuning }: Omit<ModelData, "source">,
  classes: readonly string[],
): ReadonlyMap<string, ReadonlySet<number>> {
  const asking = (name: string) =>
    [tuning, evaluation].flatMap((split) => {
      const labels = split?.labels[name];
      return split === undefined ? [] : Array.from(split.rows).filter((_, index) => labels?.[index] === 1);
    });
  return new Map(classes.map((name) => [name, new Set(asking(name))]));
}

/**
 * The protocol's model: of scores; a head over an encoder, which can be asked once the head is fitted; or one whose answers are
 * held against the reference standard that the source has.
 */
export async function openModel(
  { baseFolder, protocol }: LoadedProtocol,
  adapter: ModelAdapter,
  { head, task }: Pick<Plan, "head" | "task">,
  threads: number,
  { source, ...splits }: ModelData,
): Promise<Model | null> {
  const parameters = parametersOf(protocol.model, adapter);
  const opening = { baseFolder, classes: protocol.model.classes, threads };
  if (head === null && task === null) return adapter.open(parameters, opening);
  if (adapter.openEncoder === undefined) throw new Error(`${adapter.meta.id} opens no encoder`);
  const open = adapter.openEncoder;
  const openVectors = async (): Promise<Encoder> => {
    const encoder = await open(parameters, opening);
    const { aggregate } = protocol.model;
    const context = protocol.data.region?.context ?? 0;
    try {
      const whole = aggregate === undefined ? encoder : new SliceEncoder(encoder, aggregate);
      return context === 0 ? whole : new CentreEncoder(whole, context);
    } catch (error) {
      // Its threads would keep the process alive.
      await encoder.close();
      throw error;
    }
  };
  if (task === null) return new HeadedModel(await openVectors(), head as PlannedHead);
  const isSearch = task.plugin.meta.reference === "sample";
  const encoder = isSearch ? await openVectors() : await open(wholeAnswers(parameters), opening);
  const references = openReferences({
    source,
    task: task.plugin,
    classes: task.classes,
    queries: isSearch ? queriesOf(splits, task.classes) : new Map(),
    entries: protocol.data.references,
    input: encoder.meta.input,
  });
  return new JudgedModel(encoder, task, references);
}
