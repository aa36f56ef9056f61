import { type Dirent, promises as fs } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { received, StepwedgeError } from "../../core/errors.js";

/** Folders deeper than this are taken for a circle of links. */
const DEEPEST = 64;

/** A file below the folder: its path relative to it, with forward slashes, and where it really lies. */
export interface ListedFile {
  readonly path: string;
  readonly real: string;
}

/**
 * All files below a folder, in the order of their paths' code units. Names that begin with a dot are skipped.
 * @param name what messages call the folder
 * @throws StepwedgeError where the folder is missing, and where a symbolic link leads out of it, nowhere or round in circles
 */
export async function listFiles(root: string, name: string): Promise<ListedFile[]> {
  const real = await fs.realpath(root).catch((cause: unknown) => {
    throw new StepwedgeError("the data folder does not exist", {
      where: name,
      remedy: "Correct data.path; it is relative to the protocol file.",
      cause,
    });
  });
  const found: ListedFile[] = [];
  await collect({ root: real, name, found }, real, "", []);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

interface Listing {
  readonly root: string;
  readonly name: string;
  readonly found: ListedFile[];
}

async function collect(listing: Listing, folder: string, prefix: string, parents: readonly string[]): Promise<void> {
  const { found, name, root } = listing;
  if (parents.length > DEEPEST || parents.includes(folder)) throw badLink(name, prefix, "round in circles");
  for (const entry of await entriesOf(folder, name)) {
    if (entry.name.startsWith(".")) continue;
    const path = `${prefix}${entry.name}`;
    let real = join(folder, entry.name);
    let isFolder = entry.isDirectory();
    if (entry.isSymbolicLink()) {
      const target = await fs.realpath(real).catch(() => null);
      if (target === null) throw badLink(name, path, "nowhere");
      if (target !== root && !isInside(root, target)) throw badLink(name, path, "out of the folder");
      real = target;
      isFolder = (await fs.stat(target)).isDirectory();
    }
    if (isFolder) await collect(listing, real, `${path}/`, [...parents, folder]);
    else found.push({ path, real });
  }
}

async function entriesOf(folder: string, name: string): Promise<Dirent[]> {
  try {
    return await fs.readdir(folder, { withFileTypes: true });
  } catch (cause) {
    const isFile = (cause as NodeJS.ErrnoException).code === "ENOTDIR";
    throw new StepwedgeError(isFile ? "the data folder is a file" : "a folder cannot be listed", {
      where: name,
      remedy: isFile ? "Give the folder with the DICOM files." : "Check the permissions of its folders.",
      cause,
    });
  }
}

function badLink(name: string, path: string, whither: string): StepwedgeError {
  return new StepwedgeError(`the symbolic link ${received(path)} leads ${whither}`, {
    where: name,
    remedy: "Put the file itself there: an audit reads the data it was given and nothing else.",
  });
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
