// What a server says of itself and of the model. Published slips of the specification (the body of "server ready" says
// `live`) and servers that leave parts out are the reason why statuses decide and bodies are read leniently.
import { ExitCode, received, StepwedgeError } from "../../core/errors.js";
import { DATATYPES, type Datatype, isScoreType, SCORE_TYPES } from "../shared/datatypes.js";
import type { InputParameters } from "../shared/parameters.js";
import { type Dimension, resolveSize } from "../shared/size.js";
import type { ImageLayout } from "../shared/values.js";
import type { Client } from "./client.js";

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly Dimension[];
}

export interface ModelMetadata {
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

const LIMIT = 1 << 20;

/** Statuses of calls that a server does not have. */
const ABSENT = [404, 405, 501];

/** The path of the model's calls: v2/models/{name}[/versions/{version}]. */
export function modelPath(name: string, version: string | undefined): string {
  const path = `v2/models/${encodeURIComponent(name)}`;
  return version === undefined ? path : `${path}/versions/${encodeURIComponent(version)}`;
}

/**
 * Asks whether the server is live and the model ready, and what both say of themselves. Whether the *server* is ready is
 * not asked: it is not where any other of its models fails to load.
 * @throws StepwedgeError where one is not, or the server cannot be reached
 */
export async function greet(
  client: Client,
  path: string,
): Promise<{ readonly server: ServerMetadata; readonly model: ModelMetadata }> {
  await client.call({ method: "GET", path: "v2/health/live", limit: LIMIT, accept: ABSENT });
  const server = await client.call({ method: "GET", path: "v2", limit: LIMIT, accept: ABSENT });
  const ready = await client.call({ method: "GET", path: `${path}/ready`, limit: LIMIT, accept: [400, ...ABSENT] });
  const model = await client.call({ method: "GET", path, limit: LIMIT, accept: [405, 501] });
  if (ready.status === 400) {
    throw new StepwedgeError("the model is not ready", {
      where: path,
      remedy: "See the server's log for why it could not load it.",
      exitCode: ExitCode.incomplete,
    });
  }
  return {
    server: serverMetadata(server.status === 200 ? server.body : null, client),
    model: modelMetadata(model.status === 200 ? model.body : null, client),
  };
}

function serverMetadata(body: Buffer | null, { shown }: Client): ServerMetadata {
  const { extensions, name, version } = objectFrom(body);
  return {
    name: typeof name === "string" ? shown(name) : "unnamed server",
    version: typeof version === "string" ? shown(version) : "?",
    extensions: Array.isArray(extensions) ? extensions.map(String) : [],
  };
}

function modelMetadata(body: Buffer | null, { shown }: Client): ModelMetadata {
  const { inputs, outputs, platform, versions } = objectFrom(body);
  return {
    versions: Array.isArray(versions) ? versions.map(String) : [],
    platform: typeof platform === "string" ? shown(platform) : "",
    inputs: tensorsFrom(inputs),
    outputs: tensorsFrom(outputs),
  };
}

function tensorsFrom(value: unknown): readonly TensorMetadata[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly (Partial<Record<keyof TensorMetadata, unknown>> | null)[]).map((tensor) => ({
    name: String(tensor?.name ?? ""),
    datatype: String(tensor?.datatype ?? ""),
    // Some servers write sizes as strings.
    shape: Array.isArray(tensor?.shape) ? tensor.shape.map(Number) : [],
  }));
}

function objectFrom(body: Buffer | null): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(body?.toString("utf8") ?? "null") as unknown;
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

export interface ResolvedInput extends ImageLayout {
  readonly name: string;
  readonly datatype: Datatype;
  /** Images to a request where the model fixes it, else null. */
  readonly batch: number | null;
}

/** @throws StepwedgeError where the metadata and the protocol disagree, or neither says */
export function resolveInput(
  { inputs }: Pick<ModelMetadata, "inputs">,
  asked: InputParameters,
  model: string,
): ResolvedInput {
  const where = `${model}, model.input`;
  const names = inputs.map(({ name }) => name).join(", ");
  if (inputs.length === 0) {
    if (asked.name === undefined) {
      throw new StepwedgeError("the server does not say what the model's inputs are", {
        where,
        remedy: "Set model.input.name, width, height and channels.",
      });
    }
    const size = resolveSize([-1, -1, -1, -1], asked, where);
    return { name: asked.name, datatype: asked.datatype ?? "FP32", ...size };
  }
  const declared = asked.name === undefined ? inputs[0] : inputs.find(({ name }) => name === asked.name);
  if (declared === undefined) {
    throw new StepwedgeError(`has no input "${asked.name}"`, { where, remedy: `Its inputs: ${names}.` });
  }
  if (inputs.length > 1) {
    throw new StepwedgeError(`has ${inputs.length} inputs`, {
      where,
      remedy: `Only models with one image input can be audited; found ${names}.`,
    });
  }
  const { datatype, shape } = declared;
  if (!DATATYPES.includes(datatype as Datatype)) {
    throw new StepwedgeError(`takes ${received(datatype)}; ${DATATYPES.join(", ")} can be given`, {
      where,
      remedy: "Serve the model with a numeric image input.",
    });
  }
  if (asked.datatype !== undefined && asked.datatype !== datatype) {
    throw new StepwedgeError(`takes ${datatype}; the protocol says ${asked.datatype}`, {
      where,
      remedy: `Set model.input.datatype to ${datatype}, or leave it out.`,
    });
  }
  return { name: declared.name, datatype: datatype as Datatype, ...resolveSize(shape, asked, where) };
}

/**
 * The output that holds the scores: its name, null where the server does not tell and neither does the protocol; and its
 * datatype, null where the server does not tell.
 * @throws StepwedgeError where there is none, or more than one to choose from
 */
export function resolveOutput(
  { outputs }: Pick<ModelMetadata, "outputs">,
  wanted: string | undefined,
  model: string,
): { readonly name: string | null; readonly datatype: string | null } {
  const where = `${model}, model.output.name`;
  const names = outputs.map(({ name }) => name).join(", ");
  if (outputs.length === 0) return { name: wanted ?? null, datatype: null };
  const declared = wanted === undefined ? outputs[0] : outputs.find(({ name }) => name === wanted);
  if (declared === undefined) {
    throw new StepwedgeError(`has no output "${wanted}"`, { where, remedy: `Its outputs: ${names}.` });
  }
  if (wanted === undefined && outputs.length > 1) {
    throw new StepwedgeError(`has ${outputs.length} outputs`, {
      where,
      remedy: `Name the one that holds the scores: ${names}.`,
    });
  }
  if (!isScoreType(declared.datatype)) {
    throw new StepwedgeError(
      `output "${declared.name}" is ${received(declared.datatype)}; scores are ${SCORE_TYPES.join(", ")}`,
      { where, remedy: `Choose an output with one row of float scores per image; it has ${names}.` },
    );
  }
  return { name: declared.name, datatype: declared.datatype };
}
