import type { DecodedImage, PixelOptions } from "../../core/data.js";
import { StepwedgeError } from "../../core/errors.js";
import type { ImageFormat } from "../format.js";
import { type Slicing, slicingOf } from "../nifti/orientation.js";
import { cutSlices, isNifti, type NiftiVolume, readNifti } from "../nifti/volume.js";
import { applyWindow, chosenFrames } from "../window.js";

/**
 * The slices of a volume that the options name, windowed. Slices are channels; of RGB volumes the colours of one slice are.
 * The window `file` is the header's `cal_min` … `cal_max`; `full` and percentiles are those of the slices taken.
 * Axes, and which way slices are shown and numbered: src/image/nifti/orientation.ts.
 * @throws StepwedgeError for files of several volumes, for axes that the header does not name, and for several RGB slices
 */
export function imageOf(volume: NiftiVolume, options: PixelOptions, where: string): DecodedImage {
  const { bits, channels, header } = volume;
  const volumes = header.shape.slice(3).reduce((product, size) => product * size, 1);
  if (volumes !== 1) {
    throw new StepwedgeError(`the file holds ${volumes} volumes (${header.shape.join(" × ")})`, {
      where,
      remedy: "Give each volume a file of its own: which one is the image, or how they are put together, is a choice.",
    });
  }
  const slicing = slicingOf(header, options.axis, where);
  const slices = chosenFrames(slicing.count, options, where);
  if (channels === 3 && slices.length !== 1) {
    throw new StepwedgeError("several slices of a colour volume cannot be the channels of one image", {
      where,
      remedy: "Take single slices: set data.frames to middle, each or { column: name }.",
    });
  }
  const windowed = applyWindow(
    {
      data: cutSlices(volume, slicing, slices),
      channels: channels * slices.length,
      height: slicing.height,
      width: slicing.width,
      slope: channels === 3 ? 1 : header.slope,
      intercept: channels === 3 ? 0 : header.intercept,
      storedBits: bits,
      fileWindow: header.display === null ? null : between(header.display),
      inverted: false,
    },
    options,
    where,
  );
  const spacing = spacingOf(header, slicing);
  return spacing === null
    ? windowed
    : { ...windowed, spacing: channels === 1 && slices.length > 1 ? spacing : spacing.slice(1) };
}

/** Millimetres from slice to slice, row to row and column to column; null where the header does not say. */
function spacingOf({ affine, shape }: NiftiVolume["header"], { step }: Slicing): number[] | null {
  if (affine === null) return null;
  const strides = [1, shape[0] as number, (shape[0] as number) * (shape[1] ?? 1)];
  return [step.slice, step.row, step.column].map((stride) => {
    const axis = strides.lastIndexOf(Math.abs(stride));
    return Math.hypot(...[0, 1, 2].map((row) => affine[4 * row + axis] as number));
  });
}

function between([black, white]: readonly [number, number]) {
  return { kind: "voi", center: (black + white) / 2, width: white - black, shape: "linear-exact" } as const;
}

/** NIfTI-1 and -2 in a single file, packed with gzip or not. */
export const nifti: ImageFormat = {
  name: "NIfTI",
  matches: isNifti,
  decode: async (bytes, options, where) => imageOf(await readNifti(bytes, where), options, where),
};
