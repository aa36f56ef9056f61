import { type FilterNetwork, runFilterNetwork } from "../../../defenses/support/filter-network.js";
import type { Fitted } from "../../../src/core/fitted.js";
import { type ImageGeometry, imageSize, sliceBatch } from "../../../src/core/pixels.js";
import { toyImages } from "../../support/toy-target.js";

const GEOMETRIES: readonly ImageGeometry[] = [
  { channels: 1, height: 1, width: 1, maxValue: 255 },
  { channels: 3, height: 13, width: 21, maxValue: 255 },
  { channels: 1, height: 30, width: 9, maxValue: 65535 },
  { channels: 2, height: 8, width: 12, maxValue: 4095 },
];

const convolution: FilterNetwork = (ops, images) => ops.conv2d(images, "only", ops.shapeOf(images)[1] ?? 1, 3);

/** A 3 × 3 convolution that gives every pixel its neighbour `down` rows below and `right` columns further, per channel. */
function neighbour(channels: number, down: number, right: number): Fitted {
  const weights = new Float32Array(channels * channels * 9);
  for (let channel = 0; channel < channels; channel++) {
    weights[(channel * channels + channel) * 9 + (1 + down) * 3 + 1 + right] = 1;
  }
  return {
    arrays: {
      "only.weight": { shape: [weights.length], data: weights },
      "only.bias": { shape: [channels], data: new Float32Array(channels) },
    },
    numbers: {},
  };
}

describe.each(GEOMETRIES)("$channels x $height x $width up to $maxValue", (geometry) => {
  const { channels, height, width, maxValue } = geometry;
  const images = toyImages(geometry, 3, 4);

  test("a network that changes nothing gives the image back: padding is undone", async () => {
    const out = await runFilterNetwork(convolution, neighbour(channels, 0, 0), images);
    expect(out).toMatchObject({ ...geometry, count: 3 });
    out.data.forEach(
      (value, i) => void expect(Math.abs(value - (images.data[i] as number))).toBeLessThan(maxValue * 1e-7),
    );
  });

  test("beyond the edge the network sees the edge, up to the next multiple of 4", async () => {
    const out = await runFilterNetwork(convolution, neighbour(channels, 1, 1), images);
    const beyond = (length: number, at: number) => (at + 1 < length || length % 4 === 0 ? at + 1 : at);
    out.data.forEach((value, i) => {
      const [row, column] = [beyond(height, Math.floor(i / width) % height), beyond(width, i % width)];
      const plane = Math.floor(i / (height * width)) * height * width;
      const expected = row === height || column === width ? 0 : (images.data[plane + row * width + column] as number);
      expect(Math.abs(value - expected)).toBeLessThan(maxValue * 1e-6 + 1e-6);
    });
  });

  test("images do not see one another", async () => {
    const fitted = neighbour(channels, -1, 0);
    const together = await runFilterNetwork(convolution, fitted, images);
    const size = imageSize(geometry);
    for (let image = 0; image < 3; image++) {
      const alone = await runFilterNetwork(convolution, fitted, sliceBatch(images, image, image + 1));
      expect(alone.data).toEqual(together.data.slice(image * size, (image + 1) * size));
    }
  });
});
