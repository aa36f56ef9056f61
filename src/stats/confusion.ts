import { type LabelledScores, patientsOf } from "./auc.js";
import { boundedEstimate } from "./bounded.js";
import { type Estimate, type NotEstimable, notEstimable, type Result } from "./estimate.js";
import { errorPart } from "./influence.js";
import { kishCount, unequalWeights } from "./weights.js";

/** Numbers that sum the whole two-by-two table up. */
export type Agreement = "accuracy" | "balanced-accuracy" | "f1" | "mcc" | "kappa";
export const AGREEMENTS: readonly Agreement[] = ["accuracy", "balanced-accuracy", "f1", "mcc", "kappa"];

/** The two-by-two table of decisions at a threshold (score >= threshold is called positive). */
export interface Confusion {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
}

/** Shares of the four cells, of weight where samples have any; they sum to 1. */
type Shares = readonly [tp: number, fp: number, tn: number, fn: number];

/** A measure's value and its derivative by each cell's share; null where it is not defined. */
interface Measured {
  readonly value: number;
  readonly gradient: Shares;
}

interface Definition {
  readonly lowest: number;
  /** Why it is not defined where it is not. */
  readonly needs: string;
  at(shares: Shares): Measured | null;
}

/**
 * A measure of agreement at a threshold. Its error is the delta method on the four cell shares, summed by patient: a
 * sample in cell c contributes (g_c − Σ p·g) / n, g the derivative of the measure by the shares p. Limits: Wilson's at the
 * effective number of samples on the measure's range (`boundedEstimate`). Not estimable where the measure's denominator
 * is 0 (scikit-learn then gives 0), or with fewer than two patients.
 */
export function agreementAt(data: LabelledScores, threshold: number, agreement: Agreement): Result<Estimate> {
  const n = data.labels.length;
  const patients = patientsOf(data.patients);
  if (patients < 2) return notEstimable(`${n} samples of ${patients} patients: ${agreement} needs two patients`);
  const weights = unequalWeights(data);
  const cells = cellsAt(data, threshold);
  const totals = [0, 0, 0, 0];
  let total = 0;
  for (let i = 0; i < n; i++) {
    const cell = cells[i] as number;
    const weight = weights === null ? 1 : (weights[i] as number);
    totals[cell] = (totals[cell] as number) + weight;
    total += weight;
  }
  const shares = totals.map((one) => one / total) as unknown as Shares;
  const measured = agreementOf(agreement, shares, confusionAt(data, threshold));
  if ("status" in measured) return measured;
  const { value, gradient, lowest } = measured;
  const mean = shares.reduce((sum, share, cell) => sum + share * (gradient[cell] as number), 0);
  const contributions = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const weight = weights === null ? 1 : (weights[i] as number);
    contributions[i] = (weight * ((gradient[cells[i] as number] as number) - mean)) / total;
  }
  return boundedEstimate({
    value,
    error: [errorPart(data.patients, contributions)],
    range: [lowest, 1],
    n,
    patients,
    contributors: kishCount(data.patients, weights),
  });
}

/**
 * A measure's value and slopes at the cells' shares, which sum to 1.
 * @param counts samples in the cells, for the reason where it is not defined
 */
export function agreementOf(
  agreement: Agreement,
  shares: Shares,
  counts: Confusion,
): (Measured & { readonly lowest: number }) | NotEstimable {
  const { lowest, needs, at } = DEFINITIONS[agreement];
  const measured = at(shares);
  if (measured !== null) return { ...measured, lowest };
  const { truePositives, falsePositives, trueNegatives, falseNegatives } = counts;
  const cells = `${truePositives} true positives, ${falsePositives} false positives, ${trueNegatives} true negatives and ${falseNegatives} false negatives`;
  return notEstimable(`${cells}: ${agreement} needs ${needs}`);
}

/** How many samples fall in each cell, whatever they weigh. */
export function confusionAt(data: LabelledScores, threshold: number): Confusion {
  const counts = [0, 0, 0, 0];
  const cells = cellsAt(data, threshold);
  for (let i = 0; i < cells.length; i++) counts[cells[i] as number] = (counts[cells[i] as number] as number) + 1;
  const [truePositives, falsePositives, trueNegatives, falseNegatives] = counts as unknown as Shares;
  return { truePositives, falsePositives, trueNegatives, falseNegatives };
}

const TP = 0;
const FP = 1;
const TN = 2;
const FN = 3;

function cellsAt({ scores, labels }: LabelledScores, threshold: number): Uint8Array {
  const cells = new Uint8Array(labels.length);
  for (let i = 0; i < cells.length; i++) {
    const called = (scores[i] as number) >= threshold;
    cells[i] = called ? (labels[i] === 1 ? TP : FP) : labels[i] === 1 ? FN : TN;
  }
  return cells;
}

const DEFINITIONS: Readonly<Record<Agreement, Definition>> = {
  accuracy: {
    lowest: 0,
    needs: "a sample",
    at: ([tp, , tn]) => ({ value: tp + tn, gradient: [1, 0, 1, 0] }),
  },
  "balanced-accuracy": {
    lowest: 0,
    needs: "positives and negatives",
    at([tp, fp, tn, fn]) {
      const [positive, negative] = [tp + fn, tn + fp];
      if (positive === 0 || negative === 0) return null;
      return {
        value: (tp / positive + tn / negative) / 2,
        gradient: [
          fn / (2 * positive * positive),
          -tn / (2 * negative * negative),
          fp / (2 * negative * negative),
          -tp / (2 * positive * positive),
        ],
      };
    },
  },
  // Dice's coefficient of labels and calls: 2 TP / (2 TP + FP + FN).
  f1: {
    lowest: 0,
    needs: "a positive or a call",
    at([tp, fp, , fn]) {
      const sum = 2 * tp + fp + fn;
      if (sum === 0) return null;
      const missed = (-2 * tp) / (sum * sum);
      return { value: (2 * tp) / sum, gradient: [(2 * (fp + fn)) / (sum * sum), missed, 0, missed] };
    },
  },
  // Matthews' correlation of labels and calls (B. W. Matthews, Biochim. Biophys. Acta 405 (1975) 442–451).
  mcc: {
    lowest: -1,
    needs: "both labels and both calls",
    at([tp, fp, tn, fn]) {
      const [called, positive, negative, uncalled] = [tp + fp, tp + fn, tn + fp, tn + fn];
      const product = called * positive * negative * uncalled;
      if (product === 0) return null;
      const root = Math.sqrt(product);
      const value = (tp * tn - fp * fn) / root;
      const by = (numerator: number, first: number, second: number) =>
        numerator / root - (value / 2) * (1 / first + 1 / second);
      return {
        value,
        gradient: [
          by(tn, called, positive),
          by(-fn, called, negative),
          by(tp, negative, uncalled),
          by(-fp, positive, uncalled),
        ],
      };
    },
  },
  // Cohen's kappa of labels and calls (J. Cohen, Educ. Psychol. Meas. 20 (1960) 37–46).
  kappa: {
    lowest: -1,
    needs: "both labels or both calls",
    at([tp, fp, tn, fn]) {
      const [called, positive, negative, uncalled] = [tp + fp, tp + fn, tn + fp, tn + fn];
      const observed = tp + tn;
      const expected = called * positive + negative * uncalled;
      const rest = 1 - expected;
      // Two raters who each name one label alone and the same one: nothing is left to agree on.
      if (rest <= 1e-15) return null;
      const by = (agrees: number, expects: number) => (agrees * rest - expects * (1 - observed)) / (rest * rest);
      return {
        value: (observed - expected) / rest,
        gradient: [
          by(1, positive + called),
          by(0, positive + uncalled),
          by(1, uncalled + negative),
          by(0, called + negative),
        ],
      };
    },
  },
};
