import { type Dirent, promises as fs } from "node:fs";
import { join } from "node:path";
import { received, StepwedgeError } from "../../core/errors.js";
import { suggest } from "../../core/plugins.js";
import { isInside } from "./image-files.js";

/** More files than this are refused, and folders deeper than that. */
const MOST_FILES = 5_000_000;
const DEEPEST = 32;

/** A file below a folder: its path relative to it, with forward slashes, and where it really lies. */
export interface ListedFile {
  readonly path: string;
  readonly real: string;
}

/**
 * All files below a folder that end in one of the extensions (lower case, with the dot; null: whatever they end in), in the order
 * of their paths' code units. Names that begin with a dot are skipped, other extensions passed over.
 * @param name what messages call the folder
 * @throws StepwedgeError where the folder is missing, and where a symbolic link leads out of it or round in circles
 */
export async function listFiles(
  root: string,
  name: string,
  extensions: readonly string[] | null,
): Promise<ListedFile[]> {
  let real: string;
  try {
    real = await fs.realpath(root);
    if (!(await fs.stat(real)).isDirectory()) throw new Error("not a folder");
  } catch (cause) {
    throw new StepwedgeError("the data folder does not exist, or is no folder", {
      where: name,
      remedy: "Correct data.path; it is relative to the protocol file.",
      cause,
    });
  }
  const found: ListedFile[] = [];
  await collect({ real, name, extensions, found }, real, "", []);
  if (found.length === 0) {
    const ending = extensions === null ? "" : ` that end in ${extensions.join(", ")}`;
    throw new StepwedgeError(`the folder holds no files${ending}`, {
      where: name,
      remedy: "Correct data.path.",
    });
  }
  return found.sort(({ path: a }, { path: b }) => (a < b ? -1 : a > b ? 1 : 0));
}

interface Listing {
  /** The folder, with symbolic links resolved. */
  readonly real: string;
  readonly name: string;
  readonly extensions: readonly string[] | null;
  readonly found: ListedFile[];
}

async function collect(listing: Listing, folder: string, prefix: string, parents: readonly string[]): Promise<void> {
  if (parents.length > DEEPEST || parents.includes(folder)) {
    throw new StepwedgeError(`the folder ${received(prefix)} leads round in circles`, {
      where: listing.name,
      remedy: "Remove the symbolic link.",
    });
  }
  for (const entry of await entriesOf(folder, listing.name)) {
    if (entry.name.startsWith(".")) continue;
    const path = `${prefix}${entry.name}`;
    const kind = await kindOf(listing, entry, join(folder, entry.name), path);
    if (kind.isFolder) await collect(listing, kind.real, `${path}/`, [...parents, folder]);
    else if (hasExtension(entry.name, listing.extensions)) listing.found.push({ path, real: kind.real });
    if (listing.found.length > MOST_FILES) {
      throw new StepwedgeError(`the folder holds more than ${MOST_FILES} files`, {
        where: listing.name,
        remedy: "Name a folder with fewer files.",
      });
    }
  }
}

async function entriesOf(folder: string, name: string): Promise<Dirent[]> {
  try {
    return await fs.readdir(folder, { withFileTypes: true });
  } catch (cause) {
    throw new StepwedgeError("a folder below it cannot be listed", {
      where: name,
      remedy: "Check the permissions of its folders.",
      cause,
    });
  }
}

async function kindOf(
  { name, real: root }: Listing,
  entry: Dirent,
  full: string,
  path: string,
): Promise<{ readonly isFolder: boolean; readonly real: string }> {
  if (!entry.isSymbolicLink()) return { isFolder: entry.isDirectory(), real: full };
  const real = await fs.realpath(full).catch(() => null);
  if (real === null || (real !== root && !isInside(root, real))) {
    throw new StepwedgeError(
      `the symbolic link ${received(path)} leads ${real === null ? "nowhere" : "out of the folder"}`,
      {
        where: name,
        remedy: "Put the file itself there: an audit reads the data it was given and nothing else.",
      },
    );
  }
  return { isFolder: (await fs.stat(real)).isDirectory(), real };
}

function hasExtension(file: string, extensions: readonly string[] | null): boolean {
  if (extensions === null) return true;
  const lower = file.toLowerCase();
  return extensions.some((extension) => lower.endsWith(extension));
}

/** A path without its extension, `.nii.gz` being one. */
export function stemOf(path: string): string {
  return path.replace(/(\.nii)?\.[^./]+$/i, "");
}

/**
 * Columns of a source that makes its own.
 * @throws StepwedgeError for a name that there is not
 */
export function ownColumn(
  columns: ReadonlyMap<string, readonly string[]>,
  name: string,
  where: string,
): readonly string[] {
  const cells = columns.get(name);
  if (cells !== undefined) return cells;
  const known = [...columns.keys()];
  throw new StepwedgeError(`there is no column ${JSON.stringify(name)}`, {
    where,
    remedy: `${suggest(name, known)}Columns: ${known.join(", ")}.`,
  });
}
