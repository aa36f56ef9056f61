/** P₀ … P_order at `length` points from −1 to 1 (Bonnet's recursion: (n + 1) Pₙ₊₁ = (2n + 1) x Pₙ − n Pₙ₋₁). */
export function legendre(length: number, order: number): Float64Array[] {
  const polynomials = Array.from({ length: order + 1 }, () => new Float64Array(length));
  for (let k = 0; k < length; k++) {
    const x = length === 1 ? 0 : (2 * k) / (length - 1) - 1;
    let before = 0;
    let current = 1;
    polynomials.forEach((polynomial, n) => {
      polynomial[k] = current;
      [before, current] = [current, ((2 * n + 1) * x * current - n * before) / (n + 1)];
    });
  }
  return polynomials;
}
