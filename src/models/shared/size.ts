import { StepwedgeError } from "../../core/errors.js";
import type { ImageLayout, Layout } from "./values.js";

/** The protocol's word on the input. */
export interface AskedSize {
  readonly channels?: number | undefined;
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  readonly layout?: Layout | undefined;
}

/** A dimension: a size, or anything else where the model leaves it open. */
export type Dimension = number | string | null | undefined;

/**
 * The input's layout and size from the model's shape, and from the protocol where that leaves them open: four dimensions
 * for images, five for volumes, whose slices are channels here. `batch` is the number of images to a pass where the model fixes it, else null.
 * @throws StepwedgeError where they disagree, or where neither says
 */
export function resolveSize(
  shape: readonly Dimension[],
  asked: AskedSize,
  where: string,
): ImageLayout & { readonly batch: number | null } {
  const fault = (message: string, remedy: string) => new StepwedgeError(message, { where, remedy });
  const shown = `[${shape.join(", ")}]`;
  if (shape.length !== 4 && shape.length !== 5) {
    throw fault(
      `takes a tensor of shape ${shown}; batches of images have 4 dimensions, batches of volumes 5`,
      "Export it for batches of images or volumes.",
    );
  }
  const volume = shape.length === 5;
  const last = shape[shape.length - 1];
  const looksLike = (dimension: Dimension) => dimension === 1 || (dimension === 3 && !volume);
  const layout = asked.layout ?? (looksLike(last) && !looksLike(shape[1]) ? "NHWC" : "NCHW");
  const gray = layout === "NCHW" ? shape[1] : last;
  if (volume && typeof gray === "number" && gray > 1) {
    throw fault(`takes volumes of ${gray} channels (shape ${shown})`, "Give a model of volumes with one gray channel.");
  }
  const axes = ["channels", "height", "width"] as const;
  const order = layout === "NCHW" || volume ? axes : (["height", "width", "channels"] as const);
  const from = volume && layout === "NCHW" ? 2 : 1;
  const size = { channels: 0, height: 0, width: 0 };
  for (const [index, axis] of order.entries()) {
    const own = shape[index + from];
    const wanted = asked[axis];
    if (typeof own === "number" && own > 0) {
      if (wanted !== undefined && wanted !== own) {
        throw fault(
          `takes ${axis} ${own}; the protocol says ${wanted}`,
          `Set model.input.${axis} to ${own}, or leave it out; the shape is ${shown}.`,
        );
      }
      size[axis] = own;
    } else if (wanted !== undefined) {
      size[axis] = wanted;
    } else {
      throw fault(`leaves ${axis} open (shape ${shown})`, `Set model.input.${axis}.`);
    }
  }
  const first = shape[0];
  return {
    layout,
    batch: typeof first === "number" && first > 0 ? first : null,
    ...size,
    ...(volume ? { volume } : {}),
  };
}
