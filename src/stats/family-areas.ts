import type { GroupAreas, PairSums, SideSums } from "./group-areas.js";
import type { Product } from "./influence.js";
import type { Pool } from "./rank-sums.js";

/**
 * The areas of all groups of a family at once, with what their errors and covariances are made of. The groups share no sample.
 *
 * Passing along the scores once gives, for each sample and each group, twice the number of the group's positives and negatives that
 * score below it (ties once). Passing along the samples in patient order, each has its place in every group by one look at
 * neighbours in memory; these are centred, and summed by patient on the way. Places are whole numbers until the end, so that areas
 * are exact, and where all samples of a side rank alike nothing varies.
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

/** Pairs of sides of which products by patient are asked for, the errors within the group and within the rest last. */
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

/** Kinds of samples as bits. */
const [OTHER_NEGATIVE, OTHER_POSITIVE, OWN_NEGATIVE, OWN_POSITIVE] = [1, 2, 4, 8] as const;
const KINDS = 16;

/** Room for the places, which one family after the other is laid out in. */
let room = new Uint32Array(0);

/**
 * @param pool everybody; all samples count alike
 * @param codes the group of each sample, by position; `groups` for samples of none of them
 * @param groups how many there are
 */
export function familyAreas(pool: Pool, codes: Uint16Array, groups: number): FamilyAreas {
  const places = placesOf(pool, codes, groups);
  const counts = countsOf(pool, codes, groups);
  const wins = winsOf(places);
  const sums = sumsOf(pool, codes, places, counts, wins);
  return {
    groups: Array.from({ length: groups }, (_, group) => groupOf(group, counts, wins, sums)),
    pairs: Array.from({ length: groups * groups }, (_, pair) => pairOf(pair, counts, wins, sums)),
    shared: Array.from({ length: groups * groups }, (_, pair) => sharedOf(pair, counts, sums)),
  };
}

/** Twice the number of samples below, ties once. */
interface Places {
  readonly groups: number;
  /** By run of equal scores, negatives and positives of each group, then those of everybody: written one after the other. */
  readonly below: Uint32Array;
  /** Σ of the negatives of h that are below the positives of g, at g · (groups + 1) + h; the last g is nobody's, the last h everybody. */
  readonly negativesBelow: Float64Array;
  /** Σ over a group's positives of everybody's positives below them and of its own; the same of negatives. */
  readonly ofPositives: Float64Array;
  readonly ofNegatives: Float64Array;
}

function placesOf({ data, order, runs, runCount }: Pool, codes: Uint16Array, groups: number): Places {
  const { labels } = data;
  const n = order.length;
  const stride = 2 * (groups + 1);
  const everybody = 2 * groups;
  if (room.length < runCount * stride) room = new Uint32Array(runCount * stride);
  const below = room.subarray(0, runCount * stride);
  const running = new Uint32Array(stride);
  const negativesBelow = new Float64Array((groups + 1) * (groups + 1));
  const ofPositives = new Float64Array(groups);
  const ofNegatives = new Float64Array(groups);
  const count = (from: number, to: number) => {
    for (let rank = from; rank < to; rank++) {
      const position = order[rank] as number;
      const label = labels[position] as number;
      const code = codes[position] as number;
      running[everybody + label] = (running[everybody + label] as number) + 1;
      if (code < groups) running[2 * code + label] = (running[2 * code + label] as number) + 1;
    }
  };
  for (let start = 0; start < n; ) {
    let end = start + 1;
    while (end < n && runs[end] === runs[start]) end++;
    count(start, end);
    const at = stride * (runs[start] as number);
    for (let j = 0; j < stride; j++) below[at + j] = running[j] as number;
    for (let rank = start; rank < end; rank++) {
      const position = order[rank] as number;
      const code = codes[position] as number;
      if (labels[position] === 1) {
        const row = code * (groups + 1);
        for (let h = 0; h <= groups; h++) {
          negativesBelow[row + h] = (negativesBelow[row + h] as number) + (running[2 * h] as number);
        }
        if (code === groups) continue;
        const outside = (running[everybody + 1] as number) - (running[2 * code + 1] as number);
        ofPositives[code] = (ofPositives[code] as number) + outside;
      } else if (code < groups) {
        const outside = (running[everybody] as number) - (running[2 * code] as number);
        ofNegatives[code] = (ofNegatives[code] as number) + outside;
      }
    }
    count(start, end);
    start = end;
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

function sumsOf(pool: Pool, codes: Uint16Array, places: Places, counts: Counts, wins: Wins): Sums {
  const { patients } = pool.data;
  const { groups } = places;
  const square = () => new Float64Array(groups * groups);
  const sums: Sums = {
    squares: new Float64Array(SIDES * groups),
    products: new Float64Array(SIDES * groups),
    mixed: new Float64Array(MIXED.length * groups),
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
  const singles = new Singles(pool, codes, places, counts, centres, sums);
  const repeats = new Repeats(pool, codes, places, counts, centres, sums);
  const n = patients.length;
  for (let start = 0; start < n; ) {
    const patient = patients[start] as number;
    let end = start + 1;
    while (end < n && patients[end] === patient) end++;
    if (end === start + 1) singles.add(start);
    else repeats.add(start, end);
    start = end;
  }
  singles.finish();
  return sums;
}

/** Patients with one sample: what it squares to is what they do. */
class Singles {
  readonly #codes: Uint16Array;
  readonly #labels: Uint8Array;
  readonly #below: Uint32Array;
  readonly #runOf: Uint32Array;
  readonly #groups: number;
  readonly #squares: Float64Array;
  readonly #centres: Centres;
  readonly #twiceP: Float64Array;
  readonly #twiceN: Float64Array;
  readonly #upper: Float64Array;
  readonly #lower: Float64Array;
  /** Samples by group, nobody's last, and label. */
  readonly #counts: Float64Array;
  readonly #sums: Sums;

  constructor(pool: Pool, codes: Uint16Array, places: Places, counts: Counts, centres: Centres, sums: Sums) {
    const { groups } = places;
    this.#codes = codes;
    this.#labels = pool.data.labels;
    this.#below = places.below;
    this.#runOf = pool.runOf;
    this.#groups = groups;
    this.#squares = new Float64Array(SIDES * groups);
    this.#centres = centres;
    this.#twiceP = counts.positives.map((count) => 2 * count);
    this.#twiceN = counts.negatives.map((count) => 2 * count);
    this.#upper = new Float64Array(groups * groups);
    this.#lower = new Float64Array(groups * groups);
    this.#counts = new Float64Array(2 * (groups + 1));
    this.#sums = sums;
  }

  add(position: number): void {
    const groups = this.#groups;
    const [below, centres, squares] = [this.#below, this.#centres.sides, this.#squares];
    const [twiceP, twiceN] = [this.#twiceP, this.#twiceN];
    const code = this.#codes[position] as number;
    const label = this.#labels[position] as number;
    this.#counts[2 * code + label] = (this.#counts[2 * code + label] as number) + 1;
    const at = 2 * (groups + 1) * (this.#runOf[position] as number);
    const allNegatives = below[at + 2 * groups] as number;
    const allPositives = below[at + 2 * groups + 1] as number;
    const twiceAll = twiceP[groups] as number;
    if (label === 1) {
      const [centresOfPairs, ofPairs] = [this.#centres.upper, this.#upper];
      for (let h = 0; h < groups; h++) {
        if (h === code) continue;
        const gn = below[at + 2 * h] as number;
        const gp = below[at + 2 * h + 1] as number;
        const side = SIDES * h;
        const first = allNegatives - gn - (centres[side + REST_U] as number);
        const second = gn - (centres[side + BPSN_U] as number);
        const third = (twiceP[h] as number) - gp - (centres[side + POS_L] as number);
        squares[side + REST_U] = (squares[side + REST_U] as number) + first * first;
        squares[side + BPSN_U] = (squares[side + BPSN_U] as number) + second * second;
        squares[side + POS_L] = (squares[side + POS_L] as number) + third * third;
        if (code === groups) continue;
        const across = gn - (centresOfPairs[code * groups + h] as number);
        ofPairs[code * groups + h] = (ofPairs[code * groups + h] as number) + across * across;
      }
    } else {
      const [centresOfPairs, ofPairs] = [this.#centres.lower, this.#lower];
      for (let h = 0; h < groups; h++) {
        if (h === code) continue;
        const gn = below[at + 2 * h] as number;
        const gp = below[at + 2 * h + 1] as number;
        const side = SIDES * h;
        const ownAbove = (twiceP[h] as number) - gp;
        const first = twiceAll - allPositives - ownAbove - (centres[side + REST_L] as number);
        const second = ownAbove - (centres[side + BNSP_L] as number);
        const third = (twiceN[h] as number) - gn - (centres[side + NEG_L] as number);
        squares[side + REST_L] = (squares[side + REST_L] as number) + first * first;
        squares[side + BNSP_L] = (squares[side + BNSP_L] as number) + second * second;
        squares[side + NEG_L] = (squares[side + NEG_L] as number) + third * third;
        if (code === groups) continue;
        const across = ownAbove - (centresOfPairs[h * groups + code] as number);
        ofPairs[h * groups + code] = (ofPairs[h * groups + code] as number) + across * across;
      }
    }
    if (code === groups) return;
    const gn = below[at + 2 * code] as number;
    const gp = below[at + 2 * code + 1] as number;
    const side = SIDES * code + (label === 1 ? BNSP_U : BPSN_L);
    const ownAbove = (twiceP[code] as number) - gp;
    const first = label === 1 ? allNegatives - gn : twiceAll - allPositives - ownAbove;
    const second = label === 1 ? allPositives - gp : allNegatives - gn;
    const third = label === 1 ? gn : ownAbove;
    const a = first - (centres[side] as number);
    const b = second - (centres[side + 1] as number);
    const c = third - (centres[side + 2] as number);
    squares[side] = (squares[side] as number) + a * a;
    squares[side + 1] = (squares[side + 1] as number) + b * b;
    squares[side + 2] = (squares[side + 2] as number) + c * c;
  }

  finish(): void {
    const groups = this.#groups;
    const { squares, products, pairs, patients } = this.#sums;
    addTo(squares, this.#squares);
    addTo(products, this.#squares);
    addTo(pairs.upperSquares, this.#upper);
    addTo(pairs.upperProducts, this.#upper);
    addTo(pairs.lowerSquares, this.#lower);
    addTo(pairs.lowerProducts, this.#lower);
    for (let h = 0; h < groups; h++) {
      for (let code = 0; code <= groups; code++) {
        const [negative, positive] = code === h ? [OWN_NEGATIVE, OWN_POSITIVE] : [OTHER_NEGATIVE, OTHER_POSITIVE];
        const at = KINDS * h;
        patients[at + negative] = (patients[at + negative] as number) + (this.#counts[2 * code] as number);
        patients[at + positive] = (patients[at + positive] as number) + (this.#counts[2 * code + 1] as number);
      }
    }
  }
}

function addTo(sums: Float64Array, more: Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (more[i] as number);
}

/** Patients with several samples, which are summed before they are squared. */
class Repeats {
  readonly #codes: Uint16Array;
  readonly #labels: Uint8Array;
  readonly #below: Uint32Array;
  readonly #runOf: Uint32Array;
  readonly #groups: number;
  readonly #centres: Centres;
  readonly #twiceP: Float64Array;
  readonly #twiceN: Float64Array;
  readonly #sums: Sums;
  /** Of the patient at hand: totals by side; of its groups with positives, and with negatives, the totals against every other. */
  readonly #current = new Float64Array(SIDES);
  readonly #upper: Float64Array;
  readonly #lower: Float64Array;
  readonly #withPositives: Uint16Array;
  readonly #withNegatives: Uint16Array;
  /** By group: the patient that it was last seen with, and whether with positives, negatives. */
  readonly #seen: Uint8Array;

  constructor(pool: Pool, codes: Uint16Array, places: Places, counts: Counts, centres: Centres, sums: Sums) {
    const { groups } = places;
    this.#codes = codes;
    this.#labels = pool.data.labels;
    this.#below = places.below;
    this.#runOf = pool.runOf;
    this.#groups = groups;
    this.#centres = centres;
    this.#twiceP = counts.positives.map((count) => 2 * count);
    this.#twiceN = counts.negatives.map((count) => 2 * count);
    this.#sums = sums;
    this.#upper = new Float64Array(groups * groups);
    this.#lower = new Float64Array(groups * groups);
    this.#withPositives = new Uint16Array(groups);
    this.#withNegatives = new Uint16Array(groups);
    this.#seen = new Uint8Array(groups);
  }

  add(start: number, end: number): void {
    for (let h = 0; h < this.#groups; h++) this.#addAgainst(h, start, end);
    this.#addPairs(start, end);
  }

  /** Seen from one group. */
  #addAgainst(h: number, start: number, end: number): void {
    const groups = this.#groups;
    const [below, codes, labels, current] = [this.#below, this.#codes, this.#labels, this.#current];
    const centres = this.#centres.sides;
    const { squares, products, mixed, patients } = this.#sums;
    const twiceAll = this.#twiceP[groups] as number;
    const [twiceP, twiceN] = [this.#twiceP[h] as number, this.#twiceN[h] as number];
    const stride = 2 * (groups + 1);
    const side = SIDES * h;
    let kinds = 0;
    for (let i = start; i < end; i++) {
      const at = stride * (this.#runOf[i] as number);
      const gn = below[at + 2 * h] as number;
      const ownAbove = twiceP - (below[at + 2 * h + 1] as number);
      const rn = (below[at + 2 * groups] as number) - gn;
      const restAbove = twiceAll - (below[at + 2 * groups + 1] as number) - ownAbove;
      let first = rn;
      let second = gn;
      let third = ownAbove;
      let from: number = REST_U;
      if (codes[i] !== h) {
        if (labels[i] === 1) {
          kinds |= OTHER_POSITIVE;
        } else {
          first = restAbove;
          second = ownAbove;
          third = twiceN - gn;
          from = REST_L;
          kinds |= OTHER_NEGATIVE;
        }
      } else if (labels[i] === 1) {
        second = (below[at + 2 * groups + 1] as number) - (below[at + 2 * h + 1] as number);
        third = gn;
        from = BNSP_U;
        kinds |= OWN_POSITIVE;
      } else {
        first = restAbove;
        second = rn;
        from = BPSN_L;
        kinds |= OWN_NEGATIVE;
      }
      first -= centres[side + from] as number;
      second -= centres[side + from + 1] as number;
      third -= centres[side + from + 2] as number;
      squares[side + from] = (squares[side + from] as number) + first * first;
      squares[side + from + 1] = (squares[side + from + 1] as number) + second * second;
      squares[side + from + 2] = (squares[side + from + 2] as number) + third * third;
      current[from] = (current[from] as number) + first;
      current[from + 1] = (current[from + 1] as number) + second;
      current[from + 2] = (current[from + 2] as number) + third;
    }
    patients[KINDS * h + kinds] = (patients[KINDS * h + kinds] as number) + 1;
    if ((kinds & (kinds - 1)) !== 0) {
      // Sides without a sample of this patient have a total of 0.
      for (let pair = 0; pair < MIXED.length; pair++) {
        const [a, b] = MIXED[pair] as readonly [number, number];
        const to = MIXED.length * h + pair;
        mixed[to] = (mixed[to] as number) + (current[a] as number) * (current[b] as number);
      }
    }
    for (let one = 0; one < SIDES; one++) {
      const total = current[one] as number;
      if (total === 0) continue;
      products[side + one] = (products[side + one] as number) + total * total;
      current[one] = 0;
    }
  }

  /** Group against group, and the groups' own areas with one another. */
  #addPairs(start: number, end: number): void {
    const groups = this.#groups;
    const [below, upper, lower, seen] = [this.#below, this.#upper, this.#lower, this.#seen];
    const { pairs } = this.#sums;
    const stride = 2 * (groups + 1);
    let [ofPositives, ofNegatives] = [0, 0];
    for (let i = start; i < end; i++) {
      const code = this.#codes[i] as number;
      if (code === groups) continue;
      const at = stride * (this.#runOf[i] as number);
      const row = code * groups;
      if (this.#labels[i] === 1) {
        if (((seen[code] as number) & 1) === 0) {
          this.#withPositives[ofPositives++] = code;
          seen[code] = (seen[code] as number) | 1;
          upper.fill(0, row, row + groups);
        }
        for (let h = 0; h < groups; h++) {
          const across = (below[at + 2 * h] as number) - (this.#centres.upper[row + h] as number);
          pairs.upperSquares[row + h] = (pairs.upperSquares[row + h] as number) + across * across;
          upper[row + h] = (upper[row + h] as number) + across;
        }
      } else {
        if (((seen[code] as number) & 2) === 0) {
          this.#withNegatives[ofNegatives++] = code;
          seen[code] = (seen[code] as number) | 2;
          lower.fill(0, row, row + groups);
        }
        for (let h = 0; h < groups; h++) {
          const pair = h * groups + code;
          const above = (this.#twiceP[h] as number) - (below[at + 2 * h + 1] as number);
          const across = above - (this.#centres.lower[pair] as number);
          pairs.lowerSquares[pair] = (pairs.lowerSquares[pair] as number) + across * across;
          lower[row + h] = (lower[row + h] as number) + across;
        }
      }
    }
    for (let place = 0; place < ofPositives; place++) {
      const row = (this.#withPositives[place] as number) * groups;
      for (let h = 0; h < groups; h++) {
        const total = upper[row + h] as number;
        pairs.upperProducts[row + h] = (pairs.upperProducts[row + h] as number) + total * total;
      }
    }
    for (let place = 0; place < ofNegatives; place++) {
      const code = this.#withNegatives[place] as number;
      for (let h = 0; h < groups; h++) {
        const total = lower[code * groups + h] as number;
        const pair = h * groups + code;
        pairs.lowerProducts[pair] = (pairs.lowerProducts[pair] as number) + total * total;
      }
    }
    if (ofPositives + ofNegatives > 1) this.#addAcross(ofPositives, ofNegatives);
    for (let place = 0; place < ofPositives; place++) seen[this.#withPositives[place] as number] = 0;
    for (let place = 0; place < ofNegatives; place++) seen[this.#withNegatives[place] as number] = 0;
  }

  #addAcross(ofPositives: number, ofNegatives: number): void {
    const groups = this.#groups;
    const [upper, lower] = [this.#upper, this.#lower];
    const { own, pairs } = this.#sums;
    const ownUpper = (g: number) => upper[g * groups + g] as number;
    const ownLower = (g: number) => lower[g * groups + g] as number;
    const add = (to: Float64Array, pair: number, value: number) => {
      to[pair] = (to[pair] as number) + value;
    };
    for (let i = 0; i < ofPositives; i++) {
      const g = this.#withPositives[i] as number;
      for (let j = 0; j < ofPositives; j++) {
        const h = this.#withPositives[j] as number;
        if (h === g) continue;
        add(own.positivesPositives, g * groups + h, ownUpper(g) * ownUpper(h));
        add(own.withBothPositives, g * groups + h, 1);
      }
      for (let j = 0; j < ofNegatives; j++) {
        const h = this.#withNegatives[j] as number;
        const pair = g * groups + h;
        add(pairs.mixed, pair, (upper[pair] as number) * (lower[h * groups + g] as number));
        add(own.positivesNegatives, pair, ownUpper(g) * ownLower(h));
        add(own.withPositivesNegatives, pair, 1);
      }
    }
    for (let i = 0; i < ofNegatives; i++) {
      const g = this.#withNegatives[i] as number;
      for (let j = 0; j < ofNegatives; j++) {
        const h = this.#withNegatives[j] as number;
        if (h === g) continue;
        add(own.negativesNegatives, g * groups + h, ownLower(g) * ownLower(h));
        add(own.withBothNegatives, g * groups + h, 1);
      }
    }
  }
}

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
    product: (sums.mixed[MIXED.length * group + pair] as number) / scale,
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
