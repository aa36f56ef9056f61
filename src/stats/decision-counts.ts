import type { LabelledScores } from "./auc.js";
import type { CountedError, ErrorPart, Product } from "./influence.js";
import { unequalWeights } from "./weights.js";

/**
 * Decisions at a threshold, counted patient by patient: every share of decisions is a ratio of such counts, and its error is
 * linear in them. Variances and covariances of such errors are sums over patients of products of counts, which are whole
 * numbers and are made once for all shares, so that twenty of them cost little more than one. For samples that all count alike.
 */

/** Places of the cells of the two-by-two table. */
const [TP, FP, TN, FN] = [0, 1, 2, 3] as const;
const CELLS = 4;
/** By 2 · label + call. */
const PLACES = [TN, FP, FN, TP];

/** Sets of cells, as bits: what a share is of, and what counts. */
export const POSITIVES = (1 << TP) | (1 << FN);
export const NEGATIVES = (1 << FP) | (1 << TN);
export const CALLED = (1 << TP) | (1 << FP);
export const UNCALLED = (1 << TN) | (1 << FN);
export const RIGHT = (1 << TP) | (1 << TN);
export const EVERYTHING = POSITIVES | NEGATIVES;
const SETS = 1 << CELLS;

/** Sums over patients for two sets of counts. */
interface Moments {
  /** Σ a_i · b_j at 4 i + j. */
  readonly products: Float64Array;
  /** Patients by which cells they have in either, at 16 · (bits of a) + bits of b. */
  readonly patients: Float64Array;
}

/** The counts of some samples. */
export interface DecisionCounts {
  /** Samples in each cell. */
  readonly totals: readonly number[];
  readonly own: Moments;
  with(other: DecisionCounts): Moments;
  entries(): Entries;
}

/** The counts themselves. */
interface Entries {
  /** Codes, strictly ascending. */
  readonly patients: Int32Array;
  /** Four counts a patient. */
  readonly cells: Uint16Array;
}

const known = new WeakMap<LabelledScores, Map<number, DecisionCounts | null>>();

/**
 * The counts at a threshold (score >= threshold is called positive), made once for as long as the samples live. null where samples
 * differ in weight, or a patient has more samples than are counted here.
 */
export function decisionCounts(data: LabelledScores, threshold: number): DecisionCounts | null {
  const made = known.get(data) ?? new Map<number, DecisionCounts | null>();
  known.set(data, made);
  let counts = made.get(threshold);
  if (counts === undefined) {
    counts = countCells(data, threshold);
    made.set(threshold, counts);
  }
  return counts;
}

const rests = new WeakMap<DecisionCounts, DecisionCounts>();

/** The counts of all samples but a group's, at one threshold: everybody's less the group's. */
export function countsOutside(whole: DecisionCounts, group: DecisionCounts): DecisionCounts | null {
  if (!(whole instanceof CellCounts && group instanceof CellCounts)) return null;
  const before = rests.get(group);
  if (before instanceof RestCounts && before.whole === whole) return before;
  const rest = new RestCounts(whole, group);
  rests.set(group, rest);
  return rest;
}

/** A patient with more samples in a cell than this is left to the slower way. */
const MOST = 65_535;

function countCells(data: LabelledScores, threshold: number): DecisionCounts | null {
  const { labels, patients, scores } = data;
  if (unequalWeights(data) !== null) return null;
  const n = labels.length;
  const codes = new Int32Array(n);
  const cells = new Uint16Array(CELLS * n);
  const totals = new Float64Array(CELLS);
  const places = Uint8Array.from(PLACES);
  let last = -1;
  let start = 0;
  for (let i = 0; i < n; i++) {
    const patient = patients[i] as number;
    if (last < 0 || codes[last] !== patient) {
      codes[++last] = patient;
      start = i;
    } else if (i - start >= MOST) return null;
    const cell = places[2 * (labels[i] as number) + ((scores[i] as number) >= threshold ? 1 : 0)] as number;
    const place = CELLS * last + cell;
    cells[place] = (cells[place] as number) + 1;
    totals[cell] = (totals[cell] as number) + 1;
  }
  return new CellCounts({ patients: codes.slice(0, last + 1), cells: cells.slice(0, CELLS * (last + 1)) }, totals);
}

class CellCounts implements DecisionCounts {
  readonly totals: readonly number[];
  readonly #entries: Entries;
  #own: Moments | null = null;
  #places: Int32Array | null = null;
  readonly #with = new WeakMap<DecisionCounts, Moments>();

  constructor(entries: Entries, totals: Float64Array) {
    this.#entries = entries;
    this.totals = [...totals];
  }

  get own(): Moments {
    this.#own ??= ownMoments(this.#entries);
    return this.#own;
  }

  with(other: DecisionCounts): Moments {
    if (other === this) return this.own;
    let moments = this.#with.get(other);
    if (moments === undefined) {
      const isRest = other instanceof RestCounts && other.group === this;
      moments = isRest ? turned(other.with(this)) : mergedMoments(this.#entries, other.entries());
      this.#with.set(other, moments);
    }
    return moments;
  }

  entries(): Entries {
    return this.#entries;
  }

  /** Where each patient's counts stand, by code; -1 where there are none. */
  get places(): Int32Array {
    if (this.#places === null) {
      const { patients } = this.#entries;
      const places = new Int32Array((patients[patients.length - 1] ?? -1) + 1).fill(-1);
      for (let place = 0; place < patients.length; place++) places[patients[place] as number] = place;
      this.#places = places;
    }
    return this.#places;
  }
}

/** Everybody outside a group: sums over its patients follow from those of the whole by a pass over the group's. */
class RestCounts implements DecisionCounts {
  readonly totals: readonly number[];
  readonly #own: Moments;
  readonly #withGroup: Moments;
  #entries: Entries | null = null;

  constructor(
    readonly whole: CellCounts,
    readonly group: CellCounts,
  ) {
    this.totals = whole.totals.map((total, cell) => total - (group.totals[cell] as number));
    const { patients, cells } = group.entries();
    const ofWhole = whole.entries().cells;
    const mixed = new Float64Array(CELLS * CELLS); // Σ whole_i · group_j
    const ofRest = whole.own.patients.slice();
    const shared = new Float64Array(SETS * SETS);
    for (let i = 0; i < patients.length; i++) {
      const place = CELLS * (whole.places[patients[i] as number] as number);
      const from = CELLS * i;
      let [wholeBits, groupBits, restBits] = [0, 0, 0];
      for (let cell = 0; cell < CELLS; cell++) {
        const inWhole = ofWhole[place + cell] as number;
        const inGroup = cells[from + cell] as number;
        if (inWhole === 0) continue;
        wholeBits |= 1 << cell;
        if (inGroup > 0) groupBits |= 1 << cell;
        if (inWhole > inGroup) restBits |= 1 << cell;
        for (let other = 0; other < CELLS; other++) {
          const at = CELLS * cell + other;
          mixed[at] = (mixed[at] as number) + inWhole * (cells[from + other] as number);
        }
      }
      const [before, after] = [wholeBits * (SETS + 1), restBits * (SETS + 1)];
      ofRest[before] = (ofRest[before] as number) - 1;
      if (restBits > 0) ofRest[after] = (ofRest[after] as number) + 1;
      const both = SETS * restBits + groupBits;
      shared[both] = (shared[both] as number) + 1;
    }
    const ofGroup = group.own.products;
    const own = new Float64Array(CELLS * CELLS);
    const across = new Float64Array(CELLS * CELLS);
    for (let i = 0; i < CELLS; i++) {
      for (let j = 0; j < CELLS; j++) {
        const [at, turnedAt] = [CELLS * i + j, CELLS * j + i];
        own[at] =
          (whole.own.products[at] as number) -
          (mixed[at] as number) -
          (mixed[turnedAt] as number) +
          (ofGroup[at] as number);
        across[at] = (mixed[at] as number) - (ofGroup[at] as number);
      }
    }
    this.#own = { products: own, patients: ofRest };
    this.#withGroup = { products: across, patients: shared };
  }

  get own(): Moments {
    return this.#own;
  }

  with(other: DecisionCounts): Moments {
    if (other === this) return this.#own;
    return other === this.group ? this.#withGroup : mergedMoments(this.entries(), other.entries());
  }

  entries(): Entries {
    this.#entries ??= entriesOutside(this.whole, this.group.entries());
    return this.#entries;
  }
}

function entriesOutside(whole: CellCounts, group: Entries): Entries {
  const all = whole.entries();
  const rest = all.cells.slice();
  for (let i = 0; i < group.patients.length; i++) {
    const place = CELLS * (whole.places[group.patients[i] as number] as number);
    for (let cell = 0; cell < CELLS; cell++) {
      rest[place + cell] = (rest[place + cell] as number) - (group.cells[CELLS * i + cell] as number);
    }
  }
  const patients = new Int32Array(all.patients.length);
  let count = 0;
  for (let i = 0; i < all.patients.length; i++) {
    if (bitsAt(rest, CELLS * i) === 0) continue;
    patients[count] = all.patients[i] as number;
    for (let cell = 0; cell < CELLS; cell++) rest[CELLS * count + cell] = rest[CELLS * i + cell] as number;
    count++;
  }
  return { patients: patients.slice(0, count), cells: rest.slice(0, CELLS * count) };
}

function bitsAt(cells: Uint16Array, from: number): number {
  let bits = 0;
  for (let cell = 0; cell < CELLS; cell++) if ((cells[from + cell] as number) > 0) bits |= 1 << cell;
  return bits;
}

function ownMoments({ patients, cells }: Entries): Moments {
  const products = new Float64Array(CELLS * CELLS);
  const bySet = new Float64Array(SETS);
  for (let i = 0; i < patients.length; i++) {
    const from = CELLS * i;
    let bits = 0;
    for (let cell = 0; cell < CELLS; cell++) {
      const count = cells[from + cell] as number;
      if (count === 0) continue;
      bits |= 1 << cell;
      for (let other = 0; other <= cell; other++) {
        const at = CELLS * cell + other;
        products[at] = (products[at] as number) + count * (cells[from + other] as number);
      }
    }
    bySet[bits] = (bySet[bits] as number) + 1;
  }
  for (let cell = 0; cell < CELLS; cell++) {
    for (let other = 0; other < cell; other++)
      products[CELLS * other + cell] = products[CELLS * cell + other] as number;
  }
  const both = new Float64Array(SETS * SETS);
  for (let bits = 0; bits < SETS; bits++) both[bits * (SETS + 1)] = bySet[bits] as number;
  return { products, patients: both };
}

/** Where the patients of the counts that were looked at last stand, by code: pairs of groups go through all others of one. */
const spread = { of: null as WeakRef<Entries> | null, rounds: new Int32Array(0), places: new Int32Array(0), round: 0 };

function spreadOut(entries: Entries): void {
  if (spread.of?.deref() === entries) return;
  const { patients } = entries;
  const size = (patients[patients.length - 1] ?? -1) + 1;
  if (spread.rounds.length < size) {
    spread.rounds = new Int32Array(size);
    spread.places = new Int32Array(size);
    spread.round = 0;
  }
  spread.round++;
  for (let place = 0; place < patients.length; place++) {
    const patient = patients[place] as number;
    spread.rounds[patient] = spread.round;
    spread.places[patient] = place;
  }
  spread.of = new WeakRef(entries);
}

/** Sums over the patients that are in both. */
function mergedMoments(a: Entries, b: Entries): Moments {
  const products = new Float64Array(CELLS * CELLS);
  const both = new Float64Array(SETS * SETS);
  spreadOut(a);
  const { places, round, rounds } = spread;
  const { patients, cells } = b;
  for (let j = 0; j < patients.length; j++) {
    const patient = patients[j] as number;
    if (patient >= rounds.length) break;
    if (rounds[patient] !== round) continue;
    const [fromA, fromB] = [CELLS * (places[patient] as number), CELLS * j];
    const at = SETS * bitsAt(a.cells, fromA) + bitsAt(cells, fromB);
    both[at] = (both[at] as number) + 1;
    for (let cell = 0; cell < CELLS; cell++) {
      const count = a.cells[fromA + cell] as number;
      if (count === 0) continue;
      for (let other = 0; other < CELLS; other++) {
        const place = CELLS * cell + other;
        products[place] = (products[place] as number) + count * (cells[fromB + other] as number);
      }
    }
  }
  return { products, patients: both };
}

function turned({ products, patients }: Moments): Moments {
  const turnedOver = (matrix: Float64Array, size: number) =>
    matrix.map((_, at) => matrix[(at % size) * size + Math.floor(at / size)] as number);
  return { products: turnedOver(products, CELLS), patients: turnedOver(patients, SETS) };
}

/** Samples in a set of cells. */
export function countIn({ totals }: DecisionCounts, set: number): number {
  let sum = 0;
  for (let cell = 0; cell < CELLS; cell++) if ((set >> cell) & 1) sum += totals[cell] as number;
  return sum;
}

/** Patients by the set of cells, as bits, that their samples are in. */
export function presenceOf({ own }: DecisionCounts): number[] {
  return Array.from({ length: SETS }, (_, bits) => own.patients[bits * (SETS + 1)] as number);
}

/** Patients with a sample in a set of cells. */
export function patientsIn({ own }: DecisionCounts, set: number): number {
  return patientsInBoth(own, set, set);
}

/** Kish's effective number of patients with samples in a set of cells: (Σ m)² / Σ m², m a patient's samples there. */
export function kishIn(counts: DecisionCounts, set: number): number {
  let squares = 0;
  for (let i = 0; i < CELLS; i++) {
    for (let j = 0; j < CELLS; j++) {
      if ((set >> i) & (set >> j) & 1) squares += counts.own.products[CELLS * i + j] as number;
    }
  }
  const total = countIn(counts, set);
  return squares === 0 ? 0 : (total * total) / squares;
}

function patientsInBoth({ patients }: Moments, ofA: number, ofB: number): number {
  let sum = 0;
  for (let a = 0; a < SETS; a++) {
    if ((a & ofA) === 0) continue;
    for (let b = 0; b < SETS; b++) if ((b & ofB) !== 0) sum += patients[SETS * a + b] as number;
  }
  return sum;
}

/** A sum this small a share of its terms is their rounding. */
const ROUNDING = 1e-14;

/**
 * The error whose patients contribute Σ coefficient · count over the cells.
 * @param coefficients by cell; 0 outside the set
 * @param set the cells that the estimate is of: patients without a sample there are none of its patients
 */
export function countedPart(counts: DecisionCounts, coefficients: readonly number[], set: number): ErrorPart {
  return new CountedPart(counts, coefficients, set);
}

class CountedPart implements ErrorPart, CountedError {
  readonly patientCount: number;
  #made: { readonly patients: Int32Array; readonly totals: Float64Array } | null = null;

  constructor(
    readonly counts: DecisionCounts,
    readonly coefficients: readonly number[],
    readonly set: number,
  ) {
    this.patientCount = patientsIn(counts, set);
  }

  get counted(): CountedError {
    return this;
  }

  get patients(): Int32Array {
    return this.#made?.patients ?? this.#make().patients;
  }

  get totals(): Float64Array {
    return this.#made?.totals ?? this.#make().totals;
  }

  scaled(factor: number): ErrorPart {
    return new CountedPart(
      this.counts,
      this.coefficients.map((one) => factor * one),
      this.set,
    );
  }

  productWith(other: CountedError): Product | null {
    if (!(other instanceof CountedPart)) return null;
    const moments = this.counts.with(other.counts);
    let product = 0;
    let size = 0;
    for (let i = 0; i < CELLS; i++) {
      for (let j = 0; j < CELLS; j++) {
        const term =
          (this.coefficients[i] as number) *
          (other.coefficients[j] as number) *
          (moments.products[CELLS * i + j] as number);
        product += term;
        size += Math.abs(term);
      }
    }
    const shared = patientsInBoth(moments, this.set, other.set);
    return { product: Math.abs(product) <= ROUNDING * size ? 0 : product, shared };
  }

  #make() {
    const { patients: all, cells } = this.counts.entries();
    const { coefficients, set } = this;
    const patients = new Int32Array(this.patientCount);
    const totals = new Float64Array(this.patientCount);
    let next = 0;
    for (let i = 0; i < all.length; i++) {
      if ((bitsAt(cells, CELLS * i) & set) === 0) continue;
      let total = 0;
      for (let cell = 0; cell < CELLS; cell++) {
        total += (coefficients[cell] as number) * (cells[CELLS * i + cell] as number);
      }
      patients[next] = all[i] as number;
      totals[next++] = total;
    }
    this.#made = { patients, totals };
    return this.#made;
  }
}
