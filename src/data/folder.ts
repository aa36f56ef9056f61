/**
 * One folder per class, as image classification data sets are often laid out:
 *
 *   chest_xray/NORMAL/a.png                      class folders, or
 *   chest_xray/test/PNEUMONIA/person12_b3.jpeg   class folders within train, val and test
 *
 * Files may lie deeper below their class. Samples are sorted by path; names that begin with a dot are skipped; symbolic links may
 * not lead out of the folder.
 *
 * Columns: id (the relative path without extension), path, class, split (empty without split folders), and one per named group of
 * `pattern`.
 */
import { resolve } from "node:path";
import { z } from "zod";
import { defineDataSource, type SourceTable } from "../core/data.js";
import { received, StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { listFiles, ownColumn, stemOf } from "./shared/files.js";
import { checkImageReferences, framesByRow, imageFileOf, loadImage, relativeName } from "./shared/image-files.js";
import { numbersOf } from "./shared/numbers.js";
import { addGroups, patternColumns, patternParameter } from "./shared/pattern.js";

const EXTENSIONS = [".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".nii", ".nii.gz"] as const;

/** Top folders of these names, and no others, are splits. */
const SPLITS = ["train", "training", "val", "valid", "validation", "dev", "test", "testing"];

const parameters = z.strictObject({
  path: z.string().min(1).describe("The folder with the class folders, relative to the protocol file."),
  layout: z
    .enum(["class", "split/class"])
    .optional()
    .describe(
      "Whether class folders lie in split folders; default: yes where all top folders are called train, val, test …",
    ),
  pattern: patternParameter,
});

export default defineDataSource({
  meta: {
    id: "folder",
    title: "Folder per class",
    summary: "Images in one folder per class, with or without split folders above; parts of file names may be columns.",
    parameters,
    needsImageColumn: false,
  },
  async open({ layout, path, pattern }, context): Promise<SourceTable> {
    const root = resolve(context.baseFolder, path);
    const name = relativeName(context.baseFolder, path);
    if (context.eachFrame) {
      throw new StepwedgeError("each image file is one sample here", {
        where: "data.frames",
        remedy: "Say middle, all or { stack: n }, or use the source nifti for volumes whose slices are samples.",
      });
    }
    const paths = (await listFiles(root, name, EXTENSIONS)).map((file) => file.path);
    const { classes, splits } = placesOf(paths, layout, name);
    const groups = pattern === undefined ? new Map<string, readonly string[]>() : patternColumns(pattern, paths, name);
    const own = new Map<string, readonly string[]>([
      ["id", paths.map(stemOf)],
      ["path", paths],
      ["class", classes],
      ["split", splits],
    ]);
    addGroups(own, groups);
    const rowName = (row: number): string => `${name}, file ${paths[row] ?? "?"}`;
    const { columns, frameColumn, numbers } = context;
    const images = { root, paths, rowName };
    const frames = new Map(frameColumn === null ? [] : [[frameColumn, ownColumn(own, frameColumn, name)]]);
    const pixels = framesByRow(context, frames, rowName);
    return {
      count: paths.length,
      columns: new Map(columns.map((column) => [column, ownColumn(own, column, name)])),
      numbers: new Map(numbers.map((column) => [column, numbersOf(ownColumn(own, column, name))])),
      rowName,
      files: { [`${name}/`]: sha256(paths.join("\n")) },
      loadImage: (row) => loadImage(images, row, pixels(row)),
      imageFile: (row) => imageFileOf(images, row, pixels(row)),
      checkImages: (mayMiss) => checkImageReferences(images, mayMiss),
    };
  },
});

/** @throws StepwedgeError for an image that lies in no class folder */
function placesOf(
  paths: readonly string[],
  layout: "class" | "split/class" | undefined,
  name: string,
): { readonly classes: readonly string[]; readonly splits: readonly string[] } {
  const parts = paths.map((path) => path.split("/"));
  const areSplits = (top: readonly (readonly string[])[]) =>
    top.every(([first, ...rest]) => SPLITS.includes((first ?? "").toLowerCase()) && rest.length >= 2);
  const hasSplits = layout === undefined ? areSplits(parts) : layout === "split/class";
  const level = hasSplits ? 1 : 0;
  const outside = parts.findIndex((part) => part.length < level + 2);
  if (outside !== -1) {
    throw new StepwedgeError(`the image ${received(paths[outside])} lies in no class folder`, {
      where: name,
      remedy: `Put it into one (${hasSplits ? "split/class/file" : "class/file"}), or correct data.path or data.layout.`,
    });
  }
  return {
    classes: parts.map((part) => part[level] as string),
    splits: parts.map((part) => (hasSplits ? (part[0] as string) : "")),
  };
}
