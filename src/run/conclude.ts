import { join } from "node:path";
import type { Audit, Study } from "../core/audit.js";
import type { Finding } from "../core/finding.js";
import { findPlugin, loadPlugins } from "../core/plugins.js";
import { type Deviation, type Findings, findingsText } from "../core/record.js";
import type { LoadedProtocol } from "../protocol/load.js";
import { type Protocol, parametersOf } from "../protocol/schema.js";
import { duplicateDeviations, findDuplicates } from "./duplicates.js";
import type { Evidence } from "./evidence.js";
import { evaluateGates, overallVerdict } from "./gates.js";
import { chooseOperatingPoints } from "./operating-points.js";
import { writeWhole } from "./parquet.js";
import { adjustTests } from "./multiplicity.js";
import { makePlan } from "./plan.js";
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
  // Before the audits, so that nothing they compute can tell what is withheld; and before the gates.
  const study = withholdSmallCells(buildStudy(protocol, evidence, operatingPoints), protocol.privacy);
  const tested = adjustTests(await runAudits(protocol, study), protocol.confidence);
  const found = suppressSmallCells(tested, study, protocol.privacy.minimumCell);
  const duplicates = findDuplicates(evidence, protocol.duplicates.distance, protocol.data.patient !== undefined);
  const gates = evaluateGates(protocol.gates, found);
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

/** Runs each audit that the protocol names and whose needs are met. One that throws becomes an error finding. */
async function runAudits(protocol: Protocol, study: Study): Promise<Finding[]> {
  const audits = await loadPlugins("audits");
  const has = {
    labels: true,
    "operating-points": study.operatingPoints.length > 0,
    attacks: study.conditions.length > 1,
    subgroups: study.subgroups.length > 1,
    comparators: study.comparators.length > 0,
  };
  const asked = protocol.audits.flatMap((entry) => {
    const audit = audits.get(entry.id);
    return audit?.meta.needs.every((need) => has[need]) === true ? [{ audit, entry, found: [] as Finding[] }] : [];
  });
  const evaluate = (of: Study, { audit, entry, found }: (typeof asked)[number]): void => {
    for (const finding of evaluateAudit(audit, parametersOf(entry, audit), protocol, of)) found.push(finding);
  };
  // Class by class, so that audits share what they make of a class's samples and only one class is held at a time.
  for (const className of study.classes) {
    const ofClass: Study = { ...study, classes: [className] };
    for (const one of asked) if (one.audit.meta.classes !== "together") evaluate(ofClass, one);
  }
  for (const one of asked) if (one.audit.meta.classes === "together") evaluate(study, one);
  return asked.flatMap(({ found }) => found);
}

function evaluateAudit(
  audit: Audit,
  parameters: Record<string, unknown>,
  { confidence, seed }: Protocol,
  study: Study,
): readonly Finding[] {
  try {
    return audit.evaluate(study, { parameters, level: confidence, seed });
  } catch (error) {
    return [errorFinding(audit.meta.id, study, error)];
  }
}

/** The reason names the fault, but no path of this machine: findings are the same everywhere. */
function errorFinding(audit: string, study: Study, error: unknown): Finding {
  return {
    id: [audit, "error", ...(study.classes.length === 1 ? study.classes : [])].join("/"),
    audit,
    metric: "error",
    class: null,
    subgroup: {},
    family: null,
    condition: { attack: "none", epsilon: 0, defense: "none" },
    operatingPoint: null,
    unit: "1",
    estimate: null,
    interval: null,
    n: study.count,
    positives: 0,
    negatives: 0,
    patients: study.patientCount,
    status: "error",
    reason: error instanceof Error ? error.message : String(error),
  };
}
