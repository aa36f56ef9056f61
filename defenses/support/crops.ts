import { imageSize, type PixelBatch } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";

/** Sides of the windows that networks are trained on: a multiple of 4, at most `most`, at least 4. */
export function cropSides({ height, width }: Pick<PixelBatch, "height" | "width">, most: number): [number, number] {
  const side = (length: number) => Math.min(most, 4 * Math.ceil(length / 4));
  return [side(height), side(width)];
}

/**
 * Writes random windows of random images into `out` (N×C×height×width, values in [0, 1]), mirrored half of the time.
 * Where an image is smaller than the window its edge goes on.
 */
export function drawCrops(
  images: PixelBatch,
  members: ArrayLike<number>,
  [height, width]: readonly [number, number],
  random: Random,
  out: Float32Array,
): void {
  const size = imageSize(images);
  const count = out.length / (images.channels * height * width);
  let next = 0;
  for (let k = 0; k < count; k++) {
    const image = members[random.integer(members.length)] as number;
    const top = random.integer(Math.max(1, images.height - height + 1));
    const left = random.integer(Math.max(1, images.width - width + 1));
    const mirrored = random.sign() > 0;
    for (let channel = 0; channel < images.channels; channel++) {
      for (let row = 0; row < height; row++) {
        const line = image * size + (channel * images.height + Math.min(top + row, images.height - 1)) * images.width;
        for (let column = 0; column < width; column++) {
          const from = left + (mirrored ? width - 1 - column : column);
          out[next++] = (images.data[line + Math.min(from, images.width - 1)] as number) / images.maxValue;
        }
      }
    }
  }
}
