import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AttackMeta } from "../../core/attack.js";
import type { AuditMeta, MetricDescription } from "../../core/audit.js";
import { loadPlugins, PLUGIN_FAMILIES, type PluginFamilies, type PluginFamily, singular } from "../../core/plugins.js";
import { PACKAGE_ROOT } from "../../core/version.js";
import { auditSchema, type SchemaPart } from "../../protocol/json-schema.js";
import { type Parameter, parametersOfSchema } from "./parameters.js";

/** What `explain` says of a plug-in or a metric. */
export interface Explanation {
  readonly id: string;
  /** "attack", "defense", "audit", "metric" and so on. */
  readonly kind: string;
  readonly title: string;
  /** What it is, why it matters, how it is computed, and its limits. */
  readonly summary: string;
  /** Further facts, by name. */
  readonly facts: Readonly<Record<string, string>>;
  /** The keys that its block of the protocol may have. */
  readonly parameters: readonly Parameter[];
  /** For audits: the metrics that it finds. */
  readonly metrics: readonly Pick<MetricDescription, "id" | "title">[];
  readonly references: readonly string[];
  /** Its page in the package, where there is one. */
  readonly documentation: string | null;
}

/** Everything that has this id: several families may use one word. */
export async function explanationsOf(id: string): Promise<Explanation[]> {
  const plugins = await Promise.all(PLUGIN_FAMILIES.map((family) => explainPlugin(family, id)));
  const audits = [...(await loadPlugins("audits")).values()];
  const metrics = audits.flatMap(({ meta }) =>
    meta.metrics.filter((metric) => metric.id === id).map((metric) => explainMetric(metric, meta)),
  );
  return [...plugins, ...metrics].filter((explanation) => explanation !== null);
}

/** All ids that can be explained. */
export async function explainableIds(): Promise<string[]> {
  const plugins = await Promise.all(PLUGIN_FAMILIES.map(async (family) => [...(await loadPlugins(family)).keys()]));
  const audits = [...(await loadPlugins("audits")).values()];
  const metrics = audits.flatMap((audit) => audit.meta.metrics.map((metric) => metric.id));
  return [...new Set([...plugins.flat(), ...metrics])];
}

/** What a task's answers are held against. */
const HELD_AGAINST = {
  mask: "masks (data.references)",
  number: "numbers (data.references)",
  sample: "other samples with their labels (data.labels)",
} as const;

type Details = Pick<Explanation, "title" | "summary" | "facts" | "references"> & Partial<Explanation>;

async function explainPlugin(family: PluginFamily, id: string): Promise<Explanation | null> {
  const plugin = (await loadPlugins(family)).get(id);
  if (plugin === undefined) return null;
  return {
    id,
    kind: singular(family),
    parameters: await blockParameters(family, id),
    metrics: [],
    documentation: documentationOf(family, id),
    ...DETAILS[family](plugin as never),
  };
}

const DETAILS: { readonly [F in PluginFamily]: (plugin: PluginFamilies[F]) => Details } = {
  attacks: ({ meta, fit }) => ({
    title: meta.title,
    summary: meta.summary,
    facts: {
      "knows of the model": meta.knowledge,
      "works in": meta.domain,
      "goes by": meta.strengths.join(" or "),
      ...(meta.norms.length === 0 ? {} : { norms: meta.norms.join(", ") }),
      ...(meta.objectives === undefined ? {} : { objectives: meta.objectives.join(", ") }),
      scope: meta.universal ? "one perturbation for all images, learnt on tuning patients" : "image by image",
      queries: queriesWords(fit !== undefined, meta.perImage),
    },
    references: meta.references,
  }),
  defenses: ({ meta, fit }) => ({
    title: meta.title,
    summary: meta.summary,
    facts: {
      random: meta.random ? "yes: two applications to one image may differ" : "no",
      learns: fit === undefined ? "no" : "yes: on tuning patients, before anything is attacked",
    },
    references: meta.references,
  }),
  audits: ({ meta }) => ({
    title: meta.title,
    summary: meta.why,
    facts: { needs: meta.needs.join(", ") || "nothing" },
    metrics: meta.metrics.map(({ id, title }) => ({ id, title })),
    references: meta.references,
  }),
  models: ({ meta, openEncoder }) => ({
    title: meta.title,
    summary: meta.summary,
    facts: {
      heads: openEncoder === undefined ? "no" : "yes: its output may be an embedding, with a head over it (model.head)",
      "needs images": meta.needsImages ? "yes" : "no: attacks and defenses only as further scores in the table",
    },
    references: [],
  }),
  heads: ({ meta, source }) => ({
    title: meta.title,
    summary: meta.summary,
    facts: {
      "stands under": "model.head, over the embeddings of any adapter that can give them",
      learns: source.kind === "tuning" ? "yes: on tuning patients, from clean images" : "no: it is made of a table",
    },
    references: meta.references,
  }),
  tasks: ({ meta }) => ({
    title: meta.title,
    summary: meta.summary,
    facts: {
      "stands under": `model.task; its keys under model.${meta.id}`,
      "is held against": HELD_AGAINST[meta.reference],
      measures: meta.outcomes.join(", "),
      "success, for attacks and operating points": meta.success,
    },
    references: meta.references,
  }),
  data: ({ meta }) => ({
    title: meta.title,
    summary: meta.summary,
    facts: { "needs an image column": meta.needsImageColumn === true ? "yes, where the model is asked" : "no" },
    references: [],
  }),
  reports: (report) => ({
    title: report.title,
    summary: "A rendering of a finished record: the same record gives the same bytes.",
    facts: { file: report.file },
    references: [],
  }),
};

function explainMetric(metric: MetricDescription, audit: AuditMeta): Explanation {
  return {
    id: metric.id,
    kind: "metric",
    title: metric.title,
    summary: metric.description,
    facts: {
      unit: metric.unit === "1" ? "1 (a fraction)" : metric.unit,
      better: metric.better,
      audit: audit.id,
    },
    parameters: [],
    metrics: [],
    references: audit.references,
    documentation: documentationOf("audits", audit.id),
  };
}

/** The keys of a plug-in's block, as the protocol's schema has them: the base's and the plug-in's own. */
async function blockParameters(family: PluginFamily, id: string): Promise<Parameter[]> {
  if (family === "reports") return [];
  const { properties } = await auditSchema();
  const part = properties[family === "models" ? "model" : family];
  if (family === "heads") return headParameters(properties.model, id);
  if (family === "tasks") return taskParameters(properties.model, id);
  const key = family === "models" || family === "data" ? "adapter" : "id";
  // An audit may be a name alone or a block: its blocks stand among the alternatives.
  const alternatives = [part, part?.items, ...(part?.items?.anyOf ?? [])];
  const branches = alternatives.flatMap((one) => one?.oneOf ?? []);
  const block = branches.find((branch) => branch.properties?.[key]?.const === id);
  return block === undefined ? [] : parametersOfSchema(block, [key]);
}

/** The keys of a head's block, which stands in those of the adapters that take one. */
function headParameters(model: SchemaPart | undefined, id: string): Parameter[] {
  const blocks = (model?.oneOf ?? []).flatMap((adapter) => adapter.properties?.head?.oneOf ?? []);
  const block = blocks.find((one) => one.properties?.kind?.const === id);
  return block === undefined ? [] : parametersOfSchema(block, ["kind"]);
}

/** The keys of a task's block, which stands in those of the adapters that answer more than scores. */
function taskParameters(model: SchemaPart | undefined, id: string): Parameter[] {
  const block = (model?.oneOf ?? []).flatMap((adapter) => adapter.properties?.[id] ?? [])[0];
  return block === undefined ? [] : parametersOfSchema(block, []);
}

function documentationOf(family: PluginFamily, id: string): string | null {
  // All heads share a page.
  if (family === "tasks") return join("docs", "systems.md");
  const path = family === "heads" ? join("docs", "models", "heads.md") : join("docs", family, `${id}.md`);
  return existsSync(join(PACKAGE_ROOT, path)) ? path : null;
}

/** What an attack may ask of the model, and when. */
function queriesWords(learns: boolean, perImage: AttackMeta["perImage"]): string {
  if (learns) return "up to the budget `queries`, for each search";
  if (perImage === undefined) return "none";
  return perImage === "minimal"
    ? "up to the budget `queries`, for each image; one run serves every ε"
    : "up to the budget `queries`, for each image and ε";
}
