import { findPlugin } from "../../src/core/plugins.js";
import type { Head, HeadContext, HeadSamples, VectorTable } from "../../src/core/head.js";
import type { Embeddings } from "../../src/core/model.js";
import { randomFrom } from "../../src/core/random.js";

export function embeddingsOf(rows: readonly (readonly number[])[]): Embeddings {
  return { count: rows.length, width: rows[0]?.length ?? 0, values: Float32Array.from(rows.flat()) };
}

/** Samples of classes whose embeddings lie apart along the first dimensions; two images of each patient. */
export function plantedSamples(count: number, width: number, classes: number, apart = 2): HeadSamples {
  const random = randomFrom("planted samples", count, width, classes);
  const labels = Array.from({ length: classes }, (_, k) =>
    Int8Array.from({ length: count }, (_, i) => Number(i % classes === k)),
  );
  if (classes === 1) labels[0] = Int8Array.from({ length: count }, (_, i) => i % 2);
  const values = Float32Array.from({ length: count * width }, (_, at) => {
    const own = labels[at % width]?.[Math.floor(at / width)] ?? 0;
    return random.normal() + apart * own + 1;
  });
  return {
    embeddings: { count, width, values },
    labels,
    patients: Int32Array.from({ length: count }, (_, i) => i >> 1),
    ids: Array.from({ length: count }, (_, i) => `s${i}`),
  };
}

/** One row for every class and polarity. */
export function promptTable(classes: readonly string[], width: number): VectorTable {
  const random = randomFrom("prompts");
  const rows = classes.flatMap((name) => [
    { name, polarity: "positive" },
    { name, polarity: "negative" },
  ]);
  return {
    name: "prompts.csv",
    count: rows.length,
    width,
    values: Float32Array.from({ length: rows.length * width }, () => random.normal()),
    texts: new Map([
      ["class", rows.map(({ name }) => name)],
      ["polarity", rows.map(({ polarity }) => polarity)],
    ]),
    rowName: (row) => `prompts.csv, line ${row + 2}`,
  };
}

export async function headOf(
  kind: string,
  given: Readonly<Record<string, unknown>>,
  classes: readonly string[],
  task: HeadContext<unknown>["task"],
): Promise<{ readonly head: Head; readonly context: HeadContext<Record<string, unknown>> }> {
  const head = await findPlugin("heads", kind);
  return { head, context: { parameters: head.meta.parameters.parse(given), classes, task } };
}

/** The source of a head that learns. */
export function learning({ source }: Head) {
  if (source.kind !== "tuning") throw new Error("this head does not learn");
  return source;
}
