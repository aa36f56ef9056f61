import { StepwedgeError } from "../core/errors.js";

/** What image files are refused for, in the same words whatever the format. All are faults of the file. */

/** Beyond this many pixels a file is refused unread: a few kilobytes of PNG can unfold to gigabytes. */
export const MOST_PIXELS = 2 ** 28;

const COPY_AGAIN = "Copy the file again from its source.";

export function truncated(format: string, where: string): StepwedgeError {
  return new StepwedgeError(`the ${format} file is truncated`, { where, remedy: COPY_AGAIN });
}

export function damaged(format: string, how: string, where: string): StepwedgeError {
  return new StepwedgeError(`the ${format} file is damaged: ${how}`, { where, remedy: COPY_AGAIN });
}

/** What a codec's refusal becomes for the user. */
export function undecodable(format: string, cause: unknown, where: string): StepwedgeError {
  const words = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
  return new StepwedgeError(`the ${format} file is truncated or damaged (${words})`, {
    where,
    remedy: COPY_AGAIN,
    cause,
  });
}

/** `what` is a kind of file, such as "a JPEG with 12 bits per channel". */
export function unreadable(what: string, where: string): StepwedgeError {
  return new StepwedgeError(`${what} has no plain reading as stored values`, {
    where,
    remedy: "Convert the image to an 8-bit gray or RGB JPEG, or to a PNG.",
  });
}

/** For formats and depths that only sharp decodes, where its native library is missing. */
export function needsSharp(what: string, where: string): StepwedgeError {
  return new StepwedgeError(`${what} need the package sharp, whose native library is missing here`, {
    where,
    remedy:
      "Install sharp for this platform (npm install --include=optional sharp), or convert the images to PNG of 8 bits.",
  });
}

/** @throws StepwedgeError where there is no pixel, or there are more than MOST_PIXELS */
export function checkPixels(width: number, height: number, where: string): void {
  if (width > 0 && height > 0 && width * height <= MOST_PIXELS) return;
  throw new StepwedgeError(`the image has ${width} × ${height} pixels`, {
    where,
    remedy: "Give images of 1 to 2^28 pixels; larger ones are refused unread.",
  });
}

/**
 * Refuses sizes that the file cannot fill, before memory is set aside for them.
 * @param packed bytes of the file that hold pixels
 * @param most how many pixels a byte can unfold to, at the very most
 */
export function checkRatio(
  format: string,
  { height, width }: { readonly height: number; readonly width: number },
  packed: number,
  most: number,
  where: string,
): void {
  if (width * height <= packed * most) return;
  throw damaged(format, `${packed} bytes cannot hold ${width} × ${height} pixels`, where);
}
