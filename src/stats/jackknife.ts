import { skewness } from "./bootstrap.js";
import { type NotEstimable, notEstimable } from "./estimate.js";
import type { ResamplingPlan } from "./resample.js";
import type { Statistic } from "./weighted.js";

/** The delete-one-patient jackknife (B. Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982). */
export interface Jackknife {
  readonly status: "estimated";
  readonly value: number;
  /** Estimated bias of the value: Σ over strata (m − 1)(mean of the deletions − value). */
  readonly bias: number;
  readonly variance: number;
  readonly standardError: number;
  /** For the bootstrap's BCa interval. */
  readonly acceleration: number;
}

/**
 * Leaves out every patient once, within the plan's strata (J. N. Arvesen, Annals of Mathematical Statistics 40 (1969)
 * 2076–2100, for several samples):
 *
 *   variance = Σ over strata of m patients: (m − 1)/m · Σ (deletion − the stratum's mean deletion)².
 *
 * For an AUC with strata by class and one sample per patient this is DeLong's variance exactly. Costs as many passes as
 * there are patients: O(patients · samples). Not for quantities that are not smooth in the data, such as a max–min gap or a
 * median. Not estimable where a deletion does not allow the statistic, or where a stratum holds one patient.
 */
export function jackknife(statistic: Statistic, plan: ResamplingPlan): Jackknife | NotEstimable {
  const multiplicities = new Uint32Array(plan.patients).fill(1);
  const value = statistic(multiplicities);
  if (!Number.isFinite(value)) return notEstimable("the statistic is not defined on the data themselves");
  const contributions = new Float64Array(plan.patients);
  let [bias, variance] = [0, 0];
  for (let s = 0; s + 1 < plan.starts.length; s++) {
    const [first, end] = [plan.starts[s] as number, plan.starts[s + 1] as number];
    const size = end - first;
    if (size < 2) return notEstimable("1 patient: the jackknife needs at least two");
    let sum = 0;
    for (let patient = first; patient < end; patient++) {
      multiplicities[patient] = 0;
      const change = statistic(multiplicities) - value;
      multiplicities[patient] = 1;
      if (!Number.isFinite(change)) return notEstimable("without one of the patients the statistic is not defined");
      contributions[patient] = change;
      sum += change;
    }
    const mean = sum / size;
    let squares = 0;
    for (let patient = first; patient < end; patient++) {
      const centred = (contributions[patient] as number) - mean;
      squares += centred * centred;
      // A deletion lowers the value where the patient raises it; over strata in the scale of the influences.
      contributions[patient] = (-centred * (size - 1)) / size;
    }
    bias += (size - 1) * mean;
    variance += ((size - 1) / size) * squares;
  }
  return {
    status: "estimated",
    value,
    bias,
    variance,
    standardError: Math.sqrt(variance),
    acceleration: skewness(contributions),
  };
}
