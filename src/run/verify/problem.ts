import { relative, sep } from "node:path";
import { StepwedgeError } from "../../core/errors.js";

/** One thing in a record that is not as it must be. */
export interface Problem {
  /** The file's name within the record, with forward slashes. */
  readonly file: string;
  /**
   * `changed`, `missing`, `added`: against the manifest or the signed statement. `unreadable`: not the form that it must have.
   * `contradiction`: files that are whole, but do not belong together. `signature`. `report`, `findings`: other bytes than the
   * record gives again.
   */
  readonly kind: "changed" | "missing" | "added" | "unreadable" | "contradiction" | "signature" | "report" | "findings";
  readonly message: string;
  /** Hashes or values, where there are any to show. */
  readonly expected: string | null;
  readonly found: string | null;
}

export function problem(
  file: string,
  kind: Problem["kind"],
  message: string,
  { expected = null, found = null }: { readonly expected?: string | null; readonly found?: string | null } = {},
): Problem {
  return { file, kind, message, expected, found };
}

/** Runs a check that reads files; what it throws about a file of the record becomes a problem of that file. */
export async function guarded(
  out: string,
  file: string,
  check: () => readonly Problem[] | Promise<readonly Problem[]>,
): Promise<readonly Problem[]> {
  try {
    return await check();
  } catch (error) {
    if (!(error instanceof StepwedgeError)) throw error;
    const place = error.where === undefined ? file : relative(out, error.where).split(sep).join("/");
    const within = place === "" || place.startsWith("..") ? file : place;
    return [problem(within, "unreadable", error.message)];
  }
}
