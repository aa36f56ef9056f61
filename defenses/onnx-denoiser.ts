/**
 * A denoiser of the user's own: any ONNX model that turns an image into an image of the same size, such as a DnCNN, a
 * U-Net or an autoencoder trained elsewhere.
 *
 * References: K. Zhang, W. Zuo, Y. Chen, D. Meng, L. Zhang, "Beyond a Gaussian denoiser: residual learning of deep CNN
 * for image denoising", IEEE Transactions on Image Processing 26(7), 2017 (networks that answer with the noise); F. Liao,
 * M. Liang, Y. Dong, T. Pang, X. Hu, J. Zhu, "Defense against adversarial attacks using high-level representation guided
 * denoiser", CVPR 2018, arXiv:1712.02976 (denoisers as a defense).
 *
 * Threat model: the model's own. A denoiser learnt on noise of one kind removes that kind; it is a network and can be
 * attacked like one, together with the classifier. Read it together with its adaptive condition.
 *
 * Cost: no queries, one forward pass per image on one thread. Images go through one by one, so that none sees another.
 */
import { z } from "zod";
import { defineDefense } from "../src/core/defense.js";
import { StepwedgeError } from "../src/core/errors.js";
import { createBatch, imageSize } from "../src/core/pixels.js";
import { openFilter, runFilter } from "./support/onnx-filter.js";

export default defineDefense({
  meta: {
    id: "onnx-denoiser",
    title: "Denoiser from an ONNX file",
    summary: "Passes the image through a denoising network that the user provides.",
    random: false,
    files: ["path"],
    parameters: z.strictObject({
      path: z.string().min(1).optional().describe("The ONNX file, relative to the protocol. Required."),
      layout: z.enum(["NCHW", "NHWC"]).default("NCHW").describe("Order of the axes of the model's input and output."),
      range: z
        .tuple([z.number(), z.number()])
        .refine(([low, high]) => low < high, "The smaller must come first.")
        .default([0, 1])
        .describe("What the smallest and the largest stored value are to the model."),
      residual: z
        .boolean()
        .default(false)
        .describe("Whether the model answers with the noise, which is then subtracted, and not with the image."),
    }),
    references: [
      "Zhang, Zuo, Chen, Meng and Zhang, Beyond a Gaussian denoiser, IEEE Transactions on Image Processing 26(7), 2017",
      "Liao, Liang, Dong, Pang, Hu and Zhu, Defense against adversarial attacks using high-level representation guided denoiser, CVPR 2018, arXiv:1712.02976",
    ],
  },

  async apply(batch, { parameters, file }) {
    if (parameters.path === undefined) {
      throw new StepwedgeError("no denoiser is given", {
        where: "defenses, onnx-denoiser",
        remedy: "Name its file: path: denoiser.onnx.",
      });
    }
    const { layout, residual } = parameters;
    const [low, high] = parameters.range;
    const unit = (high - low) / batch.maxValue;
    const filter = await openFilter(file("path"));
    const size = imageSize(batch);
    const out = createBatch(batch, batch.count);
    for (let from = 0; from < batch.data.length; from += size) {
      const image = batch.data.subarray(from, from + size);
      const answer = await runFilter(
        filter,
        image.map((value) => low + value * unit),
        batch,
        layout,
      );
      for (let i = 0; i < size; i++) {
        const value = answer[i] as number;
        out.data[from + i] = residual ? (image[i] as number) - value / unit : (value - low) / unit;
      }
    }
    return out;
  },
});
