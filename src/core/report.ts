import type { AuditRecord } from "./record.js";

/** A rendering of a finished record. The same record gives the same bytes. */
export interface Report {
  /** The name that `--format` and the protocol's `reports` take. */
  readonly id: string;
  readonly title: string;
  /** The file's name in the record's folder, such as "report.html". */
  readonly file: string;
  render(record: AuditRecord): string | Promise<string>;
}

/** Declares a report format. A report's file exports the result as default. */
export function defineReport(report: Report): Report {
  return report;
}
