import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Float16Array } from "@petamoriken/float16";
import * as ort from "onnxruntime-node";

/** A tensor as the server's model sees it: whatever the datatype, its numbers. */
export interface Tensor {
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** What goes wrong with a request. */
export type Fault =
  /** Answers with the status, a body and headers. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly error?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Answers after so many milliseconds. */
  | { readonly kind: "slow"; readonly ms: number }
  /** Sends half of the answer and ends the connection. */
  | { readonly kind: "drop" }
  /** Announces more (or fewer) bytes than it sends. */
  | { readonly kind: "length"; readonly by: number }
  /** Sends these bytes with status 200. */
  | { readonly kind: "raw"; readonly body: string; readonly headers?: Readonly<Record<string, string>> }
  /** Changes the answer's JSON before it is sent; the bytes of tensors stay. */
  | { readonly kind: "json"; change(response: ResponseJson): unknown }
  /** Changes the numbers before they are sent. */
  | { readonly kind: "values"; change(values: Float64Array): Float64Array };

export interface ResponseJson {
  model_name: string;
  model_version?: string;
  id?: string;
  outputs: { name: string; shape: number[]; datatype: string; parameters?: object; data?: number[] }[];
}

export interface ServerOptions {
  readonly model?: string;
  readonly version?: string | null;
  readonly extensions?: readonly string[];
  readonly inputs: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly number[] }[];
  readonly outputs: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly number[] }[];
  /** The model: rows of scores for a batch, N × K. */
  run(input: Tensor): Promise<readonly number[][]> | readonly number[][];
  /** By the number of the inference request, counted from 1 (1 is the client's first, of a black image). */
  fault?(request: number): Fault | null;
  /** Statuses of other calls by path, where not 200. */
  readonly statuses?: Readonly<Record<string, number>>;
  readonly token?: string;
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface InferenceCall {
  readonly headers: IncomingMessage["headers"];
  readonly json: { readonly inputs: readonly { readonly shape: number[]; readonly datatype: string }[] };
  readonly body: Buffer;
}

export interface TestServer {
  readonly url: string;
  /** Every request's method and path, in order. */
  readonly log: string[];
  readonly inferences: InferenceCall[];
  /** Inference requests in work at once, at most. */
  readonly busiest: () => number;
  close(): Promise<void>;
}

/** The part of a server's options that an .onnx file with one input is: its answers are `output`'s. */
export async function onnxBehind(
  path: string,
  output: string,
): Promise<Pick<ServerOptions, "inputs" | "outputs" | "run">> {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const [input] = session.inputMetadata;
  if (input === undefined || !input.isTensor) throw new Error("an image model has an input tensor");
  const shape = input.shape.map((side) => (typeof side === "number" ? side : -1));
  return {
    inputs: [{ name: input.name, datatype: "FP32", shape }],
    outputs: [{ name: output, datatype: "FP32", shape: [-1, -1] }],
    async run({ shape, values }) {
      const tensor = new ort.Tensor("float32", Float32Array.from(values), shape);
      const { data, dims } = (await session.run({ [input.name]: tensor }))[output] as ort.Tensor;
      const width = data.length / (dims[0] as number);
      return Array.from({ length: dims[0] as number }, (_, image) =>
        Array.from((data as Float32Array).subarray(image * width, (image + 1) * width)),
      );
    },
  };
}

/** A small server of the Open Inference Protocol v2 on loopback, whose faults are chosen by the test. */
export async function openInferenceServer(options: ServerOptions): Promise<TestServer> {
  const { model = "toy", version = "1" } = options;
  const log: string[] = [];
  const inferences: InferenceCall[] = [];
  let inWork = 0;
  let busiest = 0;
  const path = `/v2/models/${model}`;
  const documents: Readonly<Record<string, unknown>> = {
    "/v2": { name: "test-server", version: "9.8", extensions: options.extensions ?? ["binary_tensor_data"] },
    "/v2/health/live": { live: true },
    [`${path}/ready`]: { name: model, ready: true },
    [path]: { name: model, versions: ["1"], platform: "test", inputs: options.inputs, outputs: options.outputs },
  };

  const infer = async (request: IncomingMessage, body: Buffer, response: ServerResponse): Promise<void> => {
    const length = Number(request.headers["inference-header-content-length"] ?? body.length);
    const json = JSON.parse(body.subarray(0, length).toString("utf8"));
    inferences.push({ headers: request.headers, json, body });
    const fault = options.fault?.(inferences.length) ?? null;
    if (fault?.kind === "status") {
      return send(response, fault.status, JSON.stringify({ error: fault.error ?? "injected" }), fault.headers ?? {});
    }
    if (fault?.kind === "raw") return send(response, 200, fault.body, fault.headers ?? {});
    if (fault?.kind === "slow") await new Promise((resolve) => setTimeout(resolve, fault.ms).unref());
    const [input] = json.inputs;
    const values = tensorValues(input, body.subarray(length));
    const rows = await options.run({ datatype: input.datatype, shape: input.shape, values });
    const [output] = options.outputs;
    if (output === undefined) throw new Error("the test's model needs an output");
    let scores = Float64Array.from(rows.flat());
    if (fault?.kind === "values") scores = fault.change(scores) as Float64Array<ArrayBuffer>;
    const asBytes = json.outputs?.[0]?.parameters?.binary_data === true || json.parameters?.binary_data_output === true;
    const bytes = asBytes ? tensorBytes(output.datatype, scores) : Buffer.alloc(0);
    const answer: ResponseJson = {
      model_name: model,
      ...(version === null ? {} : { model_version: version }),
      id: json.id,
      outputs: [
        {
          name: output.name,
          shape: [rows.length, rows[0]?.length ?? 0],
          datatype: output.datatype,
          ...(asBytes ? { parameters: { binary_data_size: bytes.length } } : { data: [...scores] }),
        },
      ],
    };
    const header = Buffer.from(JSON.stringify(fault?.kind === "json" ? (fault.change(answer) ?? answer) : answer));
    const whole = Buffer.concat([header, bytes]);
    const headers = asBytes ? { "Inference-Header-Content-Length": String(header.length) } : {};
    if (fault?.kind === "drop") {
      response.writeHead(200, { ...headers, "Content-Length": String(whole.length) });
      response.write(whole.subarray(0, whole.length >> 1), () => response.destroy());
      return;
    }
    const by = fault?.kind === "length" ? fault.by : 0;
    response.writeHead(200, { ...headers, "Content-Length": String(whole.length + by) });
    response.end(whole, () => by === 0 || response.destroy());
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    log.push(`${request.method} ${request.url}`);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const status = options.statuses?.[request.url ?? ""] ?? 200;
    if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`) {
      const echo = request.headers.authorization ?? "no token";
      return send(response, 401, JSON.stringify({ error: `not for ${echo}` }), {});
    }
    if (status !== 200) return send(response, status, JSON.stringify({ error: `status ${status}` }), {});
    if (request.url === `${path}/infer`) {
      busiest = Math.max(busiest, ++inWork);
      try {
        return await infer(request, Buffer.concat(parts), response);
      } finally {
        inWork--;
      }
    }
    const document = documents[request.url ?? ""];
    if (document === undefined) return send(response, 404, JSON.stringify({ error: "no such path" }), {});
    return send(response, 200, JSON.stringify(document), {});
  };

  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch((error) => send(response, 500, JSON.stringify({ error: String(error) }), {}));
  };
  const server = options.tls === undefined ? createServer(listener) : createSecureServer(options.tls, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    log,
    inferences,
    busiest: () => busiest,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(response: ServerResponse, status: number, body: string, headers: Readonly<Record<string, string>>): void {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(body);
}

const ARRAYS = {
  UINT8: Uint8Array,
  INT8: Int8Array,
  UINT16: Uint16Array,
  INT16: Int16Array,
  INT32: Int32Array,
  UINT32: Uint32Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

function tensorValues(
  input: { readonly datatype: string; readonly data?: readonly number[] },
  tail: Buffer,
): Float64Array {
  if (input.data !== undefined) return Float64Array.from(input.data);
  const bytes = Uint8Array.from(tail).buffer;
  if (input.datatype === "FP16") return Float64Array.from(new Float16Array(bytes));
  if (input.datatype === "INT64") return Float64Array.from(new BigInt64Array(bytes), Number);
  return Float64Array.from(new ARRAYS[input.datatype as keyof typeof ARRAYS](bytes));
}

function tensorBytes(datatype: string, values: Float64Array): Buffer {
  const array = datatype === "FP16" ? new Float16Array(values) : new ARRAYS[datatype as keyof typeof ARRAYS](values);
  return Buffer.from(array.buffer as ArrayBuffer);
}
