import { join } from "node:path";
import type { Comparator, OperatingPoint } from "../core/audit.js";
import { CLEAN, type Condition, conditionKey } from "../core/condition.js";
import type { Findings, Provenance } from "../core/record.js";
import type { Protocol } from "../protocol/schema.js";
import { type Alignment, align, aligned, type Samples } from "./alignment.js";
import { readIndex, ROSTER_FILES, SCORES_FOLDER, scoreColumn, sheetName } from "./evidence.js";
import { readParquet } from "./parquet.js";
import { evaluatedProtocol, FILES, readJson } from "./record.js";
import { type Roster, readRoster } from "./roster.js";
import { DIGEST_COLUMN } from "./sheet.js";

/** What a paired comparison needs of another record, or of a baseline: who was scored, and how. */
export interface ScoredRecord {
  readonly protocol: Protocol;
  readonly findings: Findings;
  readonly provenance: Provenance;
  readonly conditions: readonly Condition[];
  readonly evaluation: Roster;
  /** SHA-256 of each evaluation image; null for tables of scores. */
  readonly digests: readonly string[] | null;
  readonly operatingPoints: readonly OperatingPoint[];
  /** Aligned with the roster; null where it has no score of the class under the condition. */
  scores(condition: Condition, className: string): Float64Array | null;
}

/** The files of a record that a paired comparison reads, and nothing else. */
export function comparedFiles(out: string): string[] {
  const { conditions } = readIndex(out);
  const sheets = conditions.map((condition) => `${sheetName(conditionKey(condition))}.parquet`);
  return [
    FILES.findings,
    FILES.provenance,
    ...[...new Set(["index.json", ROSTER_FILES.evaluation, ...sheets])].map((name) => `${SCORES_FOLDER}/${name}`),
  ];
}

/**
 * Reads a finished record, or a baseline made of one.
 * @throws StepwedgeError (incomplete) where it is not finished or a file is missing.
 */
export async function readScoredRecord(out: string): Promise<ScoredRecord> {
  const index = readIndex(out);
  const findings = readJson<Findings>(join(out, FILES.findings), out);
  const tables = new Map<string, ReadonlyMap<string, unknown>>();
  for (const condition of index.conditions) {
    const name = sheetName(conditionKey(condition));
    tables.set(name, await readParquet(join(out, SCORES_FOLDER, `${name}.parquet`)));
  }
  const digests = tables.get(sheetName(conditionKey(CLEAN)))?.get(DIGEST_COLUMN);
  return {
    protocol: evaluatedProtocol(out).protocol,
    findings,
    provenance: readJson<Provenance>(join(out, FILES.provenance), out),
    conditions: index.conditions,
    evaluation: await readRoster(join(out, SCORES_FOLDER, ROSTER_FILES.evaluation)),
    digests: Array.isArray(digests) ? (digests as string[]) : null,
    operatingPoints: findings.operatingPoints,
    scores(condition, className) {
      const column = tables.get(sheetName(conditionKey(condition)))?.get(scoreColumn(className));
      return column instanceof Float64Array ? column : null;
    },
  };
}

/** Another record as a model to compare with, on the samples that it has in common with this one. */
export function comparatorFrom(
  id: string,
  other: ScoredRecord,
  here: Samples,
): { readonly comparator: Comparator; readonly alignment: Alignment } {
  const alignment = align(here, { roster: other.evaluation, digests: other.digests });
  const known = new Map<string, Float64Array | null>();
  return {
    alignment,
    comparator: {
      id,
      operatingPoints: other.operatingPoints,
      scores(className, condition = CLEAN) {
        const key = `${conditionKey(condition)} ${className}`;
        const before = known.get(key);
        if (before !== undefined) return before;
        const column = other.scores(condition, className);
        const made = column === null ? null : aligned(column, alignment.rows);
        known.set(key, made);
        return made;
      },
    },
  };
}
