/** The process exit codes of the command line. */
export const ExitCode = { pass: 0, fail: 1, usage: 2, inconclusive: 3, incomplete: 4, interrupted: 130 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export interface StepwedgeErrorOptions {
  /** Where the fault is: a file, with the field, row or line where known. */
  readonly where?: string;
  /** What the user can do about it, as an imperative sentence. */
  readonly remedy?: string;
  /** `usage` (default): the user's input is at fault. `incomplete`: the machine, the network or the disk is. */
  readonly exitCode?: ExitCode;
  readonly cause?: unknown;
}

/**
 * The one error class that users see. The message says what is wrong and what was received; `where` says in which
 * file, field or row; `remedy` says how to mend it. Anything else that is thrown is a fault of ours.
 */
export class StepwedgeError extends Error {
  readonly where: string | undefined;
  readonly remedy: string | undefined;
  readonly exitCode: ExitCode;

  constructor(message: string, options: StepwedgeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "StepwedgeError";
    this.where = options.where;
    this.remedy = options.remedy;
    this.exitCode = options.exitCode ?? ExitCode.usage;
  }

  /** The message as the command line prints it: place, fault, remedy. */
  format(): string {
    const place = this.where === undefined ? "" : `${this.where}: `;
    return this.remedy === undefined ? `${place}${this.message}` : `${place}${this.message}\n  ${this.remedy}`;
  }
}

/** A received value as it should stand in an error message: JSON, cut at 80 characters. */
export function received(value: unknown): string {
  const text =
    typeof value === "number" || value === undefined ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
