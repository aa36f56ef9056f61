import { imageSize } from "../../src/core/pixels.js";
import type { SearchedImage } from "./together.js";

/** How far probes go, as a share of the boundary point's own distance (root mean squares per pixel). */
const PROBE_SHARE = 0.3;
/** Probes shorter than a grey level would be lost in rounding. */
const LEAST_PROBE = 1;
/** How near to the boundary a point must be, as a share of how far its probes go. */
const RESOLUTION_SHARE = 0.5;

/**
 * Root mean square per pixel of the probes round a boundary point, in stored values. The paper's probes go dist/d, which is
 * far below one grey level and would be rounded away: at least one grey level is taken here.
 */
export function probeSize({ geometry, norm }: SearchedImage, distance: number): number {
  const perPixel = norm === "linf" ? distance : distance / Math.sqrt(imageSize(geometry));
  return Math.max(LEAST_PROBE, PROBE_SHARE * perPixel);
}

/**
 * How finely a way to the boundary is bisected: a point further from the boundary than its probes reach gets the same
 * answer from all of them. A probe of root mean square s is about s away from the boundary in L2, whatever the number of
 * pixels; in L∞ a step of the whole cube moves √d times as far.
 */
export function resolutionOf(image: SearchedImage, distance: number): number {
  const reach = RESOLUTION_SHARE * probeSize(image, distance);
  return image.norm === "linf" ? reach / Math.sqrt(imageSize(image.geometry)) : reach;
}
