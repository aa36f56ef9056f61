import { sha256 } from "../core/hash.js";
import type { Deviation, DuplicateCounts, DuplicatePair, Duplicates } from "../core/record.js";
import { nearPairs } from "../image/near-pairs.js";
import { differingBits } from "../image/perceptual-hash.js";
import type { Evidence } from "./evidence.js";
import { NO_DIGEST } from "./images.js";

/** Beyond so many pairs of a kind they are not counted on: a data set of one blank image has n(n − 1)/2. */
const MOST_PAIRS = 100_000;
/** Nor are so many pairs of like hashes looked at: those of one file are no pairs that look alike. */
const MOST_LOOKS = 10_000_000;
/** Detail may differ in so many times the bits that outlines may: compression changes it more. */
const DETAIL = 2;
const EXAMPLES = 20;
/** Samples are named by the begin of the SHA-256 of their ids, so that the findings can be passed on. */
const SHORT_HASH = 12;

/** Both splits' images as one list: tuning first. */
interface Images {
  readonly ids: readonly string[];
  /** Images before this one are of the tuning split. */
  readonly tuning: number;
  readonly digests: readonly string[];
  /** The four words of each perceptual hash. */
  readonly hashes: readonly Float64Array[];
  readonly persons: Int32Array;
  readonly labels: Readonly<Record<string, Int8Array>>;
  readonly patientsKnown: boolean;
}

/**
 * Images that occur more than once, within and across the splits: files with the same bytes, and files whose perceptual hashes
 * differ in few bits: at most `distance` of the 64 of outlines, and twice as many of the 64 of detail. From the score tables alone: no image is opened.
 */
export function findDuplicates(evidence: Evidence, distance: number, patientsKnown: boolean): Duplicates {
  const images = imagesOf(evidence, patientsKnown);
  if (images === null) {
    const none = new PairCounter(null).counts(patientsKnown);
    const unchecked = "not checked: the table holds scores and no images";
    return { unchecked, distance, exact: none, near: none, examples: [] };
  }
  const exact = new PairCounter(images);
  visitExact(images, exact);
  const near = new PairCounter(images);
  visitNear(images, distance, near);
  const examples = [...exact.examples, ...near.examples].sort((a, b) => weight(b) - weight(a)).slice(0, EXAMPLES);
  return {
    unchecked: null,
    distance,
    exact: exact.counts(patientsKnown),
    near: near.counts(patientsKnown),
    examples,
  };
}

function imagesOf(evidence: Evidence, patientsKnown: boolean): Images | null {
  const [before, after] = [evidence.images("tuning"), evidence.images("evaluation")];
  if (before === null || after === null) return null;
  const { tuning, evaluation } = evidence;
  const labels = Object.keys(evaluation.labels).map((name) => {
    return [name, joined(Int8Array, tuning.labels[name] ?? [], evaluation.labels[name] ?? [])] as const;
  });
  return {
    ids: [...tuning.ids, ...evaluation.ids],
    tuning: tuning.ids.length,
    digests: [...before.digests, ...after.digests],
    hashes: before.hashes.map((words, index) => joined(Float64Array, words, after.hashes[index] ?? [])),
    persons: joined(Int32Array, tuning.persons, evaluation.persons),
    labels: Object.fromEntries(labels),
    patientsKnown,
  };
}

function joined<T extends Int8Array | Int32Array | Float64Array>(
  kind: new (length: number) => T,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
): T {
  const out = new kind(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** All pairs of images of one file. */
function visitExact({ digests }: Images, counter: PairCounter): void {
  for (const members of groupsBy(digests.map((digest) => (digest === NO_DIGEST ? null : digest))))
    visitWithin(members, (a, b) => counter.add(a, b, "exact", 0));
}

/** All pairs of images of different files that look alike. Equal hashes are compared once, whatever their number. */
function visitNear({ digests, hashes }: Images, distance: number, counter: PairCounter): void {
  const keys = digests.map((_, index) => {
    const words = hashes.map((column) => column[index] as number);
    return words.some(Number.isNaN) ? null : words.join(" ");
  });
  const groups = groupsBy(keys, 1);
  let looked = 0;
  const add = (a: number, b: number, bits: number): boolean => {
    if (++looked > MOST_LOOKS) return counter.giveUp();
    return digests[a] === digests[b] || counter.add(Math.min(a, b), Math.max(a, b), "near", bits);
  };
  for (const members of groups) visitWithin(members, (a, b) => add(a, b, 0));
  const [w0, w1, w2, w3] = hashes.map((column) =>
    Uint32Array.from(groups, ([first]) => column[first as number] as number),
  ) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  nearPairs(w0, w1, distance, (a, b, bits) => {
    const detail = differingBits(w2[a] as number, w3[a] as number, w2[b] as number, w3[b] as number);
    if (detail > DETAIL * distance) return;
    for (const one of groups[a] ?? []) for (const other of groups[b] ?? []) if (!add(one, other, bits + detail)) return;
  });
}

/** Indices of equal keys, in order, of at least `least` members; null belongs to no group. */
function groupsBy(keys: readonly (string | null)[], least = 2): number[][] {
  const groups = new Map<string, number[]>();
  keys.forEach((key, index) => {
    if (key === null) return;
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [index]);
    else members.push(index);
  });
  return [...groups.values()].filter((members) => members.length >= least);
}

/** Visits the pairs of a group until a visit says that it is enough. */
function visitWithin(members: readonly number[], visit: (a: number, b: number) => boolean): void {
  for (let i = 0; i < members.length; i++) {
    for (let j = i + 1; j < members.length; j++) if (!visit(members[i] as number, members[j] as number)) return;
  }
}

/** Counts pairs of images by what is remarkable of them, and keeps the most remarkable. */
class PairCounter {
  readonly examples: DuplicatePair[] = [];
  #pairs = 0;
  #tuning = 0;
  #evaluation = 0;
  #patients = 0;
  #disagreeing = 0;
  #complete = true;

  constructor(private readonly images: Images | null) {}

  /** Counts a pair, a < b; false where no more are counted. */
  add(a: number, b: number, kind: DuplicatePair["kind"], distance: number): boolean {
    const { images } = this;
    if (images === null || this.#pairs === MOST_PAIRS) return this.giveUp();
    const samePatient = images.persons[a] === images.persons[b];
    const disagreeing = disagreeingClasses(images, a, b);
    this.#pairs++;
    if (b < images.tuning) this.#tuning++;
    if (a >= images.tuning) this.#evaluation++;
    if (!samePatient) this.#patients++;
    if (disagreeing.length > 0) this.#disagreeing++;
    const splitOf = (index: number) => (index < images.tuning ? "tuning" : "evaluation");
    this.#keep({
      kind,
      distance,
      samples: [shortHash(images.ids[a]), shortHash(images.ids[b])],
      splits: [splitOf(a), splitOf(b)],
      samePatient: images.patientsKnown ? samePatient : null,
      disagreeing,
    });
    return true;
  }

  /** Notes that not all pairs were counted. */
  giveUp(): false {
    this.#complete = false;
    return false;
  }

  #keep(pair: DuplicatePair): void {
    const { examples } = this;
    if (examples.length === EXAMPLES && weight(pair) <= weight(examples[EXAMPLES - 1] as DuplicatePair)) return;
    const place = examples.findIndex((other) => weight(other) < weight(pair));
    examples.splice(place < 0 ? examples.length : place, 0, pair);
    examples.length = Math.min(examples.length, EXAMPLES);
  }

  counts(patientsKnown: boolean): DuplicateCounts {
    return {
      pairs: this.#pairs,
      withinTuning: this.#tuning,
      withinEvaluation: this.#evaluation,
      acrossSplits: this.#pairs - this.#tuning - this.#evaluation,
      acrossPatients: patientsKnown ? this.#patients : null,
      disagreeing: this.#disagreeing,
      complete: this.#complete,
    };
  }
}

/** What spoils an evaluation most comes first: leaks, wrong patients, contradictory labels, certain ones before likely ones. */
function weight({ disagreeing, distance, kind, samePatient, splits }: DuplicatePair): number {
  return (
    (splits[0] === splits[1] ? 0 : 1000) +
    (samePatient === false ? 400 : 0) +
    (disagreeing.length > 0 ? 200 : 0) +
    (kind === "exact" ? 100 : 0) -
    distance
  );
}

function disagreeingClasses({ labels }: Images, a: number, b: number): string[] {
  return Object.keys(labels).filter((name) => {
    const [one, other] = [labels[name]?.[a] ?? -1, labels[name]?.[b] ?? -1];
    return one !== -1 && other !== -1 && one !== other;
  });
}

function shortHash(id: string | undefined): string {
  return sha256(id ?? "").slice(0, SHORT_HASH);
}

/** What readers may take for granted and duplicates belie: that splits and patients have no image in common. */
export function duplicateDeviations({ distance, exact, near, unchecked }: Duplicates): Deviation[] {
  if (unchecked !== null) return [];
  const told = (same: number, alike: number): string =>
    [
      ...(same > 0 ? [`${pairs(same, exact.complete)} of one file`] : []),
      ...(alike > 0
        ? [
            `${pairs(alike, near.complete)} of files that look alike (perceptual hashes within ${distance} + ${DETAIL * distance} of 128 bits; to be looked at)`,
          ]
        : []),
    ].join(", and ");
  const deviations: Deviation[] = [];
  if (exact.acrossSplits + near.acrossSplits > 0) {
    deviations.push({
      id: "duplicates-across-splits",
      title: "Images in both splits",
      detail: `The tuning and the evaluation split have in common ${told(exact.acrossSplits, near.acrossSplits)}. Thresholds and universal attacks have seen them: results may be too favourable to both.`,
    });
  }
  const [same, alike] = [exact.acrossPatients ?? 0, near.acrossPatients ?? 0];
  if (same + alike > 0) {
    deviations.push({
      id: "duplicates-across-patients",
      title: "One image under two patients",
      detail: `Under different patients there are ${told(same, alike)}. If they are one person, intervals are too short, and the split by patient does not hold.`,
    });
  }
  if (exact.disagreeing > 0) {
    deviations.push({
      id: "duplicates-disagree",
      title: "One image with two labels",
      detail: `${pairs(exact.disagreeing, exact.complete)} of one file bear different labels of a class: at least one of them is wrong.`,
    });
  }
  return deviations;
}

function pairs(count: number, complete: boolean): string {
  return `${complete ? "" : "at least "}${count} ${count === 1 ? "pair" : "pairs"}`;
}
