import { z } from "zod";
import { StepwedgeError } from "../core/errors.js";
import type { OutcomeId } from "../core/outcome.js";
import { defineTask, type Judge, type Reference, type TaskContext } from "../core/task.js";
import { diagonalOf, type Grid } from "../stats/segmentation/grid.js";
import { lesionCounts } from "../stats/segmentation/lesions.js";
import { overlapOf } from "../stats/segmentation/overlap.js";
import { hausdorffPercentile, surfaceDice, surfaceDistances } from "../stats/segmentation/surface-distances.js";

const OUTCOMES = [
  "dice",
  "iou",
  "hd95",
  "nsd",
  "volume-error",
  "lesion-sensitivity",
  "false-objects",
  "missed",
  "objects",
  "lesion-sensitivity-pooled",
] as const satisfies readonly OutcomeId[];

const parameters = z.strictObject({
  rule: z
    .enum(["threshold", "argmax"])
    .default("threshold")
    .describe(
      "A pixel is inside where the class's own output is above a threshold, or where it is the largest of all.",
    ),
  threshold: z
    .number()
    .default(0.5)
    .describe("Of the output as it comes: 0.5 of probabilities, 0 of logits. Inside is above it."),
  channels: z
    .record(z.string().min(1), z.int().min(0))
    .optional()
    .describe(
      "The output's channel of each class; default: in the classes' order, after one of background with argmax.",
    ),
  size: z
    .tuple([z.int().min(1), z.int().min(1)])
    .optional()
    .describe("Height and width of the output; default: those of the input."),
  volume: z
    .boolean()
    .default(false)
    .describe("The input's channels are the slices of a volume, and so are the output's."),
  spacing: z
    .array(z.number().gt(0))
    .min(2)
    .max(3)
    .optional()
    .describe("Size of an output pixel in mm, slowest axis first; default: distances are in pixels."),
  tolerance: z.number().min(0).default(2).describe("Of the surface Dice, in mm, or in pixels without a spacing."),
  surface: z
    .enum(["surface-elements", "voxel-boundary"])
    .default("surface-elements")
    .describe("What a surface is: weighted by its area (DeepMind's), or the outermost pixels, all alike."),
  leastShare: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe("Share of an object's pixels that must be predicted for it to be found; default: any pixel."),
});
type Parameters = z.output<typeof parameters>;

/** Where a class's pixels lie in an answer, and on which grid. */
interface Layout {
  readonly grid: Grid;
  readonly pixels: number;
  readonly channels: number;
  /** The output's channel of each class. */
  readonly columns: readonly number[];
}

/**
 * Segmentation: the answer has a number for every pixel and class, channels first. It is measured on the output's own grid; a
 * reference of another size is brought to it by the nearest pixel.
 */
export default defineTask({
  meta: {
    id: "segmentation",
    title: "Segmentation",
    summary: "A mask for each structure, held against a reference mask, case by case.",
    reference: "mask",
    outcomes: OUTCOMES,
    success: "Dice; 1 where both masks are empty, 0 where one is",
    parameters,
    references: [
      "L. R. Dice, Ecology 26 (1945) 297–302",
      "S. Nikolov et al., J. Med. Internet Res. 23 (2021) e26151",
      "L. Maier-Hein et al., Metrics reloaded, Nature Methods 21 (2024) 195–212",
    ],
  },
  unit: ({ spacing }, { hasSpacing }) => (spacing === undefined && !hasSpacing ? "pixels" : "mm"),
  open(context) {
    const layout = layoutOf(context);
    const masks = context.classes.map(() => new Uint8Array(layout.pixels));
    const predicted = (answer: Float32Array) => writeMasks(answer, layout, context.parameters, masks);
    return {
      success(answer, references) {
        const found = predicted(answer);
        return Float64Array.from(references, (reference, index) => {
          if (reference === null) return Number.NaN;
          return overlapOf(onGrid(reference, layout), found[index] as Uint8Array).dice ?? 1;
        });
      },
      outcomes(answer, references) {
        const found = predicted(answer);
        return Float64Array.from(
          references.flatMap((reference, index) =>
            reference === null
              ? OUTCOMES.map(() => Number.NaN)
              : measure(
                  onGrid(reference, layout),
                  found[index] as Uint8Array,
                  gridOf(reference, layout),
                  context.parameters,
                ),
          ),
        );
      },
    } satisfies Judge;
  },
});

/** @throws StepwedgeError where the answer does not hold whole maps of the classes */
function layoutOf({ classes, geometry, parameters: given, width }: TaskContext<Parameters>): Layout {
  const [height, breadth] = given.size ?? [geometry.height, geometry.width];
  const shape = given.volume ? [geometry.channels, height, breadth] : [height, breadth];
  const pixels = shape.reduce((product, side) => product * side, 1);
  const channels = width / pixels;
  if (!Number.isInteger(channels)) {
    throw new StepwedgeError(`gives ${width} numbers for one image, no whole maps of ${shape.join(" × ")}`, {
      where: "model.segmentation",
      remedy: "Name the output that holds the masks (model.output.name), or its size (model.segmentation.size).",
    });
  }
  const first = given.rule === "argmax" ? 1 : 0;
  const columns = classes.map((name, index) => given.channels?.[name] ?? first + index);
  const outside = columns.findIndex((column) => column >= channels);
  if (outside >= 0) {
    throw new StepwedgeError(`has ${channels} channels; "${classes[outside]}" would be number ${columns[outside]}`, {
      where: "model.segmentation.channels",
      remedy: "Say which channel is which class, from 0.",
    });
  }
  const spacing = given.spacing ?? shape.map(() => 1);
  if (spacing.length !== shape.length) {
    throw new StepwedgeError(`has ${spacing.length} sizes for ${shape.length} axes`, {
      where: "model.segmentation.spacing",
      remedy: "Give one size in mm for each axis, slowest first.",
    });
  }
  return { grid: { shape, spacing }, pixels, channels, columns };
}

function writeMasks(
  answer: Float32Array,
  { channels, columns, pixels }: Layout,
  { rule, threshold }: Parameters,
  masks: readonly Uint8Array[],
): readonly Uint8Array[] {
  if (rule === "threshold") {
    for (const [index, column] of columns.entries()) {
      const mask = masks[index] as Uint8Array;
      const from = column * pixels;
      for (let i = 0; i < pixels; i++) mask[i] = (answer[from + i] as number) > threshold ? 1 : 0;
    }
    return masks;
  }
  for (const mask of masks) mask.fill(0);
  const classOf = new Int32Array(channels).fill(-1);
  for (const [index, column] of columns.entries()) classOf[column] = index;
  for (let i = 0; i < pixels; i++) {
    let best = 0;
    for (let channel = 1; channel < channels; channel++) {
      if ((answer[channel * pixels + i] as number) > (answer[best * pixels + i] as number)) best = channel;
    }
    const index = classOf[best] as number;
    if (index >= 0) (masks[index] as Uint8Array)[i] = 1;
  }
  return masks;
}

/** The output's grid, its pixels as large as the reference says where it does: one covers as much of the mask as it stands for. */
function gridOf(reference: Reference, { grid }: Layout): Grid {
  if (reference.kind !== "mask" || reference.spacing === undefined) return grid;
  const { shape, spacing } = reference;
  return {
    shape: grid.shape,
    spacing: spacing.map((size, axis) => (size * (shape[axis] as number)) / (grid.shape[axis] as number)),
  };
}

/** The reference on the output's grid: as it is, or by the nearest pixel. */
function onGrid(reference: Reference, { grid, pixels }: Layout): Uint8Array {
  if (reference.kind !== "mask") throw new Error("a segmentation is held against masks");
  const { data, shape } = reference;
  if (data.length === pixels) return data;
  const [toHeight, toWidth] = grid.shape.slice(-2) as [number, number];
  const [fromHeight, fromWidth] = shape.slice(-2) as [number, number];
  const depth = pixels / (toHeight * toWidth);
  const out = new Uint8Array(pixels);
  for (let z = 0, at = 0; z < depth; z++) {
    for (let y = 0; y < toHeight; y++) {
      const row = (z * fromHeight + Math.floor(((y + 0.5) * fromHeight) / toHeight)) * fromWidth;
      for (let x = 0; x < toWidth; x++, at++) {
        out[at] = data[row + Math.floor(((x + 0.5) * fromWidth) / toWidth)] as number;
      }
    }
  }
  return out;
}

/** The outcomes of one structure, in the order of OUTCOMES. */
function measure(reference: Uint8Array, predicted: Uint8Array, grid: Grid, given: Parameters): number[] {
  const overlap = overlapOf(reference, predicted);
  const lesions = lesionCounts(
    reference,
    predicted,
    grid,
    given.leastShare === undefined ? {} : { leastShare: given.leastShare },
  );
  const surfaces = overlap.presence === "both" ? surfaceDistances(reference, predicted, grid, given.surface) : null;
  const oneIsEmpty = overlap.presence === "reference-only" || overlap.presence === "prediction-only";
  const hd95 = surfaces === null ? (oneIsEmpty ? diagonalOf(grid) : Number.NaN) : hausdorffPercentile(surfaces, 95);
  const nsd = surfaces === null ? (oneIsEmpty ? 0 : Number.NaN) : surfaceDice(surfaces, given.tolerance);
  const ofReference = (value: number) => (overlap.reference === 0 ? Number.NaN : value);
  return [
    overlap.dice ?? Number.NaN,
    overlap.iou ?? Number.NaN,
    hd95,
    nsd,
    ofReference((overlap.prediction - overlap.reference) / overlap.reference),
    lesions.lesions === 0 ? Number.NaN : lesions.detected / lesions.lesions,
    lesions.falseAlarms,
    ofReference(overlap.prediction === 0 ? 1 : 0),
    lesions.lesions,
    lesions.lesions === 0 ? Number.NaN : lesions.detected / lesions.lesions,
  ];
}
