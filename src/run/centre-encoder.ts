import { StepwedgeError } from "../core/errors.js";
import type { Embeddings, Encoder } from "../core/model.js";
import { createBatch, type PixelBatch } from "../core/pixels.js";

/**
 * An encoder that is given more than it looks at: its images are larger by a margin on each side, and it sees the middle. What
 * shifts or scales such an image moves the box that is seen over its true surroundings.
 */
export class CentreEncoder implements Encoder {
  readonly meta: Encoder["meta"];
  readonly concurrency: number;

  /** @param context the margin as a share of the height and width that the encoder takes */
  constructor(
    readonly encoder: Encoder,
    context: number,
  ) {
    const { input } = encoder.meta;
    if (input.resize === "none" || (input.fit !== undefined && input.fit.kind !== "stretch")) {
      throw new StepwedgeError("needs regions that are resized to the model's size by stretching", {
        where: "data.region.context",
        remedy: "Set model.input.resize, such as bilinear, and leave model.input.fit out; or leave context out.",
      });
    }
    const grown = (side: number) => side + 2 * Math.round(context * side);
    this.meta = { ...encoder.meta, input: { ...input, height: grown(input.height), width: grown(input.width) } };
    this.concurrency = encoder.concurrency;
  }

  embed(batch: PixelBatch): Promise<Embeddings> {
    const { height, width } = this.encoder.meta.input;
    const { channels, count, maxValue } = batch;
    const seen = createBatch({ channels, height, width, maxValue }, count);
    const [top, left] = [(batch.height - height) / 2, (batch.width - width) / 2];
    for (let plane = 0; plane < count * channels; plane++) {
      for (let row = 0; row < height; row++) {
        const from = (plane * batch.height + top + row) * batch.width + left;
        seen.data.set(batch.data.subarray(from, from + width), (plane * height + row) * width);
      }
    }
    return this.encoder.embed(seen);
  }

  close(): Promise<void> {
    return this.encoder.close();
  }
}
