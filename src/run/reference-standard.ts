import type { DecodedImage, SourceTable } from "../core/data.js";
import { StepwedgeError } from "../core/errors.js";
import type { ModelInput } from "../core/model.js";
import type { Reference, Task } from "../core/task.js";
import type { ReferenceEntry } from "../protocol/schema.js";
import { sha256 } from "../core/hash.js";
import { fitImage, fittedScale } from "../image/fit.js";

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
  const spacing = spacingOf(options, row, name, image, shape.length);
  return { kind: "mask", data: data as Uint8Array, shape, ...(spacing === null ? {} : { spacing }) };
}

/**
 * Millimetres of the fitted mask's pixels; null where the protocol does not ask for them.
 * @throws StepwedgeError where the file or the columns do not say
 */
function spacingOf(
  { entries, input, source }: ReferenceOptions,
  row: number,
  name: string,
  image: DecodedImage,
  axes: number,
): number[] | null {
  const { column, spacing: asked } = entries[name] as ReferenceEntry;
  if (asked === undefined) return null;
  const own =
    asked === "header" ? (image.spacing ?? []) : asked.map((one) => source.numbers.get(one)?.values[row] ?? Number.NaN);
  if (own.length !== axes || own.some((size) => !(size > 0))) {
    const said = own.length === 0 ? "nothing" : own.join(", ");
    throw new StepwedgeError(`says ${said} of the size of its pixels; ${axes} numbers above 0 are needed`, {
      where: `${source.rowName(row)}, ${asked === "header" ? `column "${column}"` : `columns ${asked.join(", ")}`}`,
      remedy:
        asked === "header"
          ? "Give NIfTI masks with an orientation, or columns: data.references.<class>.spacing: [row_mm, column_mm]."
          : "Fill the columns, one for each axis, slowest first.",
    });
  }
  const scale = [1, ...fittedScale(image, input)].slice(-axes);
  return own.map((size, axis) => size * (scale[axis] as number));
}

/**
 * SHA-256 of all references of a class, row by row: whether somebody changed a mask shows in the record.
 * @throws StepwedgeError where a file is missing
 */
export async function hashReferences(
  source: SourceTable,
  entries: Readonly<Record<string, ReferenceEntry>>,
  rows: readonly number[],
): Promise<Record<string, string>> {
  const { hashFile } = source;
  if (hashFile === undefined) return {};
  const columns = [...new Set(Object.values(entries).map(({ column }) => column))];
  const hashed: Record<string, string> = {};
  for (const column of columns) {
    const cells = source.columns.get(column) ?? [];
    const named = rows.filter((row) => (cells[row] ?? "") !== "");
    const digests: string[] = [];
    // A few at a time: what is read is not kept.
    for (let from = 0; from < named.length; from += 16) {
      digests.push(...(await Promise.all(named.slice(from, from + 16).map((row) => hashFile(row, column)))));
    }
    hashed[`${column} (${named.length} files)`] = sha256(digests.join("\n"));
  }
  return hashed;
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

/** Outside the image nothing is inside a structure, whatever shade the border has. */
function withoutPadding(input: ModelInput): ModelInput {
  return input.fit?.kind === "letterbox" ? { ...input, fit: { ...input.fit, padding: 0 } } : input;
}

/** @throws StepwedgeError where the mask is of another size and the model's images are not resized */
function atSize(mask: DecodedImage, input: ModelInput, where: string): DecodedImage {
  if (mask.height === input.height && mask.width === input.width) return mask;
  if (input.resize !== "none") return fitImage(mask, withoutPadding(input), "nearest", 1);
  throw new StepwedgeError(
    `the mask is ${mask.width} × ${mask.height}; the model takes ${input.width} × ${input.height}`,
    {
      where,
      remedy: "Give masks of the images' size, or set model.input.resize.",
    },
  );
}
