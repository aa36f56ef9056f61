import { canonicalJson } from "../core/hash.js";

/** One place where two JSON values differ. */
export interface Difference {
  /** Such as `gates[REQ-001].atLeast`, `attacks[0].epsilon`, `inputs["a b.csv"]`. */
  readonly path: string;
  /** As JSON text with sorted keys; null where there is nothing. */
  readonly before: string | null;
  readonly after: string | null;
}

/**
 * Where two JSON values differ, in the order of their keys. Lists of entries that all bear ids of their own are compared by
 * id, so that an entry put in the middle is one difference; other lists of entries by place, and lists of plain values
 * as a whole.
 */
export function differences(before: unknown, after: unknown, path = ""): Difference[] {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => differences(before[key], after[key], `${path}${step(key, path === "")}`));
  }
  if (Array.isArray(before) && Array.isArray(after) && [...before, ...after].some(isObject)) {
    const left = byId(before);
    const right = byId(after);
    return left === null || right === null ? byPlace(before, after, path) : compareById(left, right, path);
  }
  const [left, right] = [text(before), text(after)];
  return left === right ? [] : [{ path, before: left, after: right }];
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return value === undefined ? null : canonicalJson(value);
}

function step(key: string, first: boolean): string {
  if (!/^[A-Za-z_][\w-]*$/.test(key)) return `[${JSON.stringify(key)}]`;
  return first ? key : `.${key}`;
}

/** The entries by id; null where one has none, or two have the same. */
function byId(list: readonly unknown[]): ReadonlyMap<string, unknown> | null {
  const entries = new Map<string, unknown>();
  for (const item of list) {
    const id = isObject(item) ? item.id : undefined;
    if (typeof id !== "string" || entries.has(id)) return null;
    entries.set(id, item);
  }
  return entries;
}

function compareById(
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
  path: string,
): Difference[] {
  const ids = [...new Set([...before.keys(), ...after.keys()])];
  const found = ids.flatMap((id) => differences(before.get(id), after.get(id), `${path}[${id}]`));
  const order = (one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>) =>
    canonicalJson([...one.keys()].filter((id) => other.has(id)));
  const [left, right] = [order(before, after), order(after, before)];
  return left === right ? found : [...found, { path: `${path} (order)`, before: left, after: right }];
}

function byPlace(before: readonly unknown[], after: readonly unknown[], path: string): Difference[] {
  const length = Math.max(before.length, after.length);
  return Array.from({ length }, (_, index) => differences(before[index], after[index], `${path}[${index}]`)).flat();
}
