import { type Dirent, promises as fs } from "node:fs";
import { basename, dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { AS_STORED, type PixelOptions, type SourceContext, type SourceTable } from "../../core/data.js";
import { ExitCode, received, StepwedgeError } from "../../core/errors.js";
import { sha256 } from "../../core/hash.js";
import { decodeImage } from "../../image/decode.js";

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
    const path = lexicalPath(images, row);
    const folder = dirname(path);
    let listing = listings.get(folder);
    if (listing === undefined) {
      listing = await listFolder(folder, root);
      listings.set(folder, listing);
    }
    // A name that the listing lacks may still exist (upper and lower case, Unicode forms): ask the file system then.
    if (listing.get(basename(path))?.isFile() === true) continue;
    if (mayMiss) await refuseOutside(images, row, root, path);
    else await resolveImage(images, row);
  }
}

/** @throws StepwedgeError where the path is there and leads out of the folder. */
async function refuseOutside(images: ImageReferences, row: number, root: string, path: string): Promise<void> {
  const real = await fs.realpath(path).catch(() => null);
  if (real !== null && !isInside(root, real)) throw outside(images, row);
}

/**
 * The file of a row's image, with symbolic links resolved.
 * @throws StepwedgeError where the path is empty, leaves the folder, does not exist or is no file.
 */
export async function resolveImage(images: ImageReferences, row: number): Promise<string> {
  const root = await realFolder(images.root);
  const path = lexicalPath(images, row);
  let real: string;
  try {
    real = await fs.realpath(path);
  } catch (cause) {
    throw new StepwedgeError(`image not found: ${received(images.paths[row])}`, {
      where: images.rowName(row),
      remedy: `Paths are relative to ${received(images.root)}; correct the path, or set data.root.`,
      cause,
    });
  }
  if (!isInside(root, real)) throw outside(images, row);
  if (!(await fs.stat(real)).isFile()) {
    throw new StepwedgeError(`the image is not a file: ${received(images.paths[row])}`, {
      where: images.rowName(row),
      remedy: "Give the path of one image file.",
    });
  }
  return real;
}

/** The row's path made absolute, before symbolic links are looked at. */
function lexicalPath(images: ImageReferences, row: number): string {
  const written = images.paths[row] ?? "";
  if (written === "") {
    throw new StepwedgeError("the row has no image path", {
      where: images.rowName(row),
      remedy: "Fill the image column, or leave the row out of the table.",
    });
  }
  const path = resolve(images.root, written);
  if (isAbsolute(written) || !isInside(images.root, path)) throw outside(images, row);
  return path;
}

function outside(images: ImageReferences, row: number): StepwedgeError {
  return new StepwedgeError(`path outside the data folder: ${received(images.paths[row])}`, {
    where: images.rowName(row),
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
    return await fs.realpath(folder);
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

/** Reads and decodes a row's image. */
export async function loadImage(
  images: ImageReferences,
  row: number,
  pixels: PixelOptions,
): ReturnType<NonNullable<SourceTable["loadImage"]>> {
  const { bytes, where } = await readImageFile(images, row);
  return { image: await decodeImage(bytes, where, pixels), sha256: sha256(bytes) };
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
export async function readImageFile(images: ImageReferences, row: number): Promise<{ bytes: Buffer; where: string }> {
  const file = await resolveImage(images, row);
  const where = `${images.rowName(row)}, image ${received(images.paths[row])}`;
  try {
    return { bytes: await fs.readFile(file), where };
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
