import { availableParallelism, freemem } from "node:os";
import { fileURLToPath } from "node:url";
import type { Audit, Study } from "../core/audit.js";
import type { Finding } from "../core/finding.js";
import { loadPlugins } from "../core/plugins.js";
import { type AuditEntry, type Protocol, parametersOf } from "../protocol/schema.js";
import { auditInThreads } from "./auditing/threads.js";
import { type ClassCounts, countClass, type ExplorerOptions } from "./explorer.js";
import { type KnownTests, testsOf } from "./criterion.js";

/** What of a protocol decides about audits. */
export type Ask = Pick<Protocol, "audits" | "confidence" | "gates" | "seed"> & {
  /** How the classes' decisions are counted for the explorer beside the audits; absent where they are not. */
  readonly explorer?: ExplorerOptions;
};

/** One piece of auditing: one class, or all together; the same numbers wherever and in whatever order it is done. */
export type Job =
  | { readonly kind: "class"; readonly name: string }
  | { readonly kind: "together"; readonly audit: string };

/** What a piece of auditing brings. */
export interface JobResult {
  /** By audit. */
  readonly found: ReadonlyMap<string, readonly Finding[]>;
  /** Of the findings that gates look at. */
  readonly tests: KnownTests;
  /** Of a class, where they are asked for; null where there is nothing to count. */
  readonly counted?: ClassCounts | null;
}

export interface Audited {
  readonly findings: readonly Finding[];
  readonly tests: KnownTests;
  /** By class. */
  readonly counted: ReadonlyMap<string, ClassCounts | null>;
}

/** Runs each audit that the protocol names and whose needs are met. One that throws becomes an error finding. */
export async function runAudits(protocol: Ask, study: Study): Promise<Audited> {
  const asked = await askedFor(protocol, study);
  const jobs: Job[] = [
    ...asked.flatMap(({ audit }): Job[] =>
      audit.meta.classes === "together" ? [{ kind: "together", audit: audit.meta.id }] : [],
    ),
    ...study.classes.map((name): Job => ({ kind: "class", name })),
  ];
  const threads = threadsFor(study, jobs.length);
  const results =
    threads < 2
      ? jobs.map((job) => doJob(asked, protocol, study, job))
      : await auditInThreads(ask(protocol), study, jobs, threads);
  return {
    findings: asked.flatMap(({ audit, entry }) => [
      ...overallFindings(audit, entry, protocol, study),
      ...results.flatMap(({ found }) => found.get(audit.meta.id) ?? []),
    ]),
    tests: new Map(results.flatMap(({ tests }) => [...tests])),
    counted: new Map(
      jobs.flatMap((job, place): [string, ClassCounts | null][] => {
        const counted = results[place]?.counted;
        return job.kind !== "class" || counted === undefined ? [] : [[job.name, counted]];
      }),
    ),
  };
}

function ask({ audits, confidence, explorer, gates, seed }: Ask): Ask {
  return { audits, confidence, gates, seed, ...(explorer === undefined ? {} : { explorer }) };
}

export interface Asked {
  readonly audit: Audit;
  readonly entry: AuditEntry;
}

/** The audits that the protocol names and whose needs are met. */
export async function askedFor(protocol: Ask, study: Study): Promise<readonly Asked[]> {
  const audits = await loadPlugins("audits");
  const has = {
    labels: study.outcomes === undefined,
    outcomes: study.outcomes !== undefined,
    embeddings: study.embeddings !== undefined,
    "operating-points": study.operatingPoints.length > 0,
    attacks: study.conditions.length > 1,
    subgroups: study.subgroups.length > 1,
    comparators: study.comparators.length > 0,
  };
  return protocol.audits.flatMap((entry) => {
    const audit = audits.get(entry.id);
    return audit?.meta.needs.every((need) => has[need]) === true ? [{ audit, entry }] : [];
  });
}

/**
 * Class by class, so that audits share what they make of a class's samples and only one class is held at a time.
 */
export function doJob(asked: readonly Asked[], protocol: Ask, study: Study, job: Job): JobResult {
  const found = new Map<string, readonly Finding[]>();
  const of: Study = job.kind === "class" ? { ...study, classes: [job.name] } : study;
  for (const { audit, entry } of asked) {
    const isTogether = audit.meta.classes === "together";
    if (job.kind === "class" ? isTogether : audit.meta.id !== job.audit) continue;
    const findings = caught(audit, of, () => audit.evaluate(of, contextOf(audit, entry, protocol)));
    found.set(audit.meta.id, findings);
  }
  const tests = testsOf(protocol.gates, [...found.values()].flat());
  if (job.kind !== "class" || protocol.explorer === undefined) return { found, tests };
  return { found, tests, counted: countClass(of, job.name, protocol.explorer) };
}

function overallFindings(audit: Audit, entry: AuditEntry, protocol: Ask, study: Study): readonly Finding[] {
  return caught(audit, study, () => audit.overall?.(study, contextOf(audit, entry, protocol)) ?? []);
}

function contextOf(audit: Audit, entry: AuditEntry, { confidence, seed }: Ask) {
  return { parameters: parametersOf(entry, audit), level: confidence, seed };
}

function caught(audit: Audit, study: Study, evaluate: () => readonly Finding[]): readonly Finding[] {
  try {
    return evaluate();
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

/** Samples × classes × conditions from which starting threads pays. */
const LARGE = 2e6;
/** What a thread holds per sample while it audits a class, in bytes: two threads on 10⁶ samples of 14 classes took 2.7 GB in all. */
const BYTES_PER_SAMPLE = 1200;

/**
 * How many threads share the audits; the environment's STEPWEDGE_THREADS, where it is set. Results do not depend on it. Sources
 * that are not compiled (tests) stay in one thread.
 */
function threadsFor({ classes, conditions, count, outcomes }: Study, jobs: number): number {
  // Outcomes are means: they are not worth the copying.
  if (outcomes !== undefined) return 1;
  if (!fileURLToPath(import.meta.url).endsWith(".js")) return 1;
  const wanted = Number(process.env.STEPWEDGE_THREADS ?? Number.NaN);
  if (Number.isInteger(wanted) && wanted >= 1) return Math.min(wanted, jobs);
  if (count * classes.length * conditions.length < LARGE) return 1;
  const fitting = Math.floor(freemem() / (count * BYTES_PER_SAMPLE));
  return Math.min(availableParallelism(), jobs, fitting);
}
