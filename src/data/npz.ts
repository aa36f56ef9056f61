/**
 * Arrays of images in one .npz file, laid out as MedMNIST's (https://medmnist.com): `train_images`, `train_labels`, `val_images` …;
 * `images` and `labels` alone make a set without splits. Images are N × H × W, N × H × W × 3 (or × 1), or volumes N × D × H × W.
 * Each image is a sample; with `frames: each` each slice of each volume is, named split#image#slice.
 *
 * Columns: id (split#image, from 0), split, image (the id without #slice), slice, label (or label_0, label_1 … where labels are
 * N × K), and one per further array with a row per image: `test_age` is the column age.
 *
 * Arrays that are not packed (numpy.savez) are read image by image; packed ones are unpacked into memory when their first image is
 * asked for, up to 1 GiB each.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { type DecodedImage, defineDataSource, type PixelOptions, type SourceTable } from "../core/data.js";
import { StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { MOST_PIXELS } from "../image/faults.js";
import { applyWindow, chosenFrames } from "../image/window.js";
import { ARRAY_HEAD_BYTES, type ArrayHeader, readArrayHeader, textsOf, valuesOf } from "./npz/array.js";
import { type ZipEntry, ZipFile } from "./npz/zip.js";
import { ownColumn } from "./shared/files.js";
import { framesByRow, relativeName } from "./shared/image-files.js";
import { numbersOf } from "./shared/numbers.js";

const parameters = z.strictObject({
  path: z.string().min(1).describe("The .npz file, relative to the protocol file."),
  layout: z
    .enum(["NHW", "NHWC", "NDHW"])
    .optional()
    .describe("What the arrays' axes are; default: NHW of three, NHWC of four where the last has 1 or 3, else NDHW."),
});
type Layout = z.output<typeof parameters>["layout"];

export default defineDataSource({
  meta: {
    id: "npz",
    title: "Arrays in an .npz file",
    summary: "Images and labels as numpy arrays in one .npz file, split by the arrays' names, as MedMNIST has them.",
    parameters,
    needsImageColumn: false,
  },
  async open({ layout, path }, context): Promise<SourceTable> {
    const file = resolve(context.baseFolder, path);
    const name = relativeName(context.baseFolder, path);
    const zip = await ZipFile.open(file, name);
    const sets = await setsOf(zip, name, layout);
    const rows = sets.flatMap((set) => rowsOf(set, context.eachFrame));
    const own = await columnsOf(zip, sets, rows, name);
    const { columns, frameColumn, numbers, pixels } = context;
    if (pixels.axis === "coronal" || pixels.axis === "sagittal") {
      throw new StepwedgeError("arrays do not say how they lie in the patient", {
        where: "data.axis",
        remedy: "Set it to stored: slices run along the first axis of each volume.",
      });
    }
    const rowName = (row: number): string => `${name}, ${own.get("id")?.[row] ?? "?"}`;
    const frames = new Map(frameColumn === null ? [] : [[frameColumn, ownColumn(own, frameColumn, name)]]);
    const byRow = framesByRow(context, frames, rowName);
    const images = new ImageArrays(zip, name);
    return {
      count: rows.length,
      columns: new Map(columns.map((column) => [column, ownColumn(own, column, name)])),
      numbers: new Map(numbers.map((column) => [column, numbersOf(ownColumn(own, column, name))])),
      rowName,
      files: { [name]: await hashOf(file) },
      async loadImage(row) {
        const { image, set, slice } = rows[row] as SampleRow;
        const options: PixelOptions =
          slice === null ? byRow(row) : { ...pixels, frames: { take: "index", index: slice } };
        const bytes = await images.read(set, image);
        const mark = slice === null ? sha256(bytes) : sha256(`${sha256(bytes)}#${slice}`);
        return { image: imageOf(set, bytes, options, rowName(row)), sha256: mark };
      },
    };
  },
});

/** The images of one split, and what stands beside them. */
interface ImageSet {
  /** The split's name; empty where arrays bear none. */
  readonly split: string;
  readonly entry: ZipEntry;
  readonly header: ArrayHeader;
  readonly count: number;
  /** Slices of a volume; 1 for images. */
  readonly depth: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Further arrays by the name that stands behind the split's. */
  readonly beside: ReadonlyMap<string, ZipEntry>;
}

async function setsOf(zip: ZipFile, name: string, layout: Layout): Promise<ImageSet[]> {
  const named = new Map(zip.entries.map((entry) => [entry.name.replace(/\.npy$/, ""), entry]));
  /** What the names of a split's arrays begin with. */
  const starts = [...named.keys()].flatMap(
    (key) =>
      /^(.*_)?images$/
        .exec(key)
        ?.slice(1)
        .map((start) => start ?? "") ?? [],
  );
  const startOf = (key: string) => starts.find((start) => start !== "" && key.startsWith(start)) ?? "";
  const sets: ImageSet[] = [];
  for (const start of starts) {
    const entry = named.get(`${start}images`) as ZipEntry;
    const where = `${name}, ${start}images`;
    const header = readArrayHeader(await zip.readHead(entry, ARRAY_HEAD_BYTES), where);
    const sizes = sizesOf(header, layout, where);
    if (header.begin + header.itemSize * header.shape.reduce((product, size) => product * size, 1) > entry.size) {
      throw new StepwedgeError("the array is cut off", { where, remedy: "Copy the file again from its source." });
    }
    const beside = [...named].flatMap(([key, its]): [string, ZipEntry][] =>
      its !== entry && startOf(key) === start ? [[key.slice(start.length), its]] : [],
    );
    sets.push({ split: start.slice(0, -1), entry, header, ...sizes, beside: new Map(beside) });
  }
  if (sets.length > 0) return sets;
  throw new StepwedgeError("the file holds no array of images", {
    where: name,
    remedy: `Call them images, or train_images, val_images and test_images; it holds ${[...named.keys()].join(", ") || "nothing"}.`,
  });
}

function sizesOf({ shape, type }: ArrayHeader, layout: Layout, where: string) {
  const guess = shape.length === 4 ? ([1, 3].includes(shape[3] ?? 0) ? "NHWC" : "NDHW") : "NHW";
  const axes = layout ?? guess;
  if (shape.length !== axes.length || type.startsWith("U")) {
    throw new StepwedgeError(`images of shape ${shape.join(" × ")} and type ${type} are no ${axes}`, {
      where,
      remedy: "Give N × H × W, N × H × W × C, or volumes N × D × H × W, of numbers.",
    });
  }
  const size = (axis: string, otherwise: number) => shape[axes.indexOf(axis)] ?? otherwise;
  const sizes = {
    count: size("N", 0),
    depth: size("D", 1),
    height: size("H", 0),
    width: size("W", 0),
    channels: size("C", 1),
  };
  const values = sizes.depth * sizes.height * sizes.width * sizes.channels;
  if (values < 1 || values > MOST_PIXELS || (sizes.channels !== 1 && sizes.channels !== 3)) {
    throw new StepwedgeError(`one image would be ${shape.slice(1).join(" × ")}`, {
      where,
      remedy: "Give images of at least 1 and at most 2^28 values, with 1 or 3 channels.",
    });
  }
  return sizes;
}

interface SampleRow {
  readonly set: ImageSet;
  readonly image: number;
  /** null: the whole image or volume is the sample. */
  readonly slice: number | null;
}

function rowsOf(set: ImageSet, eachFrame: boolean): SampleRow[] {
  return Array.from({ length: set.count }, (_, image) =>
    eachFrame
      ? Array.from({ length: set.depth }, (__, slice): SampleRow => ({ set, image, slice }))
      : [{ set, image, slice: null }],
  ).flat();
}

async function columnsOf(
  zip: ZipFile,
  sets: readonly ImageSet[],
  rows: readonly SampleRow[],
  name: string,
): Promise<Map<string, readonly string[]>> {
  const images = rows.map(({ image, set: { split } }) => (split === "" ? String(image) : `${split}#${image}`));
  const own = new Map<string, readonly string[]>([
    ["id", rows.map(({ slice }, row) => (slice === null ? (images[row] as string) : `${images[row]}#${slice}`))],
    ["split", rows.map(({ set }) => set.split)],
    ["image", images],
    ["slice", rows.map(({ slice }) => (slice === null ? "" : String(slice)))],
  ]);
  const further = new Map<string, Map<ImageSet, readonly string[]>>();
  for (const set of sets) {
    for (const [key, entry] of set.beside) {
      for (const [column, cells] of await cellsOf(zip, set, key, entry, name)) {
        const bySet = further.get(column) ?? new Map<ImageSet, readonly string[]>();
        bySet.set(set, cells);
        further.set(column, bySet);
      }
    }
  }
  for (const [column, bySet] of further) {
    if (!own.has(column))
      own.set(
        column,
        rows.map(({ image, set }) => bySet.get(set)?.[image] ?? ""),
      );
  }
  return own;
}

/** The columns of an array beside the images: one, or one per value of a row. Arrays of another length are passed over. */
async function cellsOf(
  zip: ZipFile,
  set: ImageSet,
  key: string,
  entry: ZipEntry,
  name: string,
): Promise<[string, readonly string[]][]> {
  const where = `${name}, ${entry.name}`;
  const header = readArrayHeader(await zip.readHead(entry, ARRAY_HEAD_BYTES), where);
  const [length, width = 1] = header.shape;
  const isLabels = key === "labels";
  if (length !== set.count || header.shape.length > 2 || width < 1) {
    if (!isLabels) return [];
    throw new StepwedgeError(`labels of shape ${header.shape.join(" × ")} stand beside ${set.count} images`, {
      where,
      remedy: "Give N or N × K labels.",
    });
  }
  const bytes = await zip.readWhole(entry);
  const end = header.begin + length * width * header.itemSize;
  if (bytes.length < end) {
    throw new StepwedgeError("the array is cut off", { where, remedy: "Copy the file again from its source." });
  }
  const texts = textsOf(header, bytes.subarray(header.begin, end));
  const column = isLabels ? "label" : key;
  if (width === 1) return [[column, texts]];
  return Array.from({ length: width }, (_, at) => [
    `${column}_${at}`,
    Array.from({ length }, (__, row) => texts[row * width + at] ?? ""),
  ]);
}

/** Bytes of single images, out of the file or of what was unpacked of it. */
class ImageArrays {
  readonly #unpacked = new Map<ImageSet, Promise<Buffer>>();

  constructor(
    private readonly zip: ZipFile,
    private readonly name: string,
  ) {}

  async read(set: ImageSet, image: number): Promise<Uint8Array> {
    const { channels, depth, entry, header, height, width } = set;
    const size = channels * depth * height * width * header.itemSize;
    const from = header.begin + image * size;
    if (!entry.isPacked) return this.zip.read(entry, from, size);
    let whole = this.#unpacked.get(set);
    if (whole === undefined) {
      whole = this.zip.readWhole(entry);
      this.#unpacked.set(set, whole);
    }
    const bytes = (await whole).subarray(from, from + size);
    if (bytes.length === size) return bytes;
    throw new StepwedgeError(`${entry.name} is cut off`, {
      where: this.name,
      remedy: "Copy the file again from its source.",
    });
  }
}

function imageOf(set: ImageSet, bytes: Uint8Array, options: PixelOptions, where: string): DecodedImage {
  const { channels, depth, header, height, width } = set;
  const values = valuesOf(header, bytes);
  const area = height * width;
  const slices = chosenFrames(depth, options, where);
  const Kind = values.constructor as new (length: number) => typeof values;
  const data = new Kind(slices.length * channels * area);
  let to = 0;
  for (const slice of slices) {
    for (let channel = 0; channel < channels; channel++) {
      for (let pixel = 0; pixel < area; pixel++)
        data[to++] = values[(slice * area + pixel) * channels + channel] as number;
    }
  }
  const isBool = header.type === "b1";
  return applyWindow(
    {
      data,
      channels: slices.length * channels,
      height,
      width,
      slope: 1,
      intercept: 0,
      storedBits: isBool ? 1 : 8 * header.itemSize,
      fileWindow: null,
      inverted: false,
    },
    options,
    where,
  );
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
