import { drawCalibration, minibatches } from "../../../attacks/support/sampling.js";
import { imageSize, sliceBatch } from "../../../src/core/pixels.js";
import { randomFrom } from "../../../src/core/random.js";
import { toyImages } from "../../support/toy-target.js";

const labels = Uint8Array.of(1, 0, 0, 0, 0, 1, 0, 0);

test("every image comes once before any comes again", () => {
  const draw = minibatches(labels, false, randomFrom(1));
  const drawn = [...draw(5), ...draw(3), ...draw(8)];
  expect(drawn.slice(0, 8).toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(drawn.slice(8).toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("balanced minibatches take the classes in turn", () => {
  const drawn = minibatches(labels, true, randomFrom(1))(6);
  expect([...drawn].map((image) => labels[image])).toEqual([0, 1, 0, 1, 0, 1]);
});

test("a drawn calibration keeps images and labels together, and never takes one twice", () => {
  const images = toyImages({ channels: 1, height: 2, width: 3, maxValue: 255 }, 8, 1);
  images.data.forEach((_, i) => {
    images.data[i] = Math.floor(i / imageSize(images));
  });
  const patients = Int32Array.from(labels, (_, image) => image);
  const calibration = { images, labels, patients, classIndex: 0, threshold: null };
  const drawn = drawCalibration(calibration, 5, randomFrom(2));
  const origins = Array.from({ length: 5 }, (_, k) => sliceBatch(drawn.images, k, k + 1).data[5] as number);
  expect(new Set(origins).size).toBe(5);
  expect([...drawn.labels]).toEqual(origins.map((origin) => labels[origin]));
  expect(drawCalibration(calibration, 8, randomFrom(2))).toBe(calibration);
});
