import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "csv-parse/sync";
import { received, StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { suggest } from "../core/plugins.js";
import type { OperatingPointEntry, Protocol } from "./schema.js";

interface ThresholdTable {
  readonly path: string;
  readonly class: string;
  readonly threshold: string;
}

/**
 * Replaces tables of thresholds by what stands in them, with the table's hash: the protocol's own hash then covers the
 * thresholds, and nothing that is done with the record later needs the table.
 * @throws StepwedgeError that names the file and the line of the first fault
 */
export function withThresholds(protocol: Protocol, baseFolder: string): Protocol {
  const operatingPoints = protocol.operatingPoints.map((entry) => {
    const { thresholds } = entry;
    return isTable(thresholds) ? readInto(entry, thresholds, protocol.model.classes, baseFolder) : entry;
  });
  return { ...protocol, operatingPoints };
}

function isTable(thresholds: OperatingPointEntry["thresholds"]): thresholds is ThresholdTable {
  return thresholds !== undefined && typeof thresholds.path === "string";
}

function readInto(
  entry: OperatingPointEntry,
  table: ThresholdTable,
  classes: readonly string[],
  baseFolder: string,
): OperatingPointEntry {
  const bytes = readTable(resolve(baseFolder, table.path), table.path);
  const rows = recordsOf(bytes, table.path);
  const [header = []] = rows;
  const columns = [table.class, table.threshold].map((name) => columnOf(name, header, table.path));
  const found = new Map<string, number>();
  rows.slice(1).forEach((cells, index) => {
    const [name = "", text = ""] = columns.map((column) => (cells[column] ?? "").trim());
    const where = `${table.path}, line ${index + 2}`;
    const value = text === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(value)) {
      throw new StepwedgeError(`the threshold of class "${name}" is no finite number: ${received(text)}`, {
        where,
        remedy: "Give every class one number.",
      });
    }
    if (found.has(name)) {
      throw new StepwedgeError(`class "${name}" stands twice`, { where, remedy: "Give every class one threshold." });
    }
    found.set(name, value);
  });
  const wanted = entry.class === undefined ? classes : [entry.class];
  const missing = wanted.find((name) => !found.has(name));
  if (missing !== undefined) {
    throw new StepwedgeError(`has no threshold of class "${missing}"`, {
      where: table.path,
      remedy: `${suggest(missing, [...found.keys()])}Classes there: ${[...found.keys()].join(", ")}.`,
    });
  }
  const thresholds = Object.fromEntries(wanted.map((name) => [name, found.get(name) as number]));
  return { ...entry, thresholds, thresholdsSha256: sha256(bytes) };
}

function readTable(file: string, name: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new StepwedgeError("cannot be read", {
      where: name,
      remedy: "Correct the path of operatingPoints' thresholds; it is relative to the protocol file.",
      cause,
    });
  }
}

function recordsOf(bytes: Buffer, name: string): string[][] {
  try {
    const delimiter = name.endsWith(".tsv") ? "\t" : ",";
    return parse(bytes, { bom: true, delimiter, skip_empty_lines: true }) as string[][];
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new StepwedgeError(`is no table: ${detail}`, { where: name, remedy: "Give a CSV or TSV file.", cause });
  }
}

function columnOf(name: string, header: readonly string[], file: string): number {
  const index = header.indexOf(name);
  if (index !== -1) return index;
  throw new StepwedgeError(`there is no column ${JSON.stringify(name)}`, {
    where: `${file}, line 1`,
    remedy: `${suggest(name, header)}Columns: ${header.join(", ")}.`,
  });
}
