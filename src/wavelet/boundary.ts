/**
 * How a signal goes on beyond its ends, named as in PyWavelets. For x = a b c d, to the left and to the right:
 *
 *   zero             0 0 | a b c d | 0 0            periodic         c d | a b c d | a b
 *   constant         a a | a b c d | d d            smooth           straight lines through the last two samples
 *   symmetric        b a | a b c d | d c            antisymmetric    −b −a | a b c d | −d −c
 *   reflect          c b | a b c d | c b            antireflect      2a−c 2a−b | a b c d | 2d−c 2d−b
 *   periodization    as periodic, but a signal of odd length is first lengthened by its last sample, and the
 *                    coefficients are no more than needed: ⌈n/2⌉ a band. Orthogonal where the filters and n allow it.
 */
export const BOUNDARY_MODES = [
  "periodization",
  "zero",
  "constant",
  "symmetric",
  "reflect",
  "periodic",
  "smooth",
  "antisymmetric",
  "antireflect",
] as const;

export type BoundaryMode = (typeof BOUNDARY_MODES)[number];

/** A sum of samples: pairs of the sample's index and its weight. Every boundary rule is linear in the samples. */
export type SampleSum = readonly (readonly [index: number, weight: number])[];

/** The value at any position, inside or beyond the ends, of a signal of `length` samples. */
export function extended(mode: BoundaryMode, length: number, position: number): SampleSum {
  const last = length - 1;
  if (position >= 0 && position <= last) return [[position, 1]];
  const edge = position < 0 ? 0 : last;
  switch (mode) {
    case "zero":
      return [];
    case "constant":
      return [[edge, 1]];
    case "periodic":
      return [[wrap(position, length), 1]];
    case "periodization":
      return [[Math.min(wrap(position, length + (length % 2)), last), 1]];
    case "symmetric":
    case "antisymmetric": {
      const phase = wrap(position, 2 * length);
      const index = Math.min(phase, 2 * length - 1 - phase);
      const flips = Math.abs(Math.floor(position / length)) % 2;
      return [[index, mode === "antisymmetric" && flips === 1 ? -1 : 1]];
    }
    case "reflect": {
      if (length === 1) return [[0, 1]];
      const phase = wrap(position, 2 * last);
      return [[Math.min(phase, 2 * last - phase), 1]];
    }
    case "smooth": {
      if (length === 1) return [[0, 1]];
      const distance = Math.abs(position - edge);
      return [
        [edge, 1 + distance],
        [edge === 0 ? 1 : last - 1, -distance],
      ];
    }
    case "antireflect": {
      if (length === 1) return [[0, 1]];
      // Odd about both ends, so that a period of 2 last adds 2 (x_last − x_0).
      const phase = wrap(position, 2 * last);
      const rise = (position - phase) / last;
      const within: SampleSum =
        phase <= last
          ? [[phase, 1]]
          : [
              [last, 2],
              [2 * last - phase, -1],
            ];
      return [...within, [last, rise], [0, -rise]];
    }
  }
}

/** The remainder in [0, period). */
export function wrap(index: number, period: number): number {
  const remainder = index % period;
  return remainder < 0 ? remainder + period : remainder;
}
