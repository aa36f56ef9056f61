import type { DecodedImage } from "../core/data.js";
import type { Fit, ModelInput, ResizeRule } from "../core/model.js";
import { type Region, resizeImage } from "./resize.js";
import { emptyLike } from "./storage.js";

/**
 * Brings an image to the model's height and width by its rule and fit, whatever size it has.
 *
 * `crop` is torchvision's Resize followed by CenterCrop: the shorter side becomes `shortSide`, the longer one
 * ⌊shortSide · longer / shorter⌋, and the crop begins at half of what is left, halves rounded to even. Only what is cut
 * out is computed. `letterbox` is Pillow's ImageOps.pad: one side becomes the model's, the other shrinks in proportion,
 * rounded, and the border before the image is half of what is left, both with halves to even.
 * @param white the greatest value that the study allows: what `padding: 1` is, and where overshoots of a kernel end
 */
export function fitImage(
  image: DecodedImage,
  { fit = { kind: "stretch" }, height, width }: Pick<ModelInput, "fit" | "height" | "width">,
  rule: ResizeRule,
  white: number = image.maxValue,
): DecodedImage {
  switch (fit.kind) {
    case "stretch":
      return resizeImage(image, width, height, rule, { white });
    case "crop": {
      const [across, down] = croppedFrom(image, fit);
      const region: Region = {
        left: halfToEven((across - width) / 2),
        top: halfToEven((down - height) / 2),
        width,
        height,
      };
      return resizeImage(image, across, down, rule, { region, white });
    }
    case "letterbox": {
      const [across, down] = letterbox(image, width, height);
      const inner = resizeImage(image, across, down, rule, { white });
      if (across === width && down === height) return inner;
      return surround(inner, width, height, Math.round(fit.padding * white));
    }
  }
}

/** How many of the image's own pixels one pixel of the fitted image is wide: down, across. What an image's spacing is multiplied by. */
export function fittedScale(
  image: Pick<DecodedImage, "height" | "width">,
  { fit = { kind: "stretch" }, height, width }: Pick<ModelInput, "fit" | "height" | "width">,
): readonly [down: number, across: number] {
  const [across, down] =
    fit.kind === "stretch"
      ? [width, height]
      : fit.kind === "crop"
        ? croppedFrom(image, fit)
        : letterbox(image, width, height);
  return [image.height / down, image.width / across];
}

/** Width and height of the whole image whose middle is cut out. */
function croppedFrom(
  { height, width }: Pick<DecodedImage, "height" | "width">,
  { shortSide }: Fit & { readonly kind: "crop" },
) {
  if (width <= height) return [shortSide, Math.trunc((shortSide * height) / width)] as const;
  return [Math.trunc((shortSide * width) / height), shortSide] as const;
}

function letterbox(
  image: Pick<DecodedImage, "height" | "width">,
  width: number,
  height: number,
): readonly [number, number] {
  const [own, wanted] = [image.width / image.height, width / height];
  if (own > wanted) return [width, Math.max(1, halfToEven((image.height / image.width) * width))];
  if (own < wanted) return [Math.max(1, halfToEven((image.width / image.height) * height)), height];
  return [width, height];
}

function surround(image: DecodedImage, width: number, height: number, value: number): DecodedImage {
  const [left, top] = [halfToEven((width - image.width) / 2), halfToEven((height - image.height) / 2)];
  const data = emptyLike(image.data, image.channels * height * width).fill(value);
  for (let channel = 0; channel < image.channels; channel++) {
    for (let y = 0; y < image.height; y++) {
      const from = (channel * image.height + y) * image.width;
      data.set(image.data.subarray(from, from + image.width), (channel * height + top + y) * width + left);
    }
  }
  return { ...image, data, width, height };
}

/** Python's `round`. */
function halfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}
