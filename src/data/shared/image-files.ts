import { type Dirent, promises as fs, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { isMainThread } from "node:worker_threads";
import { AS_STORED, type ImageFile, type PixelOptions, type SourceContext, type SourceTable } from "../../core/data.js";
import { ExitCode, received, StepwedgeError } from "../../core/errors.js";
import { sha256 } from "../../core/hash.js";
import { decodeImage } from "../../image/decode.js";

/**
 * The questions about files. The main thread waits for no disk; a thread that only loads does, and is spared the way to libuv's
 * threads and back, which takes longer than the answer where files lie near.
 */
const files = isMainThread
  ? fs
  : {
      realpath: async (path: string) => realpathSync.native(path),
      stat: async (path: string) => statSync(path),
      readFile: async (path: string) => readFileSync(path),
    };

/** The image references of a table: paths relative to one folder, which they may not leave. */
export interface ImageReferences {
  /** The folder that the paths are relative to, absolute. */
  readonly root: string;
  readonly paths: readonly string[];
  rowName(row: number): string;
}

/**
 * Checks that every image exists, is a file and lies inside the folder, also behind symbolic links. Each folder is
 * listed once, so that 10⁵ images cost one listing and not 10⁵ questions to the file system.
 * @param mayMiss images that are missing are left to be rejected later
 * @throws StepwedgeError that names the first row at fault.
 */
export async function checkImageReferences(images: ImageReferences, mayMiss = false): Promise<void> {
  const root = await realFolder(images.root);
  const listings = new Map<string, ReadonlyMap<string, Dirent>>();
  for (let row = 0; row < images.paths.length; row++) {
    if (mayMiss && images.paths[row] === "") continue;
    const image = imageFileOf(images, row, AS_STORED);
    const path = lexicalPath(image);
    const folder = dirname(path);
    let listing = listings.get(folder);
    if (listing === undefined) {
      listing = await listFolder(folder, root);
      listings.set(folder, listing);
    }
    // A name that the listing lacks may still exist (upper and lower case, Unicode forms): ask the file system then.
    if (listing.get(basename(path))?.isFile() === true) continue;
    if (mayMiss) await refuseOutside(image, root, path);
    else await resolveImageFile(image);
  }
}

/** @throws StepwedgeError where the path is there and leads out of the folder. */
async function refuseOutside(image: ImageFile, root: string, path: string): Promise<void> {
  const real = await fs.realpath(path).catch(() => null);
  if (real !== null && !isInside(root, real)) throw outside(image);
}

/**
 * The file of a row's image, with symbolic links resolved.
 * @throws StepwedgeError where the path is empty, leaves the folder, does not exist or is no file.
 */
export function resolveImage(images: ImageReferences, row: number): Promise<string> {
  return resolveImageFile(imageFileOf(images, row, AS_STORED));
}

async function resolveImageFile(image: ImageFile): Promise<string> {
  const root = await realFolder(image.root);
  const path = lexicalPath(image);
  let real: string;
  try {
    real = await files.realpath(path);
  } catch (cause) {
    throw new StepwedgeError(`image not found: ${received(image.path)}`, {
      where: image.place,
      remedy: `Paths are relative to ${received(image.root)}; correct the path, or set data.root.`,
      cause,
    });
  }
  if (!isInside(root, real)) throw outside(image);
  if (!(await files.stat(real)).isFile()) {
    throw new StepwedgeError(`the image is not a file: ${received(image.path)}`, {
      where: image.place,
      remedy: "Give the path of one image file.",
    });
  }
  return real;
}

/** The path made absolute, before symbolic links are looked at. */
function lexicalPath(image: ImageFile): string {
  if (image.path === "") {
    throw new StepwedgeError("the row has no image path", {
      where: image.place,
      remedy: "Fill the image column, or leave the row out of the table.",
    });
  }
  const path = resolve(image.root, image.path);
  if (isAbsolute(image.path) || !isInside(image.root, path)) throw outside(image);
  return path;
}

function outside(image: ImageFile): StepwedgeError {
  return new StepwedgeError(`path outside the data folder: ${received(image.path)}`, {
    where: image.place,
    remedy:
      "Give paths relative to the data folder that stay inside it, or set data.root to a folder that holds them all.",
  });
}

export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function realFolder(folder: string): Promise<string> {
  try {
    return await files.realpath(folder);
  } catch (cause) {
    throw new StepwedgeError(`the data folder does not exist: ${received(folder)}`, {
      remedy: "Correct data.root; it is relative to the protocol file.",
      cause,
    });
  }
}

/** A folder's entries by name; empty where it cannot be listed or a symbolic link leads out of the data folder. */
async function listFolder(folder: string, root: string): Promise<ReadonlyMap<string, Dirent>> {
  try {
    const real = await fs.realpath(folder);
    if (real !== root && !isInside(root, real)) return new Map();
    const entries = await fs.readdir(real, { withFileTypes: true });
    return new Map(entries.map((entry) => [entry.name, entry]));
  } catch {
    return new Map();
  }
}

/** How each row's file is decoded: a column may say which of its frames is the image. */
export function framesByRow(
  { frameColumn, pixels }: Pick<SourceContext, "frameColumn" | "pixels">,
  columns: ReadonlyMap<string, readonly string[]>,
  rowName: (row: number) => string,
): (row: number) => PixelOptions {
  if (frameColumn === null) return () => pixels;
  const cells = columns.get(frameColumn) ?? [];
  return (row) => {
    const text = (cells[row] ?? "").trim();
    if (/^\d{1,9}$/.test(text)) return { ...pixels, frames: { take: "index", index: Number(text) } };
    throw new StepwedgeError(`is no number of a frame or slice: ${received(cells[row])}`, {
      where: `${rowName(row)}, column "${frameColumn}"`,
      remedy: "Give whole numbers from 0.",
    });
  };
}

/** A row's image as `loadImageFile` takes it. */
export function imageFileOf({ paths, root, rowName }: ImageReferences, row: number, pixels: PixelOptions): ImageFile {
  return { root, path: paths[row] ?? "", place: rowName(row), pixels };
}

/** Reads and decodes a row's image. */
export async function loadImage(
  images: ImageReferences,
  row: number,
  pixels: PixelOptions,
): ReturnType<NonNullable<SourceTable["loadImage"]>> {
  return loadImageFile(imageFileOf(images, row, pixels));
}

/** Reads and decodes an image; in any thread. */
export async function loadImageFile(file: ImageFile): ReturnType<NonNullable<SourceTable["loadImage"]>> {
  const { bytes, where } = await readFileOf(file);
  return { image: await decodeImage(bytes, where, file.pixels), sha256: sha256(bytes) };
}

/** Files beside the images that columns name, such as masks: their values as they are stored. */
export function furtherFiles(
  images: ImageReferences,
  columns: ReadonlyMap<string, readonly string[]>,
  pixels: (row: number) => PixelOptions,
): Required<Pick<SourceTable, "loadFile" | "hashFile">> {
  const named = (column: string): ImageReferences => ({
    ...images,
    paths: columns.get(column) ?? [],
    rowName: (row) => `${images.rowName(row)}, column "${column}"`,
  });
  return {
    loadFile: (row, column) =>
      loadImage(named(column), row, { ...pixels(row), window: AS_STORED.window, bits: AS_STORED.bits }),
    hashFile: async (row, column) => sha256((await readImageFile(named(column), row)).bytes),
  };
}

/** The bytes of a row's image, and what to call it in messages. */
export function readImageFile(images: ImageReferences, row: number): Promise<{ bytes: Buffer; where: string }> {
  return readFileOf(imageFileOf(images, row, AS_STORED));
}

async function readFileOf(image: ImageFile): Promise<{ bytes: Buffer; where: string }> {
  const file = await resolveImageFile(image);
  const where = `${image.place}, image ${received(image.path)}`;
  try {
    return { bytes: await files.readFile(file), where };
  } catch (cause) {
    throw new StepwedgeError("the image cannot be read", {
      where,
      remedy: "Check the file's permissions.",
      exitCode: isOfTheFile(cause) ? ExitCode.usage : ExitCode.incomplete,
      cause,
    });
  }
}

/** Whether the file is at fault, and not the disk or the network for the moment. */
export function isOfTheFile(cause: unknown): boolean {
  return ["ENOENT", "EACCES", "EPERM", "EISDIR"].includes((cause as NodeJS.ErrnoException).code ?? "");
}

/** The table's name in messages and in the record: relative to the protocol, with forward slashes everywhere. */
export function relativeName(baseFolder: string, path: string): string {
  const name = isAbsolute(path) ? relative(baseFolder, path) : path;
  return name.split(sep).join("/");
}
