import { received, StepwedgeError } from "./errors.js";

/*
 * Files of older versions. A `schemaVersion` stays the same while fields are only added; a renaming or a removal makes a new
 * one, and an upgrader from the one before. Files are upgraded as they are read, never on the disk: their hashes stay.
 */

type JsonObject = Readonly<Record<string, unknown>>;

/** The versions of one kind of file, oldest first, each but the last with the way to the next. */
export interface Lineage {
  readonly current: string;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly from: string;
  readonly to: string;
  /** The value without its `schemaVersion`, which is seen to. */
  upgrade(value: JsonObject): JsonObject;
}

const FIRST: Lineage = { current: "1.0", steps: [] };

/** By file name. To change the form of a file: raise `current`, and add the step that leads to it. */
export const LINEAGES: Readonly<Record<string, Lineage>> = {
  "protocol.json": FIRST,
  "protocol.evaluated.json": FIRST,
  "protocol.lock.json": FIRST,
  "findings.json": FIRST,
  "provenance.json": FIRST,
  "manifest.json": FIRST,
};

/**
 * A value in the form of the lineage's current version.
 * @param where the file, for messages
 * @throws StepwedgeError where it bears no version, a newer one, or an older one that no step leads away from
 */
export function upgraded(value: unknown, lineage: Lineage, where: string): unknown {
  const version = versionOf(value, where);
  if (compareVersions(version, lineage.current) > 0) {
    throw new StepwedgeError(
      `has schemaVersion "${version}", which is newer than this stepwedge reads ("${lineage.current}")`,
      {
        where,
        remedy:
          "Use the version of stepwedge that wrote it (`stepwedge` in the record's provenance.json), or a later one.",
      },
    );
  }
  let current = value as JsonObject;
  for (let at = version; at !== lineage.current; ) {
    const step = lineage.steps.find(({ from }) => from === at);
    if (step === undefined || compareVersions(step.to, at) <= 0) {
      throw new StepwedgeError(`has schemaVersion "${version}", which this stepwedge cannot read any more`, {
        where,
        remedy: "Use the version of stepwedge that wrote it.",
      });
    }
    current = { ...step.upgrade(current), schemaVersion: step.to };
    at = step.to;
  }
  return current;
}

function versionOf(value: unknown, where: string): string {
  const version = (value as { schemaVersion?: unknown } | null | undefined)?.schemaVersion;
  if (typeof version === "string" && /^\d+\.\d+$/.test(version)) return version;
  throw new StepwedgeError(`must bear a schemaVersion such as "1.0"; received ${received(version)}`, {
    where,
    remedy: "Take the record from its source again.",
  });
}

/** Below 0 where `a` is older than `b`; "1.10" is newer than "1.9". */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split(".").map(Number), b.split(".").map(Number)];
  return (left[0] ?? 0) - (right[0] ?? 0) || (left[1] ?? 0) - (right[1] ?? 0);
}
