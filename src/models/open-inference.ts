// Models behind a server that speaks the Open Inference Protocol v2 over REST: KServe, Triton, MLServer, OpenVINO and others.
// Images are sent as tensors, never as files; as bytes where the server can, else as JSON. Both give the same scores.
import { setMaxListeners } from "node:events";
import PQueue from "p-queue";
import { z } from "zod";
import { type AdapterContext, defineModelAdapter } from "../core/adapter.js";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import { canonicalJson, sha256 } from "../core/hash.js";
import { createBatch, type PixelBatch } from "../core/pixels.js";
import { bearerToken, certificates, serverAddress } from "./open-inference/address.js";
import { type Client, openInferenceClient } from "./open-inference/client.js";
import { httpClient } from "./open-inference/http.js";
import { decodeResponse, encodeRequest, type OutputTensor } from "./open-inference/messages.js";
import { greet, modelPath, type ResolvedInput, resolveInput, resolveOutput } from "./open-inference/metadata.js";
import { tensorWriter } from "./shared/datatypes.js";
import { type Connection, opening } from "./shared/connection.js";
import { modelInput } from "./shared/geometry.js";
import { activation, checkSelection, input, output } from "./shared/parameters.js";
import { askInParts } from "./shared/parts.js";
import { refuseNonFinite, scoresOf } from "./shared/scores.js";
import { shapeOf } from "./shared/values.js";

/** Bytes of an answer to a batch: scores are few. */
const ANSWER_LIMIT = 64 << 20;

const parameters = z.strictObject({
  url: z.string().min(1).describe("The server's address, without v2/…"),
  name: z.string().min(1).describe("The model's name on the server."),
  version: z.string().min(1).optional().describe("The model's version; default: the server's choice."),
  activation,
  output,
  input: input.prefault({}),
  tensors: z
    .enum(["auto", "binary", "json"])
    .default("auto")
    .describe("How tensors travel; auto: as bytes where the server lists binary_tensor_data among its extensions."),
  batch: z.number().int().min(1).max(4096).default(16).describe("Images to a request at most."),
  concurrency: z.number().int().min(1).max(256).default(4).describe("Requests at once at most."),
  timeout: z.number().positive().max(86_400).default(60).describe("Seconds that an answer may take."),
  retries: z
    .number()
    .int()
    .min(0)
    .max(20)
    .default(4)
    .describe(
      "Further tries where the server is busy or the connection is lost; the first wait is 0.5 s, each next twice as long.",
    ),
  tokenVariable: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/)
    .optional()
    .describe("The environment variable that holds a bearer token. The token itself goes nowhere but to the server."),
  tokenInClear: z.boolean().default(false).describe("True: the token may travel over http:// to another machine."),
  ca: z.string().min(1).optional().describe("PEM file of the authority that issued the server's certificate."),
});

type Parameters = z.infer<typeof parameters>;

export default defineModelAdapter({
  meta: {
    id: "open-inference",
    title: "Inference server",
    summary:
      "A classifier behind a server of the Open Inference Protocol v2 (KServe, Triton, MLServer, OpenVINO), over REST.",
    parameters,
    needsImages: true,
  },
  ...opening(open),
});

/** @param classes null: the output is an encoder's */
async function open(
  options: Parameters,
  context: AdapterContext,
  classes: readonly string[] | null,
): Promise<Connection> {
  if (classes !== null) checkSelection(classes, options.output.select);
  const address = serverAddress(options.url);
  const token = bearerToken(address, options, process.env);
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const http = httpClient({
    secure: address.protocol === "https:",
    certificates: certificates(options.ca, context.baseFolder),
    connections: options.concurrency,
    timeout: options.timeout,
  });
  const { retries } = options;
  const client = openInferenceClient({ address, http, retries, signal: closing.signal, token });
  const close = async () => {
    closing.abort(new StepwedgeError("the model was closed", { where: options.name, exitCode: ExitCode.incomplete }));
    http.close();
  };
  try {
    return await connect(client, options, classes, close);
  } catch (error) {
    await close();
    throw client.safe(error);
  }
}

async function connect(
  client: Client,
  options: Parameters,
  classes: readonly string[] | null,
  close: () => Promise<void>,
): Promise<Connection> {
  const path = modelPath(options.name, options.version);
  const { model, server } = await greet(client, path);
  const resolved = resolveInput(model, options.input, options.name);
  const wanted = resolveOutput(model, options.output.name, options.name);
  const binary =
    options.tensors === "auto" ? server.extensions.includes("binary_tensor_data") : options.tensors === "binary";
  const infer = inference(client, `${path}/infer`, resolved, wanted, binary, options);

  // One black image tells the version that answers, and whether its answers fit, before anything long begins.
  const { channels, height, width } = resolved;
  const black = createBatch({ channels, height, width, maxValue: 255 }, resolved.batch ?? 1);
  const first = await infer(black);
  scoresOf(first.values, first.shape, scoreOptions(options, classes, first.name, resolved));

  const queue = new PQueue({ concurrency: options.concurrency });
  let lost: unknown = null;
  const ask = async (part: PixelBatch): Promise<Float64Array> => {
    // Where one request has used up its tries, the rest need not use up theirs.
    if (lost !== null) throw lost;
    try {
      const { name, shape, values, version } = await infer(part);
      checkVersion(first, version, options.name);
      if (classes !== null) refuseNonFinite(values, part.count, `${options.name}, output "${name}"`);
      return scoresOf(values, shape, scoreOptions(options, classes, name, resolved));
    } catch (error) {
      lost = client.safe(error);
      throw lost;
    }
  };
  const parts = { channels, height, width, fixed: resolved.batch, largest: options.batch };
  const version = client.shown(options.version ?? first.version ?? "of the server's choice");
  return {
    meta: {
      adapter: "open-inference",
      input: modelInput(options.input, resolved),
      // No file is to be had. What the server says of the model, and the version that answers, must stay the same.
      files: {
        [`${options.name} (metadata)`]: sha256(
          canonicalJson({
            platform: model.platform,
            inputs: model.inputs,
            outputs: model.outputs,
            version: options.version ?? first.version,
          }),
        ),
      },
      runtime: `${server.name} ${server.version}, model version ${version}, ${binary ? "binary" : "JSON"} tensors of ${resolved.datatype}`,
    },
    concurrency: options.concurrency,
    rows: (batch) => askInParts(batch, parts, (part) => queue.add(() => ask(part), { throwOnTimeout: true })),
    close,
  };
}

function scoreOptions(
  options: Parameters,
  classes: readonly string[] | null,
  output: string,
  { layout }: ResolvedInput,
) {
  const { reduce, select } = options.output;
  const classesLast = layout === "NHWC";
  return { classes, select, reduce, classesLast, activation: options.activation, where: options.name, output };
}

/** One request of the model: images to the output's numbers. */
function inference(
  client: Client,
  path: string,
  resolved: ResolvedInput,
  output: { readonly name: string | null; readonly datatype: string | null },
  binary: boolean,
  options: Parameters,
): (images: PixelBatch) => Promise<OutputTensor> {
  const { datatype, name } = resolved;
  const writer = tensorWriter(datatype, resolved, options.input);
  let requests = 0;
  return async (images) => {
    const id = String(++requests);
    const { count } = images;
    const shape = shapeOf(resolved, count);
    const data = binary ? writer.bytes(images) : writer.json(images);
    const request = encodeRequest({ id, inputs: [{ name, shape, datatype, data }], output: output.name, binary });
    const { body, headers } = await client.call({ method: "POST", path, ...request, limit: ANSWER_LIMIT });
    const length = headers["inference-header-content-length"];
    return decodeResponse(body, typeof length === "string" ? length : undefined, { ...output, id, count }, path);
  };
}

/** Another version in the middle of a run would give scores of two models. */
function checkVersion(first: OutputTensor, version: string | null, model: string): void {
  if (version === first.version) return;
  throw new StepwedgeError(`version ${version ?? "?"} answered; the run began with version ${first.version ?? "?"}`, {
    where: model,
    remedy: "Pin the version: model.version. A record of two versions is worth nothing; begin a new one.",
    exitCode: ExitCode.incomplete,
  });
}
