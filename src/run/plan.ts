import { resolve } from "node:path";
import type { Attack, Strength } from "../core/attack.js";
import type { StudyOutcomes } from "../core/audit.js";
import { CLEAN, type Condition, conditionKey, isClean } from "../core/condition.js";
import type { Defense } from "../core/defense.js";
import { StepwedgeError } from "../core/errors.js";
import type { Head, HeadContext } from "../core/head.js";
import type { OutcomeId } from "../core/outcome.js";
import { findPlugin } from "../core/plugins.js";
import { type Task, UNNAMED_UNIT } from "../core/task.js";
import { isClassification } from "../protocol/blocks.js";
import { scoreTables } from "../protocol/references.js";
import {
  type AttackEntry,
  type DefenseEntry,
  type HeadEntry,
  type Protocol,
  parametersOf,
} from "../protocol/schema.js";

/** An attack as the protocol asks for it, at one strength and with one objective. */
export interface PlannedAttack {
  readonly plugin: Attack;
  readonly parameters: Record<string, unknown>;
  /** Absolute paths by the parameters that name them. */
  readonly files: Readonly<Record<string, string>>;
  readonly entry: AttackEntry;
  readonly objective: string | null;
  readonly level:
    | { readonly kind: "epsilon"; readonly epsilon: number; readonly norm: "linf" | "l2" }
    | { readonly kind: "severity"; readonly level: number };
}

/** The head over an encoder. */
export interface PlannedHead {
  readonly plugin: Head;
  readonly parameters: Record<string, unknown>;
  /** Absolute paths by the parameters that name them. */
  readonly files: Readonly<Record<string, string>>;
  readonly entry: HeadEntry;
  readonly context: HeadContext<Record<string, unknown>>;
  /** What its fit is called. */
  readonly key: string;
  /** What the protocol says of the encoder's input and output: another head's embeddings are the same only where this is. */
  readonly encoder: Readonly<Record<string, unknown>>;
}

export interface PlannedDefense {
  readonly plugin: Defense;
  readonly parameters: Record<string, unknown>;
  /** Absolute paths by the parameters that name them. */
  readonly files: Readonly<Record<string, string>>;
  readonly entry: DefenseEntry;
  /** The training whose result the defense applies; null where it needs none. */
  readonly fit: string | null;
}

export interface PlannedCondition {
  readonly condition: Condition;
  readonly key: string;
  /** null without an attack, and where the table holds the scores under it. So is `defense`. */
  readonly attack: PlannedAttack | null;
  readonly defense: PlannedDefense | null;
  /** The search whose result the attack applies; null where it needs none. */
  readonly fit: string | null;
  /** True where the attacker meets the defense inside the query loop. */
  readonly adaptive: boolean;
}

/** One search of a fitted attack: without defense, or with the defense inside the query loop. */
export interface PlannedFit {
  readonly key: string;
  readonly attack: PlannedAttack;
  readonly defense: PlannedDefense | null;
}

/** One training of a learned defense. */
export interface PlannedTraining {
  readonly key: string;
  readonly defense: PlannedDefense;
}

/** What the protocol asks of a model that is no classifier. */
export interface PlannedTask {
  readonly plugin: Task;
  readonly parameters: Record<string, unknown>;
  readonly classes: readonly string[];
  /** Whether every reference says how large its pixels are. */
  readonly hasSpacing: boolean;
}

export interface Plan {
  /** null of classification. */
  readonly task: PlannedTask | null;
  /** null where the model gives scores itself. */
  readonly head: PlannedHead | null;
  /** The first is clean. Ends with the last attack's last defense. */
  readonly conditions: readonly PlannedCondition[];
  /** Trainings of defenses: they come before anything is attacked. */
  readonly trainings: readonly PlannedTraining[];
  readonly fits: readonly PlannedFit[];
}

/**
 * Everything that will be scored, in the order of the protocol: clean; each defense alone; then each attack at each
 * objective and strength without defense, with each defense unseen (oblivious), and with it inside the search (adaptive).
 * Where the table holds the scores, its conditions instead, as named by hand: no plug-in takes part in them.
 * @throws StepwedgeError where two conditions would bear the same name.
 */
export async function makePlan(protocol: Protocol, baseFolder = "."): Promise<Plan> {
  const defenses = await Promise.all(protocol.defenses.map((entry) => planDefense(entry, baseFolder)));
  const attacks = (await Promise.all(protocol.attacks.map((entry) => planAttacks(entry, baseFolder)))).flat();
  const conditions: PlannedCondition[] = [
    { condition: CLEAN, key: "clean", attack: null, defense: null, fit: null, adaptive: false },
  ];
  const fits: PlannedFit[] = [];
  const add = (
    condition: Condition,
    attack: PlannedAttack | null,
    defense: PlannedDefense | null,
    fit: string | null,
    adaptive = false,
  ): void => {
    conditions.push({ condition, key: conditionKey(condition), attack, defense, fit, adaptive });
  };
  for (const { condition } of await scoreTables(protocol)) {
    if (!isClean(condition)) add(condition, null, null, null);
  }

  for (const defense of defenses) add({ ...CLEAN, defense: defense.entry.id }, null, defense, null);
  for (const attack of attacks) {
    const bare = attackCondition(attack);
    const learns = attack.plugin.fit !== undefined;
    const searches = learns || attack.plugin.meta.perImage !== undefined;
    const fit = learns ? conditionKey(bare) : null;
    if (fit !== null) fits.push({ key: fit, attack, defense: null });
    add(bare, attack, null, fit);
    for (const defense of defenses) {
      const oblivious = { ...bare, defense: defense.entry.id, ...(searches ? { adaptive: false } : {}) };
      add(oblivious, attack, defense, fit);
      if (!searches || !defense.entry.adaptive) continue;
      const adaptive = { ...oblivious, adaptive: true };
      if (learns) fits.push({ key: conditionKey(adaptive), attack, defense });
      add(adaptive, attack, defense, learns ? conditionKey(adaptive) : null, true);
    }
  }
  const keys = conditions.map((planned) => planned.key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) {
    throw new StepwedgeError(`two conditions are called "${twice}"`, {
      where: "attacks",
      remedy: "Give one of the entries a name of its own: variant: <name>.",
    });
  }
  const trainings = defenses.flatMap((defense) => (defense.fit === null ? [] : [{ key: defense.fit, defense }]));
  return { task: await planTask(protocol), head: await planHead(protocol, baseFolder), conditions, trainings, fits };
}

/** The task, where it is none of classification; its parameters stand under its own name. */
export async function planTask({ data, model }: Protocol): Promise<PlannedTask | null> {
  if (isClassification(model.task)) return null;
  const plugin = await findPlugin("tasks", model.task);
  const hasSpacing = model.classes.every((name) => data.references[name]?.spacing !== undefined);
  return { plugin, parameters: model[model.task] as Record<string, unknown>, classes: model.classes, hasSpacing };
}

/** What a task measures, and in which unit; undefined of classifiers. */
export function outcomesOf(task: PlannedTask | null): Pick<StudyOutcomes, "ids" | "unit" | "recorded"> | undefined {
  if (task === null) return undefined;
  const { hasSpacing, parameters, plugin } = task;
  const recorded = plugin.recorded?.(parameters);
  return {
    ...(recorded === undefined ? {} : { recorded }),
    ids: plugin.meta.outcomes,
    unit: plugin.unit?.(parameters, { hasSpacing }) ?? UNNAMED_UNIT,
  };
}

/** All columns that a task gives for each class: its outcomes, then what it records. */
export function columnsOf(task: PlannedTask | null): readonly OutcomeId[] {
  if (task === null) return [];
  return [...task.plugin.meta.outcomes, ...((task.plugin.recorded?.(task.parameters) ?? []) as readonly OutcomeId[])];
}

/** @throws StepwedgeError where there is no head of that kind */
export async function planHead({ model }: Protocol, baseFolder: string): Promise<PlannedHead | null> {
  const { head: entry } = model;
  if (entry === undefined) return null;
  const plugin = await findPlugin("heads", entry.kind, "model.head.kind");
  const parameters = parametersOf(entry, plugin);
  const { source } = plugin;
  const files = source.kind === "table" ? [source.table.parameter] : [];
  const { aggregate, classes, input, output, task } = model;
  return {
    plugin,
    parameters,
    files: filesOf(parameters, files, baseFolder),
    entry,
    context: { parameters, classes, task: task as HeadContext<unknown>["task"] },
    key: `head:${entry.kind}`,
    encoder: { input: input ?? null, output: output ?? null, ...(aggregate === undefined ? {} : { aggregate }) },
  };
}

/** A head's vectors and the encoder's are of two spaces. */
export function otherEncoderWidth(where: string, own: number, encoder: number): StepwedgeError {
  return new StepwedgeError(`has vectors of ${own} dimensions; the encoder gives ${encoder}`, {
    where,
    remedy: "Both must be of one space: check model.output.name, and which encoder made the table.",
  });
}

/** The strength in stored values, once the images' depth is known. */
export function strengthOf(attack: PlannedAttack, maxValue: number): Strength {
  return attack.level.kind === "epsilon" ? { ...attack.level, stored: attack.level.epsilon * maxValue } : attack.level;
}

function attackCondition({ entry, objective, level }: PlannedAttack): Condition {
  return {
    attack: entry.id,
    ...(entry.variant === undefined ? {} : { variant: entry.variant }),
    epsilon: level.kind === "epsilon" ? level.epsilon : 0,
    ...(level.kind === "epsilon" ? { norm: level.norm } : { severity: level.level }),
    ...(objective === null ? {} : { objective }),
    defense: "none",
  };
}

async function planDefense(entry: DefenseEntry, baseFolder: string): Promise<PlannedDefense> {
  const plugin = await findPlugin("defenses", entry.id);
  const parameters = parametersOf(entry, plugin);
  return {
    plugin,
    entry,
    parameters,
    files: filesOf(parameters, plugin.meta.files, baseFolder),
    fit: plugin.fit === undefined ? null : `defense:${entry.id}`,
  };
}

/** The paths among a plug-in's parameters. */
function filesOf(
  parameters: Readonly<Record<string, unknown>>,
  names: readonly string[] = [],
  baseFolder: string,
): Record<string, string> {
  const given = names.filter((name) => typeof parameters[name] === "string");
  return Object.fromEntries(given.map((name) => [name, resolve(baseFolder, parameters[name] as string)]));
}

async function planAttacks(entry: AttackEntry, baseFolder: string): Promise<PlannedAttack[]> {
  const plugin = await findPlugin("attacks", entry.id);
  const parameters = parametersOf(entry, plugin);
  const files = filesOf(parameters, plugin.meta.files, baseFolder);
  const norm = entry.norm ?? plugin.meta.norms[0] ?? "linf";
  const levels: PlannedAttack["level"][] = [
    ...(entry.epsilon ?? []).map((epsilon) => ({ kind: "epsilon" as const, epsilon, norm })),
    ...(entry.severity ?? []).map((level) => ({ kind: "severity" as const, level })),
  ];
  const objectives = entry.objective ?? [null];
  return objectives.flatMap((objective) =>
    levels.map((level) => ({ plugin, parameters, files, entry, objective, level })),
  );
}
