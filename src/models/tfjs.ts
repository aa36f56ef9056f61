// TensorFlow.js models from disk: a LayersModel (Keras) or a GraphModel (SavedModel), NHWC, float32. They can be
// differentiated, so that white-box attacks run on them. Everything runs on this thread, on whatever TensorFlow.js there is.
import { resolve } from "node:path";
import { z } from "zod";
import { defineModelAdapter } from "../core/adapter.js";
import { StepwedgeError } from "../core/errors.js";
import { geometry, modelInput } from "./shared/geometry.js";
import { openTensorflowSession } from "./tfjs/session.js";

const perChannel = z
  .union([z.number(), z.array(z.number()).min(1).max(3)])
  .transform((value) => (Array.isArray(value) ? value : [value]));
const size = z.number().int().min(1).max(16_384).optional();

const parameters = z.strictObject({
  path: z.string().min(1).describe("The folder of model.json and its .bin files, relative to the protocol."),
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
      width: size,
      height: size,
      channels: z.union([z.literal(1), z.literal(3)]).optional(),
      range: z
        .tuple([z.number(), z.number()])
        .default([0, 1])
        .describe("What black and white of the display window become."),
      mean: perChannel.default([0]),
      std: perChannel.default([1]).refine((values) => values.every((value) => value > 0), "must be greater than 0"),
      ...geometry,
    })
    .prefault({}),
});

export default defineModelAdapter({
  meta: {
    id: "tfjs",
    title: "TensorFlow.js model",
    summary:
      "A classifier in TensorFlow.js format, run by whatever TensorFlow.js there is; white-box attacks can use it.",
    parameters,
    needsImages: true,
  },
  async open(options, context) {
    const { classes } = context;
    const select = options.output.select;
    const unselected = select === undefined ? undefined : classes.find((name) => select[name] === undefined);
    if (unselected !== undefined) {
      throw new StepwedgeError(`has no column for class "${unselected}"`, {
        where: "model.output.select",
        remedy: `Add "${unselected}: <column>".`,
      });
    }
    const { width, height, channels, range, mean, std } = options.input;
    const session = await openTensorflowSession({
      path: resolve(context.baseFolder, options.path),
      where: options.path,
      classes,
      columns: select === undefined ? null : classes.map((name) => select[name] as number),
      activation: options.activation,
      output: options.output.name,
      input: { width, height, channels, range, mean, std },
    });
    const { gradient } = session;
    return {
      meta: {
        adapter: "tfjs",
        classes,
        input: modelInput(options.input, session.size),
        files: session.hashes,
        runtime: session.runtime,
      },
      concurrency: 1,
      predict: session.predict,
      ...(gradient === null ? {} : { gradient }),
      close: session.close,
    };
  },
});
