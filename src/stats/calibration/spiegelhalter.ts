import type { FindingTest } from "../../core/finding.js";
import type { LabelledScores } from "../auc.js";
import { normalCdf } from "../normal.js";
import { predictionsOf } from "./predictions.js";

/**
 * Spiegelhalter's test that the probabilities are right (Statistics in Medicine 5 (1986) 421–433): z = Σ (y − p)(1 − 2p) /
 * √(Σ (1 − 2p)² p (1 − p)), standard normal under the null, two-sided. Where patients repeat the denominator is the root of
 * the patients' summed squares instead (ours): the null says nothing of how a patient's images depend on one another. null
 * where the variance is nil, as where all probabilities are 0, ½ or 1, and for weighted samples.
 */
export function spiegelhalterTest(data: LabelledScores): FindingTest | null {
  const predictions = predictionsOf(data);
  if ("status" in predictions || predictions.weights !== null) return null;
  const { labels, patientCount, patients, probabilities } = predictions;
  let [sum, variance, clustered, ofPatient] = [0, 0, 0, 0];
  const n = labels.length;
  for (let i = 0; i < n; i++) {
    const p = probabilities[i] as number;
    const turned = 1 - 2 * p;
    const term = ((labels[i] as number) - p) * turned;
    sum += term;
    variance += turned * turned * p * (1 - p);
    ofPatient += term;
    if (i + 1 === n || patients[i + 1] !== patients[i]) {
      clustered += ofPatient * ofPatient;
      ofPatient = 0;
    }
  }
  const repeats = patientCount < labels.length;
  const spread = repeats ? clustered : variance;
  if (!(spread > 0)) return null;
  const z = sum / Math.sqrt(spread);
  return {
    method: repeats ? "spiegelhalter-clustered" : "spiegelhalter",
    hypothesis: "the probabilities are right",
    statistic: z,
    p: Math.min(1, 2 * normalCdf(-Math.abs(z))),
  };
}
