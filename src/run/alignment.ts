import type { SamplesInCommon } from "../core/record.js";
import type { Roster } from "./roster.js";

/** What of a split decides which of its samples are those of another record. */
export interface Samples {
  readonly roster: Pick<Roster, "ids" | "patients" | "labels">;
  /** SHA-256 of each image file; null for tables of scores. */
  readonly digests: readonly string[] | null;
}

export interface Alignment extends SamplesInCommon {
  /** For each sample here, its row there; −1 where there is none. */
  readonly rows: Int32Array;
}

/** What the record has where an image could not be read. */
const NO_IMAGE = /^0+$/;

/**
 * Finds the samples of one record in another, by id. One whose image file differs is another sample, whatever its id; where
 * one of the records has no image of it, the id alone decides. Labels are not looked at for that: a score does not depend on
 * them, and both models are held against those of this record.
 */
export function align(here: Samples, there: Samples): Alignment {
  const rowOf = new Map(there.roster.ids.map((id, row) => [id, row]));
  const rows = new Int32Array(here.roster.ids.length).fill(-1);
  let [common, otherImage, matched] = [0, 0, 0];
  here.roster.ids.forEach((id, row) => {
    const other = rowOf.get(id);
    if (other === undefined) return;
    matched++;
    if (isOtherImage(here.digests?.[row], there.digests?.[other])) otherImage++;
    else {
      rows[row] = other;
      common++;
    }
  });
  return {
    rows,
    common,
    onlyHere: here.roster.ids.length - matched,
    onlyThere: there.roster.ids.length - matched,
    otherImage,
    imagesChecked: here.digests !== null && there.digests !== null,
    relabelled: relabelled(here.roster.labels, there.roster.labels, rows),
    regrouped: regrouped(here.roster.patients, there.roster.patients, rows),
  };
}

function isOtherImage(here: string | undefined, there: string | undefined): boolean {
  if (here === undefined || there === undefined || NO_IMAGE.test(here) || NO_IMAGE.test(there)) return false;
  return here !== there;
}

/** Common samples whose label differs, by class; classes without any are left out. */
function relabelled(
  here: Roster["labels"],
  there: Roster["labels"],
  rows: Int32Array,
): Readonly<Record<string, number>> {
  const counts = Object.entries(here).map(([name, labels]): [string, number] => {
    const others = there[name];
    if (others === undefined) return [name, 0];
    let changed = 0;
    for (let row = 0; row < rows.length; row++) {
      const other = rows[row] as number;
      if (other !== -1 && labels[row] !== others[other]) changed++;
    }
    return [name, changed];
  });
  return Object.fromEntries(counts.filter(([, changed]) => changed > 0));
}

/** Common samples whose patient here has samples of several patients there, or the other way round. */
function regrouped(here: Int32Array, there: Int32Array, rows: Int32Array): number {
  const [thereOf, hereOf] = [new Map<number, number>(), new Map<number, number>()];
  const [splitHere, splitThere] = [new Set<number>(), new Set<number>()];
  for (let row = 0; row < rows.length; row++) {
    const other = rows[row] as number;
    if (other === -1) continue;
    const [own, theirs] = [here[row] as number, there[other] as number];
    if ((thereOf.get(own) ?? theirs) !== theirs) splitHere.add(own);
    if ((hereOf.get(theirs) ?? own) !== own) splitThere.add(theirs);
    thereOf.set(own, theirs);
    hereOf.set(theirs, own);
  }
  let count = 0;
  for (let row = 0; row < rows.length; row++) {
    const other = rows[row] as number;
    if (other !== -1 && (splitHere.has(here[row] as number) || splitThere.has(there[other] as number))) count++;
  }
  return count;
}

/** A column there, by the samples here; NaN where they are not in common. */
export function aligned(column: Float64Array, rows: Int32Array): Float64Array {
  const out = new Float64Array(rows.length);
  for (let row = 0; row < rows.length; row++) {
    const other = rows[row] as number;
    out[row] = other === -1 ? Number.NaN : (column[other] as number);
  }
  return out;
}
