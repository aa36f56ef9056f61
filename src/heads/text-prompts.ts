// Zero-shot classification by text: an image's embedding is held against those of sentences that a text encoder of the same space
// made beforehand. Radford et al., ICML 2021 (CLIP), with its ensembling of prompts. Nothing is learnt from images.
import { z } from "zod";
import { received, StepwedgeError } from "../core/errors.js";
import type { Fitted } from "../core/fitted.js";
import { defineHead, type HeadContext, type VectorTable } from "../core/head.js";
import type { Embeddings } from "../core/model.js";

const parameters = z.strictObject({
  embeddings: z
    .string()
    .min(1)
    .describe(
      "A table (CSV, TSV, JSON Lines or Parquet) with the columns class, e0, e1, … and, where needed, prompt and polarity; relative to the protocol.",
    ),
  logitScale: z
    .number()
    .positive()
    .default(100)
    .describe("What cosines are multiplied by before the softmax: 1 / temperature; 100 is CLIP's."),
});
type Context = HeadContext<z.output<typeof parameters>>;

export default defineHead({
  meta: {
    id: "text-prompts",
    title: "Text prompts (zero-shot)",
    summary: "An image's score is how near its embedding is to those of sentences about the class, of a table.",
    references: [
      "Radford et al. Learning transferable visual models from natural language supervision. ICML 2021.",
      "Codella et al. MedImageInsight: an open-source embedding model for general domain medical imaging. arXiv:2410.06542 (2024).",
    ],
    parameters,
  },
  source: {
    kind: "table",
    table: { parameter: "embeddings", columns: ["class", "prompt", "polarity"] },
    build(table, context) {
      const { classes } = context;
      const sides = oneAmongAll(context) ? POSITIVE : BOTH;
      const rows = assignRows(table, context);
      const prototypes = new Float32Array(sides.length * classes.length * table.width);
      for (const [index, className] of classes.entries()) {
        for (const [side, polarity] of sides.entries()) {
          const own = rows.get(`${polarity} ${className}`);
          if (own === undefined) throw missingPrompts(table, className, polarity);
          prototypes.set(meanDirection(table, own), (index * sides.length + side) * table.width);
        }
      }
      return {
        arrays: { prototypes: { shape: [classes.length, sides.length, table.width], data: prototypes } },
        numbers: { prompts: table.count },
      };
    },
  },
  score(embeddings, fitted, context) {
    const cosines = cosinesWith(embeddings, fitted);
    const { classes, parameters } = context;
    const scores = new Float64Array(embeddings.count * classes.length);
    const perImage = cosines.length / embeddings.count;
    for (let image = 0; image < embeddings.count; image++) {
      const own = cosines.subarray(image * perImage, (image + 1) * perImage);
      const out = scores.subarray(image * classes.length, (image + 1) * classes.length);
      if (oneAmongAll(context)) softmax(own, parameters.logitScale, out);
      else {
        for (let index = 0; index < classes.length; index++) {
          const margin = (own[2 * index] as number) - (own[2 * index + 1] as number);
          out[index] = 1 / (1 + Math.exp(-parameters.logitScale * margin));
        }
      }
    }
    return scores;
  },
});

type Polarity = "positive" | "negative";
const POSITIVE: readonly Polarity[] = ["positive"];
const BOTH: readonly Polarity[] = ["positive", "negative"];

/** Of a multiclass task the classes compete with one another; else each with its own negation. */
function oneAmongAll({ classes, task }: Context): boolean {
  return task === "multiclass" && classes.length > 1;
}

/** Rows of the table by "polarity class". @throws StepwedgeError where a row is of no class, or of no polarity */
function assignRows(table: VectorTable, context: Context): ReadonlyMap<string, number[]> {
  const names = table.texts.get("class") ?? [];
  const polarities = table.texts.get("polarity");
  const rows = new Map<string, number[]>();
  for (let row = 0; row < table.count; row++) {
    const name = names[row] ?? "";
    const polarity = polarities?.[row] || "positive";
    if (!context.classes.includes(name)) {
      throw new StepwedgeError(`the prompt is of class ${received(name)}, which the protocol does not have`, {
        where: table.rowName(row),
        remedy: `Its classes: ${context.classes.join(", ")}.`,
      });
    }
    if (polarity !== "positive" && polarity !== "negative") {
      throw new StepwedgeError(`polarity must be positive or negative; received ${received(polarity)}`, {
        where: table.rowName(row),
        remedy: "A negative prompt describes an image without the finding.",
      });
    }
    const key = `${polarity} ${name}`;
    rows.set(key, [...(rows.get(key) ?? []), row]);
  }
  return rows;
}

function missingPrompts({ name }: VectorTable, className: string, polarity: Polarity): StepwedgeError {
  return new StepwedgeError(`has no ${polarity} prompt of class "${className}"`, {
    where: name,
    remedy:
      polarity === "positive"
        ? "Add one row at least for every class."
        : 'Add rows with polarity "negative" ("no pleural effusion"): a score between 0 and 1 needs something to be held against. With task: multiclass the classes are held against one another.',
  });
}

/** The mean of the rows' unit vectors, as a unit vector. @throws StepwedgeError where a row has no direction */
function meanDirection({ name, rowName, values, width }: VectorTable, rows: readonly number[]): Float32Array {
  const sum = new Float64Array(width);
  for (const row of rows) {
    const own = values.subarray(row * width, (row + 1) * width);
    const length = norm(own);
    if (length === 0) throw noDirection(rowName(row));
    for (let d = 0; d < width; d++) sum[d] = (sum[d] as number) + (own[d] as number) / length;
  }
  const length = norm(sum);
  if (length < 1e-12) throw noDirection(name);
  return Float32Array.from(sum, (value) => value / length);
}

function noDirection(where: string): StepwedgeError {
  return new StepwedgeError("the embedding is zero: it has no direction", {
    where,
    remedy: "Make the text embeddings again.",
  });
}

/** `values[image * prototypes + prototype]`; of a vector of zeros all are 0. */
function cosinesWith({ count, values, width }: Embeddings, fitted: Fitted): Float64Array {
  const { prototypes } = fitted.arrays;
  if (prototypes === undefined) throw new Error("these are no text prompts");
  const many = prototypes.data.length / width;
  const cosines = new Float64Array(count * many);
  for (let image = 0; image < count; image++) {
    const own = values.subarray(image * width, (image + 1) * width);
    const length = norm(own);
    if (length === 0) continue;
    for (let index = 0; index < many; index++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += (own[d] as number) * (prototypes.data[index * width + d] as number);
      cosines[image * many + index] = sum / length;
    }
  }
  return cosines;
}

function norm(vector: Float32Array | Float64Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}

function softmax(cosines: Float64Array, scale: number, out: Float64Array): void {
  const most = Math.max(...cosines);
  const total = cosines.reduce((sum, cosine) => sum + Math.exp(scale * (cosine - most)), 0);
  cosines.forEach((cosine, index) => {
    out[index] = Math.exp(scale * (cosine - most)) / total;
  });
}
