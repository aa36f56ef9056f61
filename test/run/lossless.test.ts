import { assertSurvivesSaving } from "../../src/run/lossless.js";
import { toyImages } from "../support/toy-target.js";

test.each([
  { channels: 1, height: 24, width: 16, maxValue: 255 },
  { channels: 3, height: 13, width: 21, maxValue: 4095 },
  { channels: 3, height: 8, width: 40, maxValue: 65535 },
  { channels: 40, height: 12, width: 12, maxValue: 255 },
  { channels: 2, height: 12, width: 12, maxValue: 4095 },
])("whole stored values survive being saved: $channels x $height x $width up to $maxValue", async (geometry) => {
  await expect(assertSurvivesSaving(toyImages(geometry, 2, 1))).resolves.toBeUndefined();
});

test("values that a file cannot hold do not", async () => {
  const images = toyImages({ channels: 1, height: 12, width: 12, maxValue: 255 }, 1, 1);
  images.data[5] = 7.5;
  await expect(assertSurvivesSaving(images)).rejects.toThrow("7.5");
});
