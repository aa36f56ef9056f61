import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { received, StepwedgeError } from "../core/errors.js";
import { canonicalJson, sha256 } from "../core/hash.js";
import { findPlugin, loadPlugins, type PluginFamily, suggest } from "../core/plugins.js";
import { checkReferences } from "./references.js";
import { type Protocol, protocolSchema } from "./schema.js";

/** A protocol with its fingerprint and the folder that its relative paths start from. */
export interface LoadedProtocol {
  readonly protocol: Protocol;
  readonly sha256: string;
  readonly baseFolder: string;
  /** How messages call it: the file's name as the user gave it. */
  readonly name: string;
}

type Path = readonly (string | number)[];
type Place = (path: Path) => string;

/**
 * Reads, overrides (`--set data.path=…`), validates and completes an audit.yaml.
 * @throws StepwedgeError with the line and the field of the first fault, what was received, and the remedy.
 */
export async function loadProtocol(file: string, overrides: readonly string[] = []): Promise<LoadedProtocol> {
  const text = readText(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const fault = document.errors[0];
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    throw new StepwedgeError(`is not valid YAML: ${fault.message.split("\n")[0] ?? ""}`, {
      where: `${file}, line ${line}, column ${col}`,
      remedy: "Mend the YAML there; indentation is by spaces.",
    });
  }
  const raw: unknown = document.toJS({ maxAliasCount: 100 });
  const place: Place = (path) => {
    const line = lineOf(document, lines, path);
    return line === null ? file : `${file}, line ${line}`;
  };
  const value = applyOverrides(raw, overrides, file);
  const protocol = await validateProtocol(value, place);
  return { protocol, sha256: protocolHash(protocol), baseFolder: dirname(resolve(file)), name: file };
}

/** Validates a protocol that is already a value, such as one made by a program or read back from a record. */
export async function validateProtocol(value: unknown, place: Place = () => "protocol"): Promise<Protocol> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new StepwedgeError(`must be a mapping of keys; received ${received(value)}`, {
      where: place([]),
      remedy: "`stepwedge init` writes a commented example.",
    });
  }
  await checkPluginNames(value as Record<string, unknown>, place);
  const schema = await protocolSchema();
  const result = schema.safeParse(value);
  if (!result.success) throw issueError(result.error, value, schema, place);
  const protocol = await complete(result.data as unknown as Protocol);
  await checkReferences(protocol, place);
  return protocol;
}

/** SHA-256 of the canonical form: the same for two files that mean the same. */
export function protocolHash(protocol: Protocol): string {
  return sha256(canonicalJson(protocol));
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new StepwedgeError("cannot be read: there is no such file, or it may not be opened", {
      where: file,
      remedy: "Check the path; `stepwedge init` writes a first audit.yaml.",
      cause,
    });
  }
}

/** Fills in what defaults to other parts of the protocol. */
async function complete(protocol: Protocol): Promise<Protocol> {
  const audits = protocol.audits ?? [...(await loadPlugins("audits")).keys()];
  return {
    ...protocol,
    intendedUse: protocol.intendedUse ?? null,
    audits,
    gates: protocol.gates.map((gate) => ({ ...gate, title: gate.title ?? gate.id })),
    model: { ...protocol.model, classes: protocol.model.classes ?? Object.keys(protocol.data.labels) },
  };
}

/** Unknown plug-in ids get a message of their own, with the nearest known one, before the schema is asked. */
async function checkPluginNames(value: Record<string, unknown>, place: Place): Promise<void> {
  const single: [string, PluginFamily][] = [
    ["model", "models"],
    ["data", "data"],
  ];
  for (const [key, family] of single) {
    const adapter = (value[key] as { adapter?: unknown } | undefined)?.adapter;
    if (typeof adapter === "string") await findPlugin(family, adapter, `${place([key, "adapter"])}, ${key}.adapter`);
  }
  for (const family of ["attacks", "defenses"] as const) {
    const entries = value[family];
    if (!Array.isArray(entries)) continue;
    for (const [index, entry] of entries.entries()) {
      const id = (entry as { id?: unknown } | null)?.id;
      if (typeof id === "string")
        await findPlugin(family, id, `${place([family, index, "id"])}, ${family}[${index}].id`);
    }
  }
}

function issueError(error: z.ZodError, value: unknown, schema: z.ZodObject, place: Place): StepwedgeError {
  const issue = deepest(error.issues);
  const path = issue.path as Path;
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    const known = knownKeys(schema, value, path);
    return new StepwedgeError(`unknown key "${key}"`, {
      where: `${place([...path, key])}, ${dotted([...path, key])}`,
      remedy: `${suggest(key, known)}${known.length === 0 ? "Remove it." : `Known here: ${known.join(", ")}.`}`,
    });
  }
  const at = valueAt(value, path);
  return new StepwedgeError(`${issue.message}; received ${received(at)}`, {
    where: `${place(path)}, ${dotted(path)}`,
    remedy: at === undefined ? `Add "${String(path.at(-1) ?? "")}".` : "Correct the value.",
  });
}

/** Of a union's branches, the one that got furthest says what the writer most likely meant. */
function deepest(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue {
  const issue = issues[0];
  if (issue === undefined) throw new Error("a failed validation has at least one issue");
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return issue;
  const branches = issue.errors.filter((branch) => branch.length > 0).map((branch) => deepest(branch));
  const best = branches.reduce((kept, other) => (rank(other) > rank(kept) ? other : kept), branches[0] ?? issue);
  return { ...best, path: [...issue.path, ...best.path] };
}

/** A fault deeper inside, or in the value rather than in its type, belongs to the branch that fits best. */
function rank(issue: z.core.$ZodIssue): number {
  return issue.path.length * 2 + (issue.code === "invalid_type" ? 0 : 1);
}

function knownKeys(schema: z.ZodType, value: unknown, path: Path): string[] {
  let current: unknown = schema;
  let at = value;
  for (const step of path) {
    current = unwrap(current, at);
    const shape = (current as { shape?: Record<string, unknown> }).shape;
    const element = (current as { element?: unknown }).element ?? (current as { valueType?: unknown }).valueType;
    current = shape?.[step as string] ?? element;
    at = valueAt(at, [step]);
    if (current === undefined) return [];
  }
  return Object.keys((unwrap(current, at) as { shape?: object }).shape ?? {});
}

/** Looks through defaults, optionals, pipes and unions to the object schema that describes this value. */
function unwrap(schema: unknown, value: unknown): unknown {
  const node = schema as { def?: { type?: string; innerType?: unknown; in?: unknown; options?: readonly unknown[] } };
  switch (node.def?.type) {
    case "default":
    case "optional":
      return unwrap(node.def.innerType, value);
    case "pipe":
      return unwrap(node.def.in, value);
    case "union": {
      const options = (node.def.options ?? []).map((option) => unwrap(option, value));
      const keys = new Set(Object.keys((value as object | null) ?? {}));
      const likeness = (option: unknown) =>
        literalsMatch(option, value) * 100 +
        Object.keys((option as { shape?: object }).shape ?? {}).filter((key) => keys.has(key)).length;
      return options.reduce((kept, other) => (likeness(other) > likeness(kept) ? other : kept), options[0]);
    }
    default:
      return schema;
  }
}

function literalsMatch(option: unknown, value: unknown): number {
  const shape = (option as { shape?: Record<string, { def?: { type?: string; values?: unknown[] } }> }).shape ?? {};
  const literals = Object.entries(shape).filter(([, member]) => member.def?.type === "literal");
  return literals.filter(([key, member]) => member.def?.values?.[0] === (value as Record<string, unknown>)?.[key])
    .length;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | null | undefined)?.[key], value);
}

function dotted(path: Path): string {
  return path.map((key, index) => (typeof key === "number" ? `[${key}]` : index === 0 ? key : `.${key}`)).join("");
}

function lineOf(document: ReturnType<typeof parseDocument>, lines: LineCounter, path: Path): number | null {
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] | null } | undefined;
    if (node?.range) return lines.linePos(node.range[0]).line;
  }
  return null;
}

/** `--set model.path=other.onnx`: the value is read as YAML; the path must lead through mappings or lists. */
function applyOverrides(raw: unknown, overrides: readonly string[], file: string): unknown {
  const value = structuredClone(raw);
  for (const override of overrides) {
    const at = override.indexOf("=");
    const keys = override.slice(0, at).split(".");
    let node = value as Record<string, unknown> | null;
    for (const key of at < 1 ? [] : keys.slice(0, -1)) node = (node?.[key] ?? null) as Record<string, unknown> | null;
    const last = keys.at(-1);
    if (at < 1 || last === undefined || node === null || typeof node !== "object") {
      throw new StepwedgeError(`cannot be applied: received ${received(override)}`, {
        where: `--set on ${file}`,
        remedy: "Write --set key.key=value, where all keys but the last exist in the protocol.",
      });
    }
    node[last] = parseDocument(override.slice(at + 1)).toJS();
  }
  return value;
}
