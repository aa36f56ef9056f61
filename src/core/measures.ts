/**
 * Columns beside the scores in an attacked condition. How far each image was moved (fractions of the window; structural
 * similarity), and for attacks that ask about every image: the queries spent, the queries at which the decision first
 * flipped within ε, and the least distance at which it flipped at all (NaN: never).
 */
export const MEASURES = [
  "perturbation.linf",
  "perturbation.l2",
  "perturbation.low-band-energy",
  "perturbation.ssim",
  "search.queries",
  "search.queries-to-success",
  "search.least-distance",
] as const;
export type Measure = (typeof MEASURES)[number];
