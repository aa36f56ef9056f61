export type Activation = "none" | "sigmoid" | "softmax";
export type Numbers = Float32Array | Float64Array;

/** Turns one row of raw outputs into probabilities, in place. */
export function activate(values: Float64Array, activation: Activation): void {
  if (activation === "none") return;
  if (activation === "sigmoid") {
    for (let index = 0; index < values.length; index++) values[index] = 1 / (1 + Math.exp(-(values[index] as number)));
    return;
  }
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) most = Math.max(most, value);
  let sum = 0;
  for (let index = 0; index < values.length; index++) {
    values[index] = Math.exp((values[index] as number) - most);
    sum += values[index] as number;
  }
  for (let index = 0; index < values.length; index++) values[index] = (values[index] as number) / sum;
}
