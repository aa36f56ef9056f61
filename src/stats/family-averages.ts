import { type AucEstimate, areaOfPair } from "./auc.js";
import { type AverageCounts, averageAreaLimits, averageAreaMethod, type HeldTerm, heldOf } from "./averages.js";
import { type Estimate, type Result, rootOf } from "./estimate.js";
import { deferredPart, finiteFactor } from "./influence.js";

/**
 * Means over classes of one-versus-rest areas, for all groups of a family that share no sample: two passes along each class serve
 * all groups. The numbers are those of `macroAuc` and `prevalenceWeightedAuc` of each group, but for rounding. All samples count alike.
 */
export interface FamilyAverages {
  /** By class: its area in the group, or why there is none. */
  readonly areas: readonly Result<AucEstimate>[];
  /** null where no class has an area. */
  macro(counts: AverageCounts): Estimate | null;
  weighted(counts: AverageCounts): Estimate | null;
}

/** One class's samples by ascending score: twice the position, with 1 where a run of equal scores begins. */
export interface RankedClass {
  readonly codes: Uint32Array;
  /** By position: 1, 0, or -1 for samples that are not among them. */
  readonly labels: Int8Array;
}

/**
 * @param order the positions that have a label and a score, by ascending score
 * @param labels by position
 */
export function rankedClass(order: Uint32Array, labels: Int8Array, scores: Float64Array): RankedClass {
  const codes = new Uint32Array(order.length);
  const among = order.length === labels.length ? labels : new Int8Array(labels.length).fill(-1);
  let last = Number.NaN;
  for (let rank = 0; rank < order.length; rank++) {
    const position = order[rank] as number;
    const score = scores[position] as number;
    codes[rank] = 2 * position + (score === last ? 0 : 1);
    last = score;
    among[position] = labels[position] as number;
  }
  return { codes, labels: among };
}

/** Room for a number a sample, which one family after the other is laid out in. */
const room = {
  kinds: new Uint16Array(0),
  places: new Uint32Array(0),
  macro: new Float64Array(0),
  weighted: new Float64Array(0),
};

function roomFor(count: number) {
  if (room.kinds.length < count) {
    room.kinds = new Uint16Array(count);
    room.places = new Uint32Array(count);
    room.macro = new Float64Array(count);
    room.weighted = new Float64Array(count);
  }
  return {
    kinds: room.kinds.subarray(0, count),
    places: room.places.subarray(0, count),
    macro: room.macro.subarray(0, count).fill(0),
    weighted: room.weighted.subarray(0, count).fill(0),
  };
}

/** Of one class, at 2 · group + label. */
interface Counts {
  readonly samples: Float64Array;
  readonly patients: Float64Array;
}

/**
 * @param group the group of each sample, by position; `groups` for samples of none
 * @param patients patient codes by position, ascending
 */
export function familyAverages(
  classes: readonly RankedClass[],
  group: Uint16Array,
  groups: number,
  patients: Int32Array,
  clustered: boolean,
): FamilyAverages[] {
  const n = group.length;
  const { kinds, macro, places, weighted } = roomFor(n);
  const counts = classes.map(({ labels }) => countsOf(labels, group, groups, patients));
  const isDefined = ({ patients: of }: Counts, g: number) =>
    [0, 1].every((label) => (of[2 * g + label] as number) >= 2);
  const range = Array.from({ length: groups }, (_, g) => g);
  const defined = range.map((g) => counts.reduce((sum, one) => sum + (isDefined(one, g) ? 1 : 0), 0));
  const positives = range.map((g) =>
    counts.reduce((sum, one) => sum + (isDefined(one, g) ? (one.samples[2 * g + 1] as number) : 0), 0),
  );
  const weightOf = (one: Counts, g: number) => (one.samples[2 * g + 1] as number) / (positives[g] as number);
  const areas = classes.map((ranked, c) => {
    const own = counts[c] as Counts;
    for (let i = 0; i < n; i++) {
      const label = ranked.labels[i] as number;
      kinds[i] = label === -1 ? 2 * groups : 2 * (group[i] as number) + label;
    }
    const twiceWins = placesInto(places, ranked.codes, kinds, own, groups);
    const factors = { macro: new Float64Array(2 * groups + 2), weighted: new Float64Array(2 * groups + 2) };
    for (const g of range) {
      if (!isDefined(own, g)) continue;
      for (let at = 2 * g; at < 2 * g + 2; at++) {
        const factor = finiteFactor(own.patients[at] as number) / (own.samples[at] as number);
        factors.macro[at] = factor / (defined[g] as number);
        factors.weighted[at] = factor * weightOf(own, g);
      }
    }
    return areasOf({ own, twiceWins, kinds, places, patients, groups, clustered }, (i, kind, centred) => {
      macro[i] = (macro[i] as number) + (factors.macro[kind] as number) * centred;
      weighted[i] = (weighted[i] as number) + (factors.weighted[kind] as number) * centred;
    });
  });
  const ofGroup = range.map((g) => areas.map((byGroup) => byGroup[g] as Result<AucEstimate>));
  const values = ofGroup.map((ofClasses, g) =>
    ofClasses.reduce(
      (sum, area, c) => (area.status === "estimated" ? sum + weightOf(counts[c] as Counts, g) * area.value : sum),
      0,
    ),
  );
  addWeights(classes, ofGroup, { group, groups, patients, positives, values }, weighted);
  const squares = {
    macro: squaresOf(macro, group, groups, patients),
    weighted: squaresOf(weighted, group, groups, patients),
  };
  return range.map((g): FamilyAverages => {
    const found = ofGroup[g] as readonly Result<AucEstimate>[];
    const average = (variance: number, weights: readonly number[]) => (sizes: AverageCounts) =>
      averageOf(found, weights, variance, sizes, clustered);
    return {
      areas: found,
      macro: average(
        squares.macro[g] as number,
        classes.map(() => 1 / (defined[g] as number)),
      ),
      weighted: average(
        squares.weighted[g] as number,
        counts.map((one) => weightOf(one, g)),
      ),
    };
  });
}

function countsOf(labels: Int8Array, group: Uint16Array, groups: number, patients: Int32Array): Counts {
  const samples = new Float64Array(2 * groups + 2);
  const distinct = new Float64Array(2 * groups + 2);
  const last = new Int32Array(2 * groups + 2).fill(-1);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    if (label === -1) continue;
    const at = 2 * (group[i] as number) + label;
    const patient = patients[i] as number;
    samples[at] = (samples[at] as number) + 1;
    if (last[at] === patient) continue;
    last[at] = patient;
    distinct[at] = (distinct[at] as number) + 1;
  }
  return { samples, patients: distinct };
}

/**
 * Writes by position twice the group's negatives below a positive, or its positives above a negative; ties once. Returns twice the wins
 * by group.
 */
function placesInto(
  places: Uint32Array,
  codes: Uint32Array,
  kinds: Uint16Array,
  { samples }: Counts,
  groups: number,
): Float64Array {
  const twiceWins = new Float64Array(groups + 1);
  const below = new Uint32Array(2 * groups + 2);
  const twice = samples.map((count) => 2 * count);
  for (let start = 0; start < codes.length; ) {
    let end = start + 1;
    while (end < codes.length && ((codes[end] as number) & 1) === 0) end++;
    for (let rank = start; rank < end; rank++) {
      const kind = kinds[(codes[rank] as number) >>> 1] as number;
      below[kind] = (below[kind] as number) + 1;
    }
    for (let rank = start; rank < end; rank++) {
      const position = (codes[rank] as number) >>> 1;
      const kind = kinds[position] as number;
      if ((kind & 1) === 1) {
        const wins = below[kind - 1] as number;
        places[position] = wins;
        twiceWins[kind >>> 1] = (twiceWins[kind >>> 1] as number) + wins;
      } else {
        places[position] = (twice[kind + 1] as number) - (below[kind + 1] as number);
      }
    }
    for (let rank = start; rank < end; rank++) {
      const kind = kinds[(codes[rank] as number) >>> 1] as number;
      below[kind] = (below[kind] as number) + 1;
    }
    start = end;
  }
  return twiceWins;
}

interface Placed {
  readonly own: Counts;
  readonly twiceWins: Float64Array;
  /** By position: 2 · group + label; 2 · groups or more for samples of none. */
  readonly kinds: Uint16Array;
  readonly places: Uint32Array;
  readonly patients: Int32Array;
  readonly groups: number;
  readonly clustered: boolean;
}

/** The areas by group. Tells every centred placement on the way. */
function areasOf(
  { own, twiceWins, kinds, places, patients, groups, clustered }: Placed,
  tell: (position: number, kind: number, centred: number) => void,
): Result<AucEstimate>[] {
  const n = kinds.length;
  const { samples } = own;
  const none = 2 * groups;
  const area = new Float64Array(groups);
  const scale = new Float64Array(none); // twice the samples with the other label
  for (let g = 0; g < groups; g++) {
    const [negatives, positives] = [samples[2 * g] as number, samples[2 * g + 1] as number];
    area[g] = Math.min(1, (twiceWins[g] as number) / (2 * positives * negatives || 1));
    scale[2 * g] = 2 * positives || 1;
    scale[2 * g + 1] = 2 * negatives || 1;
  }
  const [squares, products, totals] = [new Float64Array(none), new Float64Array(none), new Float64Array(none)];
  const seen = new Uint8Array(none);
  const [mixed, shared] = [new Float64Array(groups), new Float64Array(groups)];
  for (let start = 0; start < n; ) {
    const patient = patients[start] as number;
    let end = start;
    do {
      const kind = kinds[end] as number;
      if (kind < none) {
        const centred = (places[end] as number) / (scale[kind] as number) - (area[kind >>> 1] as number);
        squares[kind] = (squares[kind] as number) + centred * centred;
        totals[kind] = (totals[kind] as number) + centred;
        seen[kind] = 1;
        tell(end, kind, centred);
      }
      end++;
    } while (end < n && patients[end] === patient);
    for (; start < end; start++) {
      const kind = kinds[start] as number;
      if (kind >= none || seen[kind] === 0) continue; // done with
      const other = kind ^ 1;
      const [total, opposed] = [totals[kind] as number, totals[other] as number];
      products[kind] = (products[kind] as number) + total * total;
      if (seen[other] === 1) {
        products[other] = (products[other] as number) + opposed * opposed;
        mixed[kind >>> 1] = (mixed[kind >>> 1] as number) + total * opposed;
        shared[kind >>> 1] = (shared[kind >>> 1] as number) + 1;
      }
      totals[kind] = 0;
      totals[other] = 0;
      seen[kind] = 0;
      seen[other] = 0;
    }
  }
  const side = (kind: number) => {
    const count = samples[kind] as number;
    return {
      count,
      patients: own.patients[kind] as number,
      product: (products[kind] as number) / (count * count || 1),
      squares: squares[kind] as number,
    };
  };
  return Array.from({ length: groups }, (_, g) => {
    const [lower, upper] = [side(2 * g), side(2 * g + 1)];
    const product = (mixed[g] as number) / (lower.count * upper.count || 1);
    const sums = { area: area[g] as number, upper, lower, mixed: { product, shared: shared[g] as number } };
    return areaOfPair(sums, clustered, notCompared);
  });
}

function notCompared(): never {
  throw new Error("an average of areas is not compared with others");
}

interface Averaged {
  readonly group: Uint16Array;
  readonly groups: number;
  readonly patients: Int32Array;
  /** By group: positives of the classes that have an area, and their average weighted by these. */
  readonly positives: readonly number[];
  readonly values: readonly number[];
}

/** How many positives a class has is estimated, too: each moves the average by (AUC of its class − average) / positives of all. */
function addWeights(
  classes: readonly RankedClass[],
  areas: readonly (readonly Result<AucEstimate>[])[],
  { group, groups, patients, positives, values }: Averaged,
  weighted: Float64Array,
): void {
  const shifts = classes.map((_, c) => {
    const shift = new Float64Array(groups + 1);
    areas.forEach((ofClasses, g) => {
      const area = ofClasses[c];
      if (area?.status === "estimated") shift[g] = (area.value - (values[g] as number)) / (positives[g] as number);
    });
    return shift;
  });
  const isDefined = classes.map((_, c) => {
    const is = new Uint8Array(groups + 1);
    areas.forEach((ofClasses, g) => {
      is[g] = ofClasses[c]?.status === "estimated" ? 1 : 0;
    });
    return is;
  });
  const moved = new Float64Array(group.length);
  const has = new Uint8Array(group.length);
  classes.forEach(({ labels }, c) => {
    const [shift, is] = [shifts[c] as Float64Array, isDefined[c] as Uint8Array];
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] !== 1) continue;
      const g = group[i] as number;
      moved[i] = (moved[i] as number) + (shift[g] as number);
      has[i] = (has[i] as number) | (is[g] as number);
    }
  });
  const withPositives = new Float64Array(groups + 1);
  const last = new Int32Array(groups + 1).fill(-1);
  for (let i = 0; i < has.length; i++) {
    const g = group[i] as number;
    if (has[i] === 0 || last[g] === patients[i]) continue;
    last[g] = patients[i] as number;
    withPositives[g] = (withPositives[g] as number) + 1;
  }
  const factors = withPositives.map(finiteFactor);
  for (let i = 0; i < has.length; i++) {
    if (has[i] === 1)
      weighted[i] = (weighted[i] as number) + (factors[group[i] as number] as number) * (moved[i] as number);
  }
}

/** By group: Σ over patients of the square of their summed contributions. */
function squaresOf(
  contributions: Float64Array,
  group: Uint16Array,
  groups: number,
  patients: Int32Array,
): Float64Array {
  const squares = new Float64Array(groups + 1);
  const totals = new Float64Array(groups + 1);
  const n = group.length;
  for (let start = 0; start < n; ) {
    const patient = patients[start] as number;
    let end = start;
    do {
      const g = group[end] as number;
      totals[g] = (totals[g] as number) + (contributions[end] as number);
      end++;
    } while (end < n && patients[end] === patient);
    for (; start < end; start++) {
      const g = group[start] as number;
      const total = totals[g] as number;
      squares[g] = (squares[g] as number) + total * total; // 0 once the group is done with
      totals[g] = 0;
    }
  }
  return squares;
}

/** @param variance with the finite-sample factors of all parts in it, as of `mergedPart` */
function averageOf(
  areas: readonly Result<AucEstimate>[],
  weights: readonly number[],
  variance: number,
  counts: AverageCounts,
  clustered: boolean,
): Estimate | null {
  const rigid: HeldTerm[] = [];
  let [value, used] = [0, 0];
  areas.forEach((area, c) => {
    if (area.status !== "estimated") return;
    const weight = weights[c] as number;
    used++;
    value += weight * area.value;
    if (area.standardError === 0) rigid.push(heldOf({ weight, estimate: area }));
  });
  if (used === 0) return null;
  const { patients } = counts;
  const standardError = rootOf(variance, variance);
  return {
    status: "estimated",
    value,
    error: [deferredPart(patients, (variance * (patients - 1)) / patients, notCompared)],
    standardError,
    symmetric: false,
    limits: averageAreaLimits(value, standardError, rigid),
    range: [0, 1],
    method: averageAreaMethod(clustered, rigid.length > 0),
    ...counts,
  };
}
