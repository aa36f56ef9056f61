import { dirname, resolve } from "node:path";
import { received, StepwedgeError } from "../core/errors.js";
import { canonicalJson, sha256 } from "../core/hash.js";
import { findPlugin, loadPlugins, type PluginFamily } from "../core/plugins.js";
import { schemaError } from "./faults.js";
import { isClassification } from "./blocks.js";
import { applyOverrides } from "./overrides.js";
import { type Place, whereIs } from "./place.js";
import { checkReferences } from "./references.js";
import { checkRequirementNames, defaultRequirements, withRequirementFiles } from "./requirements.js";
import { type DataEntry, defaultAudit, type Protocol, protocolSchema } from "./schema.js";
import { inWindowUnits } from "./units.js";
import { baseMetric, COMPARISON, FURTHER, withBaseline } from "./baseline.js";
import { parseProtocolText, readProtocolText } from "./source.js";
import { withThresholds } from "./thresholds.js";

/** A protocol with its fingerprint and the folder that its relative paths start from. */
export interface LoadedProtocol {
  readonly protocol: Protocol;
  readonly sha256: string;
  readonly baseFolder: string;
  /** How messages call it: the file's name as the user gave it. */
  readonly name: string;
}

/**
 * Reads, overrides (`--set data.path=…`), validates and completes an audit.yaml.
 * @throws StepwedgeError with the line and the field of the first fault, what was received, and the remedy.
 */
export async function loadProtocol(file: string, overrides: readonly string[] = []): Promise<LoadedProtocol> {
  const source = applyOverrides(parseProtocolText(readProtocolText(file), file), overrides);
  const baseFolder = dirname(resolve(file));
  const validated = withThresholds(await validateProtocol(source.value, source.place), baseFolder);
  const protocol = withBaseline(withRequirementFiles(validated, baseFolder, source.place), baseFolder);
  return { protocol, sha256: protocolHash(protocol), baseFolder, name: file };
}

/** Validates a protocol that is already a value, such as one made by a program or read back from a record. */
export async function validateProtocol(value: unknown, place: Place = () => "protocol"): Promise<Protocol> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new StepwedgeError(`must be a mapping of keys; received ${received(value)}`, {
      where: place([]),
      remedy: "`stepwedge init` writes a commented example.",
    });
  }
  await checkPluginNames(value as Record<string, unknown>, place);
  const schema = await protocolSchema();
  const result = schema.safeParse(value);
  if (!result.success) throw schemaError(result.error, value, schema, place);
  const protocol = await complete(result.data as unknown as Protocol, place);
  await checkReferences(protocol, place);
  return protocol;
}

/** SHA-256 of the canonical form: the same for two files that mean the same. */
export function protocolHash(protocol: Protocol): string {
  return sha256(canonicalJson(protocol));
}

/** Fills in what defaults to other parts of the protocol. */
async function complete(protocol: Protocol, place: Place): Promise<Protocol> {
  const all = await loadPlugins("audits");
  // Both are optional as they are written: which one is needed depends on the task.
  const { labels = {}, references = {} } = protocol.data as Partial<DataEntry>;
  const audits = protocol.audits ?? [...all].map(([id, audit]) => defaultAudit(id, audit));
  return {
    ...protocol,
    intendedUse: protocol.intendedUse ?? null,
    audits: withFurther(audits, protocol.gates),
    attacks: protocol.attacks.map((entry, index) => inWindowUnits(entry, index, protocol, place)),
    gates: protocol.gates.map((gate) => ({ ...gate, title: gate.title ?? gate.id, bound: gate.bound ?? "lower" })),
    requirements: protocol.requirements ?? defaultRequirements(),
    data: { ...protocol.data, labels, references },
    model: {
      ...protocol.model,
      ...(await taskParameters(protocol, place)),
      ...((await isSearch(protocol)) ? { keepEmbeddings: true } : {}),
      classes: protocol.model.classes ?? Object.keys({ ...labels, ...references }),
    },
  };
}

/** Whether answers are embeddings that are held against other samples'. */
async function isSearch({ model }: Protocol): Promise<boolean> {
  return !isClassification(model.task) && (await findPlugin("tasks", model.task)).meta.reference === "sample";
}

/** The task's parameters with their defaults, under its name; nothing of classification. */
async function taskParameters({ model }: Protocol, place: Place): Promise<Record<string, unknown>> {
  if (isClassification(model.task) || model[model.task] !== undefined) return {};
  const schema = (await findPlugin("tasks", model.task)).meta.parameters;
  const result = schema.safeParse({});
  if (result.success) return { [model.task]: result.data };
  const missing = result.error.issues.map(({ path }) => path.join(".")).join(", ");
  throw new StepwedgeError(`needs model.${model.task} with ${missing}`, {
    where: whereIs(place, ["model", "task"]),
    remedy: `\`stepwedge explain ${model.task}\` shows its keys.`,
  });
}

/** Measures that the audit of comparisons makes only where asked are asked for by the gates that need them. */
function withFurther(audits: Protocol["audits"], gates: Protocol["gates"]): Protocol["audits"] {
  const asked = gates.filter((gate) => gate.against !== undefined).map((gate) => baseMetric(gate.metric));
  return audits.map((entry) => {
    if (entry.id !== COMPARISON || !Array.isArray(entry.further)) return entry;
    const given = entry.further as readonly string[];
    const added = FURTHER.filter((metric) => asked.includes(metric) && !given.includes(metric));
    return added.length === 0 ? entry : { ...entry, further: [...given, ...added] };
  });
}

/** Unknown plug-in ids get a message of their own, with the nearest known one, before the schema is asked. */
async function checkPluginNames(value: Record<string, unknown>, place: Place): Promise<void> {
  const single: [string, PluginFamily][] = [
    ["model", "models"],
    ["data", "data"],
  ];
  for (const [key, family] of single) {
    const adapter = (value[key] as { adapter?: unknown } | null | undefined)?.adapter;
    if (typeof adapter === "string") await findPlugin(family, adapter, whereIs(place, [key, "adapter"]));
  }
  checkRequirementNames(value.requirements, place);
  const kind = (value.model as { head?: { kind?: unknown } | null } | null | undefined)?.head?.kind;
  if (typeof kind === "string") await findPlugin("heads", kind, whereIs(place, ["model", "head", "kind"]));
  for (const family of ["attacks", "defenses", "audits"] as const) {
    const entries = value[family];
    if (!Array.isArray(entries)) continue;
    for (const [index, entry] of entries.entries()) {
      const id = (entry as { id?: unknown } | null)?.id ?? entry;
      const path = typeof entry === "string" ? [family, index] : [family, index, "id"];
      if (typeof id === "string") await findPlugin(family, id, whereIs(place, path));
    }
  }
}
