import { z } from "zod";
import type { Audit } from "../core/audit.js";
import type { Norm } from "../core/condition.js";
import type { PixelOptions } from "../core/data.js";
import { loadPlugins } from "../core/plugins.js";
import {
  attackSchema,
  auditBlock,
  dataSchema,
  defenseSchema,
  type frames,
  type label,
  modelSchema,
  oneOf,
  type split,
  type reference,
  type window,
} from "./blocks.js";
import { type RequirementsEntry, requirementsEntry, submission } from "./submission.js";
import { cell, column, epsilon, exactlyOne, name } from "./values.js";

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

const operatingPoint = z
  .strictObject({
    id: name,
    class: z.string().optional().describe("Default: every class has the point."),
    sensitivity: rate.optional().describe("The highest threshold that reaches this sensitivity on tuning samples."),
    specificity: rate.optional().describe("The lowest threshold that reaches this specificity on tuning samples."),
    threshold: z.number().optional().describe("A threshold fixed beforehand; scores at or above it are positive."),
    thresholds: z
      .union([
        z.strictObject({
          path: z.string().min(1).describe("A CSV or TSV table, relative to the protocol file."),
          class: column.describe("Its column with the class."),
          threshold: column.describe("Its column with the threshold."),
        }),
        z.record(z.string().min(1), z.number()),
      ])
      .optional()
      .describe("Thresholds fixed beforehand, by class, or a table that holds them."),
    thresholdsSha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe("Of the table that the thresholds were read from; filled in when the protocol is loaded."),
    youden: z
      .literal(true)
      .optional()
      .describe("The threshold of the greatest sensitivity + specificity − 1 on tuning samples."),
    cost: z
      .strictObject({
        falsePositive: z.number().gt(0).describe("What a false positive costs, in any unit."),
        falseNegative: z.number().gt(0).describe("What a false negative costs, in the same unit."),
        prevalence: rate.optional().describe("Where it is to be used; default: that of the tuning samples."),
      })
      .optional()
      .describe("The threshold of the least expected cost on tuning samples."),
    netBenefit: z
      .strictObject({
        thresholdProbability: rate.describe("The risk at which treating and not treating are worth the same."),
        prevalence: rate.optional().describe("Where it is to be used; default: that of the tuning samples."),
      })
      .optional()
      .describe("The threshold of the greatest net benefit on tuning samples."),
    chosenOn: z.literal("tuning").optional().describe("Where sensitivity and specificity are met: always on tuning."),
  })
  .refine(...exactlyOne("sensitivity", "specificity", "threshold", "thresholds", "youden", "cost", "netBenefit"));

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
    against: name
      .optional()
      .describe("Another model on the same samples: baseline, or a comparator's id. The paired difference is judged."),
    bound: z
      .enum(["lower", "upper", "estimate"])
      .optional()
      .describe("What is held against the limit; default with against: lower."),
    atLeast: z.number().optional().describe("The limit, where larger is better."),
    atMost: z.number().optional().describe("The limit, where smaller is better."),
    noWorseThan: z
      .number()
      .min(0)
      .optional()
      .describe(
        "With against: the loss that is borne, in the metric's unit. The difference must be at least minus it.",
      ),
  })
  .refine(...exactlyOne("atLeast", "atMost", "noWorseThan"))
  .refine((entry) => entry.bound !== undefined || entry.against !== undefined, {
    path: ["bound"],
    message: "is missing",
    params: { remedy: 'Add "bound": lower, upper or estimate, what is held against the limit.' },
  })
  .refine((entry) => entry.noWorseThan === undefined || entry.against !== undefined, {
    message: "noWorseThan needs against: which model must it be no worse than?",
    params: { remedy: "Add against: baseline, or the id of a comparator." },
  })
  .refine((entry) => entry.against === undefined || (entry.atMost === undefined && entry.bound !== "upper"), {
    message: "against goes with noWorseThan or atLeast, and with bound: lower or estimate",
    params: { remedy: "Differences from another model are positive where the audited model is better." },
  })
  .refine((entry) => entry.subgroup === undefined || entry.subgroups === undefined, {
    message: "must not have both subgroup and subgroups",
    params: { remedy: "Keep subgroup for one group, or subgroups for all groups of a subgrouping." },
  });

const baseline = z.strictObject({
  path: z.string().min(1).describe("The folder that `stepwedge bless` wrote, relative to the protocol file."),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .describe("Of its baseline.json: another baseline is refused. Filled in when the protocol is loaded."),
});

const comparator = z.strictObject({
  id: name,
  columns: z
    .record(z.string().min(1), column)
    .refine((columns) => Object.keys(columns).length > 0, "must name at least one class")
    .describe("The table's column that holds its score, by class."),
});

/** An audit by its name alone, with every default, or as a block with parameters. The canonical form is the block. */
function auditEntry(audits: ReadonlyMap<string, Audit>) {
  const names = z.enum([...audits.keys()] as [string, ...string[]]);
  return z.union([
    names.transform((id) => defaultAudit(id, audits.get(id) as Audit)),
    oneOf(audits, "id", auditBlock).transform((block) => block as AuditEntry),
  ]);
}

/** An audit's block with nothing but defaults. */
export function defaultAudit(id: string, audit: Audit): AuditEntry {
  return auditBlock(id, audit).parse({ id }) as AuditEntry;
}

/** The schema of audit.yaml, composed from every plug-in found. */
export async function protocolSchema() {
  const heads = await loadPlugins("heads");
  const tasks = await loadPlugins("tasks");
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
    model: oneOf(await loadPlugins("models"), "adapter", (id, adapter) => modelSchema(id, adapter, heads, tasks)),
    data: oneOf(await loadPlugins("data"), "adapter", dataSchema),
    subgroups: z.record(name, subgroup).default({}).describe("Divisions of the evaluation set, by name."),
    attacks: z.array(oneOf(await loadPlugins("attacks"), "id", attackSchema)).default([]),
    defenses: z.array(oneOf(await loadPlugins("defenses"), "id", defenseSchema)).default([]),
    audits: z
      .array(auditEntry(await loadPlugins("audits")))
      .optional()
      .describe("Default: all, each with its default parameters."),
    operatingPoints: z.array(operatingPoint).default([]),
    comparators: z
      .array(comparator)
      .default([])
      .describe("Other models, such as a predecessor, whose scores of the same samples stand in the table."),
    baseline: baseline
      .optional()
      .describe("An earlier record, blessed, that gates against: baseline hold the model against, sample by sample."),
    gates: z.array(gate).default([]),
    multiplicity: z
      .strictObject({
        gates: z
          .enum(["holm", "none"])
          .describe("How failures are adjusted for the number of findings that the gates look at; default: holm."),
      })
      .optional(),
    reports: z
      .array(z.enum([...(await loadPlugins("reports")).keys()] as [string, ...string[]]))
      .default(["html", "json", "junit"]),
    requirements: z
      .array(requirementsEntry)
      .optional()
      .describe(
        "Requirement files that the record is traced against: built-in ones by name, your own by path. Default: those of regulators that were read in their own text; [] for none.",
      ),
    submission: submission.optional(),
    duplicates: z
      .strictObject({
        distance: z
          .number()
          .int()
          .min(0)
          .max(8)
          .default(4)
          .describe(
            "Images look alike where at most so many of the 64 bits of outlines of their perceptual hashes differ, and twice so many of the 64 of detail.",
          ),
      })
      .default({ distance: 4 }),
    privacy: z
      .strictObject({
        minimumCell: z
          .number()
          .int()
          .min(0)
          .default(10)
          .describe(
            "Groups and classes with 1 to this many less one patients are suppressed, and what would tell them.",
          ),
        labelCells: z
          .boolean()
          .default(true)
          .describe("Also suppress a class in a group with few positive or few negative patients."),
      })
      .default({ minimumCell: 10, labelCells: true }),
  });
}

export type OperatingPointEntry = z.output<typeof operatingPoint>;
export type GateEntry = z.output<typeof gate> & {
  readonly title: string;
  readonly bound: "lower" | "upper" | "estimate";
};
export type BaselineEntry = z.output<typeof baseline>;
export type GateCondition = z.output<typeof gateCondition>;
export type LabelEntry = z.output<typeof label>;
export type ReferenceEntry = z.output<typeof reference> & {
  readonly values?: readonly number[];
  readonly spacing?: "header" | readonly string[];
};
export type SplitEntry = z.output<typeof split>;
export type WindowEntry = z.output<typeof window>;
export type FramesEntry = z.output<typeof frames>;
export type ComparatorEntry = z.output<typeof comparator>;
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
  readonly audits: readonly AuditEntry[];
  readonly operatingPoints: readonly OperatingPointEntry[];
  readonly comparators: readonly ComparatorEntry[];
  readonly baseline?: BaselineEntry;
  readonly gates: readonly GateEntry[];
  readonly multiplicity?: { readonly gates: "holm" | "none" };
  readonly reports: readonly string[];
  /** Absent in records of versions that traced none. */
  readonly requirements?: readonly RequirementsEntry[];
  /** What the author states about the device and the study. */
  readonly submission?: z.output<typeof submission>;
  readonly duplicates: { readonly distance: number };
  readonly privacy: { readonly minimumCell: number; readonly labelCells: boolean };
}

/**
 * A plug-in's block: the base's own keys, and beside them the plug-in's parameters, as in audit.yaml.
 * `parametersOf` picks the latter.
 */
type Block = Readonly<Record<string, unknown>>;

export interface ModelEntry extends Block {
  readonly adapter: string;
  /** Of classification, or a plug-in's of `src/tasks`. */
  readonly task: string;
  readonly classes: readonly string[];
  readonly head?: HeadEntry;
  /** How a volume's embedding is made of its slices'. */
  readonly aggregate?: {
    readonly slices: number;
    readonly by: "mean" | "max" | "similarity";
    readonly temperature: number;
  };
  /** Whether the record keeps every image's clean embedding; always of retrieval. */
  readonly keepEmbeddings?: boolean;
}

export interface HeadEntry extends Block {
  readonly kind: string;
  /** A folder in which `stepwedge fit` or a run left the head. */
  readonly fitted?: string;
}

export interface DataEntry extends Block {
  readonly adapter: string;
  readonly id: string;
  readonly image?: string;
  readonly patient?: string;
  readonly labels: Readonly<Record<string, LabelEntry>>;
  readonly references: Readonly<Record<string, ReferenceEntry>>;
  readonly split: SplitEntry;
  readonly allowPatientOverlap: boolean;
  readonly unreadable: "fail" | "reject";
  readonly region?: {
    readonly x: string;
    readonly y: string;
    readonly width: string;
    readonly height: string;
    readonly context: number;
  };
  readonly weight?: string;
  readonly bits?: 8 | 12 | 16;
  readonly window: WindowEntry;
  readonly frames: FramesEntry;
  readonly axis: PixelOptions["axis"];
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
  /** What the attack learnt elsewhere, as `stepwedge fit` wrote it. */
  readonly fitted?: string;
}

export interface AuditEntry extends Block {
  readonly id: string;
}

export interface DefenseEntry extends Block {
  readonly id: string;
  readonly adaptive: boolean;
  readonly draws?: number;
  readonly class?: string;
  readonly queries?: number;
  readonly fitted?: string;
}

/** The plug-in's own parameters out of its (already validated) block. */
export function parametersOf(
  block: Block,
  plugin: { readonly meta: { readonly parameters?: z.ZodObject } },
): Record<string, unknown> {
  const keys = Object.keys(plugin.meta.parameters?.shape ?? {}).filter((key) => block[key] !== undefined);
  return Object.fromEntries(keys.map((key) => [key, block[key]]));
}
