import { join } from "node:path";
import { findPlugin } from "../core/plugins.js";
import { type Deviation, type Findings, findingsText } from "../core/record.js";
import type { LoadedProtocol } from "../protocol/load.js";
import type { Protocol } from "../protocol/schema.js";
import { runAudits } from "./auditing.js";
import { duplicateDeviations, findDuplicates } from "./duplicates.js";
import type { Evidence } from "./evidence.js";
import { evaluateGates, overallVerdict } from "./gates.js";
import { chooseOperatingPoints } from "./operating-points.js";
import { writeWhole } from "./parquet.js";
import { adjustTests } from "./multiplicity.js";
import { makePlan, planTask } from "./plan.js";
import { collectProvenance } from "./provenance.js";
import { clearConclusion, FILES, readRecord, writeJson, writeManifest } from "./record.js";
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
  const operatingPoints = chooseOperatingPoints(protocol.operatingPoints, protocol.model.classes, (className) => ({
    scores: evidence.tuningScores(className),
    labels: evidence.tuning.labels[className] ?? new Int8Array(0),
  }));
  const outcomes = (await planTask(protocol))?.plugin.meta.outcomes;
  // Before the audits, so that nothing they compute can tell what is withheld; and before the gates.
  const study = withholdSmallCells(buildStudy(protocol, evidence, operatingPoints, outcomes), protocol.privacy);
  const audited = await runAudits(protocol, study);
  const tested = adjustTests(audited.findings, protocol.confidence);
  const found = suppressSmallCells(tested, study, protocol.privacy.minimumCell);
  const duplicates = findDuplicates(evidence, protocol.duplicates.distance, protocol.data.patient !== undefined);
  const gates = evaluateGates(protocol.gates, found, audited.tests);
  const findings: Findings = {
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
    deviations: [...evidence.index.deviations, ...duplicateDeviations(duplicates), ...options.deviations],
  };
  clearConclusion(out);
  writeJson(
    join(out, FILES.provenance),
    collectProvenance(evidence.index, protocol.seed, options.command, options.now),
  );
  writeWhole(join(out, FILES.findings), findingsText(findings));
  await renderReports(out, protocol, protocol.reports, evidence.index.maxValue);
  await writeManifest(out);
  return findings;
}

/** Renders reports of a concluded record; returns the files' names. */
export async function renderReports(
  out: string,
  protocol: Protocol,
  ids: readonly string[],
  maxValue: number | null,
): Promise<string[]> {
  const record = readRecord(out, protocol, await makePlan(protocol), maxValue);
  const files: string[] = [];
  for (const id of ids) {
    const report = await findPlugin("reports", id);
    writeWhole(join(out, report.file), await report.render(record));
    files.push(report.file);
  }
  return files;
}
