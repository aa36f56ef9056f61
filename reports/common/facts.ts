import type { AuditRecord, Deviation } from "../../src/core/record.js";
import { counted, integer, listed } from "./format.js";
import { dataName } from "./names.js";
import { statementOf } from "./statements.js";

/** What facts may look at: nothing that depends on a clock or a machine. */
export interface FactInput {
  readonly protocol: AuditRecord["protocol"];
  readonly findings: AuditRecord["findings"];
  readonly provenance: Pick<AuditRecord["provenance"], "model" | "data">;
}

/** Whether a record holds a thing. `undecided`: it was looked for, and the record cannot tell. */
export interface FactResult {
  readonly state: "present" | "missing" | "undecided";
  /** What there is, or what is missing, as the end of a sentence. */
  readonly detail: string;
}

export interface Fact {
  /** What it asks, for the documentation and for authors of requirement files. */
  readonly title: string;
  look(record: FactInput): FactResult;
}

const present = (detail: string): FactResult => ({ state: "present", detail });
const missing = (detail: string): FactResult => ({ state: "missing", detail });
const undecided = (detail: string): FactResult => ({ state: "undecided", detail });

/** Facts about a record that no single finding shows. */
export const FACTS = {
  "criteria-declared": {
    title: "Acceptance criteria are declared",
    look: ({ protocol }) =>
      protocol.gates.length === 0
        ? missing("no acceptance criterion is declared")
        : present(counted(protocol.gates.length, "acceptance criterion", "acceptance criteria")),
  },
  "criteria-before-run": {
    title: "The protocol with its criteria was fixed before anything was scored",
    look({ protocol, findings }) {
      if (protocol.gates.length === 0) return missing("no acceptance criterion is declared");
      const changed = deviationOf(findings.deviations, "protocol-changed");
      if (changed !== undefined) return missing("the protocol was changed after scoring");
      const { lock } = findings;
      if (lock?.status === "changed")
        return missing("the protocol differs from the one that was locked before scoring");
      if (lock?.status === "locked") return present(`locked before scoring (lock ${lock.sha256?.slice(0, 12)})`);
      return present(`the protocol's hash ${findings.protocolSha256.slice(0, 12)} was written before the first score`);
    },
  },
  "criteria-on-limits": {
    title: "Every criterion holds a limit of the interval, not a point estimate, against its number",
    look({ protocol }) {
      if (protocol.gates.length === 0) return missing("no acceptance criterion is declared");
      const points = protocol.gates.filter((gate) => gate.bound === "estimate").map((gate) => dataName(gate.id));
      return points.length === 0
        ? present("every criterion is on a limit of the interval")
        : missing(`${listed(points)} ${points.length === 1 ? "rests" : "rest"} on a point estimate`);
    },
  },
  intervals: {
    title: "Every estimate has an interval",
    look({ findings: { findings } }) {
      const measured = findings.filter(({ status }) => status === "measured");
      const bare = measured.filter(({ interval }) => interval === null);
      if (measured.length === 0) return missing("nothing was measured");
      if (bare.length === 0) return present(`an interval for each of ${counted(measured.length, "estimate")}`);
      const names = [...new Set(bare.map(({ metric }) => metric))].slice(0, 5);
      return missing(`intervals of ${counted(bare.length, "estimate")} (${listed(names)})`);
    },
  },
  "deviations-recorded": {
    title: "Deviations are recorded, and justified where there are any",
    look({ findings: { deviations }, protocol }) {
      if (deviations.length === 0) return present("no deviation was recorded");
      return statementOf(protocol.submission, "deviations").length === 0
        ? missing(`a justification of ${counted(deviations.length, "recorded deviation")}`)
        : present(`${counted(deviations.length, "recorded deviation")}, justified in the protocol`);
    },
  },
  "patients-known": {
    title: "Samples are assigned to patients, so that intervals allow for several of one patient",
    look({ findings: { deviations, flow } }) {
      return deviationOf(deviations, "patients-unknown") !== undefined
        ? missing("which samples are of one patient")
        : present(`${integer(flow.evaluation)} samples of ${counted(flow.evaluationPatients, "patient")}`);
    },
  },
  "splits-independent": {
    title: "No patient and no image is in both the tuning and the evaluation split",
    look({ findings: { deviations, duplicates, flow } }) {
      if (deviationOf(deviations, "patient-overlap") !== undefined)
        return missing("independence of the splits: patients are in both");
      if (duplicates.exact.acrossSplits > 0)
        return missing(`independence of the splits: ${counted(duplicates.exact.acrossSplits, "image")} in both`);
      if (flow.tuning === 0) return present("nothing was tuned: there is one split");
      if (deviationOf(deviations, "patients-unknown") !== undefined)
        return undecided("patients are not known, so that one may be in both splits");
      const looked = duplicates.unchecked === null ? "no image file is in both splits" : "images were not compared";
      return present(
        `${counted(flow.tuningPatients, "tuning patient")} and ${counted(flow.evaluationPatients, "evaluation patient")}, none in both; ${looked}`,
      );
    },
  },
  "duplicates-checked": {
    title: "Images were searched for duplicates",
    look({ findings: { duplicates } }) {
      if (duplicates.unchecked !== null) return missing(`a search for duplicates: ${duplicates.unchecked}`);
      const { exact, near } = duplicates;
      return present(`${counted(exact.pairs, "pair")} of one file, ${integer(near.pairs)} that look alike`);
    },
  },
  flow: {
    title: "The flow of samples from the table to the results is counted",
    look: ({ findings: { flow } }) =>
      flow.read === 0
        ? missing("counts of what was read")
        : present(
            `${integer(flow.read)} rows read, ${integer(flow.excluded.reduce((sum, { count }) => sum + count, 0))} left out, ${integer(flow.evaluation)} evaluated`,
          ),
  },
  "missing-counted": {
    title: "Missing labels and samples without a score are counted",
    look({ findings: { flow } }) {
      const labels = Object.values(flow.classes).reduce((sum, { evaluation }) => sum + evaluation.missing, 0);
      const rejected = flow.rejected.reduce((sum, one) => sum + (one.split === "evaluation" ? one.count : 0), 0);
      return flow.read === 0
        ? missing("counts of what is missing")
        : present(`${counted(labels, "missing label")}, ${counted(rejected, "sample")} without a score`);
    },
  },
  demographics: {
    title: "A table of who was evaluated, by group",
    look({ findings: { groups } }) {
      const families = [...new Set(groups.map(({ family }) => family).filter((family) => family !== null))];
      return families.length === 0
        ? missing("a table of who was evaluated: no subgroups are declared")
        : present(`counts by ${listed(families.slice(0, 6).map(dataName))}`);
    },
  },
  "demographics-by-split": {
    title: "Groups are counted in both splits",
    look({ findings: { groups } }) {
      const both = groups.filter(({ family, tuning }) => family !== null && tuning !== undefined);
      return both.length === 0
        ? missing("counts by group for each split")
        : present(`${counted(both.length, "group")} counted in both splits`);
    },
  },
  "operating-points": {
    title: "Operating points are fixed, with rule and threshold",
    look({ findings: { operatingPoints } }) {
      if (operatingPoints.length === 0) return missing("an operating point");
      const open = operatingPoints.filter(({ threshold }) => threshold === null);
      return open.length === operatingPoints.length
        ? undecided("no threshold could be chosen")
        : present(`${counted(operatingPoints.length - open.length, "locked threshold")}`);
    },
  },
  "operating-points-apart": {
    title: "Thresholds were not chosen on the evaluation split",
    look({ findings: { operatingPoints } }) {
      const set = operatingPoints.filter(({ threshold }) => threshold !== null);
      return set.length === 0
        ? missing("a locked threshold")
        : present("thresholds come from the tuning split or the protocol");
    },
  },
  multiplicity: {
    title: "Tests are adjusted for their number",
    look({ findings: { findings, gates } }) {
      const size =
        findings.flatMap(({ tests = [] }) => tests).find(({ adjusted }) => adjusted !== undefined)?.adjusted?.size ??
        gates.find(({ test }) => test?.adjusted !== undefined)?.test?.adjusted?.size;
      return size === undefined ? missing("an adjustment for the number of tests") : present("adjusted tests");
    },
  },
  "detectable-differences": {
    title: "It is computed what difference between groups could have been detected",
    look({ findings: { findings } }) {
      const known = findings.filter(({ details }) => typeof details?.["minimum-detectable"] === "number").length;
      return known === 0
        ? missing("the smallest detectable difference of groups")
        : present(`the smallest detectable difference of ${counted(known, "comparison")}`);
    },
  },
  "model-hashed": {
    title: "The files of the model are identified by SHA-256",
    look: ({ provenance: { model } }) =>
      Object.keys(model.files).length === 0
        ? missing("a hash of the model: it ran elsewhere, or its scores were given")
        : present(counted(Object.keys(model.files).length, "hashed model file")),
  },
  "data-hashed": {
    title: "The test data are identified by SHA-256",
    look: ({ provenance: { data } }) =>
      Object.keys(data.files).length === 0 && data.imagesSha256 === null
        ? missing("a hash of the data")
        : present(
            data.imagesSha256 === null
              ? counted(Object.keys(data.files).length, "hashed table")
              : `tables and ${counted(data.images, "image")}, hashed`,
          ),
  },
  "preflight-passed": {
    title: "The same image gave the same answer before the run",
    look({ findings: { preflight } }) {
      const failed = preflight.filter(({ passed }) => !passed);
      if (preflight.length === 0) return missing("checks of the model: only its scores were given");
      return failed.length > 0
        ? missing(`a passed check: ${listed(failed.map(({ title }) => dataName(title)))}`)
        : present(counted(preflight.length, "passed check"));
    },
  },
  "attacks-with-controls": {
    title: "Attacks that search for weaknesses, beside controls that know nothing of the model",
    look({ findings: { attacks } }) {
      const searched = attacks.some(isSearched);
      const controls = attacks.some((one) => !isSearched(one));
      if (attacks.length === 0) return missing("an attack");
      if (!searched) return missing("an attack that searches for a weakness: only controls were run");
      return controls ? present("attacks and controls") : missing("a control of the size of the attack");
    },
  },
  signed: {
    title: "The report is dated and signed",
    look: () =>
      missing(
        "signatures: the approval block is blank when a report is made; date and sign it, or use `stepwedge sign`",
      ),
  },
} as const satisfies Readonly<Record<string, Fact>>;

export type FactId = keyof typeof FACTS;

/** Circumstances under which a requirement is not asked for; null where they do not hold, else the reason. */
export const EXEMPTIONS = {
  "no-predecessor": ({ protocol }) =>
    (protocol.comparators ?? []).length === 0 ? "The protocol names no predecessor to compare with." : null,
  "no-unscored-samples": ({ findings: { flow } }) =>
    flow.read > 0 && !flow.rejected.some(({ split }) => split === "evaluation")
      ? "Every evaluation sample has a score."
      : null,
  "one-sample-per-patient": ({ findings: { deviations, flow } }) =>
    deviationOf(deviations, "patients-unknown") === undefined &&
    flow.evaluation > 0 &&
    flow.evaluation === flow.evaluationPatients
      ? "Every patient has one evaluation sample."
      : null,
  "no-deviation": ({ findings }) => (findings.deviations.length === 0 ? "No deviation was recorded." : null),
  "no-defense": ({ protocol }) => (protocol.defenses.length === 0 ? "The protocol tries no defense." : null),
  "no-tuning": ({ findings: { flow } }) => (flow.read > 0 && flow.tuning === 0 ? "Nothing was tuned." : null),
} as const satisfies Readonly<Record<string, (record: FactInput) => string | null>>;

export type Exemption = keyof typeof EXEMPTIONS;

/** Whether an attack asked the model anything; the others are controls and corruptions. */
export function isSearched(summary: AuditRecord["findings"]["attacks"][number]): boolean {
  return summary.queries > 0 || summary.artifactSha256 !== null;
}

function deviationOf(deviations: readonly Deviation[], id: string): Deviation | undefined {
  return deviations.find((deviation) => deviation.id === id);
}
