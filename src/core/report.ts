import type { AuditRecord } from "./record.js";

/** What a report's file holds: text as UTF-8, or bytes. */
export type Rendering = string | Uint8Array;

/** A rendering of a finished record. The same record gives the same bytes. */
export interface Report<Rendered extends Rendering = Rendering> {
  /** The name that `--format` and the protocol's `reports` take. */
  readonly id: string;
  readonly title: string;
  /** The file's name in the record's folder, such as "report.html". */
  readonly file: string;
  render(record: AuditRecord): Rendered | Promise<Rendered>;
}

/** Declares a report format. A report's file exports the result as default. */
export function defineReport<Rendered extends Rendering>(report: Report<Rendered>): Report<Rendered> {
  return report;
}
