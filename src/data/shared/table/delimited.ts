import { tableBytes } from "./bytes.js";
import { ColumnCollector } from "./columns.js";
import { type Delimiter, unreadable } from "./delimiter.js";
import type { TableReader } from "./reader.js";
import { type RecordSink, readRecords } from "./records.js";

/** CSV and TSV. */
export function delimitedReader(file: string, name: string, delimiter: Delimiter): TableReader {
  const format = { file: name, delimiter };

  /** Hands records on until the sink has enough. */
  async function readSome(sink: RecordSink, enough: AbortController): Promise<void> {
    try {
      await readRecords(tableBytes(file, name).chunks, format, sink, enough.signal);
    } catch (error) {
      if (!enough.signal.aborted) throw unreadable(error, name);
    }
  }

  return {
    async header() {
      const enough = new AbortController();
      let header: readonly string[] = [];
      const take = (cells: readonly string[]): void => {
        if (header.length === 0) header = cells;
        enough.abort();
      };
      await readSome(take, enough);
      return header;
    },
    async read(wanted) {
      const collector = new ColumnCollector(name, wanted);
      const { chunks, sha256: hash } = tableBytes(file, name);
      try {
        await readRecords(chunks, format, (cells, line) => collector.add(cells, line));
        const { lines } = collector;
        const [columns, numbers] = [collector.columns(), collector.numbers()];
        return { name, columns, numbers, lines, unit: "line", sha256: hash() };
      } catch (error) {
        throw unreadable(error, name);
      }
    },
    /** Rows of another width than the header's are passed over. */
    async preview(most) {
      const enough = new AbortController();
      let names: readonly string[] | null = null;
      const columns: string[][] = [];
      let rows = 0;
      const take = (cells: readonly string[]): void => {
        if (names === null) {
          names = cells;
          columns.push(...cells.map(() => []));
        } else if (rows < most && cells.length === names.length) {
          for (const [column, cell] of cells.entries()) columns[column]?.push(cell);
          rows++;
          if (rows === most) enough.abort();
        }
      };
      await readSome(take, enough);
      return { names: names ?? [], columns, rows };
    },
  };
}
