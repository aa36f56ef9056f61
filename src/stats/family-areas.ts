import { fetched } from "./fetched.js";
import type { GroupAreas, PairSums, SideSums } from "./group-areas.js";
import type { Product } from "./influence.js";
import type { Pool } from "./rank-sums.js";

/**
 * The areas of all groups of a family at once, with what their errors and covariances are made of. The groups share no sample.
 *
 * Passing along the scores gives, for each sample and each group, twice the number of the group's positives and negatives that
 * score below it (ties once): its places. A first pass sums them, which gives the areas and the means to centre on. A second squares
 * those of samples that are their patient's only one. The others' are kept, and summed by patient before they are squared, in
 * patient order. Places are whole numbers until the end, so that areas are exact, and where all samples of a side rank alike nothing
 * varies.
 */
export interface FamilyAreas {
  /** Each group against everybody outside it. */
  readonly groups: readonly GroupAreas[];
  /** Positives of group g above negatives of group h, at g · groups + h; null on the diagonal. */
  readonly pairs: readonly (PairSums | null)[];
  /** Of the errors of groups' own areas: at g · groups + h that of g's positives with h's, and so on; null on the diagonal. */
  readonly shared: readonly (OwnProducts | null)[];
}

/** Products by patient of the errors of two groups' own areas. */
export interface OwnProducts {
  readonly positivesPositives: Product;
  readonly positivesNegatives: Product;
  readonly negativesPositives: Product;
  readonly negativesNegatives: Product;
}

/**
 * What each kind of sample is placed in, seen from one group. Others are those outside the group; U and L stand for the upper and the
 * lower side of: the rest's own area, positives of the rest above the group's negatives (BPSN), the group's positives above
 * negatives of the rest (BNSP), positives above the rest's positives, and negatives above its negatives.
 */
const [REST_U, BPSN_U, POS_L] = [0, 1, 2] as const; // other positives
const [REST_L, BNSP_L, NEG_L] = [3, 4, 5] as const; // other negatives
const [BNSP_U, POS_U, OWN_U] = [6, 7, 8] as const; // own positives
const [BPSN_L, NEG_U, OWN_L] = [9, 10, 11] as const; // own negatives
const SIDES = 12;

/**
 * How many pairs of sides there are of which products by patient are asked for: the upper with the lower side of the rest's area, BPSN,
 * BNSP, positives, negatives; then OWN_U with REST_U and REST_L, and OWN_L with these, the errors within the group and within the rest.
 */
const MIXED = 9;

/** Kinds of samples as bits. */
const [OTHER_NEGATIVE, OTHER_POSITIVE, OWN_NEGATIVE, OWN_POSITIVE] = [1, 2, 4, 8] as const;
const KINDS = 16;

/**
 * @param pool everybody; all samples count alike
 * @param codes the group of each sample, by position; `groups` for samples of none of them
 * @param groups how many there are
 */
export function familyAreas(pool: Pool, codes: Uint16Array, groups: number): FamilyAreas {
  const ranked = rankedOf(pool, codes, groups);
  const places = placesOf(ranked);
  const counts = countsOf(pool, codes, groups);
  const wins = winsOf(places);
  const sums = sumsOf(pool, codes, ranked, places, counts, wins);
  return {
    groups: Array.from({ length: groups }, (_, group) => groupOf(group, counts, wins, sums)),
    pairs: Array.from({ length: groups * groups }, (_, pair) => pairOf(pair, counts, wins, sums)),
    shared: Array.from({ length: groups * groups }, (_, pair) => sharedOf(pair, counts, sums)),
  };
}

/** Everybody by ascending score, packed for passing along. */
interface Ranked {
  readonly groups: number;
  /** By rank: four times the group (`groups` for nobody's), 2 for a positive, 1 where the patient has several samples. */
  readonly kinds: Uint16Array;
  /** The first rank of each run of equal scores; one more for the end. */
  readonly starts: Uint32Array;
}

const [POSITIVE, REPEATS] = [2, 1] as const;

/** Numbers that tell who is below: negatives and positives of each group, of nobody's, and of everybody. */
const widthOf = (groups: number) => 2 * (groups + 2);

/** Room for what is by rank and for the places, which one family after the other is laid out in. */
const room = { kinds: new Uint16Array(0), starts: new Uint32Array(0), below: new Uint32Array(0) };

function rankedOf({ data, order, runs, runCount }: Pool, codes: Uint16Array, groups: number): Ranked {
  const { labels, patients } = data;
  const n = order.length;
  if (room.kinds.length < n) room.kinds = new Uint16Array(n);
  if (room.starts.length < runCount + 1) room.starts = new Uint32Array(runCount + 1);
  const kinds = room.kinds.subarray(0, n);
  const starts = room.starts.subarray(0, runCount + 1);
  const ofPosition = new Uint16Array(n);
  for (let position = 0; position < n; position++) {
    const patient = patients[position] as number;
    const before = position > 0 && patients[position - 1] === patient;
    const repeats = before || (position + 1 < n && patients[position + 1] === patient) ? REPEATS : 0;
    ofPosition[position] = 4 * (codes[position] as number) + POSITIVE * (labels[position] as number) + repeats;
  }
  let last = -1;
  for (let rank = 0; rank < n; rank++) {
    const run = runs[rank] as number;
    if (run !== last) starts[run] = rank;
    last = run;
    kinds[rank] = ofPosition[order[rank] as number] as number;
  }
  starts[runCount] = n;
  return { groups, kinds, starts };
}

/** Adds the samples from one rank to before another to the counts of who is below. */
function countInto(row: Uint32Array, kinds: Uint16Array, from: number, to: number): void {
  let positives = 0;
  for (let rank = from; rank < to; rank++) {
    const slot = (kinds[rank] as number) >>> 1;
    positives += slot & 1;
    row[slot] = (row[slot] as number) + 1;
  }
  const everybody = row.length - 2;
  row[everybody] = (row[everybody] as number) + (to - from - positives);
  row[everybody + 1] = (row[everybody + 1] as number) + positives;
}

/** Twice the number of samples below, ties once. */
interface Places {
  readonly groups: number;
  /** By run of equal scores that holds a sample of a patient with several: `widthOf` numbers. */
  readonly below: Uint32Array;
  /** Σ of the negatives of h that are below the positives of g, at g · (groups + 1) + h; the last g is nobody's, the last h everybody. */
  readonly negativesBelow: Float64Array;
  /** Σ over a group's positives of everybody's positives below them and of its own; the same of negatives. */
  readonly ofPositives: Float64Array;
  readonly ofNegatives: Float64Array;
}

function placesOf({ groups, kinds, starts }: Ranked): Places {
  const row = new Uint32Array(widthOf(groups));
  const everybody = row.length - 2;
  const negativesBelow = new Float64Array((groups + 1) * (groups + 1));
  const ofPositives = new Float64Array(groups);
  const ofNegatives = new Float64Array(groups);
  const width = row.length;
  const needed = width * (starts.length - 1);
  if (room.below.length < needed) room.below = new Uint32Array(needed);
  const below = room.below.subarray(0, needed);
  for (let run = 0; run + 1 < starts.length; run++) {
    const start = starts[run] as number;
    const end = starts[run + 1] as number;
    countInto(row, kinds, start, end);
    let kindsInRun = 0;
    for (let rank = start; rank < end; rank++) {
      const kind = kinds[rank] as number;
      kindsInRun |= kind;
      const code = kind >>> 2;
      if ((kind & POSITIVE) !== 0) {
        const at = code * (groups + 1);
        for (let h = 0; h < groups; h++) {
          negativesBelow[at + h] = (negativesBelow[at + h] as number) + (row[2 * h] as number);
        }
        negativesBelow[at + groups] = (negativesBelow[at + groups] as number) + (row[everybody] as number);
        if (code === groups) continue;
        const outside = (row[everybody + 1] as number) - (row[2 * code + 1] as number);
        ofPositives[code] = (ofPositives[code] as number) + outside;
      } else if (code < groups) {
        const outside = (row[everybody] as number) - (row[2 * code] as number);
        ofNegatives[code] = (ofNegatives[code] as number) + outside;
      }
    }
    if ((kindsInRun & REPEATS) !== 0) {
      const at = run * width;
      for (let j = 0; j < width; j++) below[at + j] = row[j] as number;
    }
    countInto(row, kinds, start, end);
  }
  return { groups, below, negativesBelow, ofPositives, ofNegatives };
}

interface Counts {
  /** Samples of each group, then of everybody. */
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
}

function countsOf({ data }: Pool, codes: Uint16Array, groups: number): Counts {
  const positives = new Float64Array(groups + 1);
  const negatives = new Float64Array(groups + 1);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    const of = data.labels[i] === 1 ? positives : negatives;
    of[groups] = (of[groups] as number) + 1;
    if (code < groups) of[code] = (of[code] as number) + 1;
  }
  return { positives, negatives };
}

/** Twice the wins of every area that is asked for. */
interface Wins {
  /** By group: the rest's, BPSN, BNSP, positives and negatives against the rest's. */
  readonly rest: Float64Array;
  readonly bpsn: Float64Array;
  readonly bnsp: Float64Array;
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
  /** Positives of g above negatives of h, at g · groups + h. */
  readonly pairs: Float64Array;
}

function winsOf({ groups, negativesBelow, ofPositives, ofNegatives }: Places): Wins {
  const rows = groups + 1;
  const at = (g: number, h: number) => negativesBelow[g * rows + h] as number;
  const rest = new Float64Array(groups);
  const bpsn = new Float64Array(groups);
  const bnsp = new Float64Array(groups);
  const pairs = new Float64Array(groups * groups);
  for (let h = 0; h < groups; h++) {
    bnsp[h] = at(h, groups) - at(h, h);
    for (let g = 0; g < rows; g++) {
      if (g < groups) pairs[g * groups + h] = at(g, h);
      if (g === h) continue;
      bpsn[h] = (bpsn[h] as number) + at(g, h);
      rest[h] = (rest[h] as number) + at(g, groups) - at(g, h);
    }
  }
  return { rest, bpsn, bnsp, positives: ofPositives, negatives: ofNegatives, pairs };
}

/** Sums over samples and over patients, in squares of twice the number of samples. */
interface Sums {
  /** By group, then side: squares over samples, and over patients of their totals. */
  readonly squares: Float64Array;
  readonly products: Float64Array;
  /** By group, then pair of sides. */
  readonly mixed: Float64Array;
  /** Patients by group, then the set of kinds that their samples are of. */
  readonly patients: Float64Array;
  readonly pairs: PairTotals;
  readonly own: OwnTotals;
}

/** Of the areas between groups, at g · groups + h. */
interface PairTotals {
  readonly upperSquares: Float64Array;
  readonly upperProducts: Float64Array;
  readonly lowerSquares: Float64Array;
  readonly lowerProducts: Float64Array;
  readonly mixed: Float64Array;
}

/** Of the groups' own areas, at g · groups + h: products, and patients with samples of both. */
interface OwnTotals {
  readonly positivesPositives: Float64Array;
  readonly positivesNegatives: Float64Array;
  readonly negativesNegatives: Float64Array;
  readonly withBothPositives: Float64Array;
  readonly withPositivesNegatives: Float64Array;
  readonly withBothNegatives: Float64Array;
}

/** What places are centred on: the means of each side, by group, and of each pair of groups. */
interface Centres {
  readonly sides: Float64Array;
  readonly upper: Float64Array;
  readonly lower: Float64Array;
}

function centresOf(groups: number, { positives, negatives }: Counts, wins: Wins): Centres {
  const over = (twiceWins: number, count: number) => (count === 0 ? 0 : twiceWins / count);
  const sides = new Float64Array(SIDES * groups);
  const upper = new Float64Array(groups * groups);
  const lower = new Float64Array(groups * groups);
  for (let g = 0; g < groups; g++) {
    const [ownP, ownN] = [positives[g] as number, negatives[g] as number];
    const [restP, restN] = [(positives[groups] as number) - ownP, (negatives[groups] as number) - ownN];
    const at = SIDES * g;
    const [rest, bpsn, bnsp] = [wins.rest[g] as number, wins.bpsn[g] as number, wins.bnsp[g] as number];
    const [ofPositives, ofNegatives] = [wins.positives[g] as number, wins.negatives[g] as number];
    const own = wins.pairs[g * groups + g] as number;
    sides[at + REST_U] = over(rest, restP);
    sides[at + REST_L] = over(rest, restN);
    sides[at + BPSN_U] = over(bpsn, restP);
    sides[at + BPSN_L] = over(bpsn, ownN);
    sides[at + BNSP_U] = over(bnsp, ownP);
    sides[at + BNSP_L] = over(bnsp, restN);
    sides[at + POS_U] = over(ofPositives, ownP);
    sides[at + POS_L] = over(ofPositives, restP);
    sides[at + NEG_U] = over(ofNegatives, ownN);
    sides[at + NEG_L] = over(ofNegatives, restN);
    sides[at + OWN_U] = over(own, ownP);
    sides[at + OWN_L] = over(own, ownN);
    for (let h = 0; h < groups; h++) {
      upper[g * groups + h] = over(wins.pairs[g * groups + h] as number, ownP);
      lower[g * groups + h] = over(wins.pairs[g * groups + h] as number, negatives[h] as number);
    }
  }
  return { sides, upper, lower };
}

function sumsOf(pool: Pool, codes: Uint16Array, ranked: Ranked, { below }: Places, counts: Counts, wins: Wins): Sums {
  const { groups } = ranked;
  const square = () => new Float64Array(groups * groups);
  const sums: Sums = {
    squares: new Float64Array(SIDES * groups),
    products: new Float64Array(SIDES * groups),
    mixed: new Float64Array(MIXED * groups),
    patients: new Float64Array(KINDS * groups),
    pairs: {
      upperSquares: square(),
      upperProducts: square(),
      lowerSquares: square(),
      lowerProducts: square(),
      mixed: square(),
    },
    own: {
      positivesPositives: square(),
      positivesNegatives: square(),
      negativesNegatives: square(),
      withBothPositives: square(),
      withPositivesNegatives: square(),
      withBothNegatives: square(),
    },
  };
  const centres = centresOf(groups, counts, wins);
  addSingles(ranked, counts, centres, sums);
  const { patients } = pool.data;
  const repeats = new Repeats(pool, codes, below, counts, centres, sums);
  const n = patients.length;
  for (let start = 0; start < n; ) {
    const patient = patients[start] as number;
    let end = start + 1;
    while (end < n && patients[end] === patient) end++;
    if (end > start + 1) repeats.take(start, end);
    start = end;
  }
  repeats.finish();
  return sums;
}

/** Patients with one sample: what it squares to is what they do. Along the scores. */
function addSingles({ groups, kinds, starts }: Ranked, counts: Counts, centres: Centres, sums: Sums): void {
  const row = new Uint32Array(widthOf(groups));
  const everybody = row.length - 2;
  const { sides, upper: ofUpper, lower: ofLower } = centres;
  const [twiceP, twiceN] = [twiceOf(counts.positives), twiceOf(counts.negatives)];
  const twiceAll = twiceP[groups] as number;
  const squares = new Float64Array(SIDES * groups);
  const upper = new Float64Array(groups * groups);
  const lower = new Float64Array(groups * groups);
  // Samples by group, nobody's last, and label.
  const singles = new Float64Array(2 * (groups + 1));
  for (let run = 0; run + 1 < starts.length; run++) {
    const [start, end] = [starts[run] as number, starts[run + 1] as number];
    countInto(row, kinds, start, end);
    const [allN, allP] = [row[everybody] as number, row[everybody + 1] as number];
    for (let rank = start; rank < end; rank++) {
      const kind = kinds[rank] as number;
      if ((kind & REPEATS) !== 0) continue;
      const slot = kind >>> 1;
      const code = kind >>> 2;
      singles[slot] = (singles[slot] as number) + 1;
      if ((slot & 1) === 1) {
        for (let h = 0; h < groups; h++) {
          if (h === code) continue;
          const gn = row[2 * h] as number;
          const side = SIDES * h;
          const first = allN - gn - (sides[side + REST_U] as number);
          const second = gn - (sides[side + BPSN_U] as number);
          const third = (twiceP[h] as number) - (row[2 * h + 1] as number) - (sides[side + POS_L] as number);
          squares[side + REST_U] = (squares[side + REST_U] as number) + first * first;
          squares[side + BPSN_U] = (squares[side + BPSN_U] as number) + second * second;
          squares[side + POS_L] = (squares[side + POS_L] as number) + third * third;
          if (code === groups) continue;
          const across = gn - (ofUpper[code * groups + h] as number);
          upper[code * groups + h] = (upper[code * groups + h] as number) + across * across;
        }
      } else {
        for (let h = 0; h < groups; h++) {
          if (h === code) continue;
          const ownAbove = (twiceP[h] as number) - (row[2 * h + 1] as number);
          const side = SIDES * h;
          const first = twiceAll - allP - ownAbove - (sides[side + REST_L] as number);
          const second = ownAbove - (sides[side + BNSP_L] as number);
          const third = (twiceN[h] as number) - (row[2 * h] as number) - (sides[side + NEG_L] as number);
          squares[side + REST_L] = (squares[side + REST_L] as number) + first * first;
          squares[side + BNSP_L] = (squares[side + BNSP_L] as number) + second * second;
          squares[side + NEG_L] = (squares[side + NEG_L] as number) + third * third;
          if (code === groups) continue;
          const across = ownAbove - (ofLower[h * groups + code] as number);
          lower[h * groups + code] = (lower[h * groups + code] as number) + across * across;
        }
      }
      if (code === groups) continue;
      const gn = row[2 * code] as number;
      const gp = row[2 * code + 1] as number;
      const ownAbove = (twiceP[code] as number) - gp;
      const side = SIDES * code + ((slot & 1) === 1 ? BNSP_U : BPSN_L);
      const first = ((slot & 1) === 1 ? allN - gn : twiceAll - allP - ownAbove) - (sides[side] as number);
      const second = ((slot & 1) === 1 ? allP - gp : allN - gn) - (sides[side + 1] as number);
      const third = ((slot & 1) === 1 ? gn : ownAbove) - (sides[side + 2] as number);
      squares[side] = (squares[side] as number) + first * first;
      squares[side + 1] = (squares[side + 1] as number) + second * second;
      squares[side + 2] = (squares[side + 2] as number) + third * third;
    }
    countInto(row, kinds, start, end);
  }
  const { pairs, patients } = sums;
  addTo(sums.squares, squares);
  addTo(sums.products, squares);
  addTo(pairs.upperSquares, upper);
  addTo(pairs.upperProducts, upper);
  addTo(pairs.lowerSquares, lower);
  addTo(pairs.lowerProducts, lower);
  for (let h = 0; h < groups; h++) {
    for (let code = 0; code <= groups; code++) {
      const [negative, positive] = code === h ? [OWN_NEGATIVE, OWN_POSITIVE] : [OTHER_NEGATIVE, OTHER_POSITIVE];
      const at = KINDS * h;
      patients[at + negative] = (patients[at + negative] as number) + (singles[2 * code] as number);
      patients[at + positive] = (patients[at + positive] as number) + (singles[2 * code + 1] as number);
    }
  }
}

function twiceOf(counts: Float64Array): Float64Array {
  return counts.map((count) => 2 * count);
}

function addTo(sums: Float64Array, more: Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (more[i] as number);
}

/** So many samples are looked at one after the other. */
const AT_ONCE = 64;

/** Patients with several samples, which are summed before they are squared. */
class Repeats {
  readonly #codes: Uint16Array;
  readonly #labels: Uint8Array;
  readonly #runOf: Uint32Array;
  readonly #below: Uint32Array;
  readonly #width: number;
  /** Samples that wait to be looked at, their places, and where each patient's begin. */
  #waiting = new Uint32Array(AT_ONCE);
  #rows: Uint32Array;
  #begins = new Uint32Array(AT_ONCE + 1);
  #samplesWaiting = 0;
  #patientsWaiting = 0;
  readonly #groups: number;
  readonly #centres: Centres;
  readonly #twiceP: Float64Array;
  readonly #twiceN: Float64Array;
  readonly #sums: Sums;
  /**
   * Of the patient at hand, three totals by group: of positives outside it, of negatives outside it, then of its own, positives first.
   * Of the patient's groups alone: totals against every other, of positives and of negatives; and samples by label.
   */
  readonly #otherPositives: Float64Array;
  readonly #otherNegatives: Float64Array;
  readonly #own: Float64Array;
  readonly #upper: Float64Array;
  readonly #lower: Float64Array;
  readonly #samples: Uint32Array;
  /** The patient's groups. */
  readonly #among: Uint16Array;
  #amongCount = 0;
  #positives = 0;
  #negatives = 0;
  /** Patients by the kinds of samples that groups see which have none of them. */
  readonly #outside = new Float64Array(KINDS);

  constructor(pool: Pool, codes: Uint16Array, below: Uint32Array, counts: Counts, centres: Centres, sums: Sums) {
    const groups = counts.positives.length - 1;
    this.#codes = codes;
    this.#labels = pool.data.labels;
    this.#runOf = pool.runOf;
    this.#below = below;
    this.#width = widthOf(groups);
    this.#rows = new Uint32Array(AT_ONCE * this.#width);
    this.#groups = groups;
    this.#centres = centres;
    this.#twiceP = twiceOf(counts.positives);
    this.#twiceN = twiceOf(counts.negatives);
    this.#sums = sums;
    this.#otherPositives = new Float64Array(3 * groups);
    this.#otherNegatives = new Float64Array(3 * groups);
    this.#own = new Float64Array(6 * groups);
    this.#upper = new Float64Array(groups * groups);
    this.#lower = new Float64Array(groups * groups);
    this.#samples = new Uint32Array(2 * groups);
    this.#among = new Uint16Array(groups);
  }

  /** Takes a patient's samples, which may wait for others. */
  take(start: number, end: number): void {
    if (this.#samplesWaiting + end - start > this.#waiting.length) {
      this.#lookAll();
      if (end - start > this.#waiting.length) {
        this.#waiting = new Uint32Array(end - start);
        this.#begins = new Uint32Array(end - start + 1);
        this.#rows = new Uint32Array((end - start) * this.#width);
      }
    }
    for (let i = start; i < end; i++) this.#waiting[this.#samplesWaiting++] = i;
    this.#begins[++this.#patientsWaiting] = this.#samplesWaiting;
  }

  /** Their places lie anywhere in memory: those of many samples are fetched before any is needed, so that their ways overlap. */
  #lookAll(): void {
    const [below, rows, runOf, waiting, width] = [this.#below, this.#rows, this.#runOf, this.#waiting, this.#width];
    const count = this.#samplesWaiting;
    let touched = 0;
    for (let k = 0; k < count; k++) {
      const at = width * (runOf[waiting[k] as number] as number);
      touched |= (below[at] as number) | (below[at + width - 1] as number);
    }
    for (let k = 0; k < count; k++) {
      const at = width * (runOf[waiting[k] as number] as number);
      const to = k * width;
      for (let j = 0; j < width; j++) rows[to + j] = below[at + j] as number;
    }
    fetched.sum += touched;
    for (let patient = 0; patient < this.#patientsWaiting; patient++) {
      this.#look(this.#begins[patient] as number, this.#begins[patient + 1] as number);
    }
    this.#samplesWaiting = 0;
    this.#patientsWaiting = 0;
  }

  /** One patient's samples among those that wait. */
  #look(from: number, to: number): void {
    const groups = this.#groups;
    const [codes, labels, waiting] = [this.#codes, this.#labels, this.#waiting];
    this.#amongCount = 0;
    this.#positives = 0;
    this.#negatives = 0;
    for (let k = from; k < to; k++) {
      const position = waiting[k] as number;
      const code = codes[position] as number;
      if (code < groups && !this.#isAmong(code)) this.#begin(code);
      if (labels[position] === 1) this.#addPositive(code, k * this.#width);
      else this.#addNegative(code, k * this.#width);
    }
    this.#squareOthers();
    for (let place = 0; place < this.#amongCount; place++) this.#squareOwn(this.#among[place] as number);
    if (this.#amongCount > 0) this.#addAcross();
  }

  #isAmong(code: number): boolean {
    for (let place = 0; place < this.#amongCount; place++) if (this.#among[place] === code) return true;
    return false;
  }

  /** The patient's first sample of a group. */
  #begin(code: number): void {
    const groups = this.#groups;
    this.#among[this.#amongCount++] = code;
    this.#samples[2 * code] = 0;
    this.#samples[2 * code + 1] = 0;
    for (let j = 6 * code; j < 6 * code + 6; j++) this.#own[j] = 0;
    for (let j = code * groups; j < (code + 1) * groups; j++) {
      this.#upper[j] = 0;
      this.#lower[j] = 0;
    }
  }

  #addPositive(code: number, at: number): void {
    const groups = this.#groups;
    const [row, others, twiceP, upper] = [this.#rows, this.#otherPositives, this.#twiceP, this.#upper];
    const { sides, upper: ofPairs } = this.#centres;
    const { squares, pairs } = this.#sums;
    const { upperSquares } = pairs;
    const [allN, allP] = [row[at + 2 * groups + 2] as number, row[at + 2 * groups + 3] as number];
    if (this.#positives++ === 0) for (let j = 0; j < 3 * groups; j++) others[j] = 0;
    for (let h = 0; h < groups; h++) {
      const gn = row[at + 2 * h] as number;
      if (code < groups) {
        const pair = code * groups + h;
        const across = gn - (ofPairs[pair] as number);
        upperSquares[pair] = (upperSquares[pair] as number) + across * across;
        upper[pair] = (upper[pair] as number) + across;
        if (h === code) continue;
      }
      const side = SIDES * h;
      const first = allN - gn - (sides[side + REST_U] as number);
      const second = gn - (sides[side + BPSN_U] as number);
      const third = (twiceP[h] as number) - (row[at + 2 * h + 1] as number) - (sides[side + POS_L] as number);
      squares[side + REST_U] = (squares[side + REST_U] as number) + first * first;
      squares[side + BPSN_U] = (squares[side + BPSN_U] as number) + second * second;
      squares[side + POS_L] = (squares[side + POS_L] as number) + third * third;
      others[3 * h] = (others[3 * h] as number) + first;
      others[3 * h + 1] = (others[3 * h + 1] as number) + second;
      others[3 * h + 2] = (others[3 * h + 2] as number) + third;
    }
    if (code === groups) return;
    const gn = row[at + 2 * code] as number;
    this.#addOwn(code, 1, allN - gn, allP - (row[at + 2 * code + 1] as number), gn);
  }

  #addNegative(code: number, at: number): void {
    const groups = this.#groups;
    const [row, others, lower] = [this.#rows, this.#otherNegatives, this.#lower];
    const [twiceP, twiceN] = [this.#twiceP, this.#twiceN];
    const { sides, lower: ofPairs } = this.#centres;
    const { squares, pairs } = this.#sums;
    const { lowerSquares } = pairs;
    const allN = row[at + 2 * groups + 2] as number;
    const allAbove = (twiceP[groups] as number) - (row[at + 2 * groups + 3] as number);
    if (this.#negatives++ === 0) for (let j = 0; j < 3 * groups; j++) others[j] = 0;
    for (let h = 0; h < groups; h++) {
      const ownAbove = (twiceP[h] as number) - (row[at + 2 * h + 1] as number);
      if (code < groups) {
        const pair = h * groups + code;
        const across = ownAbove - (ofPairs[pair] as number);
        lowerSquares[pair] = (lowerSquares[pair] as number) + across * across;
        lower[code * groups + h] = (lower[code * groups + h] as number) + across;
        if (h === code) continue;
      }
      const side = SIDES * h;
      const first = allAbove - ownAbove - (sides[side + REST_L] as number);
      const second = ownAbove - (sides[side + BNSP_L] as number);
      const third = (twiceN[h] as number) - (row[at + 2 * h] as number) - (sides[side + NEG_L] as number);
      squares[side + REST_L] = (squares[side + REST_L] as number) + first * first;
      squares[side + BNSP_L] = (squares[side + BNSP_L] as number) + second * second;
      squares[side + NEG_L] = (squares[side + NEG_L] as number) + third * third;
      others[3 * h] = (others[3 * h] as number) + first;
      others[3 * h + 1] = (others[3 * h + 1] as number) + second;
      others[3 * h + 2] = (others[3 * h + 2] as number) + third;
    }
    if (code === groups) return;
    const ownAbove = (twiceP[code] as number) - (row[at + 2 * code + 1] as number);
    this.#addOwn(code, 0, allAbove - ownAbove, allN - (row[at + 2 * code] as number), ownAbove);
  }

  /** The sample's places as its own group sees it: BNSP_U, POS_U, OWN_U of a positive, BPSN_L, NEG_U, OWN_L of a negative. */
  #addOwn(code: number, label: 0 | 1, first: number, second: number, third: number): void {
    const own = this.#own;
    const { sides } = this.#centres;
    const { squares } = this.#sums;
    this.#samples[2 * code + label] = (this.#samples[2 * code + label] as number) + 1;
    const side = SIDES * code + (label === 1 ? BNSP_U : BPSN_L);
    const to = 6 * code + (label === 1 ? 0 : 3);
    const a = first - (sides[side] as number);
    const b = second - (sides[side + 1] as number);
    const c = third - (sides[side + 2] as number);
    squares[side] = (squares[side] as number) + a * a;
    squares[side + 1] = (squares[side + 1] as number) + b * b;
    squares[side + 2] = (squares[side + 2] as number) + c * c;
    own[to] = (own[to] as number) + a;
    own[to + 1] = (own[to + 1] as number) + b;
    own[to + 2] = (own[to + 2] as number) + c;
  }

  /** Samples outside each group; a total of a group that has them all is 0. */
  #squareOthers(): void {
    const groups = this.#groups;
    const { products, mixed } = this.#sums;
    const [positives, negatives] = [this.#otherPositives, this.#otherNegatives];
    const [hasPositives, hasNegatives] = [this.#positives > 0, this.#negatives > 0];
    const kinds = (hasPositives ? OTHER_POSITIVE : 0) | (hasNegatives ? OTHER_NEGATIVE : 0);
    this.#outside[kinds] = (this.#outside[kinds] as number) + 1;
    for (let h = 0; h < groups; h++) {
      const side = SIDES * h;
      if (hasPositives) {
        const [first, second, third] = [positives[3 * h], positives[3 * h + 1], positives[3 * h + 2]] as Three;
        products[side + REST_U] = (products[side + REST_U] as number) + first * first;
        products[side + BPSN_U] = (products[side + BPSN_U] as number) + second * second;
        products[side + POS_L] = (products[side + POS_L] as number) + third * third;
      }
      if (hasNegatives) {
        const [first, second, third] = [negatives[3 * h], negatives[3 * h + 1], negatives[3 * h + 2]] as Three;
        products[side + REST_L] = (products[side + REST_L] as number) + first * first;
        products[side + BNSP_L] = (products[side + BNSP_L] as number) + second * second;
        products[side + NEG_L] = (products[side + NEG_L] as number) + third * third;
      }
      if (hasPositives && hasNegatives) {
        const to = MIXED * h;
        mixed[to] = (mixed[to] as number) + (positives[3 * h] as number) * (negatives[3 * h] as number);
      }
    }
  }

  /** One of the patient's groups: its own samples, and what they have in common with those outside. */
  #squareOwn(code: number): void {
    const { products, mixed, patients } = this.#sums;
    const own = this.#own;
    const side = SIDES * code;
    for (let j = 0; j < 3; j++) {
      const [upper, lower] = [own[6 * code + j] as number, own[6 * code + 3 + j] as number];
      products[side + BNSP_U + j] = (products[side + BNSP_U + j] as number) + upper * upper;
      products[side + BPSN_L + j] = (products[side + BPSN_L + j] as number) + lower * lower;
    }
    const [ofNegatives, ofPositives] = [this.#samples[2 * code] as number, this.#samples[2 * code + 1] as number];
    const [othersP, othersN] = [this.#positives - ofPositives, this.#negatives - ofNegatives];
    const outside = (this.#positives > 0 ? OTHER_POSITIVE : 0) | (this.#negatives > 0 ? OTHER_NEGATIVE : 0);
    const kinds =
      (ofPositives > 0 ? OWN_POSITIVE : 0) |
      (ofNegatives > 0 ? OWN_NEGATIVE : 0) |
      (othersP > 0 ? OTHER_POSITIVE : 0) |
      (othersN > 0 ? OTHER_NEGATIVE : 0);
    // It was counted among those outside.
    patients[KINDS * code + outside] = (patients[KINDS * code + outside] as number) - 1;
    patients[KINDS * code + kinds] = (patients[KINDS * code + kinds] as number) + 1;
    if ((kinds & (kinds - 1)) === 0) return;
    // Sides without a sample of this patient have a total of 0. The first pair is of those outside alone.
    const others = (all: Float64Array, has: boolean, j: number) => (has ? (all[3 * code + j] as number) : 0);
    const positives = (j: number) => others(this.#otherPositives, this.#positives > 0, j);
    const negatives = (j: number) => others(this.#otherNegatives, this.#negatives > 0, j);
    const total = (j: number) => own[6 * code + j] as number;
    const to = MIXED * code;
    const add = (pair: number, product: number) => {
      mixed[to + pair] = (mixed[to + pair] as number) + product;
    };
    add(1, positives(1) * total(3));
    add(2, total(0) * negatives(1));
    add(3, total(1) * positives(2));
    add(4, total(4) * negatives(2));
    add(5, total(2) * positives(0));
    add(6, total(2) * negatives(0));
    add(7, total(5) * positives(0));
    add(8, total(5) * negatives(0));
  }

  /** Group against group, and the groups' own areas with one another. */
  #addAcross(): void {
    const groups = this.#groups;
    const [upper, lower, among, samples] = [this.#upper, this.#lower, this.#among, this.#samples];
    const { own, pairs } = this.#sums;
    const { upperProducts, lowerProducts } = pairs;
    const ofLabel = (g: number, label: 0 | 1) => (samples[2 * g + label] as number) > 0;
    const ownUpper = (g: number) => upper[g * groups + g] as number;
    const ownLower = (g: number) => lower[g * groups + g] as number;
    const add = (to: Float64Array, pair: number, value: number) => {
      to[pair] = (to[pair] as number) + value;
    };
    for (let i = 0; i < this.#amongCount; i++) {
      const g = among[i] as number;
      const [isUpper, isLower] = [ofLabel(g, 1), ofLabel(g, 0)];
      for (let h = 0; h < groups; h++) {
        const [above, below] = [upper[g * groups + h] as number, lower[g * groups + h] as number];
        if (isUpper) add(upperProducts, g * groups + h, above * above);
        if (isLower) add(lowerProducts, h * groups + g, below * below);
      }
      for (let j = 0; j < this.#amongCount; j++) {
        const h = among[j] as number;
        const pair = g * groups + h;
        if (isUpper && ofLabel(h, 0)) {
          add(pairs.mixed, pair, (upper[pair] as number) * (lower[h * groups + g] as number));
          add(own.positivesNegatives, pair, ownUpper(g) * ownLower(h));
          add(own.withPositivesNegatives, pair, 1);
        }
        if (h === g) continue;
        if (isUpper && ofLabel(h, 1)) {
          add(own.positivesPositives, pair, ownUpper(g) * ownUpper(h));
          add(own.withBothPositives, pair, 1);
        }
        if (isLower && ofLabel(h, 0)) {
          add(own.negativesNegatives, pair, ownLower(g) * ownLower(h));
          add(own.withBothNegatives, pair, 1);
        }
      }
    }
  }

  finish(): void {
    this.#lookAll();
    const { patients } = this.#sums;
    for (let at = 0; at < patients.length; at++) {
      patients[at] = (patients[at] as number) + (this.#outside[at & (KINDS - 1)] as number);
    }
  }
}

type Three = readonly [number, number, number];

/** Patients of a group's table by kinds, with samples of both. */
function patientsOfKinds(patients: Float64Array, group: number, a: number, b: number): number {
  let sum = 0;
  for (let kinds = 0; kinds < KINDS; kinds++) {
    if ((kinds & a) !== 0 && (kinds & b) !== 0) sum += patients[KINDS * group + kinds] as number;
  }
  return sum;
}

/** Twice the wins over twice the pairs. */
function shareOf(twiceWins: number, upper: number, lower: number): number {
  return upper === 0 || lower === 0 ? 0 : Math.min(1, twiceWins / (2 * upper * lower));
}

/** What a total in places is divided by to be one in shares of pairs: twice the pairs. 1 where there are none. */
function scaleOf(upper: number, lower: number): number {
  return 2 * upper * lower || 1;
}

function groupOf(group: number, { positives, negatives }: Counts, wins: Wins, sums: Sums): GroupAreas {
  const last = positives.length - 1;
  const [ownP, ownN] = [positives[group] as number, negatives[group] as number];
  const [restP, restN] = [(positives[last] as number) - ownP, (negatives[last] as number) - ownN];
  const ofKind: Readonly<Record<number, number>> = {
    [OTHER_POSITIVE]: restP,
    [OTHER_NEGATIVE]: restN,
    [OWN_POSITIVE]: ownP,
    [OWN_NEGATIVE]: ownN,
  };
  const countOf = (kind: number) => ofKind[kind] as number;
  const patientsOf = (a: number, b: number) => patientsOfKinds(sums.patients, group, a, b);
  const side = (place: number, kind: number, other: number): SideSums => {
    const at = SIDES * group + place;
    return {
      count: countOf(kind),
      patients: patientsOf(kind, kind),
      product: (sums.products[at] as number) / scaleOf(countOf(kind), other) ** 2,
      squares: (sums.squares[at] as number) / scaleOf(1, other) ** 2,
    };
  };
  const product = (pair: number, scale: number, a: number, b: number): Product => ({
    product: (sums.mixed[MIXED * group + pair] as number) / scale,
    shared: patientsOf(a, b),
  });
  const area = (
    twiceWins: number,
    [upper, upperKind]: readonly [number, number],
    [lower, lowerKind]: readonly [number, number],
    pair: number,
  ): PairSums => ({
    area: shareOf(twiceWins, countOf(upperKind), countOf(lowerKind)),
    upper: side(upper, upperKind, countOf(lowerKind)),
    lower: side(lower, lowerKind, countOf(upperKind)),
    mixed: product(pair, scaleOf(countOf(upperKind), countOf(lowerKind)) ** 2, upperKind, lowerKind),
  });
  const both = scaleOf(ownP, ownN) * scaleOf(restP, restN);
  return {
    rest: area(wins.rest[group] as number, [REST_U, OTHER_POSITIVE], [REST_L, OTHER_NEGATIVE], 0),
    bpsn: area(wins.bpsn[group] as number, [BPSN_U, OTHER_POSITIVE], [BPSN_L, OWN_NEGATIVE], 1),
    bnsp: area(wins.bnsp[group] as number, [BNSP_U, OWN_POSITIVE], [BNSP_L, OTHER_NEGATIVE], 2),
    positives: area(wins.positives[group] as number, [POS_U, OWN_POSITIVE], [POS_L, OTHER_POSITIVE], 3),
    negatives: area(wins.negatives[group] as number, [NEG_U, OWN_NEGATIVE], [NEG_L, OTHER_NEGATIVE], 4),
    mixed: {
      positivesPositives: product(5, both, OWN_POSITIVE, OTHER_POSITIVE),
      positivesNegatives: product(6, both, OWN_POSITIVE, OTHER_NEGATIVE),
      negativesPositives: product(7, both, OWN_NEGATIVE, OTHER_POSITIVE),
      negativesNegatives: product(8, both, OWN_NEGATIVE, OTHER_NEGATIVE),
    },
  };
}

function pairOf(pair: number, { positives, negatives }: Counts, wins: Wins, sums: Sums): PairSums | null {
  const groups = positives.length - 1;
  const [g, h] = [Math.floor(pair / groups), pair % groups];
  if (g === h) return null;
  const [upper, lower] = [positives[g] as number, negatives[h] as number];
  const square = scaleOf(upper, lower) ** 2;
  const { pairs, own, patients } = sums;
  const { upperProducts, upperSquares, lowerProducts, lowerSquares } = pairs;
  return {
    area: shareOf(wins.pairs[pair] as number, upper, lower),
    upper: {
      count: upper,
      patients: patientsOfKinds(patients, g, OWN_POSITIVE, OWN_POSITIVE),
      product: (upperProducts[pair] as number) / square,
      squares: (upperSquares[pair] as number) / scaleOf(1, lower) ** 2,
    },
    lower: {
      count: lower,
      patients: patientsOfKinds(patients, h, OWN_NEGATIVE, OWN_NEGATIVE),
      product: (lowerProducts[pair] as number) / square,
      squares: (lowerSquares[pair] as number) / scaleOf(1, upper) ** 2,
    },
    mixed: {
      product: (pairs.mixed[pair] as number) / square,
      shared: own.withPositivesNegatives[pair] as number,
    },
  };
}

function sharedOf(pair: number, { positives, negatives }: Counts, { own }: Sums): OwnProducts | null {
  const groups = positives.length - 1;
  const [g, h] = [Math.floor(pair / groups), pair % groups];
  if (g === h) return null;
  const scale =
    scaleOf(positives[g] as number, negatives[g] as number) * scaleOf(positives[h] as number, negatives[h] as number);
  const turned = h * groups + g;
  const of = (products: Float64Array, shared: Float64Array, at: number): Product => ({
    product: (products[at] as number) / scale,
    shared: shared[at] as number,
  });
  return {
    positivesPositives: of(own.positivesPositives, own.withBothPositives, pair),
    positivesNegatives: of(own.positivesNegatives, own.withPositivesNegatives, pair),
    negativesPositives: of(own.positivesNegatives, own.withPositivesNegatives, turned),
    negativesNegatives: of(own.negativesNegatives, own.withBothNegatives, pair),
  };
}
