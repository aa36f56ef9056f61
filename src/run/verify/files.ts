import { statSync } from "node:fs";
import { join } from "node:path";
import { sha256File } from "../../core/hash.js";
import { listFolder, type Manifest, reasonLeftOut } from "../manifest.js";
import { type Problem, problem } from "./problem.js";

/** What the files of a record must be, by name. */
export type Digests = ReadonlyMap<string, string>;

/**
 * Holds every file in the folder against the hash that it must have: what was changed, is missing, or was added.
 * @param manifest for sizes, and for what it says was left out; null where it cannot be read
 */
export async function compareFiles(out: string, expected: Digests, manifest: Manifest | null): Promise<Problem[]> {
  const { files, others } = listFolder(out);
  const found = new Map<string, string>();
  const locked: Problem[] = [];
  for (const name of files) {
    try {
      found.set(name, await sha256File(join(out, name)));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      locked.push(problem(name, "unreadable", `cannot be read (${code})`));
    }
  }
  const unread = new Set([...others, ...locked.map(({ file }) => file)]);
  const leftOut = new Set(Object.keys(manifest?.leftOut ?? {}));
  const added = [...found.keys()].filter(
    (name) => !expected.has(name) && !(leftOut.has(name) && reasonLeftOut(name) !== null),
  );
  return [
    ...others.map((name) => problem(name, "added", "is no plain file; a record holds no links")),
    ...locked,
    ...[...expected].flatMap(([name, digest]) => {
      const now = found.get(name);
      if (now === digest || unread.has(name)) return [];
      return [
        now === undefined ? missing(name, digest, added, found) : changed(out, name, digest, now, expected, manifest),
      ];
    }),
    ...added.map((name) => strange(name, found.get(name) as string, expected)),
  ];
}

function missing(name: string, digest: string, added: readonly string[], found: Digests): Problem {
  const elsewhere = added.find((other) => found.get(other) === digest);
  const hint = elsewhere === undefined ? "" : `; ${elsewhere} holds these bytes: it was renamed`;
  return problem(name, "missing", `is missing${hint}`, { expected: digest });
}

function changed(
  out: string,
  name: string,
  digest: string,
  now: string,
  expected: Digests,
  manifest: Manifest | null,
): Problem {
  const other = [...expected].find(([, one]) => one === now)?.[0];
  const size = manifest?.sizes[name];
  const bytes = statSync(join(out, name)).size;
  const hint =
    other !== undefined
      ? `; it holds the bytes of ${other}`
      : size === undefined || size === bytes
        ? ""
        : `; it has ${bytes} bytes and must have ${size}`;
  return problem(name, "changed", `was changed${hint}`, { expected: digest, found: now });
}

function strange(name: string, now: string, expected: Digests): Problem {
  const original = [...expected].find(([, one]) => one === now)?.[0];
  const hint = original === undefined ? "" : `; it holds the bytes of ${original}`;
  return problem(name, "added", `is not part of the record${hint}`, { found: now });
}
