import { z } from "zod";
import type { ModelAdapter } from "../core/adapter.js";
import type { Attack } from "../core/attack.js";
import type { Norm } from "../core/condition.js";
import type { DataSource } from "../core/data.js";
import type { Defense } from "../core/defense.js";
import { loadPlugins } from "../core/plugins.js";

/** A fraction of the display window: a number, or a quotient such as "4/255". */
const epsilon = z
  .union([
    z.number(),
    z.string().regex(/^\s*\d+(\.\d+)?\s*\/\s*\d+(\.\d+)?\s*$/, 'must be a number or a quotient such as "4/255"'),
  ])
  .describe('ε as a fraction of the display window: a number, or a quotient such as "4/255".')
  .transform((value) => (typeof value === "number" ? value : quotient(value)))
  .refine((value) => Number.isFinite(value) && value > 0, {
    message: "must be a finite number greater than 0",
    params: {
      remedy: "Write ε as a fraction of the display window, such as 4/255; for no attack, leave the entry out.",
    },
  });

function quotient(text: string): number {
  const [numerator = Number.NaN, denominator = Number.NaN] = text.split("/").map(Number);
  return numerator / denominator;
}

/** One value or a list of values; the canonical form is the list. */
function oneOrMore<T extends z.ZodType>(item: T) {
  return z
    .union([item, z.array(item).min(1)])
    .transform((value) => (Array.isArray(value) ? value : [value]) as z.output<T>[]);
}

const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
    "must consist of letters, digits, '.', '_' and '-', and start with a letter or digit",
  );
const column = z.string().min(1);

/** What a cell of the table holds; numbers may go without quotes, but true and null may not: tables spell them in many ways. */
const cell = z.union([z.string(), z.number()]).transform(String);

const label = z.union([
  column.describe("A column with 1 (positive), 0 (negative) or an empty cell (missing)."),
  z.strictObject({
    column,
    positive: oneOrMore(cell).describe("Cells that mean positive."),
    negative: oneOrMore(cell).optional().describe("Cells that mean negative; without it, every other cell does."),
  }),
]);

const split = z.union([
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

const subgroup = z.union([
  z.strictObject({ cross: z.array(name).min(2).describe("Names of subgroupings that are crossed.") }),
  z.strictObject({
    column,
    bins: z
      .array(z.number())
      .min(2)
      .optional()
      .describe("Ascending edges: each bin holds its left edge, the last bin both."),
    values: z.array(cell).optional().describe("Groups that must appear, even when they are empty."),
  }),
]);

const rate = z.number().gt(0).lt(1);

/** Refuses an entry with none or several of some keys of which it needs exactly one. */
function exactlyOne(...keys: readonly string[]) {
  const list = `${keys.slice(0, -1).join(", ")} and ${keys.at(-1)}`;
  return [
    (entry: object) => keys.filter((key) => (entry as Record<string, unknown>)[key] !== undefined).length === 1,
    { message: `must have exactly one of ${list}`, params: { remedy: `Give one of them: ${keys.join(" | ")}.` } },
  ] as const;
}
const operatingPoint = z
  .strictObject({
    id: name,
    class: z.string().optional().describe("Default: every class has the point."),
    sensitivity: rate.optional().describe("The highest threshold that reaches this sensitivity on tuning samples."),
    specificity: rate.optional().describe("The lowest threshold that reaches this specificity on tuning samples."),
    threshold: z.number().optional().describe("A threshold fixed beforehand; scores at or above it are positive."),
    chosenOn: z.literal("tuning").optional().describe("Where sensitivity and specificity are met: always on tuning."),
  })
  .refine(...exactlyOne("sensitivity", "specificity", "threshold"));

const gateCondition = z.strictObject({
  attack: z.string().default("none"),
  epsilon: epsilon.optional(),
  severity: z.number().int().min(1).max(5).optional(),
  objective: z.string().optional(),
  defense: z.string().default("none"),
  adaptive: z.boolean().optional(),
});

const gate = z
  .strictObject({
    id: name,
    title: z.string().optional().describe("Default: the id."),
    metric: z.string().describe("Such as auc, auc-gap, auc-drop or sensitivity; `stepwedge list audits` names them."),
    class: z.string().optional().describe("Default: every class must pass."),
    operatingPoint: z.string().optional().describe("Default: every operating point must pass."),
    subgroup: z.record(z.string(), cell).optional().describe("One group, such as { sex: F }."),
    subgroups: z.array(z.string()).optional().describe("Subgroupings, all groups of which must pass."),
    condition: gateCondition.optional().describe("Default: clean."),
    bound: z.enum(["lower", "upper", "estimate"]).describe("What is held against the limit."),
    atLeast: z.number().optional().describe("The limit, where larger is better."),
    atMost: z.number().optional().describe("The limit, where smaller is better."),
  })
  .refine(...exactlyOne("atLeast", "atMost"))
  .refine((entry) => entry.subgroup === undefined || entry.subgroups === undefined, {
    message: "must not have both subgroup and subgroups",
    params: { remedy: "Keep subgroup for one group, or subgroups for all groups of a subgrouping." },
  });

const task = z.enum(["binary", "multiclass", "multilabel"]);

function modelSchema(id: string, adapter: ModelAdapter) {
  return z.strictObject({
    adapter: z.literal(id),
    task: task.default("binary").describe("What the scores are; for the reader, until other tasks are audited."),
    classes: z.array(z.string().min(1)).min(1).optional().describe("Default: the classes of data.labels."),
    ...adapter.meta.parameters.shape,
  });
}

function dataSchema(id: string, source: DataSource) {
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
      .refine((labels) => Object.keys(labels).length > 0, "must name at least one class")
      .describe("The column of each class's labels."),
    split: split
      .prefault({ tuning: 0.3 })
      .describe("Which samples tune and which are evaluated: by a column, or a seeded draw of patients."),
    allowPatientOverlap: z
      .boolean()
      .default(false)
      .describe("True: patients may be in both splits; the report shows it as a deviation."),
    bits: z.literal([8, 12, 16]).optional().describe("Depth of the device; default: that of the files."),
    ...source.meta.parameters.shape,
  });
}

function attackSchema(id: string, attack: Attack) {
  const { norms, objectives, strengths } = attack.meta;
  const severity = z.number().int().min(1).max(5);
  return z.strictObject({
    id: z.literal(id),
    variant: name.optional().describe("Tells apart several entries with the same attack."),
    ...(strengths.includes("epsilon")
      ? {
          epsilon: oneOrMore(epsilon).optional(),
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
    ...(attack.fit === undefined
      ? {}
      : {
          class: z.string().optional().describe("The class that is attacked; default: the first."),
          queries: z.number().int().min(1).default(20_000).describe("Query budget of each search."),
        }),
    ...attack.meta.parameters.shape,
  });
}

function defenseSchema(id: string, defense: Defense) {
  return z.strictObject({
    id: z.literal(id),
    adaptive: z.boolean().default(true).describe("Also search with the defense inside the attacker's query loop."),
    ...defense.meta.parameters.shape,
  });
}

function oneOf<P>(
  plugins: ReadonlyMap<string, P>,
  key: "adapter" | "id",
  build: (id: string, plugin: P) => z.ZodObject,
) {
  const schemas = [...plugins].map(([id, plugin]) => build(id, plugin));
  return z.discriminatedUnion(key, schemas as unknown as [z.ZodObject<Record<typeof key, z.ZodLiteral<string>>>]);
}

/** The schema of audit.yaml, composed from every plug-in found. */
export async function protocolSchema() {
  return z.strictObject({
    version: z.literal(1).describe("Of this file's form."),
    title: z.string().min(1).max(10_000).describe("What is audited, as the report's heading."),
    intendedUse: z.string().optional().describe("What the model is for, in a sentence."),
    seed: z
      .number()
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .default(1)
      .describe("Of every random draw: the same seed gives the same findings."),
    confidence: z.number().min(0.5).max(0.999).default(0.95).describe("Nominal coverage of every interval."),
    model: oneOf(await loadPlugins("models"), "adapter", modelSchema),
    data: oneOf(await loadPlugins("data"), "adapter", dataSchema),
    subgroups: z.record(name, subgroup).default({}).describe("Divisions of the evaluation set, by name."),
    attacks: z.array(oneOf(await loadPlugins("attacks"), "id", attackSchema)).default([]),
    defenses: z.array(oneOf(await loadPlugins("defenses"), "id", defenseSchema)).default([]),
    audits: z
      .array(z.enum([...(await loadPlugins("audits")).keys()] as [string, ...string[]]))
      .optional()
      .describe("Default: all."),
    operatingPoints: z.array(operatingPoint).default([]),
    gates: z.array(gate).default([]),
    reports: z
      .array(z.enum([...(await loadPlugins("reports")).keys()] as [string, ...string[]]))
      .default(["html", "json", "junit"]),
    privacy: z
      .strictObject({
        minimumCell: z.number().int().min(0).default(10).describe("Groups with fewer samples are suppressed."),
      })
      .default({ minimumCell: 10 }),
  });
}

export type OperatingPointEntry = z.output<typeof operatingPoint>;
export type GateEntry = z.output<typeof gate> & { readonly title: string };
export type GateCondition = z.output<typeof gateCondition>;
export type LabelEntry = z.output<typeof label>;
export type SplitEntry = z.output<typeof split>;
export type SubgroupEntry = z.output<typeof subgroup>;

/** A validated and completed protocol: the meaning of an audit.yaml, free of the way it was written. */
export interface Protocol {
  readonly version: 1;
  readonly title: string;
  readonly intendedUse: string | null;
  readonly seed: number;
  readonly confidence: number;
  readonly model: ModelEntry;
  readonly data: DataEntry;
  readonly subgroups: Readonly<Record<string, SubgroupEntry>>;
  readonly attacks: readonly AttackEntry[];
  readonly defenses: readonly DefenseEntry[];
  readonly audits: readonly string[];
  readonly operatingPoints: readonly OperatingPointEntry[];
  readonly gates: readonly GateEntry[];
  readonly reports: readonly string[];
  readonly privacy: { readonly minimumCell: number };
}

/**
 * A plug-in's block: the base's own keys, and beside them the plug-in's parameters, as in audit.yaml.
 * `parametersOf` picks the latter.
 */
type Block = Readonly<Record<string, unknown>>;

export interface ModelEntry extends Block {
  readonly adapter: string;
  readonly task: z.output<typeof task>;
  readonly classes: readonly string[];
}

export interface DataEntry extends Block {
  readonly adapter: string;
  readonly id: string;
  readonly image?: string;
  readonly patient?: string;
  readonly labels: Readonly<Record<string, LabelEntry>>;
  readonly split: SplitEntry;
  readonly allowPatientOverlap: boolean;
  readonly bits?: 8 | 12 | 16;
}

export interface AttackEntry extends Block {
  readonly id: string;
  readonly variant?: string;
  readonly epsilon?: readonly number[];
  readonly norm?: Norm;
  readonly severity?: readonly number[];
  readonly objective?: readonly string[];
  readonly class?: string;
  readonly queries?: number;
}

export interface DefenseEntry extends Block {
  readonly id: string;
  readonly adaptive: boolean;
}

/** The plug-in's own parameters out of its (already validated) block. */
export function parametersOf(
  block: Block,
  plugin: { readonly meta: { readonly parameters: z.ZodObject } },
): Record<string, unknown> {
  const keys = Object.keys(plugin.meta.parameters.shape).filter((key) => block[key] !== undefined);
  return Object.fromEntries(keys.map((key) => [key, block[key]]));
}
