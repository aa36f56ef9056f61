/**
 * Fits the two small models of the examples on phantoms, in closed form, and writes them beside their protocols:
 * `npm run build && node dist/scripts/fit-phantom-models.js`. Half a minute; the same bytes every time on one kind of processor.
 *
 * - `examples/phantom-heart/heart.onnx`: cardiothoracic ratio in percent, ridge regression on the means of 16 × 16 squares.
 * - `examples/phantom-lungs/lungs.onnx`: logit-like map of the lungs, one 9 × 9 kernel and a constant for every pixel, by least
 *   squares.
 *
 * They learn from phantoms of the null population, of a name of its own, on scanners A and B. Neither is any good, which is what
 * an example of an audit needs.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/core/version.js";
import { drawPopulation } from "../src/data/phantom/population.js";
import { encodeModel, type OnnxGraph } from "../src/training/onnx-writer.js";

const SIDE = 64;
const PIXELS = SIDE * SIDE;
const POOL = 4;
const COARSE = SIDE / POOL;
const KERNEL = 9;
const RIM = (KERNEL - 1) / 2;

const images = drawPopulation({
  seed: 7,
  name: "fitting",
  patients: 1500,
  prevalence: 0.45,
  contrast: 1,
  planted: false,
});
const rendered = images.map((image) => Float64Array.from(image.render(SIDE), (value) => value / 255));

write("phantom-heart", "heart.onnx", heartModel());
write("phantom-lungs", "lungs.onnx", lungModel());

function write(folder: string, name: string, graph: OnnxGraph): void {
  const path = join(PACKAGE_ROOT, "examples", folder);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, name), encodeModel(graph));
}

function heartModel(): OnnxGraph {
  const width = COARSE * COARSE;
  const rows = rendered.map(pooled);
  const targets = Float64Array.from(images, ({ ctr }) => Number(ctr()));
  const mean = meanOf(rows);
  const level = targets.reduce((sum, one) => sum + one, 0) / targets.length;
  const system = new Float64Array(width * width);
  const right = new Float64Array(width);
  rows.forEach((row, image) => {
    const away = row.map((value, i) => value - (mean[i] as number));
    addOuter(system, away);
    for (let i = 0; i < width; i++) {
      right[i] = (right[i] as number) + (away[i] as number) * ((targets[image] as number) - level);
    }
  });
  const weights = solve(system, right, 0.05);
  const constant = level - weights.reduce((sum, weight, i) => sum + weight * (mean[i] as number), 0);
  return {
    name: "heart",
    description: "cardiothoracic ratio of phantoms, in percent",
    nodes: [
      {
        op: "AveragePool",
        inputs: ["image"],
        outputs: ["map"],
        attributes: { kernel_shape: [POOL, POOL], strides: [POOL, POOL] },
      },
      { op: "Flatten", inputs: ["map"], outputs: ["means"], attributes: {} },
      { op: "Gemm", inputs: ["means", "weights", "constant"], outputs: ["ratio"], attributes: {} },
    ],
    initializers: [
      { name: "weights", shape: [width, 1], data: Float32Array.from(weights) },
      { name: "constant", shape: [1], data: Float32Array.of(constant) },
    ],
    inputs: [{ name: "image", type: "float32", shape: ["batch", 1, SIDE, SIDE] }],
    outputs: [{ name: "ratio", type: "float32", shape: ["batch", 1] }],
  };
}

function pooled(image: Float64Array): Float64Array {
  const out = new Float64Array(COARSE * COARSE);
  for (let i = 0; i < PIXELS; i++) {
    const place = Math.floor(Math.floor(i / SIDE) / POOL) * COARSE + Math.floor((i % SIDE) / POOL);
    out[place] = (out[place] as number) + (image[i] as number) / POOL ** 2;
  }
  return out;
}

/** Each pixel is centred over the images first: what is left of it is the kernel's to explain. */
function lungModel(): OnnxGraph {
  const some = rendered.slice(0, 400);
  const masks = images.slice(0, 400).map((image) => image.mask(SIDE));
  const width = KERNEL * KERNEL;
  const mean = meanOf(some);
  const inside = new Float64Array(PIXELS);
  for (const mask of masks) {
    for (let i = 0; i < PIXELS; i++) inside[i] = (inside[i] as number) + (mask[i] as number) / masks.length;
  }
  const system = new Float64Array(width * width);
  const right = new Float64Array(width);
  const patch = new Float64Array(width);
  some.forEach((image, index) => {
    const mask = masks[index] as Uint8Array;
    const away = image.map((value, i) => value - (mean[i] as number));
    // Every third pixel is enough for 81 numbers.
    for (let i = index % 3; i < PIXELS; i += 3) {
      const target = (mask[i] as number) - (inside[i] as number);
      writePatch(away, i, patch);
      addOuter(system, patch);
      for (let k = 0; k < width; k++) right[k] = (right[k] as number) + (patch[k] as number) * target;
    }
  });
  const kernel = solve(system, right, 1);
  const constants = new Float32Array(PIXELS);
  for (let i = 0; i < PIXELS; i++) {
    writePatch(mean, i, patch);
    constants[i] = (inside[i] as number) - patch.reduce((sum, value, k) => sum + value * (kernel[k] as number), 0);
  }
  return {
    name: "lungs",
    description: "share of lung at each pixel of phantoms, about 0 to 1",
    nodes: [
      {
        op: "Conv",
        inputs: ["image", "kernel"],
        outputs: ["local"],
        attributes: { kernel_shape: [KERNEL, KERNEL], pads: [RIM, RIM, RIM, RIM] },
      },
      { op: "Add", inputs: ["local", "constants"], outputs: ["lungs"], attributes: {} },
    ],
    initializers: [
      { name: "kernel", shape: [1, 1, KERNEL, KERNEL], data: Float32Array.from(kernel) },
      { name: "constants", shape: [1, 1, SIDE, SIDE], data: constants },
    ],
    inputs: [{ name: "image", type: "float32", shape: ["batch", 1, SIDE, SIDE] }],
    outputs: [{ name: "lungs", type: "float32", shape: ["batch", 1, SIDE, SIDE] }],
  };
}

/** The pixels around one, 0 outside the image, as a convolution of the model's reads them. */
function writePatch(image: Float64Array, at: number, patch: Float64Array): void {
  const [row, column] = [Math.floor(at / SIDE), at % SIDE];
  for (let k = 0; k < patch.length; k++) {
    const y = row + Math.floor(k / KERNEL) - RIM;
    const x = column + (k % KERNEL) - RIM;
    patch[k] = y < 0 || x < 0 || y >= SIDE || x >= SIDE ? 0 : (image[y * SIDE + x] as number);
  }
}

function meanOf(rows: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows) for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] as number) + (row[i] as number);
  return mean.map((sum) => sum / rows.length);
}

function addOuter(system: Float64Array, row: Float64Array): void {
  const width = row.length;
  for (let i = 0; i < width; i++) {
    const value = row[i] as number;
    if (value === 0) continue;
    for (let j = 0; j <= i; j++) system[i * width + j] = (system[i * width + j] as number) + value * (row[j] as number);
  }
}

/** Solves (A + ridge · I) x = b by Cholesky; of the symmetric A the lower half is given. */
function solve(system: Float64Array, right: Float64Array, ridge: number): Float64Array {
  const width = right.length;
  const lower = system.slice();
  for (let i = 0; i < width; i++) lower[i * width + i] = (lower[i * width + i] as number) + ridge;
  const at = (i: number, j: number) => lower[i * width + j] as number;
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = at(i, j);
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      lower[i * width + j] = i === j ? Math.sqrt(sum) : sum / at(j, j);
    }
  }
  const x = right.slice();
  for (let i = 0; i < width; i++) {
    for (let k = 0; k < i; k++) x[i] = (x[i] as number) - at(i, k) * (x[k] as number);
    x[i] = (x[i] as number) / at(i, i);
  }
  for (let i = width - 1; i >= 0; i--) {
    for (let k = i + 1; k < width; k++) x[i] = (x[i] as number) - at(k, i) * (x[k] as number);
    x[i] = (x[i] as number) / at(i, i);
  }
  return x;
}
