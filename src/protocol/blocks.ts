import { z } from "zod";
import type { ModelAdapter } from "../core/adapter.js";
import type { Attack } from "../core/attack.js";
import type { Audit } from "../core/audit.js";
import type { DataSource } from "../core/data.js";
import type { Defense } from "../core/defense.js";
import type { Head } from "../core/head.js";
import type { Task } from "../core/task.js";
import { cell, column, epsilon, name, oneOrMore } from "./values.js";

/* The blocks of the protocol that belong to plug-ins: the base's keys, and beside them the plug-in's own parameters. */

const fitted = z
  .string()
  .min(1)
  .optional()
  .describe("A file that `stepwedge fit` wrote: it is used as it is, and nothing is learnt.");

export const label = z.union([
  column.describe("A column with 1 (positive), 0 (negative) or an empty cell (missing)."),
  z.strictObject({
    column,
    positive: oneOrMore(cell).describe("Cells that mean positive."),
    negative: oneOrMore(cell).optional().describe("Cells that mean negative; without it, every other cell does."),
  }),
]);

export const split = z.union([
  z.strictObject({
    column,
    tuning: oneOrMore(cell)
      .prefault("val")
      .describe("Cells of the tuning split: thresholds and universal attacks learn there."),
    evaluation: oneOrMore(cell)
      .prefault("test")
      .describe("Cells of the evaluation split; rows of neither are left out."),
  }),
  z.strictObject({ tuning: z.number().min(0).max(0.9).describe("Fraction of the patients that go to tuning.") }),
]);

/** Tasks of classifiers: scores are probabilities of classes. The others are plug-ins. */
const CLASSIFICATION = ["binary", "multiclass", "multilabel"] as const;

export function isClassification(task: string): boolean {
  return (CLASSIFICATION as readonly string[]).includes(task);
}

/** What a sample of a task other than classification is held against. */
export const reference = z
  .union([
    column.transform((name) => ({ column: name })),
    z.strictObject({
      column,
      values: oneOrMore(z.number().min(0))
        .optional()
        .describe("Of masks: the stored values that are inside the structure; default: all but 0."),
      spacing: z
        .union([z.literal("header"), z.array(column).min(2).max(3)])
        .optional()
        .describe(
          "Of masks: the size of each mask's pixels in mm, from its own header (NIfTI), or from columns, slowest axis first.",
        ),
    }),
  ])
  .describe("The column with the mask's file, or with the reference number; an empty cell where a sample has none.");

export function headSchema(kind: string, head: Head) {
  return z.strictObject({
    kind: z.literal(kind),
    ...(head.source.kind === "tuning" ? { fitted } : {}),
    ...head.meta.parameters.shape,
  });
}

export function modelSchema(
  id: string,
  adapter: ModelAdapter,
  heads: ReadonlyMap<string, Head>,
  tasks: ReadonlyMap<string, Task>,
) {
  // Answers other than scores are taken as an encoder's are.
  const others = adapter.openEncoder === undefined ? [] : [...tasks];
  return z.strictObject({
    adapter: z.literal(id),
    task: z
      .enum([...CLASSIFICATION, ...others.map(([name]) => name)] as [string, ...string[]])
      .default("binary")
      .describe("What the model answers: scores of classes, or what a task of src/tasks measures."),
    classes: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe("Default: those of data.labels, or of data.references."),
    ...Object.fromEntries(
      others.map(([name, { meta }]) => [
        name,
        meta.parameters.optional().describe(`How the answers are measured, with task: ${name}.`),
      ]),
    ),
    ...(adapter.openEncoder === undefined
      ? {}
      : {
          head: oneOf(heads, "kind", headSchema)
            .optional()
            .describe("The output is an embedding, and this makes scores of it; default: the output holds the scores."),
          aggregate: z
            .strictObject({
              slices: z.int().min(2).max(1024).describe("How many slices each volume has."),
              by: z
                .enum(["mean", "max", "similarity"])
                .default("mean")
                .describe(
                  "What a volume's embedding is made of its slices' by: their mean, the largest of each dimension, or a mean in which slices count by their cosine to the plain mean.",
                ),
              temperature: z.number().positive().default(0.1).describe("With by: similarity, of the softmax."),
            })
            .optional()
            .describe(
              "The encoder takes images, the samples are volumes: slices are embedded one by one (with a head, or task: retrieval).",
            ),
          keepEmbeddings: z
            .boolean()
            .optional()
            .describe(
              "Keep every image's clean embedding in the record, for audit leakage: with a head, one more answer per image. Retrieval always keeps them.",
            ),
        }),
    ...adapter.meta.parameters.shape,
  });
}

const windowRange = z
  .tuple([z.number(), z.number()])
  .refine(([lower, upper]) => lower < upper, "must have the smaller value first");

export const window = z.union([
  z.enum(["stored", "file", "full"]),
  z.strictObject({
    center: z.number(),
    width: z.number().min(1),
    shape: z.enum(["linear", "linear-exact", "sigmoid"]).default("linear"),
  }),
  z.strictObject({ range: windowRange.describe("The values that become black and white.") }),
  z.strictObject({ percentiles: windowRange.describe("Of each image's own values, in percent.") }),
]);

export const frames = z.union([
  z.enum(["only", "middle", "all", "each"]),
  z.strictObject({ stack: z.number().int().min(1).max(512).describe("So many neighbours around the middle.") }),
  z.strictObject({ column: column.describe("Column with the number of each row's frame or slice, from 0.") }),
]);

export function dataSchema(id: string, source: DataSource) {
  return z.strictObject({
    adapter: z.literal(id),
    id: column.default("id").describe("Column with the sample's id, unique."),
    image: column
      .optional()
      .describe("Column with the image's path; not needed where the model's scores are in the table."),
    patient: column
      .optional()
      .describe("Column with the patient; without it every sample counts as a patient of its own."),
    labels: z
      .record(z.string().min(1), label)
      .optional()
      .describe("The column of each class's labels; of classifiers, and of retrieval."),
    references: z
      .record(z.string().min(1), reference)
      .optional()
      .describe("What each class's answers are held against: masks or numbers, of tasks that are measured by them."),
    split: split
      .prefault({ tuning: 0.3 })
      .describe("Which samples tune and which are evaluated: by a column, or a seeded draw of patients."),
    region: z
      .strictObject({
        x: column.describe("Column with the box's left edge, in pixels of the image as stored, from 0."),
        y: column.describe("Column with its upper edge."),
        width: column.describe("Column with its width."),
        height: column.describe("Column with its height."),
        context: z
          .number()
          .min(0)
          .max(1)
          .default(0)
          .describe(
            "How much around the box is kept, on each side and as a share of it, so that shifts and scalings move the box over its true surroundings; with a head, or task: retrieval.",
          ),
      })
      .optional()
      .describe("Each row's sample is a box of its image; default: the whole image."),
    weight: column
      .optional()
      .describe("Column with the sample's sampling weight, a number greater than 0; default: all count alike."),
    allowPatientOverlap: z
      .boolean()
      .default(false)
      .describe("True: patients may be in both splits; the report shows it as a deviation."),
    unreadable: z
      .enum(["fail", "reject"])
      .default("fail")
      .describe(
        "What an image that cannot be read, or an empty score, does: end the run, or stay in the evaluation without a score and be reported.",
      ),
    window: window
      .default("stored")
      .describe(
        "Which values are black and white: as stored, the file's own window, the full range of each image, or as given.",
      ),
    frames: frames
      .default("only")
      .describe(
        "Of files with several frames or slices: the only, the middle, all as one volume, each as a sample of its own, a stack of neighbours, or as a column says.",
      ),
    axis: z
      .enum(["axial", "coronal", "sagittal", "stored"])
      .default("axial")
      .describe("Across which axis of the patient volumes are cut into slices; stored: in the file's own order."),
    bits: z.literal([8, 12, 16]).optional().describe("Depth of the device; default: that of the files."),
    ...source.meta.parameters.shape,
  });
}

export function attackSchema(id: string, attack: Attack) {
  const { norms, objectives, strengths } = attack.meta;
  const severity = z.number().int().min(1).max(5);
  return z.strictObject({
    id: z.literal(id),
    variant: name.optional().describe("Tells apart several entries with the same attack."),
    ...(strengths.includes("epsilon")
      ? {
          epsilon: oneOrMore(epsilon).optional(),
          unit: z
            .enum(["window", "stored", "hu"])
            .optional()
            .describe(
              "What ε counts: fractions of the display window (default), stored values (needs data.bits), or Hounsfield units (needs model.input.range in HU).",
            ),
          norm: z
            .enum(norms as [string, ...string[]])
            .default(norms[0] as string)
            .describe("How ε is measured: the largest change of a pixel, or the root of the summed squares."),
        }
      : {}),
    ...(strengths.includes("severity")
      ? { severity: oneOrMore(severity).optional().describe("How strong the corruption is, from 1 to 5.") }
      : {}),
    ...(objectives === undefined
      ? {}
      : {
          objective: oneOrMore(z.enum(objectives as [string, ...string[]]))
            .prefault(objectives[0] as string)
            .describe("What the search is to spoil; each objective is a search of its own."),
        }),
    ...(attack.fit === undefined && attack.meta.perImage === undefined
      ? {}
      : { class: z.string().optional().describe("The class that is attacked; default: the first.") }),
    ...(attack.fit === undefined ? {} : { ...queries(attack.meta.defaultQueries, "search"), fitted }),
    ...(attack.meta.perImage === undefined ? {} : queries(attack.meta.defaultQueries ?? 1000, "image")),
    ...attack.meta.parameters.shape,
  });
}

export function defenseSchema(id: string, defense: Defense) {
  return z.strictObject({
    id: z.literal(id),
    adaptive: z.boolean().default(true).describe("Also search with the defense inside the attacker's query loop."),
    ...(defense.meta.random
      ? {
          draws: z
            .int()
            .min(1)
            .default(8)
            .describe("Draws that an adaptive attacker averages over; each costs a query."),
        }
      : {}),
    ...(defense.fit === undefined
      ? {}
      : {
          class: z.string().optional().describe("The class whose decisions guide the training; default: the first."),
          ...(defense.meta.defaultQueries === 0 ? {} : queries(defense.meta.defaultQueries, "training")),
          fitted,
        }),
    ...defense.meta.parameters.shape,
  });
}

export function auditBlock(id: string, audit: Audit) {
  return z.strictObject({ id: z.literal(id), ...audit.meta.parameters?.shape });
}

function queries(most: number | undefined, each: "search" | "image" | "training") {
  return {
    queries: z
      .number()
      .int()
      .min(1)
      .default(most ?? 20_000)
      .describe(`Query budget of each ${each}.`),
  };
}

/** One block of a family: which plug-in it is about is told by `key`. */
export function oneOf<P>(
  plugins: ReadonlyMap<string, P>,
  key: "adapter" | "id" | "kind",
  build: (id: string, plugin: P) => z.ZodObject,
) {
  const schemas = [...plugins].map(([id, plugin]) => build(id, plugin));
  return z.discriminatedUnion(key, schemas as unknown as [z.ZodObject<Record<typeof key, z.ZodLiteral<string>>>]);
}
