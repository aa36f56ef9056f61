import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { closest, distance } from "fastest-levenshtein";
import type { ModelAdapter } from "./adapter.js";
import type { Attack } from "./attack.js";
import type { Audit } from "./audit.js";
import type { DataSource } from "./data.js";
import type { Defense } from "./defense.js";
import { StepwedgeError } from "./errors.js";
import type { Head } from "./head.js";
import type { Report } from "./report.js";
import type { Task } from "./task.js";

/** The families of plug-ins, and the type that a file of each exports as default. */
export interface PluginFamilies {
  attacks: Attack;
  defenses: Defense;
  audits: Audit;
  reports: Report;
  models: ModelAdapter;
  heads: Head;
  tasks: Task;
  data: DataSource;
}
export type PluginFamily = keyof PluginFamilies;

/** Where each family lives, from the root of the (compiled or source) tree. A file there is a plug-in; its name is the id. */
const FOLDERS: Readonly<Record<PluginFamily, string>> = {
  attacks: "attacks",
  defenses: "defenses",
  audits: "audits",
  reports: "reports",
  models: "src/models",
  heads: "src/heads",
  tasks: "src/tasks",
  data: "src/data",
};

export const PLUGIN_FAMILIES = Object.keys(FOLDERS) as readonly PluginFamily[];

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const cache = new Map<PluginFamily, Promise<ReadonlyMap<string, unknown>>>();

/** All plug-ins of a family by id, in alphabetical order. Files in subfolders are their helpers, not plug-ins. */
export function loadPlugins<F extends PluginFamily>(family: F): Promise<ReadonlyMap<string, PluginFamilies[F]>> {
  let loading = cache.get(family);
  if (loading === undefined) {
    loading = importFolder(join(ROOT, FOLDERS[family]));
    cache.set(family, loading);
  }
  return loading as Promise<ReadonlyMap<string, PluginFamilies[F]>>;
}

/**
 * One plug-in by id.
 * @throws StepwedgeError where there is none of that id; it names the nearest known one.
 */
export async function findPlugin<F extends PluginFamily>(
  family: F,
  id: string,
  where?: string,
): Promise<PluginFamilies[F]> {
  const plugins = await loadPlugins(family);
  const plugin = plugins.get(id);
  if (plugin !== undefined) return plugin;
  const known = [...plugins.keys()];
  throw new StepwedgeError(`unknown ${singular(family)} "${id}"`, {
    ...(where === undefined ? {} : { where }),
    remedy: `${suggest(id, known)}Known: ${known.join(", ")}.`,
  });
}

/** `Did you mean "x"? ` where a known word is near enough to be a slip of the pen, else the empty string. */
export function suggest(word: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const nearest = closest(word, known);
  return distance(word, nearest) <= Math.max(2, Math.floor(nearest.length / 2)) ? `Did you mean "${nearest}"? ` : "";
}

export function singular(family: PluginFamily): string {
  return family === "data" ? "data source" : family === "models" ? "model adapter" : family.slice(0, -1);
}

async function importFolder(folder: string): Promise<ReadonlyMap<string, unknown>> {
  const files = readdirSync(folder).filter((name) => /\.(ts|js)$/.test(name) && !/\.d\.ts$/.test(name));
  const plugins = new Map<string, unknown>();
  for (const file of files.sort()) {
    const module = (await import(pathToFileURL(join(folder, file)).href)) as { default?: unknown };
    if (module.default === undefined) throw new Error(`${file} has no default export`);
    plugins.set(file.replace(/\.(ts|js)$/, ""), module.default);
  }
  return plugins;
}
