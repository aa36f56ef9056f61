/**
 * Random resizing and padding: the image is made smaller by a random factor and put at a random place on an empty image
 * of the old size.
 *
 * Reference: C. Xie, J. Wang, Z. Zhang, Z. Ren, A. Yuille, "Mitigating adversarial effects through randomization", ICLR
 * 2018, arXiv:1711.01991. There images of 299 pixels grow to 299 … 330 and are padded to 331, so that they take 0.90 to 1
 * of what the network sees; models audited here take one size, and the image shrinks by the same ratio instead.
 *
 * Threat model: a perturbation that is tuned to single pixels of the model's input meets others. One that survives
 * small shifts and changes of scale passes, and an attacker who averages over several draws (expectation over
 * transformation: Athalye, Engstrom, Ilyas and Kwok, "Synthesizing robust adversarial examples", ICML 2018) finds such
 * a one: Athalye, Carlini and Wagner, ICML 2018, broke this defense in that way.
 *
 * Cost: no queries, one resampling. Fine detail is blurred, and the model meets frames that it was not trained on. The
 * one defense here that draws random numbers: an image's answers differ between draws.
 */
import { z } from "zod";
import { defineDefense } from "../src/core/defense.js";
import { createBatch, imageSize, type PixelBatch } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { resizeImage } from "../src/image/resize.js";

export default defineDefense({
  meta: {
    id: "random-resize-pad",
    title: "Random resizing and padding",
    summary:
      "Shrinks the image by a small random factor and puts it at a random place, so that an attacker cannot rely on pixels.",
    random: true,
    parameters: z.strictObject({
      scale: z
        .tuple([z.number().min(0.1).max(1), z.number().min(0.1).max(1)])
        .refine(([smallest, largest]) => smallest <= largest, "The smallest must come first.")
        .default([0.9, 1])
        .describe("Smallest and largest side of the resized image, as fractions of the image's own."),
      fill: z
        .enum(["zero", "edge"])
        .default("zero")
        .describe("What surrounds it: the lowest stored value, or its own border drawn out."),
      interpolation: z
        .enum(["bilinear", "nearest"])
        .default("bilinear")
        .describe("How it is resized; bilinear is antialiased."),
    }),
    references: [
      "Xie, Wang, Zhang, Ren and Yuille, Mitigating adversarial effects through randomization, ICLR 2018, arXiv:1711.01991",
      "Athalye, Engstrom, Ilyas and Kwok, Synthesizing robust adversarial examples, ICML 2018, arXiv:1707.07397",
      "Athalye, Carlini and Wagner, Obfuscated gradients give a false sense of security, ICML 2018, arXiv:1802.00420",
    ],
  },

  apply(batch, { parameters, randomOf }) {
    const { channels, height, width, maxValue } = batch;
    const out = createBatch(batch, batch.count);
    for (let image = 0; image < batch.count; image++) {
      const place = drawPlacement(batch, parameters.scale, randomOf(image));
      const from = image * imageSize(batch);
      const data = batch.data.subarray(from, from + imageSize(batch));
      const small = resizeImage(
        { data, channels, height, width, maxValue },
        place.width,
        place.height,
        parameters.interpolation,
      );
      put(small.data, place, parameters.fill, batch, out.data.subarray(from, from + imageSize(batch)));
    }
    return out;
  },
});

/** Size and upper left corner of the resized image. */
interface Placement {
  readonly height: number;
  readonly width: number;
  readonly top: number;
  readonly left: number;
}

/** One factor for both sides, uniform between its bounds; then every place that holds the whole image is as likely. */
function drawPlacement(
  { height, width }: PixelBatch,
  [smallest, largest]: readonly [number, number],
  random: Random,
): Placement {
  const scale = smallest + (largest - smallest) * random.uniform();
  const size = { height: Math.max(1, Math.round(scale * height)), width: Math.max(1, Math.round(scale * width)) };
  return { ...size, top: random.integer(height - size.height + 1), left: random.integer(width - size.width + 1) };
}

/** Writes the resized image at its place and fills what is left. */
function put(
  small: ArrayLike<number>,
  place: Placement,
  fill: "zero" | "edge",
  { channels, height, width }: PixelBatch,
  out: Float32Array,
): void {
  for (let channel = 0, at = 0; channel < channels; channel++) {
    for (let row = 0; row < height; row++) {
      const nearestRow = Math.min(Math.max(row - place.top, 0), place.height - 1);
      const from = (channel * place.height + nearestRow) * place.width;
      for (let column = 0; column < width; column++, at++) {
        const nearest = Math.min(Math.max(column - place.left, 0), place.width - 1);
        const inside = nearest === column - place.left && nearestRow === row - place.top;
        if (inside || fill === "edge") out[at] = small[from + nearest] as number;
      }
    }
  }
}
