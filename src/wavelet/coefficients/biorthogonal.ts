/** The two low-pass filters of a biorthogonal bank, padded with zeros to one even length as PyWavelets pads them. */
export interface BiorthogonalPair {
  /** PyWavelets' `rec_lo`. */
  readonly reconstruction: readonly number[];
  /** PyWavelets' `dec_lo`. */
  readonly decomposition: readonly number[];
}

/**
 * Biorthogonal spline wavelets (Cohen, Daubechies and Feauveau, Communications on Pure and Applied Mathematics 45, 1992).
 * `bior1.x`, `bior2.x` and `bior3.x` are integers over a power of two, times √2. `bior4.4` (the 9/7 pair of JPEG 2000),
 * `bior5.5` and `bior6.8` have the digits of PyWavelets 1.1.1 (MIT licence, © 2006–2012 Filip Wasilewski, © 2012– The
 * PyWavelets Developers), which are good to 1e-12.
 */
export const BIORTHOGONAL = {
  "bior1.1": { reconstruction: dyadic(1, [1, 1]), decomposition: dyadic(1, [1, 1]) },
  "bior1.3": { reconstruction: dyadic(1, [0, 0, 1, 1, 0, 0]), decomposition: dyadic(4, [-1, 1, 8, 8, 1, -1]) },
  "bior1.5": {
    reconstruction: dyadic(1, [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]),
    decomposition: dyadic(8, [3, -3, -22, 22, 128, 128, 22, -22, -3, 3]),
  },
  "bior2.2": { reconstruction: dyadic(2, [0, 1, 2, 1, 0, 0]), decomposition: dyadic(3, [0, -1, 2, 6, 2, -1]) },
  "bior2.4": {
    reconstruction: dyadic(2, [0, 0, 0, 1, 2, 1, 0, 0, 0, 0]),
    decomposition: dyadic(7, [0, 3, -6, -16, 38, 90, 38, -16, -6, 3]),
  },
  "bior2.6": {
    reconstruction: dyadic(2, [0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0, 0]),
    decomposition: dyadic(10, [0, -5, 10, 34, -78, -123, 324, 700, 324, -123, -78, 34, 10, -5]),
  },
  "bior2.8": {
    reconstruction: dyadic(2, [0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
    decomposition: dyadic(
      15,
      [0, 35, -70, -300, 670, 1228, -3126, -3796, 10718, 22050, 10718, -3796, -3126, 1228, 670, -300, -70, 35],
    ),
  },
  "bior3.1": { reconstruction: dyadic(3, [1, 3, 3, 1]), decomposition: dyadic(2, [-1, 3, 3, -1]) },
  "bior3.3": {
    reconstruction: dyadic(3, [0, 0, 1, 3, 3, 1, 0, 0]),
    decomposition: dyadic(6, [3, -9, -7, 45, 45, -7, -9, 3]),
  },
  "bior3.5": {
    reconstruction: dyadic(3, [0, 0, 0, 0, 1, 3, 3, 1, 0, 0, 0, 0]),
    decomposition: dyadic(9, [-5, 15, 19, -97, -26, 350, 350, -26, -97, 19, 15, -5]),
  },
  "bior3.7": {
    reconstruction: dyadic(3, [0, 0, 0, 0, 0, 0, 1, 3, 3, 1, 0, 0, 0, 0, 0, 0]),
    decomposition: dyadic(
      14,
      [35, -105, -195, 865, 363, -3489, -307, 11025, 11025, -307, -3489, 363, 865, -195, -105, 35],
    ),
  },
  "bior3.9": {
    reconstruction: dyadic(3, [0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
    decomposition: dyadic(
      17,
      [
        -63, 189, 469, -1911, -1308, 9188, 1140, -29676, 190, 87318, 87318, 190, -29676, 1140, 9188, -1308, -1911, 469,
        189, -63,
      ],
    ),
  },
  "bior4.4": {
    reconstruction: [
      0, -0.06453888262869706, -0.04068941760916406, 0.41809227322161724, 0.7884856164055829, 0.41809227322161724,
      -0.04068941760916406, -0.06453888262869706, 0, 0,
    ],
    decomposition: [
      0, 0.03782845550726404, -0.023849465019556843, -0.11062440441843718, 0.37740285561283066, 0.8526986790088938,
      0.37740285561283066, -0.11062440441843718, -0.023849465019556843, 0.03782845550726404,
    ],
  },
  "bior5.5": {
    reconstruction: [
      0.013456709459118716, -0.002694966880111507, -0.13670658466432914, -0.09350469740093886, 0.47680326579848425,
      0.8995061097486484, 0.47680326579848425, -0.09350469740093886, -0.13670658466432914, -0.002694966880111507,
      0.013456709459118716, 0,
    ],
    decomposition: [
      0, 0, 0.03968708834740544, 0.007948108637240322, -0.05446378846823691, 0.34560528195603346, 0.7366601814282105,
      0.34560528195603346, -0.05446378846823691, 0.007948108637240322, 0.03968708834740544, 0,
    ],
  },
  "bior6.8": {
    reconstruction: [
      0, 0, 0, 0.014426282505624435, 0.014467504896790148, -0.07872200106262882, -0.04036797903033992,
      0.41784910915027457, 0.7589077294536541, 0.41784910915027457, -0.04036797903033992, -0.07872200106262882,
      0.014467504896790148, 0.014426282505624435, 0, 0, 0, 0,
    ],
    decomposition: [
      0, 0.0019088317364812906, -0.0019142861290887667, -0.016990639867602342, 0.01193456527972926, 0.04973290349094079,
      -0.07726317316720414, -0.09405920349573646, 0.4207962846098268, 0.8259229974584023, 0.4207962846098268,
      -0.09405920349573646, -0.07726317316720414, 0.04973290349094079, 0.01193456527972926, -0.016990639867602342,
      -0.0019142861290887667, 0.0019088317364812906,
    ],
  },
} as const satisfies Readonly<Record<string, BiorthogonalPair>>;

/** √2 · numerators / 2^power */
function dyadic(power: number, numerators: readonly number[]): readonly number[] {
  return numerators.map((numerator) => (Math.SQRT2 * numerator) / 2 ** power);
}
