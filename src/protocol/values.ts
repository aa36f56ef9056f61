import { z } from "zod";

export { epsilon, name } from "../core/values.js";

/* The small parts that the protocol's schema is made of. */

/** One value or a list of values; the canonical form is the list. */
export function oneOrMore<T extends z.ZodType>(item: T) {
  return z
    .union([item, z.array(item).min(1)])
    .transform((value) => (Array.isArray(value) ? value : [value]) as z.output<T>[]);
}

export const column = z.string().min(1);

/** What a cell of the table holds; numbers may go without quotes, but true and null may not: tables spell them in many ways. */
export const cell = z.union([z.string(), z.number()]).transform(String);

/** Refuses an entry with none or several of some keys of which it needs exactly one. */
export function exactlyOne(...keys: readonly string[]) {
  const list = `${keys.slice(0, -1).join(", ")} and ${keys.at(-1)}`;
  return [
    (entry: object) => keys.filter((key) => (entry as Record<string, unknown>)[key] !== undefined).length === 1,
    { message: `must have exactly one of ${list}`, params: { remedy: `Give one of them: ${keys.join(" | ")}.` } },
  ] as const;
}
