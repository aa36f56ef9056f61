import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type AppliedRequirements,
  type RequirementFile,
  requirementFileSchema,
} from "../../reports/common/requirement-file.js";
import { StepwedgeError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { suggest } from "../core/plugins.js";
import { schemaError } from "./faults.js";
import { type Place, whereIs } from "./place.js";
import type { Protocol } from "./schema.js";
import { parseProtocolText } from "./source.js";
import { BUILT_IN, isOwnFile, REQUIREMENTS_FOLDER } from "./submission.js";

/* Requirement files: the built-in ones, found by folder as plug-ins are, and those of users, named by the protocol. */

/** Regulators' own documents that were read in their own text; the others are named by those who need them. */
const DEFAULT: readonly string[] = ["fda-ai-dsf-2025-draft", "gmlp", "eu-ai-act"];

/** What a protocol is traced against that says nothing about it. */
export function defaultRequirements(): NonNullable<Protocol["requirements"]> {
  return DEFAULT.map((id) => ({ id }));
}

/**
 * Reads a requirement file.
 * @param name what messages call it
 * @throws StepwedgeError with the line and the field of the first fault, what was received, and the remedy.
 */
export function parseRequirementFile(text: string, name: string): RequirementFile {
  const { value, place } = parseProtocolText(text, name);
  const result = requirementFileSchema.safeParse(value);
  if (!result.success) throw schemaError(result.error, value, requirementFileSchema, place);
  return result.data;
}

const cache = new Map<string, { readonly file: RequirementFile; readonly sha256: string }>();

/** A built-in file by name. */
export function builtInFile(id: string): { readonly file: RequirementFile; readonly sha256: string } {
  const known = cache.get(id);
  if (known !== undefined) return known;
  const text = readFileSync(join(REQUIREMENTS_FOLDER, `${id}.yaml`), "utf8");
  const read = { file: parseRequirementFile(text, `${id}.yaml`), sha256: sha256(text) };
  cache.set(id, read);
  return read;
}

/**
 * Unknown names of built-in files get a message of their own, before the schema is asked.
 * @throws StepwedgeError that names the nearest known one
 */
export function checkRequirementNames(entries: unknown, place: Place): void {
  if (!Array.isArray(entries)) return;
  for (const [index, entry] of entries.entries()) {
    const name: unknown = typeof entry === "string" ? entry : (entry as { id?: unknown } | null)?.id;
    if (typeof name !== "string" || (typeof entry === "string" && isOwnFile(name)) || BUILT_IN.includes(name)) continue;
    throw new StepwedgeError(`there is no built-in requirement file "${name}"`, {
      where: whereIs(place, ["requirements", index]),
      remedy: `${suggest(name, BUILT_IN)}Built in: ${BUILT_IN.join(", ")}. A file of your own is named by its path, which ends in .yaml.`,
    });
  }
}

/**
 * Puts what users' requirement files hold into the protocol, with each file's hash: the protocol's own hash then covers
 * them, and nothing that is done with the record later needs the files. Built-in files stay names; the version of
 * stepwedge says which they are, and findings.json has their hashes.
 * @throws StepwedgeError that names the file, the line and the field of the first fault
 */
export function withRequirementFiles(protocol: Protocol, baseFolder: string, place: Place): Protocol {
  const requirements = (protocol.requirements ?? []).map((entry, index) => {
    const where = whereIs(place, ["requirements", index]);
    const read = entry.path === undefined ? entry : { ...entry, ...readOwnFile(entry.path, baseFolder, where) };
    const file = read.file ?? builtInFile(read.id ?? "").file;
    checkNotApplicable(read.notApplicable ?? {}, file, where);
    return read;
  });
  checkDistinct(requirements, place);
  return { ...protocol, requirements };
}

function readOwnFile(path: string, baseFolder: string, where: string) {
  let bytes: Buffer;
  try {
    bytes = readFileSync(resolve(baseFolder, path));
  } catch (cause) {
    throw new StepwedgeError(`the requirement file ${path} cannot be read`, {
      where,
      remedy: "Correct the path; it is relative to the protocol file.",
      cause,
    });
  }
  return { file: parseRequirementFile(bytes.toString("utf8"), path), sha256: sha256(bytes) };
}

function checkNotApplicable(waived: Readonly<Record<string, string>>, file: RequirementFile, where: string): void {
  const known = file.requirements.map(({ id }) => id);
  const unknown = Object.keys(waived).find((id) => !known.includes(id));
  if (unknown === undefined) return;
  throw new StepwedgeError(`notApplicable: ${file.id} has no requirement "${unknown}"`, {
    where,
    remedy: `${suggest(unknown, known)}Its ids: ${known.join(", ")}.`,
  });
}

function checkDistinct(entries: NonNullable<Protocol["requirements"]>, place: Place): void {
  const ids = entries.map((entry) => entry.file?.id ?? entry.id ?? "");
  const twice = ids.findIndex((id, index) => ids.indexOf(id) < index);
  if (twice === -1) return;
  throw new StepwedgeError(`the requirement file "${ids[twice]}" stands twice`, {
    where: whereIs(place, ["requirements", twice]),
    remedy: "Remove one of the two, or give your file an id of its own.",
  });
}

/** The files that a protocol's record is traced against, with what they hold. */
export function appliedRequirements({ requirements = [] }: Protocol): readonly AppliedRequirements[] {
  return requirements.map(({ id, path, file, sha256: hash, notApplicable = {} }) => {
    if (path === undefined) return { ...builtInFile(id ?? ""), path: null, notApplicable };
    if (file === undefined || hash === undefined) {
      throw new StepwedgeError(`the requirement file ${path} was not read`, {
        where: "requirements",
        remedy: "Load the protocol from its file with `loadProtocol`.",
      });
    }
    return { file, sha256: hash, path, notApplicable };
  });
}
