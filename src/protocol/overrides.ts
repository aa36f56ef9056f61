import { parseDocument } from "yaml";
import { received, StepwedgeError } from "../core/errors.js";
import type { Path, Place } from "./place.js";
import type { ProtocolSource } from "./source.js";

interface Override {
  /** As the user wrote it. */
  readonly text: string;
  readonly path: Path;
  readonly value: unknown;
}

/**
 * Applies `--set model.path=other.onnx`: the value is read as YAML, numbers in the path lead into lists, and mappings on
 * the way are made where they are missing. Faults in what was set are then placed at the option, not in the file.
 * @throws StepwedgeError where an override cannot be read, or leads into something that has no keys.
 */
export function applyOverrides(source: ProtocolSource, texts: readonly string[]): ProtocolSource {
  if (texts.length === 0) return source;
  const overrides = texts.map(parseOverride);
  let value = structuredClone(source.value);
  for (const override of overrides) value = assign(value, override.path, override);
  const place: Place = (path) => {
    const set = overrides.findLast((override) => override.path.every((key, index) => String(path[index]) === key));
    return set === undefined ? source.place(path) : `--set ${set.text}`;
  };
  return { value, place, line: source.line };
}

function parseOverride(text: string): Override {
  const at = text.indexOf("=");
  const path = text.slice(0, Math.max(at, 0)).split(".");
  const document = parseDocument(text.slice(at + 1));
  if (at < 1 || path.includes("") || document.errors.length > 0) throw cannotApply(text);
  return { text, path, value: document.toJS() as unknown };
}

function assign(at: unknown, path: Path, override: Override): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return override.value;
  const node = at ?? {};
  if (typeof node !== "object") throw cannotApply(override.text);
  if (Array.isArray(node)) {
    const index = Number(key);
    if (!Number.isInteger(index) || index < 0 || index >= node.length) throw cannotApply(override.text);
    return node.with(index, assign(node[index], rest, override));
  }
  // Through entries, so that a key such as __proto__ is a key like any other.
  const entries = new Map(Object.entries(node));
  entries.set(String(key), assign(entries.get(String(key)), rest, override));
  return Object.fromEntries(entries);
}

function cannotApply(text: string): StepwedgeError {
  return new StepwedgeError(`cannot be applied; received ${received(text)}`, {
    where: "--set",
    remedy: "Write --set key.key=value, such as data.path=other.csv or attacks.0.epsilon=2/255.",
  });
}
