import type { OperatingPoint } from "./audit.js";
import type { Condition } from "./condition.js";
import type { Explorer } from "./explorer.js";
import type { Finding, GateResult, SubgroupValues, Verdict } from "./finding.js";

/** `findings.json`: everything that was found. Deterministic: no clock, no machine, no path of a machine. */
export interface Findings {
  readonly schemaVersion: "1.0";
  readonly protocolSha256: string;
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
  readonly gates: readonly GateResult[];
  readonly operatingPoints: readonly OperatingPoint[];
  readonly flow: Flow;
  readonly groups: readonly GroupCount[];
  readonly duplicates: Duplicates;
  readonly attacks: readonly AttackSummary[];
  /** What the learned defenses cost. */
  readonly trainings: readonly TrainingSummary[];
  /** Queries by purpose, the preflight's apart from the rest. */
  readonly queries: Readonly<Record<string, number>>;
  readonly preflight: readonly PreflightCheck[];
  /** The blessed record that gates hold the model against; absent where the protocol names none. */
  readonly baseline?: BaselineSummary;
  /** Departures from what the protocol's readers may take for granted. */
  readonly deviations: readonly Deviation[];
  /** Whether the protocol was locked before scoring; absent in records of versions that did not lock. */
  readonly lock?: ProtocolLock;
  /** What was asked of the evidence, source by source, and what stands behind it; absent in records of earlier versions. */
  readonly requirements?: readonly TracedSource[];
}

/** How the protocol of the findings stands to the lock that was made of it before scoring. Who and when: provenance. */
export interface ProtocolLock {
  /** `locked`: all as locked. `changed`: something differs, and is a deviation. `unlocked`: there was no lock. */
  readonly status: "locked" | "changed" | "unlocked";
  /** SHA-256 of the lock's newest entry, which names all before it; null where there was no lock. */
  readonly sha256: string | null;
  /** Of the locked protocol. */
  readonly protocolSha256: string | null;
  /** Whether the lock also holds the hashes of the model and the data. */
  readonly inputs: boolean;
  /** Why the protocol was locked anew, oldest first; empty where it was locked once. */
  readonly relocks: readonly { readonly protocolSha256: string; readonly reason: string }[];
  readonly changes: readonly LockChange[];
}

/** One part of the protocol, or one input, that differs from the lock. */
export interface LockChange {
  /** The protocol that scores were made under, or that of a later evaluation. */
  readonly at: "scoring" | "evaluation";
  /** Such as `gates[REQ-001].atLeast`; of inputs `inputs["model.onnx"]`. */
  readonly path: string;
  /** As JSON text; null where there is nothing. */
  readonly before: string | null;
  readonly after: string | null;
}

/** `met`: linked gates, all of which pass. `evidence-present`: reported, and tested by no gate: not the same as met. */
export type TraceState = "met" | "evidence-present" | "unmet" | "inconclusive" | "not-applicable";

/** A requirement file, such as a guidance or a user's risk controls, held against the record. */
export interface TracedSource {
  readonly id: string;
  readonly title: string;
  /** A short name, for lists. */
  readonly short: string;
  readonly issuer: string;
  /** Of the source: a year, month or day; null where it is not known. */
  readonly date: string | null;
  readonly status: "draft" | "final";
  /** Of the requirement file, its day of retrieval, its bytes' hash and, for a user's own, its path. */
  readonly version: number;
  readonly retrieved: string;
  readonly sha256: string;
  readonly path: string | null;
  readonly note: string | null;
  readonly requirements: readonly TracedRequirement[];
}

/** One row of the traceability matrix. */
export interface TracedRequirement {
  readonly id: string;
  /** A few words, for lists. */
  readonly title: string;
  readonly section: string;
  readonly requirement: string;
  /** Whether the source's text was read, summaries of it, or neither; `own`: the user's own document. */
  readonly basis: "text" | "secondary" | "memory" | "own";
  readonly state: TraceState;
  readonly reason: string;
  /** Why it is unmet: a gate fails, findings or facts are missing, or the author has not stated something. */
  readonly lacks: readonly ("gate" | "evidence" | "statement")[];
  /** Ids of the gates that test it. */
  readonly gates: readonly string[];
  /** The findings behind it; `ids` is null where they are too many to list. */
  readonly findings: { readonly count: number; readonly ids: readonly string[] | null };
  /** Over the protocol's hash, the gates, the findings and the facts: docs/regulatory.md. Null without evidence. */
  readonly evidenceSha256: string | null;
}

/** The other record of a paired comparison, and what it has in common with this one. */
export interface BaselineSummary {
  readonly name: string;
  /** Of its baseline.json, which holds the hash of every other file of it. */
  readonly sha256: string;
  readonly title: string;
  readonly protocolSha256: string;
  readonly model: Provenance["model"];
  readonly blessedBy: string | null;
  readonly reason: string | null;
  readonly samples: SamplesInCommon;
}

/** Evaluation samples of this record and of another, by id. */
export interface SamplesInCommon {
  /** Compared: the same id and, where both records know their images, the same file. */
  readonly common: number;
  readonly onlyHere: number;
  readonly onlyThere: number;
  /** The same id with another image file: not compared. */
  readonly otherImage: number;
  /** Whether the files' hashes were compared; not in tables of scores. */
  readonly imagesChecked: boolean;
  /** Common samples whose label was changed, by class. Both models are held against the labels of this record. */
  readonly relabelled: Readonly<Record<string, number>>;
  /** Common samples that are with other patients' than there. */
  readonly regrouped: number;
}

/** What became of every row of the table. */
export interface Flow {
  readonly read: number;
  readonly tuning: number;
  readonly evaluation: number;
  readonly tuningPatients: number;
  readonly evaluationPatients: number;
  /** Rows left out, by reason. */
  readonly excluded: readonly { readonly reason: string; readonly count: number }[];
  /** Samples that stay in their split without a score, by reason: `data.unreadable: reject`. */
  readonly rejected: readonly RejectionCount[];
  /** Labels of each class in each split; rejected samples are among them. */
  readonly classes: Readonly<Record<string, { readonly tuning: LabelCount; readonly evaluation: LabelCount }>>;
}

export interface RejectionCount {
  readonly split: "tuning" | "evaluation";
  readonly reason: string;
  readonly count: number;
}

/** One subgroup of the evaluation set, for the demographics table: per class positives and negatives. */
export interface GroupCount {
  readonly family: string | null;
  readonly subgroup: SubgroupValues;
  /** null where it is hidden to protect patients. */
  readonly n: number | null;
  readonly patients: number | null;
  readonly classes: Readonly<Record<string, LabelCount | null>>;
  /** The same group in the tuning split; absent where nobody there is in it. */
  readonly tuning?: Pick<GroupCount, "n" | "patients" | "classes">;
}

export interface LabelCount {
  readonly positives: number;
  readonly negatives: number;
  readonly missing: number;
}

/** Images that occur more than once: the same file, or files that look alike. */
export interface Duplicates {
  /** Why images were not compared; null where they were. */
  readonly unchecked: string | null;
  /** Images look alike where at most so many of the 64 bits of outlines of their perceptual hashes differ, and twice so many of detail. */
  readonly distance: number;
  readonly exact: DuplicateCounts;
  /** Pairs that are not the same file. Candidates: somebody must look at them. */
  readonly near: DuplicateCounts;
  /** Some of the pairs, those that matter most first. */
  readonly examples: readonly DuplicatePair[];
}

export interface DuplicateCounts {
  readonly pairs: number;
  readonly withinTuning: number;
  readonly withinEvaluation: number;
  /** One image in the tuning, the other in the evaluation split. */
  readonly acrossSplits: number;
  /** Of two patients; null where patients are not known. */
  readonly acrossPatients: number | null;
  /** Pairs that some class labels otherwise. */
  readonly disagreeing: number;
  /** False where there were too many pairs to count: there are at least so many. */
  readonly complete: boolean;
}

export interface DuplicatePair {
  readonly kind: "exact" | "near";
  /** Bits in which the perceptual hashes differ, of 128. */
  readonly distance: number;
  /** The samples, by the first 12 digits of the SHA-256 of their ids. */
  readonly samples: readonly [string, string];
  readonly splits: readonly ["tuning" | "evaluation", "tuning" | "evaluation"];
  readonly samePatient: boolean | null;
  /** Classes in which the two are labelled otherwise. */
  readonly disagreeing: readonly string[];
}

/** What an attack cost and what it did to the images, for one condition. */
export interface AttackSummary {
  readonly condition: Condition;
  /** Queries that its search spent, all images together; 0 for attacks that ask nothing. */
  readonly queries: number;
  /** Numbers that the attack's fit reported. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Over the evaluation images as saved: largest |x' − x| / window, largest L2 norm / window, mean PSNR in dB. */
  readonly maxLinf: number;
  readonly maxL2: number;
  readonly meanPsnr: number | null;
  /** Mean structural similarity to the original; null where images are smaller than its window. */
  readonly meanSsim: number | null;
  /** Share of the perturbation's energy in the approximation band after clipping and quantising (db2, 3 levels). */
  readonly lowBandEnergy: number | null;
  /** SHA-256 of the fitted artifact, where there is one. */
  readonly artifactSha256: string | null;
}

/** What the training of a learned defense cost and reported. */
export interface TrainingSummary {
  readonly defense: string;
  readonly queries: number;
  readonly numbers: Readonly<Record<string, number>>;
  readonly artifactSha256: string;
}

/** A head over an encoder: what it is, what it learnt from, and what is kept of it. */
export interface HeadSummary {
  readonly kind: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /**
   * Such as `width` (of the embeddings), `samples` and `patients` (of the tuning split), `positives.<class>` and
   * `negatives.<class>`, `k`, `prompts`.
   */
  readonly numbers: Readonly<Record<string, number>>;
  readonly artifactSha256: string;
}

export interface PreflightCheck {
  readonly id: string;
  readonly title: string;
  readonly passed: boolean;
  readonly detail: string;
}

export interface Deviation {
  readonly id: string;
  readonly title: string;
  readonly detail: string;
}

/** `provenance.json`: what was run on what, and where. The only clock reading is `finishedAt`. */
export interface Provenance {
  readonly schemaVersion: "1.0";
  readonly stepwedge: string;
  readonly node: string;
  readonly packages: Readonly<Record<string, string>>;
  /** Of the file that fixes every dependency of this installation; null or absent where there is none. */
  readonly lockfileSha256?: string | null;
  readonly seed: number;
  readonly command: readonly string[];
  readonly model: {
    readonly adapter: string;
    readonly runtime: string;
    readonly files: Readonly<Record<string, string>>;
    /** Where the model is a head over an encoder. */
    readonly head?: HeadSummary;
  };
  readonly data: {
    readonly adapter: string;
    readonly files: Readonly<Record<string, string>>;
    readonly imagesSha256: string | null;
    readonly images: number;
  };
  readonly hardware: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGiB: number;
    readonly platform: string;
  };
  readonly finishedAt: string;
  /** Who locked the protocol, and when, as the lock says; null where it was not locked. */
  readonly lock?: {
    readonly sha256: string;
    readonly lockedAt: string;
    readonly by: string | null;
    readonly stepwedge: string;
  } | null;
}

/** A finished record as reports see it. */
export interface AuditRecord {
  /** The canonical protocol, as validated and completed. */
  readonly protocol: ProtocolView;
  readonly findings: Findings;
  readonly provenance: Provenance;
  /** `explorer.json`; left out where the record has none. */
  readonly explorer?: Explorer;
  /** Universal perturbations by condition key, for pictures: C×H×W in stored values. */
  readonly perturbations: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly data: Float32Array; readonly maxValue: number }>
  >;
}

/** The parts of the protocol that reports print. The full type lives in src/protocol. */
export interface ProtocolView {
  readonly version: number;
  readonly title: string;
  readonly intendedUse: string | null;
  readonly seed: number;
  readonly confidence: number;
  readonly model: Readonly<Record<string, unknown>> & { readonly adapter: string; readonly classes: readonly string[] };
  readonly data: Readonly<Record<string, unknown>> & { readonly adapter: string };
  readonly subgroups: Readonly<Record<string, unknown>>;
  readonly attacks: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[];
  readonly defenses: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[];
  readonly operatingPoints: readonly Readonly<Record<string, unknown>>[];
  readonly gates: readonly (Readonly<Record<string, unknown>> & { readonly id: string; readonly title: string })[];
  readonly privacy: { readonly minimumCell: number; readonly labelCells: boolean };
  readonly comparators?: readonly { readonly id: string }[];
  /** What the author states about the device and the study; reports show it as stated. */
  readonly submission?: Readonly<Record<string, unknown>>;
}

/**
 * `findings.json` as text: every member of a list on a line of its own, so that a difference between two records is a
 * difference of lines, and thousands of findings do not become a million lines.
 */
export function findingsText(findings: Findings): string {
  return linesText(findings);
}

/** The same of any document of lists. */
export function linesText(document: object): string {
  const members = Object.entries(document).map(([key, value]) => {
    const text = Array.isArray(value) ? listText(value) : JSON.stringify(value);
    return `  ${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${members.join(",\n")}\n}\n`;
}

function listText(list: readonly unknown[]): string {
  return list.length === 0 ? "[]" : `[\n${list.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`;
}
