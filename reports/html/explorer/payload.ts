/** The explorer's counts as the page carries them: short text on one side, counts again on the other. */
import type { ClusteredCounts, SharedCounts, ThresholdCounts } from "../../../src/core/explorer.js";
import { packed, unpacked } from "./packed.js";

/** What the page's script is given, as JSON. */
export interface Payload {
  /** Two-sided critical value of the intervals. */
  readonly z: number;
  readonly classes: readonly PayloadClass[];
}

export interface PayloadClass {
  readonly name: string;
  readonly thresholds: readonly number[];
  readonly points: readonly { readonly name: string; readonly place: number }[];
  /** By condition, then group. */
  readonly tables: readonly (readonly (PackedGroup | null)[])[];
}

/** null where no patient repeats (or is shared); 0 where what is known of those few is withheld. */
type Sums = null | 0 | readonly [constants: readonly number[], lists: readonly string[]];

export type PackedGroup = readonly [
  positives: number,
  negatives: number,
  patients: number,
  truePositives: string,
  falsePositives: string,
  clustered: Sums,
  reference: null | readonly [group: number, shared: Sums],
];

export function packedGroup(counts: ThresholdCounts): PackedGroup {
  const { clustered, reference } = counts;
  const shared = reference?.shared ?? null;
  return [
    counts.positives,
    counts.negatives,
    counts.patients,
    packed(counts.truePositives),
    packed(counts.falsePositives),
    clustered === null || clustered === "withheld" ? (clustered === null ? null : 0) : clusteredSums(clustered),
    reference === null
      ? null
      : [reference.group, shared === null ? null : shared === "withheld" ? 0 : sharedSums(shared)],
  ];
}

function clusteredSums(of: ClusteredCounts): Sums {
  const lists = [of.called, of.allCalled, of.aa, of.bb, of.ab, of.am, of.bk, of.ak, of.bm];
  return [[of.positivePatients, of.negativePatients, of.mm, of.kk, of.mk], lists.map(packed)];
}

function sharedSums(of: SharedCounts): Sums {
  const lists = [of.aa, of.am, of.ma, of.bb, of.bk, of.kb];
  return [[of.patients, of.positivePatients, of.negativePatients, of.mm, of.kk], lists.map(packed)];
}

/** Undoes `packedGroup`; runs in the reader's browser. */
export function unpackedGroup(group: PackedGroup): ThresholdCounts {
  const [positives, negatives, patients, hits, alarms, clustered, reference] = group;
  return {
    positives,
    negatives,
    patients,
    truePositives: unpacked(hits),
    falsePositives: unpacked(alarms),
    clustered: clustered === null ? null : clustered === 0 ? "withheld" : unpackedClustered(clustered),
    reference:
      reference === null
        ? null
        : { group: reference[0], shared: reference[1] === 0 ? "withheld" : unpackedShared(reference[1]) },
  };
}

export function unpackedClustered([constants, lists]: readonly [
  readonly number[],
  readonly string[],
]): ClusteredCounts {
  const [positivePatients = 0, negativePatients = 0, mm = 0, kk = 0, mk = 0] = constants;
  const [called = [], allCalled = [], aa = [], bb = [], ab = [], am = [], bk = [], ak = [], bm = []] =
    lists.map(unpacked);
  return { positivePatients, negativePatients, mm, kk, mk, called, allCalled, aa, bb, ab, am, bk, ak, bm };
}

export function unpackedShared(sums: null | readonly [readonly number[], readonly string[]]): SharedCounts | null {
  if (sums === null) return null;
  const [constants, lists] = sums;
  const [patients = 0, positivePatients = 0, negativePatients = 0, mm = 0, kk = 0] = constants;
  const [aa = [], am = [], ma = [], bb = [], bk = [], kb = []] = lists.map(unpacked);
  return { patients, positivePatients, negativePatients, mm, kk, aa, am, ma, bb, bk, kb };
}
