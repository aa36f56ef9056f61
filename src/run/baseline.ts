import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Comparator } from "../core/audit.js";
import { ExitCode, StepwedgeError } from "../core/errors.js";
import { sha256, sha256File } from "../core/hash.js";
import type { BaselineSummary, Deviation, Findings, Provenance } from "../core/record.js";
import { VERSION } from "../core/version.js";
import { BASELINE, BASELINE_FILE } from "../protocol/baseline.js";
import type { BaselineEntry, Protocol } from "../protocol/schema.js";
import type { Alignment } from "./alignment.js";
import type { Evidence } from "./evidence.js";
import { writeWhole } from "./parquet.js";
import { FILES, readJson, readProtocolFile } from "./record.js";
import { comparatorFrom, comparedFiles, readScoredRecord, type ScoredRecord } from "./scored-record.js";

/** `baseline.json`: what was blessed, by whom, and the SHA-256 of every file that comparisons read. */
export interface BaselineFile {
  readonly schemaVersion: "1.0";
  readonly name: string;
  readonly title: string;
  readonly stepwedge: string;
  readonly blessedBy: string | null;
  readonly reason: string | null;
  readonly blessedAt: string;
  readonly verdict: Findings["verdict"];
  readonly record: {
    readonly protocolSha256: string;
    readonly findingsSha256: string;
    readonly manifestSha256: string;
    readonly finishedAt: string;
  };
  readonly model: Provenance["model"];
  /** By name within the baseline's folder. */
  readonly files: Readonly<Record<string, string>>;
}

export interface BlessOptions {
  /** The record's folder. */
  readonly out: string;
  /** The baseline's folder: new or empty. */
  readonly as: string;
  /** Default: the folder's name. */
  readonly name?: string;
  readonly by?: string;
  readonly reason?: string;
  readonly now?: () => Date;
}

/**
 * Freezes a finished record as a baseline: a copy of what paired comparisons need, and nothing of the images or the model.
 * Ids and attributes are those of the record. A record that did not pass needs somebody who says why.
 * @returns the baseline, and the SHA-256 of its baseline.json
 * @throws StepwedgeError where the record is not finished, was changed since, or did not pass and no reason is given
 */
export async function bless(options: BlessOptions): Promise<{ readonly file: BaselineFile; readonly sha256: string }> {
  const { as, out } = options;
  const findings = readJson<Findings>(join(out, FILES.findings), out);
  const provenance = readJson<Provenance>(join(out, FILES.provenance), out);
  if (findings.verdict !== "pass" && (options.by === undefined || options.reason === undefined)) {
    throw new StepwedgeError(`did not pass: its verdict is ${findings.verdict}`, {
      where: out,
      remedy: "To make it the baseline nevertheless, say who decides and why: --by NAME --reason TEXT.",
    });
  }
  if (existsSync(as) && readdirSync(as).length > 0) {
    throw new StepwedgeError("is not empty", {
      where: as,
      remedy: "A baseline is not overwritten: name a new folder by --as.",
    });
  }
  const evaluated = findings.protocolSha256 === readProtocolFile(out).sha256 ? [] : [FILES.evaluated];
  const names = [FILES.protocol, ...evaluated, ...comparedFiles(out)];
  const files = await checkedAgainstManifest(out, names);
  for (const name of names) {
    mkdirSync(dirname(join(as, name)), { recursive: true });
    copyFileSync(join(out, name), join(as, name));
  }
  const file: BaselineFile = {
    schemaVersion: "1.0",
    name: options.name ?? basename(resolve(as)),
    title: readProtocolFile(out).protocol.title,
    stepwedge: VERSION,
    blessedBy: options.by ?? null,
    reason: options.reason ?? null,
    blessedAt: (options.now ?? (() => new Date()))().toISOString(),
    verdict: findings.verdict,
    record: {
      protocolSha256: findings.protocolSha256,
      findingsSha256: files[FILES.findings] as string,
      manifestSha256: await sha256File(join(out, FILES.manifest)),
      finishedAt: provenance.finishedAt,
    },
    model: provenance.model,
    files,
  };
  const text = `${JSON.stringify(file, null, 2)}\n`;
  // Last: a folder without it is no baseline.
  writeWhole(join(as, BASELINE_FILE), text);
  return { file, sha256: sha256(text) };
}

/** The files' hashes, if they are those of the record's manifest. */
async function checkedAgainstManifest(out: string, names: readonly string[]): Promise<Record<string, string>> {
  const { files: listed } = readJson<{ readonly files: Readonly<Record<string, string>> }>(
    join(out, FILES.manifest),
    out,
  );
  const files: Record<string, string> = {};
  for (const name of names) {
    const path = join(out, name);
    const found = existsSync(path) ? await sha256File(path) : null;
    if (found === null || found !== listed[name]) {
      throw new StepwedgeError(`${found === null ? "is missing" : "was changed"} after the run`, {
        where: path,
        remedy: "Take the record from its source again: only an untouched record can be blessed.",
      });
    }
    files[name] = found;
  }
  return files;
}

/** Whether a folder is a baseline and not a record. */
export function isBaseline(folder: string): boolean {
  return existsSync(join(folder, BASELINE_FILE));
}

/**
 * Checks a baseline's files against the hashes in its baseline.json.
 * @throws StepwedgeError that names the first file that differs
 */
export async function verifyBaseline(
  folder: string,
): Promise<{ readonly file: BaselineFile; readonly sha256: string }> {
  const text = readText(join(folder, BASELINE_FILE), folder);
  const file = JSON.parse(text) as BaselineFile;
  for (const [name, wanted] of Object.entries(file.files)) {
    const path = join(folder, name);
    const found = existsSync(path) ? await sha256File(path) : null;
    if (found === wanted) continue;
    throw new StepwedgeError(found === null ? "is missing" : "was changed after it was blessed", {
      where: path,
      remedy: "Take the baseline from its source again, or bless a record anew.",
    });
  }
  return { file, sha256: sha256(text) };
}

function readText(path: string, folder: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new StepwedgeError(`is no baseline: it has no ${BASELINE_FILE}`, {
      where: folder,
      remedy: "Make one of a finished record by `stepwedge bless`.",
      cause,
    });
  }
}

/** Where a record keeps the baseline that it was held against: it can then be evaluated again wherever it is. */
export function baselineCopy(out: string, { sha256: hash }: BaselineEntry): string {
  return join(out, "baselines", (hash ?? "").slice(0, 12));
}

/**
 * Copies the protocol's baseline into the record, unless it is there.
 * @param baseFolder the protocol's; null where only the record is at hand
 * @throws StepwedgeError where it is neither in the record nor at its path, or a file of it was changed
 */
export async function keepBaseline(out: string, { baseline }: Protocol, baseFolder: string | null): Promise<void> {
  if (baseline === undefined) return;
  const copy = baselineCopy(out, baseline);
  if (isBaseline(copy)) return;
  if (baseFolder === null) {
    throw new StepwedgeError("has lost the baseline that it was held against", {
      where: copy,
      remedy: "Take the record from its source again, or evaluate it with --protocol, whose baseline is read anew.",
      exitCode: ExitCode.incomplete,
    });
  }
  const source = resolve(baseFolder, baseline.path);
  const { file } = await verifyBaseline(source);
  // What an interrupted copy has left is no baseline.
  rmSync(copy, { recursive: true, force: true });
  for (const name of [...Object.keys(file.files), BASELINE_FILE]) {
    mkdirSync(dirname(join(copy, name)), { recursive: true });
    copyFileSync(join(source, name), `${join(copy, name)}`);
  }
}

/** The baseline of a record as audits and reports see it. */
export interface OpenBaseline {
  readonly comparator: Comparator;
  readonly summary: BaselineSummary;
  readonly deviations: readonly Deviation[];
}

/**
 * Opens the record's copy of the protocol's baseline.
 * @throws StepwedgeError where it is not the one that the protocol was fixed with
 */
export async function openBaseline(out: string, protocol: Protocol, evidence: Evidence): Promise<OpenBaseline | null> {
  const { baseline } = protocol;
  if (baseline === undefined) return null;
  const folder = baselineCopy(out, baseline);
  const { file, sha256: found } = await verifyBaseline(folder);
  if (baseline.sha256 !== undefined && found !== baseline.sha256) {
    throw new StepwedgeError("is not the baseline that the protocol was fixed with", {
      where: folder,
      remedy: "Take the record from its source again.",
    });
  }
  const other = await readScoredRecord(folder);
  const here = { roster: evidence.evaluation, digests: evidence.images("evaluation")?.digests ?? null };
  const { alignment, comparator } = comparatorFrom(BASELINE, other, here);
  const { rows: _rows, ...samples } = alignment;
  return {
    comparator,
    summary: {
      name: file.name,
      sha256: found,
      title: file.title,
      protocolSha256: file.record.protocolSha256,
      model: file.model,
      blessedBy: file.blessedBy,
      reason: file.reason,
      samples,
    },
    deviations: sampleDeviations(file.name, alignment, other),
  };
}

/** What readers of a paired comparison may take for granted, and is not so. */
export function sampleDeviations(name: string, samples: Alignment, other: ScoredRecord): Deviation[] {
  const { common, onlyHere, onlyThere, otherImage, regrouped, relabelled } = samples;
  const found: Deviation[] = [];
  if (onlyHere + onlyThere + otherImage > 0) {
    found.push({
      id: "baseline-samples",
      title: "The evaluation samples are not those of the baseline",
      detail: `${common} samples are compared with ${name}. Left out: ${onlyHere} that it has not scored, ${onlyThere} that only it has scored, and ${otherImage} whose image file is another one.`,
    });
  }
  const changed = Object.entries(relabelled);
  if (changed.length > 0) {
    found.push({
      id: "baseline-labels",
      title: "Labels were changed since the baseline",
      detail: `${changed.map(([className, count]) => `${className}: ${count}`).join(", ")} of ${common} common samples. Both models are held against the labels of this record; the thresholds of ${name} were chosen under its own.`,
    });
  }
  if (regrouped > 0) {
    found.push({
      id: "baseline-patients",
      title: "Patients are not those of the baseline",
      detail: `${regrouped} of ${common} common samples are with other patients' than in ${name}. Intervals go by the patients of this record.`,
    });
  }
  if (other.protocol.model.probabilities === false)
    found.push({
      id: "baseline-scores",
      title: "The baseline's scores are no probabilities",
      detail: `${name} does not promise scores in [0, 1]. Brier scores are not compared where one is outside.`,
    });
  return found;
}
