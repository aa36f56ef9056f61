/**
 * What a fitted attack or defense keeps. It is stored in the record, hashed, and enough to apply the plug-in again.
 */
export interface Fitted {
  /**
   * Arrays by name. A universal attack's `perturbation` is C×H×W in stored values, already within ε; a network's weights
   * go by the names of its parameters.
   */
  readonly arrays: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;
  /** Scalars worth reporting, by kebab-case name, such as `objective-before` and `objective-after`. */
  readonly numbers: Readonly<Record<string, number>>;
}
