// Regions as samples: each row of the table names a box of its image, and the box is the image from then on.
import type { DecodedImage, Numbers, SourceTable } from "../core/data.js";
import { received, StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { emptyLike } from "../image/storage.js";

/** The protocol's `data.region`: columns in pixels of the image as stored, and how much around a box is kept. */
export interface RegionEntry {
  readonly x: string;
  readonly y: string;
  readonly width: string;
  readonly height: string;
  /** On each side, as a share of the box's width or height. */
  readonly context: number;
}

/** A box in whole pixels; the left upper corner belongs to it. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The source with boxes in place of images. A sample's digest is of the file and of the box, so that two regions of one file do not
 * count as one image.
 * @throws StepwedgeError where a row has no whole box; on loading, where a box lies outside its image
 */
export function withRegions(source: SourceTable, region: RegionEntry): SourceTable {
  const columnOf = (name: string) => source.numbers.get(name) ?? { values: new Float64Array(0), texts: new Map() };
  const columns = {
    x: columnOf(region.x),
    y: columnOf(region.y),
    width: columnOf(region.width),
    height: columnOf(region.height),
  };
  const boxes = Array.from({ length: source.count }, (_, row) => boxOf(columns, row, source.rowName(row), region));
  // Whole files are what threads load; a box is cut here.
  const { imageFile: _imageFile, ...others } = source;
  const { loadImage } = source;
  if (loadImage === null) return source;
  return {
    ...others,
    async loadImage(row) {
      const { image, sha256: digest } = await loadImage(row);
      const box = boxes[row] as Box;
      const { height, width, x, y } = box;
      refuseOutside(image, box, source.rowName(row));
      const [dx, dy] = [Math.round(region.context * width), Math.round(region.context * height)];
      const grown = { x: x - dx, y: y - dy, width: width + 2 * dx, height: height + 2 * dy };
      return { image: cropped(image, grown), sha256: sha256(`${digest}#${x},${y},${width},${height}`) };
    },
  };
}

function boxOf(columns: Readonly<Record<keyof Box, Numbers>>, row: number, where: string, names: RegionEntry): Box {
  const read = (side: keyof Box, least: number): number => {
    const value = columns[side].values[row] ?? Number.NaN;
    if (value >= least && Number.isFinite(value)) return value;
    throw new StepwedgeError(`column "${names[side]}" must hold a number of at least ${least}; ${received(value)}`, {
      where,
      remedy: "Give each region's left upper corner, width and height in pixels of the image.",
    });
  };
  const [x, y] = [Math.round(read("x", 0)), Math.round(read("y", 0))];
  return { x, y, width: Math.round(read("width", 1)), height: Math.round(read("height", 1)) };
}

function refuseOutside(image: DecodedImage, { height, width, x, y }: Box, where: string): void {
  if (x + width <= image.width && y + height <= image.height) return;
  throw new StepwedgeError(
    `the region ${width} × ${height} at (${x}, ${y}) reaches beyond the image of ${image.width} × ${image.height}`,
    { where, remedy: "Boxes count pixels of the image as stored, from 0, before any resizing." },
  );
}

/** Part of an image; what lies beyond it is 0. */
export function cropped(image: DecodedImage, { height, width, x, y }: Box): DecodedImage {
  const data = emptyLike(image.data, image.channels * height * width);
  const [left, right] = [Math.max(0, x), Math.min(image.width, x + width)];
  for (let channel = 0; channel < image.channels; channel++) {
    for (let row = Math.max(0, y); row < Math.min(image.height, y + height); row++) {
      const from = (channel * image.height + row) * image.width;
      data.set(image.data.subarray(from + left, from + right), (channel * height + row - y) * width + left - x);
    }
  }
  return { ...image, data, height, width };
}
