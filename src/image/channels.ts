import type { DecodedImage } from "../core/data.js";
import { StepwedgeError } from "../core/errors.js";
import { emptyLike } from "./storage.js";

/**
 * An image with the channels that the model takes. Gray becomes colour by repeating its plane. Colour becomes gray only
 * where all planes are equal (a gray image saved as RGB): any weighting of real colours would be a choice about the data
 * that nobody made.
 * @param place what to call the image in an error message
 * @throws StepwedgeError for colour where gray is wanted, and for any other number of channels, which are slices
 */
export function toChannels(image: DecodedImage, channels: number, place: string): DecodedImage {
  if (image.channels === channels) return image;
  const area = image.width * image.height;
  if (image.channels === 1 && channels === 3) {
    const data = emptyLike(image.data, channels * area);
    for (let channel = 0; channel < channels; channel++) data.set(image.data, channel * area);
    return { ...image, data, channels };
  }
  if (channels !== 1 || image.channels !== 3) {
    throw new StepwedgeError(
      `the image has ${image.channels} ${image.channels === 1 ? "channel" : "channels"}, the model takes ${channels}`,
      {
        where: place,
        remedy: "Give images with the model's channels, or correct model.input.channels.",
      },
    );
  }
  for (let index = area; index < image.data.length; index++) {
    if (image.data[index] !== image.data[index % area]) {
      throw new StepwedgeError("the image has colours, the model takes one gray channel", {
        where: place,
        remedy: "Convert the images to gray as the model's training did, or correct model.input.channels.",
      });
    }
  }
  return { ...image, data: image.data.slice(0, area), channels: 1 };
}
