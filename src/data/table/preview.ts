import { basename } from "node:path";
import { type CellSpans, cellText, DelimitedReader } from "./csv.js";
import { guessDelimiter, readHead } from "./delimiter.js";

/** The first rows of a table, all columns, for whoever must guess what they mean. */
export interface TablePreview {
  readonly names: readonly string[];
  /** `columns[column][row]`. */
  readonly columns: readonly (readonly string[])[];
  readonly rows: number;
}

const PREVIEW_BYTES = 4 * 2 ** 20;

/**
 * Reads the header and at most `most` rows.
 * @throws StepwedgeError with the line where the file is no CSV or TSV.
 */
export async function previewTable(file: string, most: number): Promise<TablePreview> {
  const name = basename(file);
  const bytes = await readHead(file, name, PREVIEW_BYTES);
  let names: readonly string[] | null = null;
  const columns: string[][] = [];
  let rows = 0;
  const reader = new DelimitedReader(name, await guessDelimiter(file, name), (record, cells) => {
    const texts = cellTexts(record, cells);
    if (names === null) {
      names = texts;
      columns.push(...texts.map(() => []));
    } else if (rows < most && texts.length === names.length) {
      for (const [column, text] of texts.entries()) columns[column]?.push(text);
      rows++;
    }
  });
  reader.write(bytes);
  // What was cut off by the preview's end is no record; what ends with the file is one.
  if (bytes.length < PREVIEW_BYTES) reader.finish();
  return { names: names ?? [], columns, rows };
}

function cellTexts(bytes: Buffer, cells: CellSpans): string[] {
  return Array.from({ length: cells.count }, (_, column) => cellText(bytes, cells, column));
}
