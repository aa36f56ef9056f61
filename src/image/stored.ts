import type { DecodedImage, PixelOptions } from "../core/data.js";
import { applyWindow } from "./window.js";

/**
 * Whole values of 8 or 16 bits through the protocol's window. Files without a window of their own stay as they are stored
 * where the protocol says "file".
 */
export function windowStored(stored: DecodedImage, options: PixelOptions, where: string): DecodedImage {
  if (options.window.kind === "stored" || options.window.kind === "file") return stored;
  const storedBits = stored.maxValue === 65535 ? 16 : 8;
  return applyWindow(
    { ...stored, slope: 1, intercept: 0, storedBits, fileWindow: null, inverted: false },
    options,
    where,
  );
}
