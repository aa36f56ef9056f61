import type { Command } from "commander";
import type { ModelAdapter } from "../core/adapter.js";
import { StepwedgeError } from "../core/errors.js";
import { loadPlugins, PLUGIN_FAMILIES, type PluginFamily, suggest } from "../core/plugins.js";
import { act, table } from "./shell.js";

/** One plug-in as `list` shows it. */
interface Entry {
  readonly id: string;
  readonly title: string;
  /** What to know of it at a glance, such as what an attack must know of the model. */
  readonly note: string;
}

type Listing = Partial<Record<PluginFamily, readonly Entry[]>>;

export function registerList(program: Command): void {
  const command = program
    .command("list")
    .description("the plug-ins that a protocol can name")
    .argument("[family]", PLUGIN_FAMILIES.join(", "));
  act(command, async (family: string | undefined) => {
    const families = family === undefined ? PLUGIN_FAMILIES : [knownFamily(family)];
    const listing: Listing = Object.fromEntries(
      await Promise.all(families.map(async (name) => [name, await entriesOf(name)])),
    );
    return { text: render(listing), json: listing, exitCode: 0 };
  });
}

function knownFamily(name: string): PluginFamily {
  const family = PLUGIN_FAMILIES.find((candidate) => candidate === name);
  if (family !== undefined) return family;
  throw new StepwedgeError(`there is no family of plug-ins called "${name}"`, {
    where: "list",
    remedy: `${suggest(name, PLUGIN_FAMILIES)}Known: ${PLUGIN_FAMILIES.join(", ")}.`,
  });
}

async function entriesOf(family: PluginFamily): Promise<Entry[]> {
  switch (family) {
    case "attacks":
      return [...(await loadPlugins(family))].map(([id, { meta }]) => ({
        id,
        title: meta.title,
        note: `knows ${meta.knowledge}; goes by ${meta.strengths.join(" or ")}`,
      }));
    case "defenses":
      return [...(await loadPlugins(family))].map(([id, { meta }]) => ({
        id,
        title: meta.title,
        note: meta.random ? "random" : "deterministic",
      }));
    case "audits":
      return [...(await loadPlugins(family))].map(([id, { meta }]) => ({
        id,
        title: meta.title,
        note: meta.metrics.map((metric) => metric.id).join(", "),
      }));
    case "models":
      return [...(await loadPlugins(family))].map(([id, adapter]) => ({
        id,
        title: adapter.meta.title,
        note: notesOf(adapter),
      }));
    case "heads":
      return [...(await loadPlugins(family))].map(([id, { meta, source }]) => ({
        id,
        title: meta.title,
        note: source.kind === "tuning" ? "learns on tuning patients" : "is made of a table",
      }));
    case "tasks":
      return [...(await loadPlugins(family))].map(([id, { meta }]) => ({
        id,
        title: meta.title,
        note: meta.outcomes.join(", "),
      }));
    case "data":
      return [...(await loadPlugins(family))].map(([id, { meta }]) => ({ id, title: meta.title, note: "" }));
    case "reports":
      return [...(await loadPlugins(family))].map(([id, report]) => ({ id, title: report.title, note: report.file }));
  }
}

function notesOf({ meta, openEncoder }: ModelAdapter): string {
  if (!meta.needsImages) return "asks nothing";
  return openEncoder === undefined ? "asks a model" : "asks a model, or an encoder under a head";
}

function render(listing: Listing): string {
  const blocks = Object.entries(listing).map(([family, entries]) => {
    const rows = entries.map(({ id, title, note }) => [`  ${id}`, title, note]);
    return `${family}\n${rows.length === 0 ? "  none\n" : table(rows).replace(/ +$/gm, "")}`;
  });
  return `${blocks.join("\n")}\n\`stepwedge explain ID\` says more of each.\n`;
}
