import type { Product } from "./influence.js";
import type { Pool } from "./rank-sums.js";

/**
 * Everything that a group's scores and everybody else's are compared in, by two passes over the samples: the areas among the
 * group, among the others (the rest), and across both, each with its variance by DeLong or Obuchowski and no list of patients.
 *
 * Passing along the scores' runs gives, for each run, twice the number of the group's positives and negatives that score below
 * (ties once); with the same numbers of everybody at hand, those of the rest are the difference. Passing along the samples in
 * patient order, each has its placements by one look at them; they are summed by patient on the way.
 */
export interface GroupAreas {
  /** Positives of the rest above negatives of the rest. */
  readonly rest: PairSums;
  /** Positives of the rest above the group's negatives. */
  readonly bpsn: PairSums;
  /** The group's positives above negatives of the rest. */
  readonly bnsp: PairSums;
  /** The group's positives above positives of the rest, and negatives above negatives. */
  readonly positives: PairSums;
  readonly negatives: PairSums;
  /** Of the errors within the group and within the rest: positives and negatives of either. */
  readonly mixed: {
    readonly positivesPositives: Product;
    readonly positivesNegatives: Product;
    readonly negativesPositives: Product;
    readonly negativesNegatives: Product;
  };
}

/** One side of an area: its samples, their patients, and the sums of squares by patient and by sample. */
export interface SideSums {
  readonly count: number;
  readonly patients: number;
  /** Σ over patients of the square of their summed centred placements over the count. */
  readonly product: number;
  /** Σ over samples of the squared centred placements. */
  readonly squares: number;
}

/** The area between two sides, ties by half, with what its error is made of. 0 where a side is empty. */
export interface PairSums {
  readonly area: number;
  readonly upper: SideSums;
  readonly lower: SideSums;
  readonly mixed: Product;
}

/** Kinds of samples: twice whether it is the group's, plus the label. */
const [OTHER_NEGATIVE, OTHER_POSITIVE, OWN_NEGATIVE, OWN_POSITIVE] = [0, 1, 2, 3] as const;

/** What each kind's samples are placed in, three sides each, as places in the sums. */
const [REST_U, BPSN_U, POS_L] = [0, 1, 2] as const; // other positives
const [REST_L, BNSP_L, NEG_L] = [3, 4, 5] as const; // other negatives
const [BNSP_U, POS_U, OWN_U] = [6, 7, 8] as const; // own positives
const [BPSN_L, NEG_U, OWN_L] = [9, 10, 11] as const; // own negatives
const SIDES = 12;

/** Pairs of sides of which products by patient are asked for. */
const MIXED = [
  [REST_U, REST_L],
  [BPSN_U, BPSN_L],
  [BNSP_U, BNSP_L],
  [POS_U, POS_L],
  [NEG_U, NEG_L],
  [OWN_U, REST_U],
  [OWN_U, REST_L],
  [OWN_L, REST_U],
  [OWN_L, REST_L],
] as const;

/** Twice the positives, and the negatives, that score below each run of everybody's, ties once. */
interface Below {
  readonly positives: Uint32Array;
  readonly negatives: Uint32Array;
}

const belowOf = new WeakMap<Pool, Below>();

/** By position: what everybody has below each sample. */
function belowEverybody(pool: Pool): Below {
  let below = belowOf.get(pool);
  if (below === undefined) {
    const { labels } = pool.data;
    const byRun = belowRuns(pool);
    const n = labels.length;
    below = { positives: new Uint32Array(n), negatives: new Uint32Array(n) };
    for (let i = 0; i < n; i++) {
      const run = pool.runOf[i] as number;
      below.positives[i] = byRun[2 * run + 1] as number;
      below.negatives[i] = byRun[2 * run] as number;
    }
    belowOf.set(pool, below);
  }
  return below;
}

/** By run, negatives before positives. */
function belowRuns({ runCount, runOf, data }: Pool): Uint32Array {
  const table = new Uint32Array(2 * runCount);
  for (let i = 0; i < data.labels.length; i++) {
    const at = 2 * (runOf[i] as number) + (data.labels[i] as number);
    table[at] = (table[at] as number) + 1;
  }
  accumulate(table);
  return table;
}

/** Counts by run become twice what is below, ties once. */
function accumulate(table: Uint32Array): void {
  let [negatives, positives] = [0, 0];
  for (let at = 0; at < table.length; at += 2) {
    const [ofNegatives, ofPositives] = [table[at] as number, table[at + 1] as number];
    table[at] = 2 * negatives + ofNegatives;
    table[at + 1] = 2 * positives + ofPositives;
    negatives += ofNegatives;
    positives += ofPositives;
  }
}

/**
 * @param pool everybody; all samples count alike
 * @param isMember 1 for the group's samples, by position
 */
export function groupAreas(pool: Pool, isMember: Uint8Array): GroupAreas {
  const { data, runOf, runCount } = pool;
  const { labels, patients } = data;
  const n = labels.length;
  const all = belowEverybody(pool);
  const table = new Uint32Array(2 * runCount);
  const counts = new Float64Array(4);
  for (let i = 0; i < n; i++) {
    const [label, member] = [labels[i] as number, isMember[i] as number];
    counts[2 * member + label] = (counts[2 * member + label] as number) + 1;
    if (member === 0) continue;
    const at = 2 * (runOf[i] as number) + label;
    table[at] = (table[at] as number) + 1;
  }
  accumulate(table);
  const restNegatives = counts[OTHER_NEGATIVE] as number;
  const restPositives = counts[OTHER_POSITIVE] as number;
  const ownNegatives = counts[OWN_NEGATIVE] as number;
  const ownPositives = counts[OWN_POSITIVE] as number;

  // Twice the wins, whole numbers: those across follow from the group's samples alone, the rest's from everybody's.
  let [everything, ofBpsn, ofBnsp, ofPositives, ofNegatives, ofOwn] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const label = labels[i] as number;
    if (label === 1) everything += all.negatives[i] as number;
    if (isMember[i] === 0) continue;
    const at = 2 * (runOf[i] as number);
    const [negativesBelow, positivesBelow] = [table[at] as number, table[at + 1] as number];
    if (label === 1) {
      ofOwn += negativesBelow;
      ofBnsp += (all.negatives[i] as number) - negativesBelow;
      ofPositives += (all.positives[i] as number) - positivesBelow;
    } else {
      ofBpsn += 2 * restPositives - ((all.positives[i] as number) - positivesBelow);
      ofNegatives += (all.negatives[i] as number) - negativesBelow;
    }
  }
  const share = (twiceWins: number, upper: number, lower: number) =>
    upper === 0 || lower === 0 ? 0 : Math.min(1, twiceWins / (2 * upper * lower));
  const areas = {
    rest: share(everything - ofOwn - ofBpsn - ofBnsp, restPositives, restNegatives),
    bpsn: share(ofBpsn, restPositives, ownNegatives),
    bnsp: share(ofBnsp, ownPositives, restNegatives),
    positives: share(ofPositives, ownPositives, restPositives),
    negatives: share(ofNegatives, ownNegatives, restNegatives),
    own: share(ofOwn, ownPositives, ownNegatives),
  };
  const { rest, bpsn, bnsp, positives, negatives, own } = areas;

  const current = new Float64Array(SIDES); // of the patient at hand
  const products = new Float64Array(SIDES);
  const squares = new Float64Array(SIDES);
  const mixed = new Float64Array(MIXED.length);
  const patientsWith = new Float64Array(16); // by the set of kinds, as bits, that their samples are of
  const [twiceRestP, twiceRestN] = [2 * restPositives || 1, 2 * restNegatives || 1];
  const [twiceOwnP, twiceOwnN] = [2 * ownPositives || 1, 2 * ownNegatives || 1];
  const over = Float64Array.from(counts, (count) => (count === 0 ? 0 : 1 / count));
  for (let i = 0; i < n; ) {
    const patient = patients[i] as number;
    let kinds = 0;
    let samples = 0;
    do {
      const at = 2 * (runOf[i] as number);
      const [gn, gp] = [table[at] as number, table[at + 1] as number];
      const rn = (all.negatives[i] as number) - gn;
      const rp = (all.positives[i] as number) - gp;
      const kind = 2 * (isMember[i] as number) + (labels[i] as number);
      let [first, second, third] = [0, 0, 0];
      if (kind === OTHER_POSITIVE) {
        first = rn / twiceRestN - rest;
        second = gn / twiceOwnN - bpsn;
        third = (twiceOwnP - gp) / twiceOwnP - positives;
      } else if (kind === OTHER_NEGATIVE) {
        first = (twiceRestP - rp) / twiceRestP - rest;
        second = (twiceOwnP - gp) / twiceOwnP - bnsp;
        third = (twiceOwnN - gn) / twiceOwnN - negatives;
      } else if (kind === OWN_POSITIVE) {
        first = rn / twiceRestN - bnsp;
        second = rp / twiceRestP - positives;
        third = gn / twiceOwnN - own;
      } else {
        first = (twiceRestP - rp) / twiceRestP - bpsn;
        second = rn / twiceRestN - negatives;
        third = (twiceOwnP - gp) / twiceOwnP - own;
      }
      const to = PLACES[kind] as number;
      squares[to] = (squares[to] as number) + first * first;
      squares[to + 1] = (squares[to + 1] as number) + second * second;
      squares[to + 2] = (squares[to + 2] as number) + third * third;
      const weight = over[kind] as number;
      current[to] = (current[to] as number) + first * weight;
      current[to + 1] = (current[to + 1] as number) + second * weight;
      current[to + 2] = (current[to + 2] as number) + third * weight;
      kinds |= 1 << kind;
      samples++;
      i++;
    } while (i < n && patients[i] === patient);
    patientsWith[kinds] = (patientsWith[kinds] as number) + 1;
    for (let kind = 0; kind < 4; kind++) {
      if (((kinds >> kind) & 1) === 0) continue;
      const from = PLACES[kind] as number;
      for (let side = from; side < from + 3; side++) {
        const total = current[side] as number;
        products[side] = (products[side] as number) + total * total;
      }
    }
    if (samples > 1 && (kinds & (kinds - 1)) !== 0) {
      // Sides without a sample of this patient have a sum of 0.
      for (let pair = 0; pair < MIXED.length; pair++) {
        const [a, b] = MIXED[pair] as readonly [number, number];
        mixed[pair] = (mixed[pair] as number) + (current[a] as number) * (current[b] as number);
      }
    }
    for (let kind = 0; kind < 4; kind++) {
      if (((kinds >> kind) & 1) === 0) continue;
      const from = PLACES[kind] as number;
      current[from] = 0;
      current[from + 1] = 0;
      current[from + 2] = 0;
    }
  }
  const side = (place: number, kind: number): SideSums => ({
    count: counts[kind] as number,
    patients: patientsOfKinds(patientsWith, 1 << kind, 1 << kind),
    product: products[place] as number,
    squares: squares[place] as number,
  });
  const shared = (pair: number, a: number, b: number): Product => ({
    product: mixed[pair] as number,
    shared: patientsOfKinds(patientsWith, 1 << a, 1 << b),
  });
  return {
    rest: {
      area: rest,
      upper: side(REST_U, OTHER_POSITIVE),
      lower: side(REST_L, OTHER_NEGATIVE),
      mixed: shared(0, OTHER_POSITIVE, OTHER_NEGATIVE),
    },
    bpsn: {
      area: bpsn,
      upper: side(BPSN_U, OTHER_POSITIVE),
      lower: side(BPSN_L, OWN_NEGATIVE),
      mixed: shared(1, OTHER_POSITIVE, OWN_NEGATIVE),
    },
    bnsp: {
      area: bnsp,
      upper: side(BNSP_U, OWN_POSITIVE),
      lower: side(BNSP_L, OTHER_NEGATIVE),
      mixed: shared(2, OWN_POSITIVE, OTHER_NEGATIVE),
    },
    positives: {
      area: positives,
      upper: side(POS_U, OWN_POSITIVE),
      lower: side(POS_L, OTHER_POSITIVE),
      mixed: shared(3, OWN_POSITIVE, OTHER_POSITIVE),
    },
    negatives: {
      area: negatives,
      upper: side(NEG_U, OWN_NEGATIVE),
      lower: side(NEG_L, OTHER_NEGATIVE),
      mixed: shared(4, OWN_NEGATIVE, OTHER_NEGATIVE),
    },
    mixed: {
      positivesPositives: shared(5, OWN_POSITIVE, OTHER_POSITIVE),
      positivesNegatives: shared(6, OWN_POSITIVE, OTHER_NEGATIVE),
      negativesPositives: shared(7, OWN_NEGATIVE, OTHER_POSITIVE),
      negativesNegatives: shared(8, OWN_NEGATIVE, OTHER_NEGATIVE),
    },
  };
}

/** Where each kind's three sides begin. */
const PLACES = Uint8Array.of(REST_L, REST_U, BPSN_L, BNSP_U);

/** Patients with samples of both kinds. */
function patientsOfKinds(patientsWith: Float64Array, a: number, b: number): number {
  let sum = 0;
  for (let kinds = 0; kinds < 16; kinds++) {
    if ((kinds & a) !== 0 && (kinds & b) !== 0) sum += patientsWith[kinds] as number;
  }
  return sum;
}
