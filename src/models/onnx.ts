// ONNX files on onnxruntime-node: one input of images (NCHW or NHWC, float32 or float16, dynamic or fixed batch), one
// output of scores. Sessions run in worker threads, one per core, so that decoding and attacks overlap with inference.
import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { z } from "zod";
import { defineModelAdapter } from "../core/adapter.js";
import { StepwedgeError } from "../core/errors.js";
import { sha256File } from "../core/hash.js";
import type { Outputs } from "../core/model.js";
import { imageSize, type PixelBatch } from "../core/pixels.js";
import { openPool, type SessionPool } from "./onnx/pool.js";
import type { SessionSpec } from "./onnx/session.js";
import { geometry, modelInput } from "./shared/geometry.js";

/**
 * Images per forward pass at most. Larger passes gain nothing on a CPU, and smaller ones share a small batch among the
 * cores. How a batch is cut depends on its size alone, not on the machine, so that answers cannot.
 */
const CHUNK = 16;

const perChannel = z
  .union([z.number(), z.array(z.number()).min(1).max(3)])
  .transform((value) => (Array.isArray(value) ? value : [value]));
const size = z.number().int().min(1).max(16_384).optional();

const parameters = z.strictObject({
  path: z.string().min(1).describe("The .onnx file, relative to the protocol."),
  activation: z
    .enum(["none", "sigmoid", "softmax"])
    .default("none")
    .describe("What turns the outputs into probabilities."),
  output: z
    .strictObject({
      name: z.string().optional().describe("Which output; needed where there are several."),
      select: z
        .record(z.string(), z.number().int().min(0))
        .optional()
        .describe("Column of each class; default: their order."),
    })
    .default({}),
  input: z
    .strictObject({
      name: z.string().optional(),
      width: size,
      height: size,
      channels: z.union([z.literal(1), z.literal(3)]).optional(),
      layout: z.enum(["NCHW", "NHWC"]).optional(),
      range: z
        .tuple([z.number(), z.number()])
        .default([0, 1])
        .describe("What black and white of the display window become."),
      mean: perChannel.default([0]),
      std: perChannel.default([1]).refine((values) => values.every((value) => value > 0), "must be greater than 0"),
      ...geometry,
    })
    .prefault({}),
  sessions: z.number().int().min(1).max(64).optional().describe("Sessions side by side; default: one per core."),
});

export default defineModelAdapter({
  meta: {
    id: "onnx",
    title: "ONNX model",
    summary: "A classifier in an .onnx file, run by onnxruntime on the CPU.",
    parameters,
    needsImages: true,
  },
  async open(options, context) {
    const path = resolve(context.baseFolder, options.path);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      throw new StepwedgeError("the model file does not exist", {
        where: options.path,
        remedy: "Correct model.path; it is relative to the protocol file.",
      });
    }
    const select = options.output.select;
    const unselected = select === undefined ? undefined : context.classes.find((name) => select[name] === undefined);
    if (unselected !== undefined) {
      throw new StepwedgeError(`has no column for class "${unselected}"`, {
        where: "model.output.select",
        remedy: `Add "${unselected}: <column>".`,
      });
    }
    const sessions = options.sessions ?? Math.min(context.threads, availableParallelism());
    const spec: SessionSpec = {
      path,
      threads: Math.max(1, Math.floor(context.threads / sessions)),
      classes: context.classes,
      activation: options.activation,
      input: omitUndefined(options.input),
      output: omitUndefined(options.output),
    };
    const files = { [basename(path)]: await sha256File(path) };
    const pool = await openPool(spec, sessions);
    const input = modelInput(options.input, pool.input);
    return {
      meta: {
        adapter: "onnx",
        classes: context.classes,
        input,
        files,
        runtime: `onnxruntime-node ${ort.env.versions.node ?? "?"}, cpu, ${sessions} × ${spec.threads} thread`,
      },
      concurrency: sessions,
      predict: (batch) => predict(pool, batch, context.classes),
      close: () => pool.close(),
    };
  },
});

/** Splits a batch evenly over the sessions and puts the answers together again. */
async function predict(pool: SessionPool, batch: PixelBatch, classes: readonly string[]): Promise<Outputs> {
  const { channels, height, width } = pool.input;
  if (batch.channels !== channels || batch.height !== height || batch.width !== width) {
    throw new StepwedgeError(
      `the model takes ${channels} × ${height} × ${width}; received images of ${batch.channels} × ${batch.height} × ${batch.width}`,
      { where: "model.input", remedy: "Set model.input.resize, or give images of that size." },
    );
  }
  const values = new Float64Array(batch.count * classes.length);
  const each = Math.ceil(batch.count / Math.ceil(batch.count / CHUNK));
  const work: Promise<void>[] = [];
  for (let from = 0; from < batch.count; from += each) {
    const count = Math.min(each, batch.count - from);
    const data = batch.data.subarray(from * imageSize(batch), (from + count) * imageSize(batch));
    work.push(pool.run(data, count, batch).then((part) => values.set(part, from * classes.length)));
  }
  await Promise.all(work);
  return { count: batch.count, classes, values };
}

function omitUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
