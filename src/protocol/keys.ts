import type { z } from "zod";
import { type Path, valueAt } from "./place.js";

/** The parts of a schema's definition that a walk needs, whatever its kind. */
interface SchemaNode {
  readonly def?: {
    readonly type?: string;
    readonly innerType?: unknown;
    readonly in?: unknown;
    readonly options?: readonly unknown[];
    readonly values?: readonly unknown[];
  };
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly element?: unknown;
  readonly valueType?: unknown;
}

/** The keys that a schema knows where a path leads, given the value there: in a union, those of the likeliest branch. */
export function knownKeys(schema: z.ZodType, value: unknown, path: Path): string[] {
  let node: unknown = schema;
  for (const [depth, step] of path.entries()) {
    const { shape, element, valueType } = objectSchema(node, valueAt(value, path.slice(0, depth))) as SchemaNode;
    node = shape?.[step] ?? element ?? valueType;
    if (node === undefined) return [];
  }
  return Object.keys((objectSchema(node, valueAt(value, path)) as SchemaNode).shape ?? {});
}

/** Looks through defaults, optionals, pipes and unions to the schema that describes this value. */
function objectSchema(schema: unknown, value: unknown): unknown {
  const { def } = schema as SchemaNode;
  switch (def?.type) {
    case "default":
    case "prefault":
    case "optional":
      return objectSchema(def.innerType, value);
    case "pipe":
      return objectSchema(def.in, value);
    case "union": {
      const options = (def.options ?? []).map((option) => objectSchema(option, value));
      return options.reduce((kept, other) => (likeness(other, value) > likeness(kept, value) ? other : kept));
    }
    default:
      return schema;
  }
}

/** How well a branch fits: first by its literals (`adapter`, `id`), then by the keys that it shares with the value. */
function likeness(option: unknown, value: unknown): number {
  const shape = (option as SchemaNode).shape ?? {};
  const given = new Map(Object.entries((value as object | null | undefined) ?? {}));
  const shared = Object.keys(shape).filter((key) => given.has(key));
  const literals = shared.filter((key) => (shape[key] as SchemaNode).def?.values?.includes(given.get(key)));
  return literals.length * 100 + shared.length;
}
