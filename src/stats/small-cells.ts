/**
 * Which groups must be hidden so that no count of a few patients is told, neither at sight nor by subtraction.
 *
 * Counts add up: the groups of a subgrouping to the whole, the cells of a crossing to the groups they cross. A hidden
 * count can therefore be computed from shown ones (complementary, or secondary, disclosure: L. H. Cox, Suppression
 * methodology and statistical disclosure control, JASA 75 (1980) 377–385). Groups are hidden, smallest first, until
 * no linear combination of shown counts gives a hidden one, and none of those looked at gives the sum of several hidden
 * ones that is itself small. The choice is greedy: what is hidden suffices, but is not always the least that would do.
 */

/** One division of the samples: `codes[sample]` + `first` is the index of the sample's group among all groups. */
export interface Partition {
  readonly first: number;
  readonly size: number;
  readonly codes: Int32Array;
}

/** One row: Σ coefficient[group] × count[group] = 0 for every count that adds up over samples. */
export type Relation = Float64Array<ArrayBuffer>;

/**
 * A count by group that must not be told where it is small. Findings may rest on fewer samples than the group has,
 * where some have no score: their counts lie between `least` and `most`.
 */
export interface ProtectedCount {
  readonly least: Float64Array;
  readonly most: Float64Array;
}

const ZERO = 1e-9;

/**
 * All relations that hold between the groups of any two divisions: where two unions of groups hold the same samples, their
 * counts are equal. For divisions by attributes and their crossings these generate every linear relation there is.
 * What is related is read off the samples, as if an attacker knew which combinations of attributes occur.
 * @param partitions the first one has the whole set as its only group
 * @param groups how many groups there are in all
 */
export function relationsAmong(partitions: readonly Partition[], groups: number): Relation[] {
  const signatures = distinctSignatures(partitions);
  return partitions.flatMap((_, i) =>
    partitions.slice(i + 1).flatMap((_, place) => {
      const rows = relationsOf(partitions, i, i + 1 + place, signatures, groups);
      // Two divisions that have nothing but the whole in common: the relations with the whole say it already.
      return rows.length === 1 && i > 0 ? [] : rows;
    }),
  );
}

/** The relations of two divisions: one for each set of groups that are linked by common samples. */
function relationsOf(
  partitions: readonly Partition[],
  i: number,
  j: number,
  signatures: readonly Int32Array[],
  groups: number,
): Relation[] {
  const groupOf = (signature: Int32Array, partition: number): number =>
    (partitions[partition]?.first ?? 0) + (signature[partition] as number);
  const linked = new Components(groups);
  for (const signature of signatures) linked.join(groupOf(signature, i), groupOf(signature, j));
  const rows = new Map<number, Relation>();
  for (const signature of signatures) {
    const root = linked.rootOf(groupOf(signature, i));
    const row = rows.get(root) ?? new Float64Array(groups);
    row[groupOf(signature, i)] = 1;
    row[groupOf(signature, j)] = -1;
    rows.set(root, row);
  }
  return [...rows.values()];
}

/** The combinations of groups that occur, one code per partition. */
function distinctSignatures(partitions: readonly Partition[]): Int32Array[] {
  const samples = partitions[0]?.codes.length ?? 0;
  let codes = new Int32Array(samples);
  let signatures: Int32Array[] = samples === 0 ? [] : [new Int32Array(0)];
  for (const partition of partitions) {
    const next = new Map<number, number>();
    const extended: Int32Array[] = [];
    const joined = new Int32Array(samples);
    for (let sample = 0; sample < samples; sample++) {
      const key = (codes[sample] as number) * partition.size + (partition.codes[sample] as number);
      let code = next.get(key);
      if (code === undefined) {
        code = extended.length;
        next.set(key, code);
        extended.push(Int32Array.of(...(signatures[codes[sample] as number] ?? []), partition.codes[sample] as number));
      }
      joined[sample] = code;
    }
    codes = joined;
    signatures = extended;
  }
  return signatures;
}

/** Which groups are linked by common samples (union–find with path halving). */
class Components {
  readonly #parents: Int32Array;

  constructor(size: number) {
    this.#parents = Int32Array.from({ length: size }, (_, index) => index);
  }

  rootOf(group: number): number {
    let at = group;
    while (this.#parents[at] !== at) {
      this.#parents[at] = this.#parents[this.#parents[at] as number] as number;
      at = this.#parents[at] as number;
    }
    return at;
  }

  join(a: number, b: number): void {
    const [first, second] = [this.rootOf(a), this.rootOf(b)];
    this.#parents[Math.max(first, second)] = Math.min(first, second);
  }
}

export interface Protection {
  readonly relations: readonly Relation[];
  /** 1 for groups that are shown whatever happens: the whole set, and groups that are the whole set. */
  readonly fixed: Uint8Array;
  readonly counts: readonly ProtectedCount[];
  /** Groups that are hidden already, for whatever reason; 1 or 0. */
  readonly hidden: Uint8Array;
  readonly minimum: number;
}

/**
 * The groups to hide, as 1 and 0: those whose count is at least 1 and below the minimum, and those without which they
 * could be computed back. Where even hiding every group of a division does not reach the minimum (the whole set is
 * small itself), all of them are hidden, empty ones too.
 */
export function smallCells(protection: Protection): Uint8Array {
  const { counts, fixed, minimum, relations } = protection;
  const hidden = Uint8Array.from(protection.hidden, (already, group) =>
    fixed[group] !== 1 && (already === 1 || counts.some((count) => isSmall(count, group, minimum))) ? 1 : 0,
  );
  while (hidden.includes(1)) {
    const before = hidden.reduce((sum, one) => sum + one, 0);
    for (const row of reducedOn(hidden, relations)) hideMore(row, hidden, protection);
    if (hidden.reduce((sum, one) => sum + one, 0) === before) break;
  }
  return hidden;
}

function isSmall({ least, most }: ProtectedCount, group: number, minimum: number): boolean {
  return (most[group] as number) >= 1 && (least[group] as number) < minimum;
}

/** Hides one more group of a relation whose shown counts tell too much of its hidden ones. */
function hideMore(row: Relation, hidden: Uint8Array, { counts, fixed, minimum }: Protection): void {
  const terms = [...row.keys()].filter((group) => Math.abs(row[group] as number) > ZERO);
  const secret = terms.filter((group) => hidden[group] === 1);
  // A sum and a difference tell differently: what is told of a difference bounds none of its parts.
  if (!sameSign(secret.map((group) => row[group] as number))) return;
  const told = counts.find((count) => {
    const [least, most] = [total(secret, count.least), total(secret, count.most)];
    return most >= 1 && (secret.length === 1 || least < minimum);
  });
  if (told === undefined) return;
  const shown = terms.filter((group) => hidden[group] === 0 && fixed[group] === 0);
  const smallest = shown
    .filter((group) => (told.least[group] as number) > 0)
    .sort((a, b) => (told.least[a] as number) - (told.least[b] as number) || a - b)[0];
  for (const group of smallest === undefined ? shown : [smallest]) hidden[group] = 1;
}

function sameSign(values: readonly number[]): boolean {
  return values.every((value) => value > 0) || values.every((value) => value < 0);
}

function total(groups: readonly number[], counts: Float64Array): number {
  return groups.reduce((sum, group) => sum + (counts[group] as number), 0);
}

/**
 * The relations, reduced (Gauss and Jordan) on the hidden groups' columns: a hidden count follows from shown ones if
 * and only if one row has that group as its only hidden term. Rows without a hidden term are left out.
 */
function reducedOn(hidden: Uint8Array, relations: readonly Relation[]): Relation[] {
  const columns = [...hidden.keys()].filter((group) => hidden[group] === 1);
  const rows = relations.filter((row) => columns.some((group) => row[group] !== 0)).map((row) => row.slice());
  let rank = 0;
  for (const column of columns) {
    const pivot = largest(rows, rank, column);
    if (pivot === -1) continue;
    const row = rows[pivot] as Relation;
    rows[pivot] = rows[rank] as Relation;
    rows[rank] = row;
    const scale = row[column] as number;
    for (let group = 0; group < row.length; group++) row[group] = (row[group] as number) / scale;
    rows.forEach((other, index) => {
      const factor = other[column] as number;
      if (index === rank || Math.abs(factor) <= ZERO) return;
      for (let group = 0; group < row.length; group++) {
        const value = (other[group] as number) - factor * (row[group] as number);
        other[group] = Math.abs(value) <= ZERO ? 0 : value;
      }
    });
    rank++;
  }
  return rows.slice(0, rank);
}

/** The row at or after `from` with the largest entry of a column; -1 where all are 0. */
function largest(rows: readonly Relation[], from: number, column: number): number {
  let best = -1;
  for (let index = from; index < rows.length; index++) {
    const value = Math.abs(rows[index]?.[column] ?? 0);
    if (value > ZERO && (best === -1 || value > Math.abs(rows[best]?.[column] ?? 0))) best = index;
  }
  return best;
}
