import type { AucEstimate } from "./auc.js";
export function coverageCaution(auc: AucEstimate): string | null {
  return Math.min(auc.effectivePositives, auc.effectiveNegatives) < 20 ? "few" : null;
}
