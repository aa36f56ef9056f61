import type { DecodedImage } from "../../core/data.js";
import { ExitCode, StepwedgeError } from "../../core/errors.js";
import type { ModelInput } from "../../core/model.js";
import { toChannels } from "../../image/channels.js";
import { fitImage } from "../../image/fit.js";
import { type PerceptualHash, perceptualHash } from "../../image/perceptual-hash.js";
import { toFloats } from "../../image/storage.js";

/** The digest of an image that could not be read. */
export const NO_DIGEST = "0".repeat(64);

/** What is made of an image, whichever thread does it. Plain data. */
export interface LoadSpec {
  readonly input: ModelInput;
  /** The largest stored value at the study's depth. */
  readonly maxValue: number;
  readonly unreadable: "fail" | "reject";
}

export interface LoadedRow {
  readonly sha256: string;
  /** 0, or the code of its rejection. */
  readonly rejected: number;
  readonly hash: PerceptualHash | null;
}

/**
 * Writes an image, at the model's size, to `out`.
 * @param decode reads and decodes it
 * @param place what messages call it
 * @throws StepwedgeError where it cannot be, unless such images are rejected
 */
export async function loadRow(
  decode: () => Promise<{ readonly image: DecodedImage; readonly sha256: string }>,
  place: string,
  { input, maxValue, unreadable }: LoadSpec,
  out: Float32Array,
): Promise<LoadedRow> {
  let code = 1;
  try {
    const { image, sha256 } = await decode();
    code = 2;
    const coloured = toChannels(image, input.channels, place);
    code = 4;
    checkDepth(coloured, maxValue, place);
    code = 3;
    writeStored(toSize(coloured, input, maxValue, place), maxValue, out);
    return { sha256, rejected: 0, hash: perceptualHash(image) };
  } catch (error) {
    if (unreadable === "reject" && isRejection(error)) return { sha256: NO_DIGEST, rejected: code, hash: null };
    throw error;
  }
}

/** @throws StepwedgeError where the image does not fit the model or the study */
export function checkImage(image: DecodedImage, place: string, { input, maxValue }: LoadSpec): void {
  const coloured = toChannels(image, input.channels, place);
  checkDepth(coloured, maxValue, place);
  toSize(coloured, input, maxValue, place);
}

/** Faults of a file, as opposed to those of the machine and of ours, which always end the run. */
export function isRejection(error: unknown): error is StepwedgeError {
  return error instanceof StepwedgeError && error.exitCode === ExitCode.usage;
}

/**
 * Brings an image to the model's size.
 * @throws StepwedgeError where it has another and the model takes no other
 */
function toSize(image: DecodedImage, input: ModelInput, maxValue: number, place: string): DecodedImage {
  if (input.resize !== "none") return fitImage(image, input, input.resize, Math.min(image.maxValue, maxValue));
  if (image.height === input.height && image.width === input.width) return image;
  throw new StepwedgeError(
    `the image is ${image.width} × ${image.height}; the model takes ${input.width} × ${input.height}`,
    { where: place, remedy: "Set model.input.resize to bilinear or nearest, or give images of that size." },
  );
}

/**
 * Checked before an image is resized, which would keep values within the depth and so hide it.
 * @throws StepwedgeError where a value is beyond the study's depth
 */
function checkDepth({ data, maxValue: own }: DecodedImage, maxValue: number, place: string): void {
  if (own <= maxValue) return;
  for (let index = 0; index < data.length; index++) {
    const value = data[index] as number;
    if (value > maxValue) {
      throw new StepwedgeError(`the image holds the value ${value}; the study's depth ends at ${maxValue}`, {
        where: place,
        remedy: "Set data.bits to the depth of the deepest image (8, 12 or 16).",
      });
    }
  }
}

/** Copies an image into the batch at the study's depth. Only 8 bits in a deeper study are rescaled (exactly, × 257 at 16). */
function writeStored(image: DecodedImage, maxValue: number, out: Float32Array): void {
  const { data } = image;
  if (image.maxValue >= maxValue) {
    toFloats(data, out);
    return;
  }
  for (let index = 0; index < data.length; index++)
    out[index] = Math.round(((data[index] as number) / image.maxValue) * maxValue);
}
