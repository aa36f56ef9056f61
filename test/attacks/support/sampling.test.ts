import { drawCalibration, holdBackPatients, minibatches } from "../../../attacks/support/sampling.js";
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
  expect([...drawn.patients]).toEqual(origins);
  expect(drawCalibration(calibration, 8, randomFrom(2))).toBe(calibration);
});

test("patients held back share nothing with the others, and both parts have both classes", () => {
  const count = 60;
  const images = toyImages({ channels: 1, height: 2, width: 3, maxValue: 255 }, count, 1);
  const mixed = {
    images,
    labels: Uint8Array.from({ length: count }, (_, image) => (image % 5 === 0 ? 1 : 0)),
    patients: Int32Array.from({ length: count }, (_, image) => Math.floor(image / 3) * 7),
    classIndex: 0,
    threshold: null,
  };
  for (let seed = 0; seed < 20; seed++) {
    const { learning, confirmation } = holdBackPatients(mixed, 0.25, randomFrom(seed));
    if (confirmation === null) throw new Error("nobody was held back");
    const held = new Set(confirmation.patients);
    // Of 20 patients 12 have a positive image: a quarter of those and of the other 8.
    expect(held.size).toBe(5);
    const affected = new Set(confirmation.patients.filter((_, image) => confirmation.labels[image] === 1));
    expect(affected.size).toBe(3);
    expect(learning.patients.some((patient) => held.has(patient))).toBe(false);
    expect(learning.images.count + confirmation.images.count).toBe(count);
    expect([new Set(learning.labels).size, new Set(confirmation.labels).size]).toEqual([2, 2]);
  }
});
