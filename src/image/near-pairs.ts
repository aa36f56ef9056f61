import { differingBits } from "./perceptual-hash.js";

/**
 * All pairs of hashes that differ in at most `distance` of 64 bits. The bits are cut into distance + 1 bands: two such
 * hashes agree in at least one band throughout (pigeonhole), so that only hashes with a band in common are compared.
 * @param high, low the words of each hash, 32 bits each
 * @param visit is called once per pair, with a < b
 */
export function nearPairs(
  high: Uint32Array,
  low: Uint32Array,
  distance: number,
  visit: (a: number, b: number, distance: number) => void,
): void {
  const bands = Array.from({ length: distance + 1 }, (_, band) => bandValues(high, low, band, distance + 1));
  bands.forEach((values, band) => {
    const order = Uint32Array.from(values.keys()).sort(
      (a, b) => (values[a] as number) - (values[b] as number) || a - b,
    );
    for (let start = 0; start < order.length; ) {
      let end = start + 1;
      while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++;
      for (let i = start; i < end; i++) {
        const a = order[i] as number;
        for (let j = i + 1; j < end; j++) {
          const b = order[j] as number;
          const differing = differingBits(high[a] as number, low[a] as number, high[b] as number, low[b] as number);
          if (differing > distance) continue;
          // A pair that agrees in an earlier band was visited there.
          if (bands.slice(0, band).some((earlier) => earlier[a] === earlier[b])) continue;
          visit(a, b, differing);
        }
      }
      start = end;
    }
  });
}

/** The bits of one of `bands` equal parts of each hash; the parts' lengths differ by at most one. */
function bandValues(high: Uint32Array, low: Uint32Array, band: number, bands: number): Float64Array {
  const [from, to] = [Math.floor((64 * band) / bands), Math.floor((64 * (band + 1)) / bands)];
  const values = new Float64Array(high.length);
  for (let bit = from; bit < to; bit++) {
    const half = bit < 32 ? high : low;
    for (let index = 0; index < values.length; index++) {
      values[index] = 2 * (values[index] as number) + (((half[index] as number) >>> (bit % 32)) & 1);
    }
  }
  return values;
}
