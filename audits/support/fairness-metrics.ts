/** What the audit of fairness measures, in words: the metrics' descriptions, and which measures are compared how. */
import type { MetricDescription } from "../../src/core/audit.js";
import { type Against, comparisonMetric } from "../../src/stats/group-comparison.js";
import type { ShareName } from "../../src/stats/measures.js";

const TESTS =
  "Tests: of no difference, by inverting the interval, and of equivalence within the margin (two one-sided tests). The details hold the smallest difference that a test would find with 80 % power: a difference that is not significant while that lies above the margin is inconclusive.";
const AGAINST: Readonly<Record<Against, string>> = {
  reference:
    "The reference is the one that the protocol names, else the family's largest estimable group, and stands in the finding.",
  rest: "The rest are all evaluation samples outside the group, of known and unknown values alike.",
  overall:
    "Everybody includes the group itself: the interval allows for the overlap, and the difference is smaller than that from the rest.",
};
const TITLES: Readonly<Record<Against, string>> = {
  reference: "the reference group",
  rest: "the rest",
  overall: "everybody",
};
const GAP_LIMITS =
  "The interval is simultaneous over all pairs of the family's groups (Bonferroni) and conservative. The estimate is a maximum over noisy differences and therefore biased upward, the more so the more and the smaller the groups: the details hold the estimate less that bias and a shorter interval of honest coverage. Tests that all groups are alike: by the largest pairwise difference (adjusted for the number of tests), Wald's, and, for AUC, sensitivity and specificity on clean images of studies that are not too large for it, a permutation test: groups are dealt anew among patients with as many positives and negatives, so that it is exact where scores are distributed alike in all groups. Groups that are not estimable are named, and the gap says nothing of them.";

/** What is compared, in words, and what the comparison means in fairness terms. */
const MEANINGS: Readonly<Record<string, string>> = {
  auc: "Interval of a difference: DeLong (1988), or Obuchowski (1997) with the covariance through patients on both sides; square-and-add with Newcombe's interval where an area has no variance.",
  sensitivity: "At the frozen threshold. Equal sensitivities are equal opportunity (Hardt et al. 2016).",
  specificity: "At the frozen threshold. With sensitivity it makes equalised odds (Hardt et al. 2016).",
  ppv: "At the frozen threshold, at each group's own prevalence: groups of different prevalence differ in it even where the model errs alike (Chouldechova 2017). Equal values are predictive parity.",
  npv: "At the frozen threshold, at each group's own prevalence: groups of different prevalence differ in it even where the model errs alike.",
  "selection-rate":
    "The share that is called positive at the frozen threshold. Equal shares are demographic parity, which is no aim where the disease is not equally frequent.",
  accuracy: "The share of right decisions at the frozen threshold; depends on each group's prevalence.",
};
const SHARE_INTERVAL =
  "Interval of a difference: Newcombe's hybrid score (1998), with effective sample sizes and the correlation through shared patients where patients repeat.";
const MIN_MAX_RATIO =
  "Interval: the ratios of all pairs of groups, with limits recovered from Wilson's (Donner and Zou 2012), at the Bonferroni level over the pairs; the smallest limits either way: conservative. The estimate is a minimum over noisy ratios and therefore biased downward; with a rate of 0 in a group it is 0, whatever that group's size. Groups without an estimate are named.";
const QUANTITIES: Readonly<Record<string, string>> = {
  auc: "AUC",
  ppv: "PPV",
  npv: "NPV",
  "selection-rate": "Selection rate",
};
export const RATIOS = [
  "sensitivity",
  "specificity",
  "fpr",
  "fnr",
  "selection-rate",
] as const satisfies readonly ShareName[];
export const EVERYWHERE = ["sensitivity", "specificity"] as const satisfies readonly ShareName[];
/** Measures of images without an attack alone. */
export const UNATTACKED = ["ppv", "npv", "selection-rate", "accuracy"] as const satisfies readonly ShareName[];

export const FAIRNESS_METRICS: readonly MetricDescription[] = [
  ...["auc", ...EVERYWHERE, ...UNATTACKED].flatMap((name) => {
    const quantity = QUANTITIES[name] ?? capitalised(name);
    const interval = name === "auc" ? "" : ` ${SHARE_INTERVAL}`;
    const where = (UNATTACKED as readonly string[]).includes(name) ? " On images without an attack." : "";
    return [
      ...(["reference", "rest", "overall"] as const).map((against) => ({
        id: comparisonMetric(name, "difference", against),
        title: `${quantity} difference from ${TITLES[against]}`,
        unit: "1",
        description: `${quantity} of the group minus that of ${TITLES[against]}. ${MEANINGS[name]}${interval} ${AGAINST[against]} ${TESTS}${where}`,
        better: name === "selection-rate" ? ("neither" as const) : ("higher" as const),
      })),
      {
        id: `${name}-gap`,
        title:
          name === "selection-rate"
            ? "Selection rate gap between highest and lowest group"
            : `${quantity} gap between best and worst group`,
        unit: "1",
        description: `Largest minus smallest ${/^[A-Z]{2}/.test(quantity) ? quantity : quantity.toLowerCase()} among the groups of a family. ${MEANINGS[name]} ${GAP_LIMITS}${where}`,
        better: "lower" as const,
      },
    ];
  }),
  {
    id: "selection-rate",
    title: "Selection rate",
    unit: "1",
    description:
      "The share of labelled samples that are called positive at the frozen threshold, whatever they are. Interval: Wilson (1927), at the effective sample size where patients repeat. On images without an attack.",
    better: "neither",
  },
  {
    id: "equalized-odds-gap",
    title: "Equalised odds gap",
    unit: "1",
    description:
      "The larger of the gap in sensitivity and the gap in specificity among the groups of a family, at the frozen threshold: how far the model is from equalised odds (Hardt, Price, Srebro 2016; Fairlearn's equalized_odds_difference). Interval: both gaps at the Bonferroni level of two, the larger of their limits either way: conservative. Test: of the two tests of the largest pairwise difference, that all groups are alike in either rate, the smaller p-value, doubled. The estimate is a maximum over noisy differences and therefore biased upward: judge by the interval. Groups that lack one of the rates are named.",
    better: "lower",
  },
  ...RATIOS.flatMap((name) =>
    (["reference", "rest"] as const).map((against) => ({
      id: comparisonMetric(name, "ratio", against),
      title: `${ratioTitle(name)} over that of ${TITLES[against]}`,
      unit: "1",
      description: `${ratioTitle(name)} of the group over that of ${TITLES[against]}, at the frozen threshold, on images without an attack.${name === "selection-rate" ? " Below 0.8, held against the group that is called most often, it fails the four-fifths rule of disparate impact (US EEOC, Uniform Guidelines 1978), which was made for hiring, where being called is the good; it is no rule for diagnoses." : ""} Interval: recovered from Wilson's limits of either share (Donner and Zou 2012), so that it leaves out 1 exactly where the difference's interval leaves out 0. Not estimable where the share that it is divided by is 0. ${AGAINST[against]}`,
      better: "neither" as const,
    })),
  ),
  {
    id: "selection-rate-min-max-ratio",
    title: "Smallest selection rate over the largest",
    unit: "1",
    description: `The smallest selection rate over the largest among the groups of a family, at the frozen threshold, on images without an attack: 1 where all groups are called positive alike (demographic parity; Fairlearn's demographic_parity_ratio; disparate impact). ${MIN_MAX_RATIO}`,
    better: "higher",
  },
  {
    id: "equalized-odds-ratio",
    title: "Equalised odds ratio",
    unit: "1",
    description: `The smallest over the largest value among the groups of a family, of the true positive rate (sensitivity) or of the false positive rate, whichever ratio is smaller, at the frozen threshold, on images without an attack: 1 under equalised odds (Hardt, Price, Srebro 2016; Fairlearn's equalized_odds_ratio). Limits at the Bonferroni level of two. ${MIN_MAX_RATIO}`,
    better: "higher",
  },
];

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function ratioTitle(name: ShareName): string {
  if (name === "fpr") return "False positive rate";
  if (name === "fnr") return "False negative rate";
  return capitalised(name).replace("-", " ");
}
