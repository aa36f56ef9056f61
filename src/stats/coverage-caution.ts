import type { AucEstimate } from "./auc.js";
import { sizeOf } from "./influence.js";
import type { ProportionEstimate } from "./proportion.js";

/**
 * Where a nominal 95 % interval was seen to cover less than 94 % in simulation (docs/coverage.md), and how a reader is told.
 * The rules look at what the study has, not at how the estimate came out, except that an area near 0 or 1 needs more:
 * what counts is how many samples of the scarcer class rank on the wrong side, as np does for a share.
 *
 * The size of a class is the smaller of its patients and its effective samples: a variance between few patients is
 * itself uncertain, however many images each has.
 */

/** Below this size of a class the normal interval of an area, or of a difference of areas, was seen to be too short. */
const FEW = 20;
/** Below this size × min(area, 1 − area), so was that of an area … */
const FEW_MISRANKED = 5;
/** … and that of a drop on the same samples. A difference between groups needs no such rule. */
const FEW_MISRANKED_PAIRED = 2;
/** Below this many patients, where they repeat, Wilson's interval at the effective size covered 91 to 93.5 %. */
const FEW_PATIENTS = 30;

type Share = Omit<ProportionEstimate, "error">;

/** What the estimates are for: an interval of one, of a difference between groups, or of a drop on the same samples. */
export type Compared = "alone" | "groups" | "paired";

/**
 * What a reader must know of the coverage of an interval of these estimates, as a sentence fragment; null where nothing.
 * Areas by Newcombe's interval need no caution, nor do shares where no patient repeats (Wilson's interval is then uneven
 * from one true value to the next, 91 to 99 % below 10 samples, but not short on the whole), nor drops of shares.
 */
export function coverageCaution(
  estimates: readonly (AucEstimate | Share)[],
  compared: Compared = "alone",
): string | null {
  for (const estimate of estimates) {
    const caution =
      "effectivePositives" in estimate ? areaCaution(estimate, compared) : shareCaution(estimate, compared);
    if (caution !== null) return caution;
  }
  return null;
}

function areaCaution(auc: AucEstimate, compared: Compared): string | null {
  if (!auc.symmetric) return null;
  const { count, size, noun } = scarcerClass(auc);
  if (size < FEW) {
    const rounded = Math.round(size);
    const few =
      rounded < count ? `${count} ${noun} are worth only ${rounded}, as patients repeat` : `only ${count} ${noun}`;
    return `${few}: ${TOO_SHORT}${compared === "alone" ? SAFER : ""}`;
  }
  const needed = compared === "alone" ? FEW_MISRANKED : compared === "paired" ? FEW_MISRANKED_PAIRED : 0;
  if (size * Math.min(auc.value, 1 - auc.value) >= needed) return null;
  return `few of the ${count} ${noun} rank on the wrong side: ${TOO_SHORT}${compared === "alone" ? SAFER : ""}`;
}

const TOO_SHORT = "the normal interval tends to be too short";
const SAFER = "; the logit interval in the details is safer";

interface ScarcerClass {
  readonly count: number;
  readonly size: number;
  readonly noun: "positives" | "negatives";
}

/** The class with the smaller size. */
function scarcerClass(auc: AucEstimate): ScarcerClass {
  const [ofPositives, ofNegatives] = [auc.error[0], auc.error[1]].map((part) =>
    part === undefined ? Infinity : sizeOf(part),
  );
  const positives = Math.min(auc.effectivePositives, ofPositives as number);
  const negatives = Math.min(auc.effectiveNegatives, ofNegatives as number);
  return positives <= negatives
    ? { count: auc.positives, size: positives, noun: "positives" }
    : { count: auc.negatives, size: negatives, noun: "negatives" };
}

function shareCaution(share: Share, compared: Compared): string | null {
  if (compared === "paired" || share.patients === share.n || share.patients >= FEW_PATIENTS) return null;
  return `${share.n} samples of only ${share.patients} patients: the interval tends to be too short`;
}
