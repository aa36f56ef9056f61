import { z } from "zod";

/* Parts of schemas that plug-ins share with the protocol. */

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

/** What the protocol calls a thing: it becomes part of ids and of file names. */
export const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
    "must consist of letters, digits, '.', '_' and '-', and start with a letter or digit",
  );
