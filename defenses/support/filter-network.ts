import type { Fitted } from "../../src/core/fitted.js";
import { createBatch, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import { chooseBackend } from "../../src/training/backend.js";
import type { NetworkRunner, Operators, Weights } from "../../src/training/network.js";

/** A network from an image to an image of the same size: N×C×H×W in [0, 1], H and W multiples of 4. */
export type FilterNetwork = <V>(ops: Operators<V>, images: V) => V;

/** Networks that are ready to run, by what was fitted and the size of the images. */
const runners = new WeakMap<Fitted, Map<string, Promise<NetworkRunner>>>();

/** Passes every image through the fitted network by itself, so that no image sees another. */
export async function runFilterNetwork(network: FilterNetwork, fitted: Fitted, batch: PixelBatch): Promise<PixelBatch> {
  const height = 4 * Math.ceil(batch.height / 4);
  const width = 4 * Math.ceil(batch.width / 4);
  const shape = [1, batch.channels, height, width];
  const runner = await openRunner(network, fitted, shape);
  const padded = new Float32Array(batch.channels * height * width);
  const out = createBatch(batch, batch.count);
  const size = imageSize(batch);
  for (let start = 0; start < out.data.length; start += size) {
    eachPixel(batch, [height, width], (from, to) => {
      padded[to] = (batch.data[start + from] as number) / batch.maxValue;
    });
    const { filtered } = await runner.run({ image: { shape, data: padded } });
    if (filtered === undefined) throw new Error("the network has no output");
    eachPixel(batch, [height, width], (from, to) => {
      out.data[start + from] = (filtered[to] as number) * batch.maxValue;
    });
  }
  return out;
}

function openRunner(network: FilterNetwork, fitted: Fitted, shape: readonly number[]): Promise<NetworkRunner> {
  const bySize = runners.get(fitted) ?? new Map<string, Promise<NetworkRunner>>();
  runners.set(fitted, bySize);
  const key = shape.join();
  const known = bySize.get(key);
  if (known !== undefined) return known;
  const opening = chooseBackend().then((backend) =>
    backend.runner((ops) => ({ filtered: network(ops, ops.input("image", shape)) }), weightsOf(fitted)),
  );
  bySize.set(key, opening);
  return opening;
}

/** The arrays of a fitted network as its weights. */
export function weightsOf({ arrays }: Fitted): Weights {
  return new Map(Object.entries(arrays).map(([name, { data }]) => [name, data]));
}

/**
 * Visits every pixel of the padded image with the pixel of the image that it shows: beyond the edge, the edge. Where a
 * pixel of the image is shown several times, its own place comes last.
 */
function eachPixel(
  { channels, height, width }: PixelBatch,
  [rows, columns]: readonly [number, number],
  visit: (from: number, to: number) => void,
): void {
  for (let channel = 0; channel < channels; channel++) {
    for (let row = rows - 1; row >= 0; row--) {
      const line = (channel * height + Math.min(row, height - 1)) * width;
      const target = (channel * rows + row) * columns;
      for (let column = columns - 1; column >= 0; column--) {
        visit(line + Math.min(column, width - 1), target + column);
      }
    }
  }
}
