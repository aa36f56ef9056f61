/**
 * Do the probabilities mean what they say? Per class, subgroup and condition: intercept and slope of the logistic
 * calibration, observed over expected, Brier score, logarithmic loss, expected and maximum calibration error, and the
 * reliability curve; and whether a recalibration that was learnt on tuning patients would help. Several classes are each
 * looked at against all others.
 */
import { z } from "zod";
import { type AuditMeta, defineAudit, type Study, type Subgroup } from "../src/core/audit.js";
import type { Condition } from "../src/core/condition.js";
import type { Curve, Finding, FindingTest } from "../src/core/finding.js";
import { signedZ } from "../src/stats/assessment.js";
import type { LabelledScores } from "../src/stats/auc.js";
import { binsOf, type ReliabilityBin, reliability } from "../src/stats/calibration/bins.js";
import { expectedCalibrationError, maximumError } from "../src/stats/calibration/errors.js";
import {
  calibrationIntercept,
  calibrationSlope,
  forgetFits,
  type LogisticFit,
  recalibrated,
  recalibrationFit,
} from "../src/stats/calibration/logistic.js";
import { brierScore, logLoss } from "../src/stats/calibration/losses.js";
import { observedOverExpected } from "../src/stats/calibration/observed-expected.js";
import { means, predictionsOf } from "../src/stats/calibration/predictions.js";
import { spiegelhalterTest } from "../src/stats/calibration/spiegelhalter.js";
import {
  distinctSubgroups,
  familiesOf,
  labelledCell,
  type ScoredCell,
  scoredCell,
  withScores,
} from "../src/stats/cell.js";
import {
  differenceOf,
  type Estimate,
  intervalOf,
  type NotEstimable,
  notEstimable,
  type Result,
} from "../src/stats/estimate.js";
import { type GroupResult, gapFinding } from "../src/stats/family-gap.js";
import { type Extras, findingOf, type Subject } from "../src/stats/finding.js";
import { normalCdf } from "../src/stats/normal.js";

const AUDIT = "calibration";

const parameters = z.strictObject({
  bins: z.int().min(2).max(100).default(10).describe("Bins of the reliability curve and of the calibration errors."),
});

/** A point of a curve that rests on fewer samples would tell of single patients, and says little. */
const LEAST_IN_BIN = 10;

const CLUSTERED = "clustered by patient";

const meta: AuditMeta = {
  id: AUDIT,
  title: "Calibration",
  why: "A probability that is read as a risk must be one: decisions by a risk threshold, and what patients are told, rest on it. A model can rank well and still be wrong about every risk, in some group more than in others.",
  needs: ["labels"],
  parameters,
  metrics: [
    {
      id: "calibration-intercept",
      title: "Calibration intercept (calibration in the large)",
      unit: "1",
      description: `The a in logit P(y = 1) = a + logit(p), by maximum likelihood: 0 where the probabilities are right on average, above 0 where they are too low, on the logit scale. Probabilities of 0 and 1 are moved by 2⁻⁵² (counted in the details). Interval: normal, sandwich variance ${CLUSTERED}; R's glm standard error in the details. Test: of 0. Cox 1958; Van Calster et al. 2016. Depends on the prevalence of the evaluation set, which is often enriched.`,
      better: "neither",
    },
    {
      id: "calibration-slope",
      title: "Calibration slope",
      unit: "1",
      description: `The b in logit P(y = 1) = a + b · logit(p), by maximum likelihood: 1 where the probabilities spread as they should, below 1 where they are too extreme, above 1 where too timid. Interval: normal, sandwich variance ${CLUSTERED}; R's glm standard error and the intercept at this slope in the details. Test: of 1. Not estimable where the classes are separated. Cox 1958; Van Calster et al. 2016.`,
      better: "neither",
    },
    {
      id: "observed-expected",
      title: "Observed over expected",
      unit: "1",
      description: `The share of positives over the mean probability: 1 where they agree, above 1 where the probabilities are too low. Interval: normal on the logarithm, ${CLUSTERED} (Debray et al. 2017). Blind to errors that cancel out. Depends on the prevalence of the evaluation set.`,
      better: "neither",
    },
    {
      id: "brier",
      title: "Brier score",
      unit: "1",
      description: `The mean squared distance of the probability from what happened (Brier 1950), 0 best. It mixes calibration with discrimination, and depends on prevalence: a constant prediction of the prevalence π scores π(1 − π), which the details hold. Interval: Wilson's at the effective number of samples, ${CLUSTERED}. Test: Spiegelhalter's (1986) that the probabilities are right.`,
      better: "lower",
    },
    {
      id: "log-loss",
      title: "Logarithmic loss",
      unit: "nat",
      description: `The mean of −ln of the probability of what happened, 0 best; probabilities of 0 and 1 are moved by 2⁻⁵², so that no sample costs more than 36. Single confident errors weigh heavily. Interval: normal, ${CLUSTERED}.`,
      better: "lower",
    },
    {
      id: "ece",
      title: "Expected calibration error",
      unit: "1",
      description:
        "The mean over samples of |share of positives − mean probability| in the sample's bin; bins of equal width, right-closed (as scikit-learn's calibration_curve). Biased upward, the more bins and the fewer samples, the more: a perfectly calibrated model has an error above 0. The details hold it less its bias, and the interval is built on that: lower limit less the most that noise can add; see docs/methods.md. It depends on the binning: compare like with like. Naeini et al. 2015.",
      better: "lower",
    },
    {
      id: "ece-equal-count",
      title: "Expected calibration error, bins of equal counts",
      unit: "1",
      description:
        "As ece, with bins that hold the same number of samples each (numpy's array_split of the samples by probability; equal probabilities at a cut are told apart by their order in the table). Less at the mercy of sparse bins than ece; biased upward all the same.",
      better: "lower",
    },
    {
      id: "mce",
      title: "Maximum calibration error",
      unit: "1",
      description:
        "The largest |share of positives − mean probability| of any bin of equal width. A maximum over noisy values: sparse bins decide it, and it is biased upward. Interval: Wilson's of every bin at Bonferroni's level.",
      better: "lower",
    },
    {
      id: "brier-recalibration-gain",
      title: "Brier score that recalibration would gain",
      unit: "1",
      description:
        "Brier score as it is minus the score after a logistic recalibration (intercept and slope) that was learnt on the tuning patients' clean scores: above 0 where that simple correction would help patients that it has not seen. Interval: normal, paired by sample, clustered by patient; the fitted recalibration is held fixed.",
      better: "lower",
    },
    {
      id: "log-loss-recalibration-gain",
      title: "Logarithmic loss that recalibration would gain",
      unit: "nat",
      description:
        "Logarithmic loss as it is minus the loss after a logistic recalibration (intercept and slope) that was learnt on the tuning patients' clean scores. Interval: normal, paired by sample, clustered by patient; the fitted recalibration is held fixed.",
      better: "lower",
    },
    ...(["calibration-intercept", "calibration-slope"] as const).map(
      (name) =>
        ({
          id: `${name}-gap`,
          title: `Gap between groups in the ${name.replace("-", " ")}`,
          unit: "1",
          description: `Largest minus smallest ${name.replace("-", " ")} among the groups of a family: whether one probability means the same risk in all groups (sufficiency). The interval is simultaneous over the family's pairs of groups (Bonferroni); the estimate is a maximum and biased upward, the details hold it less that bias. Tests: of the largest pairwise difference, and Wald's, that all groups are alike.`,
          better: "lower",
        }) as const,
    ),
  ],
  references: [
    "D. R. Cox, Biometrika 45 (1958) 562–565",
    "B. Van Calster et al., Journal of Clinical Epidemiology 74 (2016) 167–176",
    "T. P. A. Debray et al., BMJ 356 (2017) i6460",
    "G. W. Brier, Monthly Weather Review 78 (1950) 1–3",
    "D. J. Spiegelhalter, Statistics in Medicine 5 (1986) 421–433",
    "M. P. Naeini, G. F. Cooper, M. Hauskrecht, AAAI 2015, 2901–2907",
  ],
};

/** One class under one condition. */
interface Setting {
  readonly class: string;
  readonly condition: Condition;
  readonly bins: number;
  readonly fit: LogisticFit | NotEstimable;
  readonly level: number;
}

export default defineAudit<typeof parameters>({
  meta,
  evaluate(study, { level, parameters: { bins } }) {
    return study.classes.flatMap((className) => {
      const fit = recalibrationOf(study, className);
      const cells = new Map(distinctSubgroups(study).map((group) => [group, labelledCell(study, group, className)]));
      return study.conditions.flatMap((condition) => {
        const setting: Setting = { class: className, condition, bins, fit, level };
        const column = study.scores(condition, className);
        const scored = new Map([...cells].map(([group, cell]) => [group, scoredCell(cell, [column])]));
        if (!study.probabilities) return notApplicable(setting, scored);
        const found = [
          ...[...scored].flatMap(([group, cell]) => groupFindings(setting, group, cell)),
          ...[...familiesOf(study)].flatMap(([family, groups]) => gaps(setting, family, groups, scored)),
        ];
        forgetFits();
        return found;
      });
    });
  },
});

/** What the tuning patients teach of the class's calibration. */
function recalibrationOf(study: Study, className: string): LogisticFit | NotEstimable {
  const { tuning } = study;
  if (tuning.count === 0) return notEstimable("there are no tuning samples to learn a recalibration on");
  if (!study.probabilities) return notEstimable("the scores are no probabilities");
  const [labels, scores] = [tuning.labels(className), tuning.scores(className)];
  const kept = [...labels.keys()]
    .filter((row) => labels[row] !== -1 && !Number.isNaN(scores[row]))
    .sort((a, b) => (tuning.patients[a] as number) - (tuning.patients[b] as number) || a - b);
  const fit = recalibrationFit({
    scores: Float64Array.from(kept, (row) => scores[row] as number),
    labels: Uint8Array.from(kept, (row) => labels[row] as number),
    patients: Int32Array.from(kept, (row) => tuning.patients[row] as number),
    clustered: study.clustered,
  });
  return "status" in fit ? notEstimable(`tuning samples: ${fit.reason}`) : fit;
}

function subjectOf({ class: className, condition }: Setting, { family, values }: Subgroup, metric: string): Subject {
  return { audit: AUDIT, metric, class: className, operatingPoint: null, subgroup: values, family, condition };
}

function groupFindings(setting: Setting, group: Subgroup, cell: ScoredCell): Finding[] {
  const data = withScores(cell, 0);
  const found = (metric: string, result: Result, extras: Extras = {}): Finding => {
    const finding = findingOf(subjectOf(setting, group, metric), result, cell, setting.level, extras);
    return metric.startsWith("log-loss") ? { ...finding, unit: "nat" } : finding;
  };
  const [intercept, slope] = [calibrationIntercept(data), calibrationSlope(data)];
  const [brier, logarithmic] = [brierScore(data), logLoss(data)];
  const predictions = predictionsOf(data);
  const bins =
    "status" in predictions ? [] : reliability(predictions, binsOf(predictions, setting.bins, "equal-width"));
  const after = recalibration(data, setting.fit);
  return [
    found("calibration-intercept", intercept, regressionExtras(intercept, 0)),
    found("calibration-slope", slope, regressionExtras(slope, 1)),
    found("observed-expected", observedOverExpected(data), averages(data)),
    found("brier", brier, brierExtras(data, bins, setting)),
    found("log-loss", logarithmic),
    ...(["equal-width", "equal-count"] as const).map((binning) => {
      const ece = expectedCalibrationError(data, setting.bins, binning);
      const details = ece.status === "estimated" ? { "bias-corrected": ece.corrected, bins: ece.bins } : undefined;
      return found(
        binning === "equal-width" ? "ece" : "ece-equal-count",
        ece,
        details === undefined ? {} : { details },
      );
    }),
    found("mce", "status" in predictions ? predictions : maximumError(predictions, bins)),
    found("brier-recalibration-gain", gain(brier, after, brierScore)),
    found("log-loss-recalibration-gain", gain(logarithmic, after, logLoss)),
  ];
}

function regressionExtras(result: ReturnType<typeof calibrationSlope>, ideal: number): Extras {
  if (result.status === "not-estimable") return {};
  const z = signedZ(result, ideal);
  const hypothesis = ideal === 0 ? "an intercept of 0" : "a slope of 1";
  const tests: FindingTest[] =
    z === null ? [] : [{ method: "z", hypothesis, statistic: z, p: Math.min(1, 2 * normalCdf(-Math.abs(z))) }];
  const details = { "model-standard-error": result.modelStandardError, clipped: result.clipped };
  return { tests, details };
}

function averages(data: LabelledScores): Extras {
  const predictions = predictionsOf(data);
  if ("status" in predictions) return {};
  const { expected, observed } = means(predictions);
  return { details: { observed, expected } };
}

/** The score of whoever predicts the prevalence for everybody, Spiegelhalter's test, and the reliability curve. */
function brierExtras(data: LabelledScores, bins: readonly ReliabilityBin[], setting: Setting): Extras {
  const predictions = predictionsOf(data);
  if ("status" in predictions) return {};
  const { observed } = means(predictions);
  const test = spiegelhalterTest(data);
  const drawn = bins.filter(({ n }) => n >= LEAST_IN_BIN);
  const intervals = drawn.map((bin) => intervalOf(bin.observed, setting.level));
  const curve: Curve = {
    kind: "calibration",
    x: drawn.map(({ meanPredicted }) => meanPredicted),
    y: drawn.map(({ observed: share }) => share.value),
    lower: intervals.map(({ lower }) => lower),
    upper: intervals.map(({ upper }) => upper),
    n: drawn.map(({ n }) => n),
    method: intervals[0]?.method ?? "wilson",
  };
  return {
    details: { "of-prevalence-alone": observed * (1 - observed) },
    ...(test === null ? {} : { tests: [test] }),
    ...(drawn.length === 0 ? {} : { curve }),
  };
}

/** The samples with their probabilities recalibrated. */
function recalibration(data: LabelledScores, fit: LogisticFit | NotEstimable): LabelledScores | NotEstimable {
  return "status" in fit ? fit : { ...data, scores: recalibrated(fit, data.scores) };
}

/** The loss as it is minus the loss after recalibration, on the same samples. */
function gain(before: Result, data: LabelledScores | NotEstimable, loss: (data: LabelledScores) => Result): Result {
  if ("status" in data) return data;
  if (before.status === "not-estimable") return before;
  const after = loss(data);
  if (after.status === "not-estimable") return after;
  // Both are means over the same samples: the difference is one, too, and its normal limits are the paired ones.
  const asMean = (estimate: Estimate): Estimate => ({ ...estimate, symmetric: true });
  const method = { normal: "paired-normal-mean", otherwise: "paired-normal-mean" };
  return differenceOf(asMean(before), asMean(after), method, { n: before.n, patients: before.patients });
}

function gaps(
  setting: Setting,
  family: string,
  groups: readonly Subgroup[],
  scored: ReadonlyMap<Subgroup, ScoredCell>,
): Finding[] {
  const estimators = { "calibration-intercept": calibrationIntercept, "calibration-slope": calibrationSlope } as const;
  return Object.entries(estimators).map(([name, estimator]) => {
    const results = groups.flatMap((subgroup): GroupResult<Estimate>[] => {
      const cell = scored.get(subgroup);
      return cell === undefined ? [] : [{ subgroup, cell, result: estimator(withScores(cell, 0)) }];
    });
    const everybody: Subgroup = { family, values: {}, members: new Uint32Array(0) };
    const subject = { ...subjectOf(setting, everybody, `${name}-gap`), acrossFamily: true };
    const difference = (a: Estimate, b: Estimate) =>
      differenceOf(
        a,
        b,
        { normal: "sandwich-difference", otherwise: "sandwich-difference" },
        {
          n: a.n + b.n,
          patients: a.patients + b.patients,
        },
      );
    return gapFinding(
      subject,
      results,
      { difference, better: "higher", quantity: name.replace("-", " ") },
      setting.level,
    );
  });
}

function notApplicable(setting: Setting, scored: ReadonlyMap<Subgroup, ScoredCell>): Finding[] {
  const own = meta.metrics.map(({ id }) => id).filter((id) => !id.endsWith("-gap"));
  return [...scored].flatMap(([group, cell]) =>
    own.map((metric): Finding => {
      const reason = notEstimable("the scores are no probabilities (model.probabilities is false)");
      return { ...findingOf(subjectOf(setting, group, metric), reason, cell, setting.level), status: "not-applicable" };
    }),
  );
}
