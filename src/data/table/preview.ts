import { basename } from "node:path";
import { openTable, type TablePreview } from "../shared/table/reader.js";

export type { TablePreview } from "../shared/table/reader.js";

/**
 * Reads the header and at most `most` rows (at least 1) of a table of any kind.
 * @throws StepwedgeError with the line or row where the file is no such table.
 */
export async function previewTable(file: string, most: number): Promise<TablePreview> {
  return (await openTable(file, basename(file))).preview(most);
}
