/*
 * How an image goes on beyond its borders. Both rules hold for any distance, also for images smaller than the window.
 */

/** The border's own sample is repeated, … c b a | a b c … (scipy's "reflect", numpy's "symmetric"). */
export function reflected(index: number, length: number): number {
  const within = remainder(index, 2 * length);
  return within < length ? within : 2 * length - 1 - within;
}

/** The border's own sample is not repeated, … c b | a b c … (scipy's "mirror", numpy's "reflect"). */
export function mirrored(index: number, length: number): number {
  if (length === 1) return 0;
  const within = remainder(index, 2 * length - 2);
  return within < length ? within : 2 * length - 2 - within;
}

/** Which sample stands at −before, …, length − 1 + after. */
export function borderIndices(
  length: number,
  before: number,
  after: number,
  rule: (index: number, length: number) => number,
): Int32Array {
  return Int32Array.from({ length: before + length + after }, (_, index) => rule(index - before, length));
}

/** The remainder in [0, period). */
function remainder(index: number, period: number): number {
  const rest = index % period;
  return rest < 0 ? rest + period : rest;
}
