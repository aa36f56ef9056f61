// Inference requests and responses of the Open Inference Protocol v2 over REST, and Triton's binary tensor data extension.
// https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
// https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
import { ExitCode, received, StepwedgeError } from "../../core/errors.js";
import { isScoreType, numbersFrom, rounded, SCORE_TYPES, type ScoreType, WIDTH } from "../shared/datatypes.js";
import { checkedShape, unfit } from "../shared/scores.js";

/** A tensor to send: as bytes, or as the text between the brackets of a JSON array. */
export interface InputTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: string;
  readonly data: Uint8Array | string;
}

export interface InferenceRequest {
  readonly id: string;
  readonly inputs: readonly InputTensor[];
  /** The one output that is asked for; null: the model's only one, whose name the server does not tell. */
  readonly output: string | null;
  /** Whether outputs shall come as bytes. */
  readonly binary: boolean;
}

export interface HttpMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
}

const HEADER_LENGTH = "Inference-Header-Content-Length";

/** The request as HTTP carries it. Bytes of tensors follow the JSON, in the order of the inputs. */
export function encodeRequest({ binary, id, inputs, output }: InferenceRequest): HttpMessage {
  const members = [
    `"id":${JSON.stringify(id)}`,
    ...(output === null && binary ? ['"parameters":{"binary_data_output":true}'] : []),
    `"inputs":[${inputs.map(inputJson).join(",")}]`,
    ...(output === null ? [] : [`"outputs":[${outputJson(output, binary)}]`]),
  ];
  const header = Buffer.from(`{${members.join(",")}}`, "utf8");
  const tensors = inputs.flatMap(({ data }) => (typeof data === "string" ? [] : [data]));
  if (tensors.length === 0 && !binary) return { headers: { "Content-Type": "application/json" }, body: [header] };
  return {
    headers: { "Content-Type": "application/octet-stream", [HEADER_LENGTH]: String(header.length) },
    body: [header, ...tensors],
  };
}

// Written by hand: a text of numbers that is already made must not be made again.
function inputJson({ name, shape, datatype, data }: InputTensor): string {
  const start = `{"name":${JSON.stringify(name)},"shape":[${shape.join(",")}],"datatype":"${datatype}"`;
  return typeof data === "string"
    ? `${start},"data":[${data}]}`
    : `${start},"parameters":{"binary_data_size":${data.byteLength}}}`;
}

function outputJson(name: string, binary: boolean): string {
  return binary
    ? `{"name":${JSON.stringify(name)},"parameters":{"binary_data":true}}`
    : `{"name":${JSON.stringify(name)}}`;
}

export interface ExpectedOutput {
  readonly id: string;
  /** null: the only one. */
  readonly name: string | null;
  /** What the model's metadata promise; null where they say nothing. */
  readonly datatype: string | null;
  /** Images asked about. */
  readonly count: number;
}

export interface OutputTensor {
  readonly name: string;
  readonly datatype: ScoreType;
  readonly shape: readonly number[];
  /** count × columns. */
  readonly values: Float64Array;
  /** The model's version as the answer states it; null where it does not. */
  readonly version: string | null;
}

interface RawOutput {
  readonly name?: unknown;
  readonly shape?: unknown;
  readonly datatype?: unknown;
  readonly parameters?: { readonly binary_data_size?: unknown } | null;
  readonly data?: unknown;
}

/**
 * The asked output of a response, every promise of which is checked.
 * @param headerLength the response's Inference-Header-Content-Length, undefined where it has none
 * @param where the call, for messages
 * @throws StepwedgeError where the response is not what was asked for
 */
export function decodeResponse(
  body: Buffer,
  headerLength: string | undefined,
  expected: ExpectedOutput,
  where: string,
): OutputTensor {
  const json = jsonPart(body, headerLength, where);
  const response = parse(json, where);
  const { id, model_version: version, outputs } = response;
  if (typeof id === "string" && id !== expected.id) {
    throw malformed(`answered request "${id}" where "${expected.id}" was asked`, where);
  }
  if (!Array.isArray(outputs)) throw malformed(`answered without outputs: ${received(response)}`, where);
  const all = outputs as readonly (RawOutput | null)[];
  const output = choose(all, expected, where);
  const name = String(output.name);
  const place = `${where}, output "${name}"`;
  const { datatype } = output;
  if (expected.datatype !== null && datatype !== expected.datatype) {
    throw unfit(`gave ${received(datatype)}; the model's metadata say ${expected.datatype}`, place);
  }
  if (!isScoreType(datatype)) {
    throw unfit(`gave ${received(datatype)}; scores are ${SCORE_TYPES.join(", ")}`, place);
  }
  const shape = checkedShape(output.shape, expected.count, place);
  const size = shape.reduce((product, side) => product * side, 1);
  const tail = body.subarray(json.length);
  const bytes = binaryPart(all, output, tail, where);
  if (bytes === null && tail.length > 0 && headerLength !== undefined) {
    binaryTotal(all, tail, where);
  }
  const values = bytes === null ? textValues(output.data, datatype, size, place) : binary(bytes, datatype, size, place);
  return { name, datatype, shape, values, version: typeof version === "string" ? version : null };
}

/** Without the header's length the whole body is JSON. */
function jsonPart(body: Buffer, headerLength: string | undefined, where: string): Buffer {
  if (headerLength === undefined) return body;
  const length = Number(headerLength);
  if (/^\d+$/.test(headerLength) && length <= body.length) return body.subarray(0, length);
  throw malformed(`answered with ${HEADER_LENGTH} ${received(headerLength)}; the body has ${body.length} bytes`, where);
}

function parse(json: Buffer, where: string): { id?: unknown; model_version?: unknown; outputs?: unknown } {
  const text = json.toString("utf8");
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Python writes these where JSON has no such numbers.
    const number = /\bNaN\b|-?\bInfinity\b/.exec(text)?.[0];
    if (number !== undefined) {
      throw new StepwedgeError(`answered with ${number} among its numbers`, {
        where,
        remedy: "Check the model and model.input (range, mean, std): scores must be finite.",
      });
    }
  }
  throw malformed(`answered with what is not a JSON object: ${received(text.slice(0, 80))}`, where);
}

function choose(outputs: readonly (RawOutput | null)[], expected: ExpectedOutput, where: string): RawOutput {
  const names = outputs.map((output) => output?.name);
  if (expected.name === null) {
    const [only] = outputs;
    if (outputs.length === 1 && only !== null && only !== undefined) return only;
    throw new StepwedgeError(`gives ${outputs.length} outputs`, {
      where,
      remedy: `Name the one that holds the scores in model.output.name: ${names.join(", ")}.`,
    });
  }
  const found = outputs.find((output) => output?.name === expected.name);
  if (found !== null && found !== undefined) return found;
  throw new StepwedgeError(`answered without output "${expected.name}"`, {
    where,
    remedy: `It gave ${names.length === 0 ? "none" : names.map(received).join(", ")}. Correct model.output.name.`,
  });
}

/** The output's bytes after the JSON, or null where it holds its numbers itself. */
function binaryPart(
  outputs: readonly (RawOutput | null)[],
  output: RawOutput,
  tail: Buffer,
  where: string,
): Buffer | null {
  if (output.parameters?.binary_data_size === undefined) return null;
  binaryTotal(outputs, tail, where);
  let from = 0;
  for (const each of outputs) {
    if (each === output) break;
    from += binarySize(each, where);
  }
  return tail.subarray(from, from + binarySize(output, where));
}

/** The bytes after the JSON must be those that the outputs announce. */
function binaryTotal(outputs: readonly (RawOutput | null)[], tail: Buffer, where: string): void {
  const announced = outputs.reduce((total, each) => total + binarySize(each, where), 0);
  if (announced === tail.length) return;
  throw malformed(`announces ${announced} bytes of tensors; ${tail.length} follow`, where);
}

function binarySize(output: RawOutput | null, where: string): number {
  const size = output?.parameters?.binary_data_size ?? 0;
  if (Number.isSafeInteger(size) && (size as number) >= 0) return size as number;
  throw malformed(`announces a tensor of ${received(size)} bytes`, where);
}

function binary(bytes: Buffer, datatype: ScoreType, size: number, place: string): Float64Array {
  const needed = size * WIDTH[datatype];
  if (bytes.length === needed) return numbersFrom(datatype, bytes);
  throw malformed(`gave ${bytes.length} bytes; its shape and ${datatype} need ${needed}`, place);
}

/** Numbers of JSON: flat, or nested by dimension. */
function textValues(data: unknown, datatype: ScoreType, size: number, place: string): Float64Array {
  const flat = Array.isArray(data) ? (data.flat(8) as readonly unknown[]) : [];
  if (!Array.isArray(data) || flat.length !== size) {
    throw malformed(`gave ${Array.isArray(data) ? flat.length : "no"} numbers; its shape has ${size}`, place);
  }
  return Float64Array.from(flat, (value) => {
    if (typeof value === "number") return rounded(datatype, value);
    throw unfit(`gave ${received(value)} among its numbers`, place);
  });
}

/** The server does not keep to the protocol. */
function malformed(message: string, where: string): StepwedgeError {
  return new StepwedgeError(message, {
    where,
    remedy: "This is no answer of the Open Inference Protocol v2: check model.url, and what stands between.",
    exitCode: ExitCode.incomplete,
  });
}
