/**
 * p-values adjusted for the size of their family. Family-wise error rate (the chance of any false alarm): Bonferroni,
 * Šidák, Holm, Hochberg. False discovery rate (the expected share of false alarms among alarms): Benjamini–Hochberg,
 * Benjamini–Yekutieli. Bonferroni, Holm and Benjamini–Yekutieli hold whatever the dependence of the tests; Šidák, Hochberg
 * and Benjamini–Hochberg hold for independent tests and for many positively dependent ones.
 */
export type Adjustment = "bonferroni" | "sidak" | "holm" | "hochberg" | "benjamini-hochberg" | "benjamini-yekutieli";

/** How many of a family's p-values there are: what `adjusted` corrects for. */
export function familySize(pValues: readonly (number | null)[]): number {
  return pValues.reduce<number>((size, p) => size + (p === null ? 0 : 1), 0);
}

/**
 * The p-values of a family, adjusted, in their order. A missing one (null, a test that could not be made) stays missing
 * and does not count, as in R's p.adjust. Equal p-values get equal adjusted ones, and the order is kept: a smaller
 * p-value never has a larger adjusted one.
 *
 * S. Holm, Scand. J. Statistics 6 (1979) 65–70; Y. Hochberg, Biometrika 75 (1988) 800–802; Y. Benjamini, Y. Hochberg,
 * J. R. Statist. Soc. B 57 (1995) 289–300; Y. Benjamini, D. Yekutieli, Annals of Statistics 29 (2001) 1165–1188;
 * Z. Šidák, JASA 62 (1967) 626–633.
 * @param pValues in [0, 1]
 */
export function adjusted(pValues: readonly (number | null)[], method: Adjustment): (number | null)[] {
  const outside = pValues.find((p) => p !== null && !(p >= 0 && p <= 1));
  if (outside !== undefined) throw new RangeError(`a p-value of ${outside}`);
  const size = familySize(pValues);
  if (method === "bonferroni") return pValues.map((p) => (p === null ? null : Math.min(1, size * p)));
  if (method === "sidak") return pValues.map((p) => (p === null ? null : -Math.expm1(size * Math.log1p(-p))));
  const order = [...pValues.keys()].filter((i) => pValues[i] !== null);
  order.sort((a, b) => (pValues[a] as number) - (pValues[b] as number) || a - b);
  const factors = stepFactors(method, size);
  const result: (number | null)[] = pValues.map(() => null);
  // Holm steps down, from the smallest p-value, carrying the largest product along; the others step up, from the
  // largest p-value, carrying the smallest.
  if (method === "holm") {
    let largest = 0;
    order.forEach((i, rank) => {
      largest = Math.max(largest, (factors[rank] as number) * (pValues[i] as number));
      result[i] = Math.min(1, largest);
    });
  } else {
    let smallest = 1;
    for (let rank = size - 1; rank >= 0; rank--) {
      const i = order[rank] as number;
      smallest = Math.min(smallest, (factors[rank] as number) * (pValues[i] as number));
      result[i] = smallest;
    }
  }
  return result;
}

/** By what the p-value of each rank (0 the smallest) is multiplied before the steps. */
function stepFactors(method: Exclude<Adjustment, "bonferroni" | "sidak">, size: number): number[] {
  const ranks = Array.from({ length: size }, (_, rank) => rank + 1);
  if (method === "holm" || method === "hochberg") return ranks.map((rank) => size - rank + 1);
  const harmonic = method === "benjamini-yekutieli" ? ranks.reduce((sum, rank) => sum + 1 / rank, 0) : 1;
  return ranks.map((rank) => (harmonic * size) / rank);
}
