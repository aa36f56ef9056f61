// ONNX files on onnxruntime-node: one input of images or volumes (channels first or last, any number type, dynamic or fixed
// batch), further inputs held constant, one output of scores or of a value for every pixel. Sessions run in worker threads, one per core, so that decoding and attacks overlap with inference.
import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { z } from "zod";
import { type AdapterContext, defineModelAdapter } from "../core/adapter.js";
import { StepwedgeError } from "../core/errors.js";
import { sha256File } from "../core/hash.js";
import { externalFiles } from "./onnx/external-data.js";
import { openPool, type SessionPool } from "./onnx/pool.js";
import type { SessionSpec } from "./onnx/session.js";
import { type Connection, opening } from "./shared/connection.js";
import { modelInput } from "./shared/geometry.js";
import { activation, checkSelection, inputName, layout, output, pixels } from "./shared/parameters.js";
import { askInParts } from "./shared/parts.js";

/**
 * Images per forward pass at most. Larger passes gain nothing on a CPU, and smaller ones share a small batch among the
 * cores. How a batch is cut depends on its size alone, not on the machine, so that answers cannot.
 */
const CHUNK = 16;
const CHUNK_VALUES = 2 ** 22;

const parameters = z.strictObject({
  path: z.string().min(1).describe("The .onnx file, relative to the protocol."),
  activation,
  output,
  input: z
    .strictObject({
      name: inputName,
      layout,
      ...pixels,
      constants: z
        .record(z.string().min(1), z.union([z.number(), z.array(z.number()).min(1)]))
        .default({})
        .describe("Values of the model's further inputs, by name; the same for every image."),
    })
    .prefault({}),
  providers: z
    .array(z.enum(["cpu", "cuda", "dml", "coreml", "webgpu", "tensorrt", "rocm"]))
    .min(1)
    .default(["cpu"])
    .describe(
      "Execution providers in order of preference; the first that loads the model runs it, and the record says which.",
    ),
  sessions: z.number().int().min(1).max(64).optional().describe("Sessions side by side; default: one per core."),
});

export default defineModelAdapter({
  meta: {
    id: "onnx",
    title: "ONNX model",
    summary:
      "A classifier in an .onnx file, of images or volumes, run by onnxruntime on the CPU or on a provider that you name.",
    parameters,
    needsImages: true,
  },
  ...opening(connect),
});

/** @param classes null: the output is an encoder's */
async function connect(
  options: z.infer<typeof parameters>,
  context: AdapterContext,
  classes: readonly string[] | null,
): Promise<Connection> {
  const path = resolve(context.baseFolder, options.path);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new StepwedgeError("the model file does not exist", {
      where: options.path,
      remedy: "Correct model.path; it is relative to the protocol file.",
    });
  }
  if (classes !== null) checkSelection(classes, options.output.select);
  const sessions = options.sessions ?? Math.min(context.threads, availableParallelism());
  const { constants, ...input } = options.input;
  const spec: SessionSpec = {
    path,
    threads: Math.max(1, Math.floor(context.threads / sessions)),
    providers: options.providers,
    classes,
    activation: options.activation,
    input: omitUndefined(input),
    constants,
    output: { ...omitUndefined(options.output), reduce: options.output.reduce },
  };
  const files: Record<string, string> = { [basename(path)]: await sha256File(path) };
  for (const { name, path: place } of externalFiles(path)) files[name] = await sha256File(place);
  const pool = await openPool(spec, sessions);
  const { channels, height, provider, refusedProviders, width } = pool.input;
  const missing = refusedProviders.length === 0 ? "" : ` (${refusedProviders.join(", ")} could not load it)`;
  const parts = {
    channels,
    height,
    width,
    fixed: pool.input.batch,
    largest: chunkOf(pool),
  };
  return {
    meta: {
      adapter: "onnx",
      input: modelInput(options.input, pool.input),
      files,
      runtime: `onnxruntime-node ${ort.env.versions.node ?? "?"}, ${provider}${missing}, ${sessions} × ${spec.threads} thread`,
    },
    concurrency: sessions,
    rows: (batch) => askInParts(batch, parts, (part) => pool.run(part.data, part.count, part)),
    close: () => pool.close(),
  };
}

/** Images to a forward pass: fewer where they are large, since what the model makes of them is larger still. */
function chunkOf(pool: SessionPool): number {
  const { channels, height, width } = pool.input;
  return Math.min(CHUNK, Math.max(1, Math.floor(CHUNK_VALUES / (channels * height * width))));
}

function omitUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
