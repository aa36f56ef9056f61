/** The prevalence where a model is to be used, as audits let the protocol state it. */
import { z } from "zod";

const share = z.number().gt(0).lt(1);

/** One for all classes, or one for each class named; null where none is stated. */
export const prevalence = z
  .union([share, z.record(z.string(), share)])
  .nullable()
  .default(null);

/** The class's stated prevalence; null where there is none. */
export function prevalenceOf(stated: z.output<typeof prevalence>, className: string): number | null {
  return typeof stated === "object" ? (stated?.[className] ?? null) : stated;
}
