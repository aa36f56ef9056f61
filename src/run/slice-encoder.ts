// Volumes before an encoder of images: each slice is embedded by itself, and the volume's embedding is made of its slices'.
import type { Embeddings, Encoder, ModelInput } from "../core/model.js";
import { imageSize, type PixelBatch } from "../core/pixels.js";
import { StepwedgeError } from "../core/errors.js";

/** The protocol's `model.aggregate`. */
export interface SliceAggregation {
  /** Slices of every volume. */
  readonly slices: number;
  readonly by: "mean" | "max" | "similarity";
  /** Of `similarity`: the lower, the more the slices that are like the volume's mean prevail. */
  readonly temperature: number;
}

/** An encoder of volumes made of one of images of 1 or 3 channels; gray slices are repeated in colour. Any adapter's will do. */
export class SliceEncoder implements Encoder {
  readonly meta: Encoder["meta"];
  readonly concurrency: number;
  /** Channels that the encoder of images takes. */
  readonly #planes: number;

  constructor(
    readonly encoder: Encoder,
    readonly aggregation: SliceAggregation,
  ) {
    const { input } = encoder.meta;
    if (input.channels !== 1 && input.channels !== 3) throw noImages(input);
    this.#planes = input.channels;
    this.meta = { ...encoder.meta, input: { ...input, channels: aggregation.slices } };
    this.concurrency = encoder.concurrency;
  }

  async embed(volumes: PixelBatch): Promise<Embeddings> {
    const { slices } = this.aggregation;
    const { values, width } = await this.encoder.embed(slicesOf(volumes, this.#planes));
    const out = new Float32Array(volumes.count * width);
    for (let volume = 0; volume < volumes.count; volume++) {
      const own = values.subarray(volume * slices * width, (volume + 1) * slices * width);
      out.set(aggregated(own, width, this.aggregation), volume * width);
    }
    return { count: volumes.count, width, values: out };
  }

  close(): Promise<void> {
    return this.encoder.close();
  }
}

/** Every slice as an image: volumes are slices × height × width already, so that gray ones are not copied. */
function slicesOf({ channels, count, data, height, maxValue, width }: PixelBatch, planes: number): PixelBatch {
  const geometry = { channels: planes, height, width, maxValue };
  if (planes === 1) return { ...geometry, count: count * channels, data };
  const area = height * width;
  const repeated = new Float32Array(count * channels * imageSize(geometry));
  for (let slice = 0; slice < count * channels; slice++) {
    const plane = data.subarray(slice * area, (slice + 1) * area);
    for (let copy = 0; copy < planes; copy++) repeated.set(plane, (slice * planes + copy) * area);
  }
  return { ...geometry, count: count * channels, data: repeated };
}

/**
 * One vector of a volume's slices: the mean; the largest of each dimension; or the mean weighted by exp(cosine to the mean /
 * temperature), so that slices without anatomy, which are like nothing else, count for less.
 * @param values slices × width
 */
export function aggregated(values: Float32Array, width: number, { by, temperature }: SliceAggregation): Float32Array {
  const slices = values.length / width;
  if (by === "max") {
    const out = new Float32Array(width).fill(Number.NEGATIVE_INFINITY);
    for (let at = 0; at < values.length; at++) {
      const d = at % width;
      // NaN stays NaN, and is refused by whoever asked.
      out[d] = Math.max(out[d] as number, values[at] as number);
    }
    return out;
  }
  const mean = weightedMean(values, width, new Float64Array(slices).fill(1 / slices));
  if (by === "mean") return Float32Array.from(mean);
  const nearness = Float64Array.from({ length: slices }, (_, slice) =>
    cosine(values.subarray(slice * width, (slice + 1) * width), mean),
  );
  const most = nearness.reduce((largest, one) => Math.max(largest, one), -1);
  const weights = nearness.map((one) => Math.exp((one - most) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Float32Array.from(
    weightedMean(
      values,
      width,
      weights.map((weight) => weight / total),
    ),
  );
}

function weightedMean(values: Float32Array, width: number, weights: Float64Array): Float64Array {
  const out = new Float64Array(width);
  for (let at = 0; at < values.length; at++) {
    const d = at % width;
    out[d] = (out[d] as number) + (weights[Math.floor(at / width)] as number) * (values[at] as number);
  }
  return out;
}

/** 0 where one of the two has no length. */
function cosine(a: Float32Array, b: Float64Array): number {
  let [product, first, second] = [0, 0, 0];
  for (let d = 0; d < a.length; d++) {
    const [x, y] = [a[d] as number, b[d] as number];
    product += x * y;
    first += x * x;
    second += y * y;
  }
  return first === 0 || second === 0 ? 0 : product / Math.sqrt(first * second);
}

function noImages({ channels }: ModelInput): StepwedgeError {
  return new StepwedgeError(`takes images of ${channels} channels, and slices are gray`, {
    where: "model.aggregate",
    remedy: "Leave aggregate out where the model takes volumes itself; else give an encoder of gray or colour images.",
  });
}
