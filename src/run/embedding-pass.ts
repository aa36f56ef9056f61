import { crc32 } from "node:zlib";
import type { Embeddings } from "../core/model.js";
import { withSample } from "./headed-model.js";
import type { LoadedImages } from "./images.js";
import type { Journal } from "./journal.js";
import { otherEncoderWidth } from "./plan.js";
import { batchFirsts, type ScoringContext } from "./scoring.js";

/** A split as the encoder sees it, clean. */
export interface SplitEmbeddings {
  /** Of the images that could be read. */
  readonly embeddings: Embeddings;
  /** The split's row of each of them. */
  readonly rows: Int32Array;
  readonly batches: readonly (Omit<LoadedImages, "batch"> & { readonly first: number })[];
  readonly journal: Journal;
}

/** Embeds the split, batch by batch; the next one is decoded while the encoder works. What the journal holds is not asked again. */
export async function embedSplit(context: ScoringContext, width: number, journal: Journal): Promise<SplitEmbeddings> {
  const { images, ledger, observer, purpose, roster, signal } = context;
  const known = new Map(journal.entries.map((entry) => [entry.index, entry]));
  const values = new Float32Array(roster.ids.length * width);
  const rows: number[] = [];
  const batches: SplitEmbeddings["batches"][number][] = [];
  const { firsts, size } = batchFirsts(context);
  const load = (first: number) => {
    const loading = images.load(roster.rows.subarray(first, first + size));
    loading.catch(() => {}); // Awaited later.
    return loading;
  };
  try {
    let next = firsts[0] === undefined ? null : load(firsts[0]);
    for (const [index, first] of firsts.entries()) {
      signal?.throwIfAborted();
      if (next === null) break;
      const { batch, ...loaded } = await next;
      const following = firsts[index + 1];
      next = following === undefined ? null : load(following);
      const guard = crc32(loaded.sha256.join(""));
      const entry = known.get(first);
      let vectors: Float32Array;
      if (entry?.guard === guard && entry.bytes.byteLength === 4 * batch.count * width) {
        vectors = new Float32Array(entry.bytes.buffer, 0, batch.count * width);
        ledger.recall(batch.count, purpose);
      } else if (batch.count === 0) {
        vectors = new Float32Array(0);
      } else {
        const embedded = await ledger.embed(batch, purpose).catch((error: unknown) => {
          throw withSample(error, (image) => `sample "${roster.ids[first + (loaded.kept[image] ?? 0)]}"`);
        });
        if (embedded.width !== width) throw otherEncoderWidth(ledger.model.meta.adapter, embedded.width, width);
        vectors = embedded.values;
        const bytes = new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength);
        journal.append({ index: first, guard, bytes });
      }
      values.set(vectors, rows.length * width);
      rows.push(...Array.from(loaded.kept, (row) => first + row));
      batches.push({ ...loaded, first });
      observer.advance(loaded.rejected.length, "embeddings");
    }
  } catch (error) {
    journal.close();
    throw error;
  }
  const embeddings = { count: rows.length, width, values: values.subarray(0, rows.length * width) };
  return { embeddings, rows: Int32Array.from(rows), batches, journal };
}
