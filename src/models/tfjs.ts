// TensorFlow.js models from disk: a LayersModel (Keras) or a GraphModel (SavedModel), NHWC, float32. They can be
// differentiated, so that white-box attacks run on them. Everything runs on this thread, on whatever TensorFlow.js there is.
import { resolve } from "node:path";
import { z } from "zod";
import { type AdapterContext, defineModelAdapter } from "../core/adapter.js";
import { classifier, encoder } from "./shared/connection.js";
import { modelInput } from "./shared/geometry.js";
import { activation, checkSelection, output, pixels } from "./shared/parameters.js";
import { openTensorflowSession } from "./tfjs/session.js";

const parameters = z.strictObject({
  path: z.string().min(1).describe("The folder of model.json and its .bin files, relative to the protocol."),
  activation,
  output,
  input: z.strictObject(pixels).prefault({}),
});

export default defineModelAdapter({
  meta: {
    id: "tfjs",
    title: "TensorFlow.js model",
    summary:
      "A classifier in TensorFlow.js format, of images or volumes, run by whatever TensorFlow.js there is; white-box attacks can use it.",
    parameters,
    needsImages: true,
  },
  async open(options, context) {
    const { classes } = context;
    checkSelection(classes, options.output.select);
    const { session, shared } = await connect(options, context, classes);
    const { gradient, rows } = session;
    return { ...classifier({ ...shared, rows }, classes), ...(gradient === null ? {} : { gradient }) };
  },
  async openEncoder(options, context) {
    const { session, shared } = await connect(options, context, null);
    return encoder({ ...shared, rows: session.rows });
  },
});

/** @param classes null: the output is an encoder's */
async function connect(
  options: z.infer<typeof parameters>,
  context: AdapterContext,
  classes: readonly string[] | null,
) {
  const { width, height, channels, range, mean, std } = options.input;
  const session = await openTensorflowSession({
    path: resolve(context.baseFolder, options.path),
    where: options.path,
    classes,
    select: options.output.select,
    activation: options.activation,
    output: options.output.name,
    reduce: options.output.reduce,
    input: { width, height, channels, range, mean, std },
  });
  const shared = {
    meta: {
      adapter: "tfjs",
      input: modelInput(options.input, session.size),
      files: session.hashes,
      runtime: session.runtime,
    },
    concurrency: 1,
    close: session.close,
  };
  return { session, shared };
}
