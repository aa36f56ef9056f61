import type { DecodedImage, SourceTable } from "../core/data.js";
import { StepwedgeError } from "../core/errors.js";
import type { ModelInput } from "../core/model.js";
import type { Reference, Task } from "../core/task.js";
import type { ReferenceEntry } from "../protocol/schema.js";
import { fitImage } from "../image/fit.js";

/** What answers are held against, sample by sample. */
export interface ReferenceStandard {
  /** The references of a row of the source, one per class; null where it has none. */
  of(row: number): Promise<readonly (Reference | null)[]>;
}

export interface ReferenceOptions {
  readonly source: SourceTable;
  readonly task: Task;
  readonly classes: readonly string[];
  /** Of tasks that are held against the samples themselves: by class, the rows of the source that ask. */
  readonly queries: ReadonlyMap<string, ReadonlySet<number>>;
  /** The protocol's `data.references`. */
  readonly entries: Readonly<Record<string, ReferenceEntry>>;
  /** Masks are brought to the model's size as its images are, by the nearest pixel. */
  readonly input: ModelInput;
}

/** Masks that are kept for the next time, in bytes: attacks ask about the same images again and again. */
const KEPT_BYTES = 256 * 2 ** 20;

/** Opens the reference standard. @throws StepwedgeError where the source has no such files */
export function openReferences(options: ReferenceOptions): ReferenceStandard {
  const { source, task } = options;
  if (task.meta.reference === "sample") {
    const { classes, queries } = options;
    return {
      of: async (row) =>
        classes.map((name): Reference | null =>
          queries.get(name)?.has(row) === true ? { kind: "sample", row } : null,
        ),
    };
  }
  if (task.meta.reference === "number") {
    const columns = options.classes.map((name) => source.numbers.get(columnOf(options, name))?.values);
    return {
      of: async (row) =>
        columns.map((values): Reference | null => {
          const value = values?.[row] ?? Number.NaN;
          return Number.isNaN(value) ? null : { kind: "number", value };
        }),
    };
  }
  if (source.loadFile === undefined) {
    throw new StepwedgeError("has no column that could name masks", {
      where: "data.adapter",
      remedy: "Give images and masks as files in a table (data.adapter: table).",
    });
  }
  const kept = new Map<number, Promise<readonly (Reference | null)[]>>();
  let bytes = 0;
  return {
    of(row) {
      const known = kept.get(row);
      if (known !== undefined) return known;
      const loading = Promise.all(options.classes.map((name) => loadMask(options, row, name)));
      const size = options.classes.length * options.input.height * options.input.width * options.input.channels;
      if (bytes + size <= KEPT_BYTES) {
        bytes += size;
        kept.set(row, loading);
      }
      return loading;
    },
  };
}

function columnOf({ entries }: ReferenceOptions, name: string): string {
  return (entries[name] as ReferenceEntry).column;
}

async function loadMask(options: ReferenceOptions, row: number, name: string): Promise<Reference | null> {
  const { entries, input, source } = options;
  const { column, values } = entries[name] as ReferenceEntry;
  if ((source.columns.get(column)?.[row] ?? "") === "" || source.loadFile === undefined) return null;
  const { image } = await source.loadFile(row, column);
  const inside = insideOf(image, values, `${source.rowName(row)}, column "${column}"`);
  const { data, height, width } = atSize(inside, input, `${source.rowName(row)}, column "${column}"`);
  const shape = inside.channels > 1 ? [inside.channels, height, width] : [height, width];
  return { kind: "mask", data: data as Uint8Array, shape };
}

/** 1 where a pixel belongs to the structure. Of colours, any channel that is not 0; of volumes, slice by slice. */
function insideOf(image: DecodedImage, values: readonly number[] | undefined, where: string): DecodedImage {
  const wanted = values === undefined ? null : new Set(values);
  const isInside = (value: number) => (wanted === null ? value !== 0 : wanted.has(value));
  const { channels, data, height, width } = image;
  const pixels = height * width;
  // Three channels are the colours of one mask: volumes of three slices are not told from them.
  const isColour = channels === 3;
  if (isColour && wanted !== null) {
    throw new StepwedgeError("is a picture in colours, which has no values of structures", {
      where,
      remedy: "Save the mask in one channel, or leave data.references values out: what is not black is then inside.",
    });
  }
  const planes = isColour ? 1 : channels;
  const out = new Uint8Array(planes * pixels);
  for (let i = 0; i < data.length; i++) {
    if (isInside(data[i] as number)) out[isColour ? i % pixels : i] = 1;
  }
  return { data: out, channels: planes, height, width, maxValue: 1 };
}

/** @throws StepwedgeError where the mask is of another size and the model's images are not resized */
function atSize(mask: DecodedImage, input: ModelInput, where: string): DecodedImage {
  if (mask.height === input.height && mask.width === input.width) return mask;
  if (input.resize !== "none") return fitImage(mask, input, "nearest", 1);
  throw new StepwedgeError(
    `the mask is ${mask.width} × ${mask.height}; the model takes ${input.width} × ${input.height}`,
    {
      where,
      remedy: "Give masks of the images' size, or set model.input.resize.",
    },
  );
}
