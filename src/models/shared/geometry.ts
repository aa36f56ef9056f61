// The keys under `input:` that say how images of another size are brought to the model's.
import { z } from "zod";
import { StepwedgeError } from "../../core/errors.js";
import type { ModelInput } from "../../core/model.js";

export const geometry = {
  resize: z
    .enum(["bilinear", "bicubic", "lanczos", "area", "nearest", "none"])
    .default("bilinear")
    .describe("How images of another size are resampled: Pillow's filters, antialiased; none refuses such images."),
  fit: z
    .enum(["stretch", "crop", "letterbox"])
    .default("stretch")
    .describe(
      "stretch: each side for itself; crop: the shorter side to resizeTo, then the middle; letterbox: whole, with borders.",
    ),
  resizeTo: z
    .number()
    .int()
    .min(1)
    .max(16_384)
    .optional()
    .describe("With fit: crop, what the shorter side becomes; default: the model's longer side."),
  padding: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe("With fit: letterbox, the borders, as a share of the display window; default: 0, black."),
} as const;

export type GeometryParameters = z.infer<z.ZodObject<typeof geometry>>;

/**
 * The model's input as the run takes it.
 * @param size the model's own, in pixels
 * @throws StepwedgeError where keys contradict one another or the crop is larger than what it is cut from
 */
export function modelInput(
  { fit, padding, resize, resizeTo }: GeometryParameters,
  { channels, height, width }: Pick<ModelInput, "channels" | "height" | "width">,
): ModelInput {
  const size = { channels, height, width };
  if (resizeTo !== undefined && fit !== "crop") throw without("resizeTo", "crop");
  if (padding !== undefined && fit !== "letterbox") throw without("padding", "letterbox");
  if (fit === "stretch") return { ...size, resize };
  if (resize === "none") {
    throw new StepwedgeError(`fit: ${fit} needs a way of resizing; received resize: none`, {
      where: "model.input",
      remedy: "Leave fit out, so that images of another size are refused, or choose how to resize.",
    });
  }
  if (fit === "letterbox") return { ...size, resize, fit: { kind: fit, padding: padding ?? 0 } };
  const longer = Math.max(height, width);
  const shortSide = resizeTo ?? longer;
  if (shortSide < longer) {
    throw new StepwedgeError(`${height} × ${width} cannot be cut out of an image whose shorter side is ${shortSide}`, {
      where: "model.input.resizeTo",
      remedy: `Give at least ${longer}, or leave it out.`,
    });
  }
  return { ...size, resize, fit: { kind: fit, shortSide } };
}

function without(key: string, fit: string): StepwedgeError {
  return new StepwedgeError(`means nothing without fit: ${fit}`, {
    where: `model.input.${key}`,
    remedy: `Set model.input.fit to ${fit}, or leave ${key} out.`,
  });
}
