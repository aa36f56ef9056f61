import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { StepwedgeError } from "../core/errors.js";
import { sha256File } from "../core/hash.js";
import { artifactFile } from "./fitting.js";
import type { Plan } from "./plan.js";

/**
 * SHA-256 of every file that attacks and defenses bring along: what their parameters name, and what was learnt before.
 * Names are those of the protocol's entries, so that no path of a machine gets into the record.
 * @throws StepwedgeError where a file is missing
 */
export async function hashPluginFiles(plan: Plan, baseFolder: string): Promise<Readonly<Record<string, string>>> {
  const named = new Map<string, string>();
  for (const { attack, defense } of plan.conditions) {
    for (const part of [attack, defense]) {
      for (const [parameter, path] of Object.entries(part?.files ?? {})) {
        for (const file of filesAt(path, `${part?.entry.id}.${parameter}`)) {
          named.set(`${part?.entry.id}.${parameter}/${basename(file)}`, file);
        }
      }
    }
  }
  const { head } = plan;
  for (const [parameter, path] of Object.entries(head?.files ?? {})) {
    for (const file of filesAt(path, `model.head.${parameter}`)) named.set(`head.${parameter}/${basename(file)}`, file);
  }
  if (head !== null) borrow(named, head.key, { ...head.entry, id: "head" }, baseFolder);
  for (const { key, attack } of plan.fits) borrow(named, key, attack.entry, baseFolder);
  for (const { key, defense } of plan.trainings) borrow(named, key, defense.entry, baseFolder);
  const hashes: Record<string, string> = {};
  for (const [name, file] of named) hashes[name] = await sha256File(file);
  return hashes;
}

function borrow(
  named: Map<string, string>,
  key: string,
  entry: { readonly id: string; readonly fitted?: string },
  baseFolder: string,
): void {
  if (entry.fitted === undefined) return;
  const [file] = filesAt(join(baseFolder, entry.fitted, artifactFile(key)), `${entry.id}.fitted`);
  if (file !== undefined) named.set(`${entry.id}.fitted/${artifactFile(key)}`, file);
}

/** The file itself, or all files of a folder in order of their names. */
function filesAt(path: string, where: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new StepwedgeError(`there is no ${basename(path)}`, {
      where,
      remedy: "Correct the path; it is relative to the protocol file.",
    });
  }
  if (!found.isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(path, entry.name))
    .sort();
}
