import type { Condition } from "../../src/core/condition.js";
import type { SubgroupValues } from "../../src/core/finding.js";
import { outcomeOfMetric } from "../../src/core/outcome.js";
import { decimal, epsilonText } from "./format.js";

/** Names of metrics, groups and conditions as readers see them. Names that come from data are made harmless here. */

const METRICS: Readonly<Record<string, string>> = {
  "agreement-lower": "Lower limit of agreement",
  "agreement-upper": "Upper limit of agreement",
  "agreement-slope": "Slope of predicted on reference",
  "agreement-intercept": "Intercept of predicted on reference",
  "sentence-stability": "Stability of sentences",
  "sentence-changed": "Sentences changed",
  "sentence-purity": "Purity of sentences",
  "sentence-class-information": "What sentences say of the class",
  "sentence-group-information": "What sentences say of the group",
  auc: "AUC",
  "partial-auc": "Partial AUC, standardised",
  "auc-macro": "Mean AUC over classes",
  "auc-weighted": "Mean AUC weighted by positives",
  "auc-micro": "AUC over all samples and classes",
  "auc-hand-till": "AUC of Hand and Till",
  accuracy: "Accuracy",
  "balanced-accuracy": "Balanced accuracy",
  "label-ranking-precision": "Label ranking average precision",
  sensitivity: "Sensitivity",
  specificity: "Specificity",
  ppv: "PPV",
  npv: "NPV",
  fpr: "False positive rate",
  fnr: "False negative rate",
  f1: "F1 score",
  mcc: "MCC",
  "youden-index": "Youden's index",
  "likelihood-ratio-positive": "LR+",
  "likelihood-ratio-negative": "LR−",
  "ppv-at-prevalence": "PPV at the stated prevalence",
  "npv-at-prevalence": "NPV at the stated prevalence",
  "net-benefit-over-treat-all": "Net benefit beyond treating all",
  "auc-advantage": "AUC beyond the other model's",
  "sensitivity-advantage": "Sensitivity beyond the other model's",
  "specificity-advantage": "Specificity beyond the other model's",
  "brier-advantage": "Brier score below the other model's",
  "average-precision-advantage": "Average precision beyond the other model's",
  "ppv-advantage": "PPV beyond the other model's",
  "npv-advantage": "NPV beyond the other model's",
  "accuracy-advantage": "Accuracy beyond the other model's",
  "auc-gap-advantage": "AUC gap below the other model's",
  "sensitivity-gap-advantage": "Sensitivity gap below the other model's",
  "specificity-gap-advantage": "Specificity gap below the other model's",
  "auc-gap": "AUC gap",
  "auc-difference": "Difference in AUC",
  "ppv-gap": "PPV gap (predictive parity)",
  "npv-gap": "NPV gap",
  "ppv-difference": "Difference in PPV",
  "npv-difference": "Difference in NPV",
  "sensitivity-gap": "Sensitivity gap (equal opportunity)",
  "equalized-odds-gap": "Equalised odds gap",
  "equalized-odds-ratio": "Equalised odds ratio",
  "selection-rate": "Called positive",
  "selection-rate-gap": "Gap in shares called positive (demographic parity)",
  "selection-rate-min-max-ratio": "Smallest share called positive over the largest",
  "fpr-ratio": "FPR ratio",
  "fnr-ratio": "FNR ratio",
  "bpsn-auc": "AUC of background positives against the group's negatives (BPSN)",
  "bnsp-auc": "AUC of the group's positives against background negatives (BNSP)",
  "positive-aeg": "Average equality gap of positives",
  "negative-aeg": "Average equality gap of negatives",
  xauc: "AUC across two groups (xAUC)",
  "auc-drop": "AUC drop",
  "auc-drop-gap": "Gap in AUC drop",
  "auc-drop-excess": "AUC drop beyond the control",
  "fooling-rate": "Decisions changed",
  "fooling-rate-gap": "Gap in decisions changed",
  "error-rate": "Wrong decisions",
  "calibration-intercept": "Calibration intercept",
  "observed-expected": "Observed / expected",
  brier: "Brier score",
  "log-loss": "Log loss",
  ece: "ECE",
  "ece-equal-count": "ECE, equal counts",
  mce: "MCE",
  "corruption-error": "Wrong decisions over all severities",
  "relative-corruption-error": "Wrong decisions over all severities, over clean",
  "median-minimal-epsilon": "Median least ε",
  "median-queries": "Median queries until a decision flips",
  "auc-epsilon-area": "Mean AUC over ε",
  "attribute-missing-by-label": "Attribute missing: positives minus negatives",
  "group-share": "Share of the evaluation set",
  "missing-label-rate": "Labels missing",
  "prevalence-shift": "Prevalence: evaluation minus tuning",
  "rejection-rate": "Without a score",
  "rejection-rate-gap": "Gap in samples without a score",
  "fooling-excess": "Decisions changed beyond the control",
};

/** What a difference or a ratio is to where its id says so: everybody who is not in the group. */
const TO_THE_REST = "-rest";
const ABBREVIATIONS = /\b(auc|ppv|npv|fpr|fnr|ece|mcc)\b/g;

/** "auc-drop" → "AUC drop"; metrics without an entry read as their id, with abbreviations in capitals. */
export function metricTitle(metric: string): string {
  const known = METRICS[metric];
  if (known !== undefined) return known;
  const outcome = outcomeOfMetric(metric);
  if (outcome !== null) return outcomeTitle(outcome);
  if (metric.endsWith(TO_THE_REST)) return `${metricTitle(metric.slice(0, -TO_THE_REST.length))}, to the rest`;
  const words = metric.replaceAll("-", " ").replace(ABBREVIATIONS, (word) => word.toUpperCase());
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "Dice", "IoU: worst tenth", "HD95: gap between groups"; lower-case where it stands in a sentence is not needed: titles do. */
function outcomeTitle({ of, outcome }: NonNullable<ReturnType<typeof outcomeOfMetric>>): string {
  const name = outcome.short ?? outcome.title;
  const change = outcome.better === "neither" ? "shift" : "loss";
  const words = {
    mean: "",
    "worst-decile": ": worst tenth",
    gap: ": gap between groups",
    drop: `: ${change}`,
    "drop-gap": `: gap in the ${change}`,
  };
  return `${name}${words[of]}`;
}

const LONGEST_NAME = 120;
const BIDI = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff]/;

/**
 * A name from the user's data, fit to stand inside our own text: cut at 120 characters, and, where it holds letters
 * or marks that could turn the direction of what follows, closed in a Unicode isolate (FSI … PDI, UAX #9).
 */
export function dataName(name: string): string {
  const cut = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name;
  return BIDI.test(cut) ? `\u2068${cut}\u2069` : cut;
}

/** `{ view: "AP" }` → "view = AP"; the whole set → "All patients". */
export function groupTitle(values: SubgroupValues): string {
  const parts = Object.entries(values).map(([name, value]) => `${dataName(name)} = ${dataName(value)}`);
  return parts.length === 0 ? "All patients" : parts.join(", ");
}

/** The group's value alone, for places that already name the family: "AP", "F, 40-60". */
export function groupValue(values: SubgroupValues): string {
  const parts = Object.values(values).map(dataName);
  return parts.length === 0 ? "All patients" : parts.join(", ");
}

/** "wavelet-universal (ranking)", "gaussian-noise", "no attack". */
export function attackTitle(attacked: AttackName): string {
  if (attacked.attack === "none") return "no attack";
  const { variant, objective } = attacked;
  const details = [variant, objective].filter((detail) => detail !== undefined);
  return details.length === 0 ? attacked.attack : `${attacked.attack} (${details.join(", ")})`;
}

/** The parts of a condition that name its attack. */
export interface AttackName {
  readonly attack: string;
  readonly variant?: string | undefined;
  readonly objective?: string | undefined;
}

/** "jpeg, adaptive attacker", "jpeg, oblivious attacker", "jpeg", "no defense". */
export function defenseTitle(condition: { readonly defense: string; readonly adaptive?: boolean | undefined }): string {
  if (condition.defense === "none") return "no defense";
  if (condition.adaptive === undefined) return condition.defense;
  return `${condition.defense}, ${condition.adaptive ? "adaptive" : "oblivious"} attacker`;
}

/** "ε = 4/255", "ε = 2.0000 (L2)", "severity 3"; empty for clean. */
export function strengthTitle(condition: Condition): string {
  if (condition.attack === "none") return "";
  if (condition.severity !== undefined) return `severity ${decimal(condition.severity, 0)}`;
  return `ε = ${epsilonText(condition.epsilon)}${condition.norm === "l2" ? " (L2)" : ""}`;
}

/** The whole condition in words: "wavelet-universal (ranking), ε = 8/255, jpeg, adaptive attacker"; "clean". */
export function conditionTitle(condition: Condition): string {
  const parts: string[] = [];
  if (condition.attack !== "none") parts.push(attackTitle(condition), strengthTitle(condition));
  if (condition.defense !== "none") parts.push(defenseTitle(condition));
  return parts.length === 0 ? "clean" : parts.join(", ");
}
