import type { OperatingPoint } from "./audit.js";
import type { Condition } from "./condition.js";
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
  /** Departures from what the protocol's readers may take for granted. */
  readonly deviations: readonly Deviation[];
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
}

/** A finished record as reports see it. */
export interface AuditRecord {
  /** The canonical protocol, as validated and completed. */
  readonly protocol: ProtocolView;
  readonly findings: Findings;
  readonly provenance: Provenance;
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
}

/**
 * `findings.json` as text: every member of a list on a line of its own, so that a difference between two records is a
 * difference of lines, and thousands of findings do not become a million lines.
 */
export function findingsText(findings: Findings): string {
  const members = Object.entries(findings).map(([key, value]) => {
    const text = Array.isArray(value) ? listText(value) : JSON.stringify(value);
    return `  ${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${members.join(",\n")}\n}\n`;
}

function listText(list: readonly unknown[]): string {
  return list.length === 0 ? "[]" : `[\n${list.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`;
}
