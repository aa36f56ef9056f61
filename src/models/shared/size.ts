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
 * The input's layout and size from the model's shape of four dimensions, and from the protocol where that leaves them
 * open. `batch` is the number of images to a pass where the model fixes it, else null.
 * @throws StepwedgeError where they disagree, or where neither says
 */
export function resolveSize(
  shape: readonly Dimension[],
  asked: AskedSize,
  where: string,
): ImageLayout & { readonly batch: number | null } {
  const fault = (message: string, remedy: string) => new StepwedgeError(message, { where, remedy });
  const shown = `[${shape.join(", ")}]`;
  if (shape.length !== 4) {
    throw fault(
      `takes a tensor of shape ${shown}; an image batch has 4 dimensions`,
      "Export it for batches of images.",
    );
  }
  const layout = asked.layout ?? (looksLikeChannels(shape[3]) && !looksLikeChannels(shape[1]) ? "NHWC" : "NCHW");
  const order =
    layout === "NCHW" ? (["channels", "height", "width"] as const) : (["height", "width", "channels"] as const);
  const size = { channels: 0, height: 0, width: 0 };
  for (const [index, axis] of order.entries()) {
    const own = shape[index + 1];
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
  if (size.channels !== 1 && size.channels !== 3) {
    throw fault(`takes ${size.channels} channels; images have 1 or 3`, "Check model.input.layout.");
  }
  const first = shape[0];
  return { layout, batch: typeof first === "number" && first > 0 ? first : null, ...size };
}

function looksLikeChannels(dimension: Dimension): boolean {
  return dimension === 1 || dimension === 3;
}
