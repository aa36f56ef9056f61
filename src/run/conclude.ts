import { existsSync } from "node:fs";
import { join } from "node:path";
import { traceRequirements } from "../../reports/common/traceability.js";
import type { Explorer } from "../core/explorer.js";
import { findPlugin, loadPlugins } from "../core/plugins.js";
import type { Rendering } from "../core/report.js";
import { type Deviation, type Findings, findingsText } from "../core/record.js";
import type { LoadedProtocol } from "../protocol/load.js";
import { appliedRequirements } from "../protocol/requirements.js";
import type { Protocol } from "../protocol/schema.js";
import { runAudits } from "./auditing.js";
import { openBaseline } from "./baseline.js";
import { duplicateDeviations, findDuplicates } from "./duplicates.js";
import type { Evidence } from "./evidence.js";
import { explorerOf, explorerText, referencesOf } from "./explorer.js";
import { evaluateGates, overallVerdict } from "./gates.js";
import { chooseOperatingPoints } from "./operating-points.js";
import { lockDeviations, lockProvenance, lockState } from "./locking.js";
import { writeManifest } from "./manifest.js";
import { adjustTests } from "./multiplicity.js";
import { writeWhole } from "./parquet.js";
import { makePlan, outcomesOf, planTask } from "./plan.js";
import { collectProvenance } from "./provenance.js";
import { clearConclusion, FILES, readProtocolFile, readRecord, readRecordLock, writeJson } from "./record.js";
import { buildStudy, countGroups, flowOf } from "./study.js";
import { suppressSmallCells, withholdSmallCells } from "./suppress.js";

export interface ConcludeOptions {
  readonly out: string;
  readonly loaded: Pick<LoadedProtocol, "protocol" | "sha256">;
  readonly evidence: Evidence;
  readonly deviations: readonly Deviation[];
  readonly command: readonly string[];
  readonly now: Date;
}

/** The cheap half: audits, gates and reports from the score tables alone. */
export async function conclude(options: ConcludeOptions): Promise<Findings> {
  const { evidence, loaded, out } = options;
  const { protocol } = loaded;
  const { explorer, findings } = await derive(options);
  const lock = readRecordLock(out, readProtocolFile(out));
  // Reports of an earlier conclusion are rendered anew even where nobody asks: none is left to show an old verdict.
  const reports = [...new Set([...protocol.reports, ...(await presentReports(out))])];
  clearConclusion(out);
  writeJson(join(out, FILES.provenance), {
    ...collectProvenance(evidence.index, protocol.seed, options.command, options.now),
    lock: lockProvenance(lock),
  });
  writeWhole(join(out, FILES.findings), findingsText(findings));
  writeWhole(join(out, FILES.explorer), explorerText(explorer));
  await writeManifest(out, await renderReports(out, protocol, reports, evidence.index.maxValue));
  return findings;
}

/** What follows from the score tables alone. */
export interface Derived {
  readonly findings: Findings;
  readonly explorer: Explorer;
}

/**
 * What the score tables of a record give under a protocol: audits, gates and all else of findings.json, and the counts that the
 * report's explorer has. Nothing is written.
 * @throws StepwedgeError where the record's lock is not the one that its protocol.json names
 */
export async function derive(
  options: Pick<ConcludeOptions, "out" | "loaded" | "evidence" | "deviations">,
): Promise<Derived> {
  const { evidence, loaded, out } = options;
  const { protocol } = loaded;
  const scored = readProtocolFile(out);
  const lock = lockState(readRecordLock(out, scored), { scored, evaluated: loaded });
  const operatingPoints = chooseOperatingPoints(protocol.operatingPoints, protocol.model.classes, (className) => ({
    scores: evidence.tuningScores(className),
    labels: evidence.tuning.labels[className] ?? new Int8Array(0),
  }));
  const baseline = await openBaseline(out, protocol, evidence);
  const outcomes = outcomesOf(await planTask(protocol));
  const others = baseline === null ? [] : [baseline.comparator];
  const whole = buildStudy(protocol, evidence, { operatingPoints, others, outcomes });
  // Before the audits, so that nothing they compute can tell what is withheld; and before the gates.
  const study = withholdSmallCells(whole, protocol.privacy);
  const exploring = {
    protocolSha256: loaded.sha256,
    level: protocol.confidence,
    minimumCell: protocol.privacy.minimumCell,
    references: referencesOf(protocol.audits),
  };
  const audited = await runAudits(outcomes === undefined ? { ...protocol, explorer: exploring } : protocol, study);
  const tested = adjustTests(audited.findings, protocol.confidence);
  const found = suppressSmallCells(tested, study, protocol.privacy.minimumCell);
  const duplicates = findDuplicates(evidence, protocol.duplicates.distance, protocol.data.patient !== undefined);
  const explored = outcomes === undefined ? study : { ...study, classes: [] };
  const explorer = explorerOf(explored, exploring, audited.counted);
  const gates = evaluateGates(protocol.gates, found, audited.tests, protocol.multiplicity?.gates);
  const untraced: Findings = {
    schemaVersion: "1.0",
    protocolSha256: loaded.sha256,
    verdict: overallVerdict(gates),
    findings: found,
    gates,
    operatingPoints,
    flow: flowOf(evidence, protocol.model.classes),
    groups: countGroups(study),
    duplicates,
    attacks: evidence.index.attacks,
    trainings: evidence.index.trainings,
    queries: evidence.index.queries,
    preflight: evidence.index.preflight,
    ...(baseline === null ? {} : { baseline: baseline.summary }),
    deviations: [
      ...lockDeviations(lock),
      ...evidence.index.deviations,
      ...duplicateDeviations(duplicates),
      ...(baseline?.deviations ?? []),
      ...options.deviations,
    ],
    lock,
  };
  const { data, images, imagesSha256, model } = evidence.index;
  const known = { protocol, findings: untraced, provenance: { model, data: { ...data, images, imagesSha256 } } };
  const requirements = traceRequirements(known, appliedRequirements(protocol));
  return { findings: { ...untraced, requirements }, explorer };
}

/** The formats of the reports that lie in the record, beside the findings themselves. */
async function presentReports(out: string): Promise<string[]> {
  return [...(await loadPlugins("reports"))]
    .filter(([, { file }]) => file !== FILES.findings && existsSync(join(out, file)))
    .map(([id]) => id);
}

/** One report as it must be, by the record. */
export interface RenderedFile {
  readonly file: string;
  readonly content: Rendering;
}

/** A report's content as it lies in its file. */
export function bytesOf(content: Rendering): Buffer {
  return typeof content === "string"
    ? Buffer.from(content)
    : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}

/** Renders reports of a concluded record; nothing is written. */
export async function renderEach(
  out: string,
  protocol: Protocol,
  ids: readonly string[],
  maxValue: number | null,
): Promise<RenderedFile[]> {
  const record = readRecord(out, protocol, await makePlan(protocol), maxValue);
  const renderings: RenderedFile[] = [];
  for (const id of ids) {
    const report = await findPlugin("reports", id);
    renderings.push({ file: report.file, content: await report.render(record) });
  }
  return renderings;
}

/** Renders reports of a concluded record into it; returns the files' names. */
export async function renderReports(
  out: string,
  protocol: Protocol,
  ids: readonly string[],
  maxValue: number | null,
): Promise<string[]> {
  const renderings = await renderEach(out, protocol, ids, maxValue);
  for (const { file, content } of renderings) writeWhole(join(out, file), content);
  return renderings.map(({ file }) => file);
}
