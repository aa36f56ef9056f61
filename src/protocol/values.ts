import { z } from "zod";

/* The small parts that the protocol's schema is made of. */

/** A fraction of the display window: a number, or a quotient such as "4/255". */
export const epsilon = z
  .union([
    z.number(),
    z.string().regex(/^\s*\d+(\.\d+)?\s*\/\s*\d+(\.\d+)?\s*$/, 'must be a number or a quotient such as "4/255"'),
  ])
  .describe('ε as a fraction of the display window: a number, or a quotient such as "4/255".')
  .transform((value) => (typeof value === "number" ? value : quotient(value)))
  .refine((value) => Number.isFinite(value) && value > 0, {
    message: "must be a finite number greater than 0",
    params: {
      remedy: "Write ε as a fraction of the display window, such as 4/255; for no attack, leave the entry out.",
    },
  });

function quotient(text: string): number {
  const [numerator = Number.NaN, denominator = Number.NaN] = text.split("/").map(Number);
  return numerator / denominator;
}

/** One value or a list of values; the canonical form is the list. */
export function oneOrMore<T extends z.ZodType>(item: T) {
  return z
    .union([item, z.array(item).min(1)])
    .transform((value) => (Array.isArray(value) ? value : [value]) as z.output<T>[]);
}

export const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
    "must consist of letters, digits, '.', '_' and '-', and start with a letter or digit",
  );
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
