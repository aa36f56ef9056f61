import type { Column } from "./parquet.js";
import { readParquet, writeParquet } from "./parquet.js";

/**
 * One split's samples as columns: everything that audits need besides scores. It is kept in the record, so that
 * audits, subgroups and gates can be done again without the table; patients are numbers there, not names.
 */
export interface Roster {
  /** Row of each sample in the source table. */
  readonly rows: Int32Array;
  readonly ids: readonly string[];
  readonly patients: Int32Array;
  /** The patient as a code that both splits share, so that patients of one can be known in the other. */
  readonly persons: Int32Array;
  readonly labels: Readonly<Record<string, Int8Array>>;
  /**
   * Of retrieval, by class: 1 positive, 0 negative, -1 missing; `labels` then say which samples ask (1, else -1). Of all else
   * there are none.
   */
  readonly relevance: Readonly<Record<string, Int8Array>>;
  /** The columns that subgroups are made of, as text; the empty string where missing. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  /** Sampling weights; null where all samples count alike. */
  readonly weights: Float64Array | null;
  /** Other models' scores, by comparator and class. */
  readonly comparators: Readonly<Record<string, Readonly<Record<string, Float64Array>>>>;
}

export function writeRoster(path: string, roster: Roster, metadata: Readonly<Record<string, string>>): void {
  const labels = Object.entries(roster.labels).map(
    ([name, data]): Column => ({ name: `label.${name}`, type: "INT32", data: Int32Array.from(data) }),
  );
  const relevance = Object.entries(roster.relevance).map(
    ([name, data]): Column => ({ name: `relevance.${name}`, type: "INT32", data: Int32Array.from(data) }),
  );
  const attributes = Object.entries(roster.attributes).map(
    ([name, data]): Column => ({ name: `attribute.${name}`, type: "STRING", data }),
  );
  const comparators = Object.entries(roster.comparators).flatMap(([id, byClass]) =>
    Object.entries(byClass).map(
      ([name, data]): Column => ({ name: `comparator.${JSON.stringify([id, name])}`, type: "DOUBLE", data }),
    ),
  );
  const weights: Column[] = roster.weights === null ? [] : [{ name: "weight", type: "DOUBLE", data: roster.weights }];
  writeParquet(
    path,
    [
      { name: "id", type: "STRING", data: roster.ids },
      { name: "row", type: "INT32", data: roster.rows },
      { name: "patient", type: "INT32", data: roster.patients },
      { name: "person", type: "INT32", data: roster.persons },
      ...labels,
      ...relevance,
      ...attributes,
      ...weights,
      ...comparators,
    ],
    metadata,
  );
}

export async function readRoster(path: string): Promise<Roster> {
  const table = await readParquet(path);
  const labels: Record<string, Int8Array> = {};
  const relevance: Record<string, Int8Array> = {};
  const attributes: Record<string, readonly string[]> = {};
  const comparators: Record<string, Record<string, Float64Array>> = {};
  for (const [name, data] of table) {
    if (name.startsWith("comparator.")) {
      const [id, className] = JSON.parse(name.slice("comparator.".length)) as [string, string];
      comparators[id] = { ...comparators[id], [className]: data as Float64Array };
    }
    if (name.startsWith("relevance.")) relevance[name.slice("relevance.".length)] = Int8Array.from(data as Int32Array);
    if (name.startsWith("label.")) labels[name.slice("label.".length)] = Int8Array.from(data as Int32Array);
    if (name.startsWith("attribute.")) attributes[name.slice("attribute.".length)] = data as string[];
  }
  return {
    rows: Int32Array.from((table.get("row") ?? []) as Int32Array),
    ids: (table.get("id") ?? []) as string[],
    patients: Int32Array.from((table.get("patient") ?? []) as Int32Array),
    persons: Int32Array.from((table.get("person") ?? []) as Int32Array),
    labels,
    relevance,
    attributes,
    weights: (table.get("weight") as Float64Array | undefined) ?? null,
    comparators,
  };
}
