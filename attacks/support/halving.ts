/** How successive halving judges a candidate: by its objective on the first `images` of the calibration images. */
export type Judge<Candidate> = (candidate: Candidate, images: number) => Promise<number>;

export interface Judged<Candidate> {
  readonly candidate: Candidate;
  readonly value: number;
}

/** Images that each round asks about, ascending to all of them; the least that says anything is `fewest`. */
export function rounds(candidates: number, images: number, fewest = 2): number[] {
  const count = Math.max(1, Math.floor(Math.log2(candidates)));
  return Array.from({ length: count }, (_, round) =>
    Math.min(images, Math.max(fewest, Math.ceil(images / 2 ** (count - 1 - round)))),
  );
}

/** Queries of one bracket: every round asks about twice the images of half the candidates. */
export function bracketCost(candidates: number, images: number): number {
  return rounds(candidates, images).reduce((sum, asked, round) => sum + asked * Math.floor(candidates / 2 ** round), 0);
}

/**
 * Successive halving (Jamieson and Talwalkar, AISTATS 2016): all candidates are judged by few images, the better half by
 * twice as many, and so on; the last two by all images. Returns the better of them with its value on all images.
 */
export async function successiveHalving<Candidate>(
  candidates: readonly Candidate[],
  images: number,
  judge: Judge<Candidate>,
): Promise<Judged<Candidate>> {
  let left = candidates;
  let judged: Judged<Candidate>[] = [];
  for (const [round, asked] of rounds(candidates.length, images).entries()) {
    judged = [];
    for (const candidate of left) judged.push({ candidate, value: await judge(candidate, asked) });
    judged.sort((a, b) => a.value - b.value);
    left = judged.slice(0, Math.floor(candidates.length / 2 ** (round + 1))).map(({ candidate }) => candidate);
  }
  const best = judged[0];
  if (best === undefined) throw new Error("there are no candidates");
  return best;
}
