/**
 * Does the model serve all groups alike? Per class, subgrouping and condition: every group's difference from a
 * reference group and from the rest, ratios, and the gap between the best and the worst group, in area under the ROC curve
 * and in the rates at the frozen operating points: sensitivity and specificity (the two halves of equalised odds, Hardt et
 * al. 2016; the first alone is equal opportunity), predictive values (predictive parity) and the share that is called
 * positive (demographic parity).
 *
 * Differences of areas: DeLong or Obuchowski, with the covariance that shared patients make. Differences of shares:
 * Newcombe's hybrid score. Gaps: Bonferroni over all pairs of groups, with a bias-corrected gap and a shorter interval in the
 * details (src/stats/gap.ts). Pairwise intervals are per finding; a gap's interval is simultaneous over the pairs of its
 * family, not over families, classes or conditions. Tests of no difference are adjusted for their number afterwards.
 */
import { z } from "zod";
import { type AuditMeta, defineAudit, type OperatingPoint, type Study, type Subgroup } from "../src/core/audit.js";
import { type Condition, isClean } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import { randomFrom } from "../src/core/random.js";
import { familiesOf, labelledCell, type ScoredCell, scoredCell, withScores } from "../src/stats/cell.js";
import { type Estimate, notEstimable, type Result } from "../src/stats/estimate.js";
import { type GroupResult, gapFinding, isEstimated } from "../src/stats/family-gap.js";
import { amended, findingId, findingOf, type Subject } from "../src/stats/finding.js";
import {
  type Against,
  comparisonMetric,
  differenceFinding,
  type Other,
  ratioFinding,
  referenceOf,
} from "../src/stats/group-comparison.js";
import { areaMeasure, type Measure, type ShareName, shareMeasure } from "../src/stats/measures.js";
import { complementOf, type ProportionEstimate } from "../src/stats/proportion.js";
import { areaGapTest, joinGroups, rateGapTest } from "../src/stats/permutation.js";
import { unequalWeights } from "../src/stats/weights.js";
import { equalizedOddsGap, type Measured, minMaxFinding } from "./support/fairness-criteria.js";
import { EVERYWHERE, FAIRNESS_METRICS } from "./support/fairness-metrics.js";

const AUDIT = "fairness";

const parameters = z.strictObject({
  reference: z
    .record(z.string(), z.string())
    .default({})
    .describe("The reference group of each subgrouping, such as { sex: F }; default: the largest estimable group."),
  against: z
    .array(z.enum(["reference", "rest", "overall"]))
    .min(1)
    .default(["reference", "rest"])
    .describe("What each group is held against: the reference group, all samples outside the group, or everybody."),
  margin: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.05)
    .describe("Differences within ± this margin count as equivalent, in tests of equivalence."),
  permutations: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(1000)
    .describe("Permutations of each gap's test, on clean images; 0 for none."),
});
type Parameters = z.output<typeof parameters>;

/**
 * Beyond so many samples × permutations, over all gaps of a class, permutation tests would take minutes; in studies of that
 * size Wald's test serves as well.
 */
const MOST_PASSES = 2e8;

const meta: AuditMeta = {
  id: AUDIT,
  title: "Fairness between groups",
  why: "A model can be good on average and poor for women, the old, or one scanner's patients. The gap between groups shows who bears the errors.",
  needs: ["labels", "subgroups"],
  parameters,
  metrics: FAIRNESS_METRICS,
  references: [
    "E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988) 837–845",
    "N. A. Obuchowski, Biometrics 53 (1997) 567–578",
    "R. G. Newcombe, Statistics in Medicine 17 (1998) 873–890",
    "G. Y. Zou, A. Donner, Statistics in Medicine 27 (2008) 1693–1702",
    "M. Hardt, E. Price, N. Srebro, Equality of opportunity in supervised learning, NeurIPS 2016",
    "A. Chouldechova, Fair prediction with disparate impact, Big Data 5 (2017) 153–163",
    "A. Donner, G. Y. Zou, Statistical Methods in Medical Research 21 (2012) 347–359",
    "B. Phipson, G. K. Smyth, Statistical Applications in Genetics and Molecular Biology 9 (2010) 39",
  ],
};

/** One family under one condition. */
interface Setting {
  readonly class: string;
  readonly family: string;
  readonly condition: Condition;
  readonly groups: readonly Member[];
  readonly everybody: ScoredCell;
  readonly given: Parameters;
  readonly level: number;
  readonly seed: number;
  /** Whether the study is small enough for permutation tests. */
  readonly isPermuted: boolean;
}

interface Member {
  readonly subgroup: Subgroup;
  readonly cell: ScoredCell;
}

export default defineAudit<typeof parameters>({
  meta,
  evaluate(study, { level, parameters: given, seed }) {
    return study.classes.flatMap((className) => {
      const points = study.operatingPoints.filter((point) => point.class === className);
      const columns = study.conditions.map((condition) => study.scores(condition, className));
      const [whole] = study.subgroups;
      const everybody = whole === undefined ? null : labelledCell(study, whole, className);
      const isPermuted = passesOf(study, points, given) <= MOST_PASSES;
      return [...familiesOf(study)].flatMap(([family, subgroups]) => {
        const cells = subgroups.map((subgroup) => ({ subgroup, cell: labelledCell(study, subgroup, className) }));
        return study.conditions.flatMap((condition, index) => {
          const column = [columns[index] as Float64Array];
          const groups = cells.map(({ subgroup, cell }) => ({ subgroup, cell: scoredCell(cell, column) }));
          if (everybody === null) return [];
          const of = { class: className, family, condition, groups, everybody: scoredCell(everybody, column) };
          return compareAll({ ...of, given, level, seed, isPermuted }, points, study.clustered);
        });
      });
    });
  },
});

/** Samples × permutations over the gaps that are tested by permutation. */
function passesOf(study: Study, points: readonly OperatingPoint[], { permutations }: Parameters): number {
  const gaps = 1 + EVERYWHERE.length * points.length;
  return study.count * permutations * familiesOf(study).size * gaps;
}

/** Everything that is compared in one family under one condition. Every measure is estimated once. */
function compareAll(setting: Setting, points: readonly OperatingPoint[], clustered: boolean): Finding[] {
  return [
    ...compare(estimatesOf(areaMeasure(clustered), setting), setting),
    ...points.flatMap((point) => {
      const of = (name: ShareName) => estimatesOf(shareMeasure(name, point, clustered), setting);
      const [sensitivity, specificity] = [of("sensitivity"), of("specificity")];
      const subject = (metric: string) => subjectOf(setting, sensitivity.measure, metric, null);
      const odds = equalizedOddsGap(subject("equalized-odds-gap"), [sensitivity, specificity], setting.level);
      const everywhere = [...compare(sensitivity, setting, point), ...compare(specificity, setting, point), odds];
      if (setting.condition.attack !== "none") return everywhere;
      const selected = of("selection-rate");
      const fpr = complement(specificity, shareMeasure("fpr", point, clustered));
      const fnr = complement(sensitivity, shareMeasure("fnr", point, clustered));
      const [ppv, npv, accuracy] = [of("ppv"), of("npv"), of("accuracy")];
      return [
        ...everywhere,
        ...[ppv, npv, selected, accuracy].flatMap((one) => compare(one, setting, point)),
        ...ownValues(selected, setting),
        ...[sensitivity, specificity, fpr, fnr, selected].flatMap((one) => ratios(one, setting)),
        minMaxFinding(subject("selection-rate-min-max-ratio"), [selected], setting.level),
        minMaxFinding(subject("equalized-odds-ratio"), [sensitivity, fpr], setting.level),
      ];
    }),
  ];
}

/** One measure of all groups, of what is outside each, and of everybody. */
interface Estimates<E extends Estimate> extends Measured<E> {
  readonly groups: readonly GroupResult<E>[];
  /** Aligned with the groups; empty where nothing is held against the rest. */
  readonly rests: readonly Result<E>[];
  /** null where nothing is held against everybody. */
  readonly everybody: Result<E> | null;
}

function estimatesOf<E extends Estimate>(measure: Measure<E>, { groups, everybody, given }: Setting): Estimates<E> {
  const overall = given.against.includes("overall") ? measure.estimate(withScores(everybody, 0)) : null;
  if (!given.against.includes("rest")) {
    const results = groups.map((group) => ({ ...group, result: measure.estimate(withScores(group.cell, 0)) }));
    return { measure, groups: results, rests: [], everybody: overall };
  }
  const family = groups.map(({ cell }) => cell);
  const both = groups.map((group) => ({ group, ...measure.withRest(everybody, group.cell, family) }));
  return {
    measure,
    groups: both.map(({ group, own }) => ({ ...group, result: own })),
    rests: both.map(({ rest }) => rest),
    everybody: overall,
  };
}

/** One minus a share, of everybody that it was estimated for. */
function complement(
  { groups, rests, everybody }: Estimates<ProportionEstimate>,
  measure: Measure<ProportionEstimate>,
): Estimates<ProportionEstimate> {
  const turned = (result: Result<ProportionEstimate>) =>
    result.status === "estimated" ? complementOf(result) : result;
  return {
    measure,
    groups: groups.map((group) => ({ ...group, result: turned(group.result) })),
    rests: rests.map(turned),
    everybody: everybody === null ? null : turned(everybody),
  };
}

function subjectOf<E extends Estimate>(
  { class: className, family, condition }: Setting,
  { operatingPoint }: Measure<E>,
  metric: string,
  group: Subgroup | null,
): Subject {
  const subgroup = group?.values ?? {};
  return {
    ...{ audit: AUDIT, metric, class: className, operatingPoint, subgroup, family, condition },
    ...(group === null ? { acrossFamily: true } : {}),
  };
}

/** Every group against what it is held against, then the family's gap. */
function compare<E extends Estimate>(estimates: Estimates<E>, setting: Setting, point?: OperatingPoint): Finding[] {
  const { measure, groups } = estimates;
  const { given, level } = setting;
  const differences = given.against.flatMap((against) =>
    pairsOf(estimates, setting, against, "difference").map(({ group, other, subject }) =>
      "missing" in other
        ? findingOf(subject, notEstimable(reasonOf(group, other.missing)), group.cell, level)
        : differenceFinding(subject, measure, group, other, { margin: given.margin, level }),
    ),
  );
  const subject = subjectOf(setting, measure, `${measure.name}-gap`, null);
  const gap = gapFinding(subject, groups, measure, level);
  return [...differences, withPermutations(gap, subject, groups, setting, point)];
}

function ratios<E extends Estimate>(estimates: Estimates<E>, setting: Setting): Finding[] {
  return setting.given.against
    .filter((against) => against !== "overall")
    .flatMap((against) =>
      pairsOf(estimates, setting, against, "ratio").map(({ group, other, subject }) =>
        "missing" in other
          ? findingOf(subject, notEstimable(reasonOf(group, other.missing)), group.cell, setting.level)
          : ratioFinding(subject, estimates.measure, group, other, setting.level),
      ),
    );
}

function ownValues<E extends Estimate>({ measure, groups }: Estimates<E>, setting: Setting): Finding[] {
  return groups.map(({ subgroup, cell, result }) =>
    findingOf(subjectOf(setting, measure, measure.name, subgroup), result, cell, setting.level),
  );
}

interface Pair<E extends Estimate> {
  readonly group: GroupResult<E>;
  readonly other: Other<E> | { readonly missing: string };
  readonly subject: Subject;
}

/** Every group with the other side of its comparison; the reference group itself has none. */
function pairsOf<E extends Estimate>(
  { measure, groups, rests, everybody }: Estimates<E>,
  setting: Setting,
  against: Against,
  kind: "difference" | "ratio",
): Pair<E>[] {
  const metric = comparisonMetric(measure.name, kind, against);
  const pair = (group: GroupResult<E>, other: Pair<E>["other"]): Pair<E> => ({
    group,
    other,
    subject: subjectOf(setting, measure, metric, group.subgroup),
  });
  if (against === "reference") {
    const reference = referenceOf(groups, setting.family, setting.given.reference[setting.family]);
    if ("missing" in reference) return groups.map((group) => pair(group, reference));
    const { cell, result, subgroup, chosen } = reference;
    const other: Other<E> = { against, cell, result, values: subgroup.values, chosen };
    return groups.filter((group) => group.subgroup !== subgroup).map((group) => pair(group, other));
  }
  return groups.flatMap((group, place) => {
    const result = against === "rest" ? rests[place] : everybody;
    return result === null || result === undefined ? [] : [pair(group, { against, cell: setting.everybody, result })];
  });
}

function reasonOf<E extends Estimate>({ result }: GroupResult<E>, missing: string): string {
  return result.status === "not-estimable" ? result.reason : missing;
}

/** Adds a permutation test to the gaps in AUC, sensitivity and specificity on clean images, or says why there is none. */
function withPermutations<E extends Estimate>(
  gap: Finding,
  subject: Subject,
  groups: readonly GroupResult<E>[],
  { condition, given, seed, isPermuted }: Setting,
  point: OperatingPoint | undefined,
): Finding {
  const { permutations } = given;
  const name = gap.metric.replace(/-gap$/, "");
  const compared = groups.filter(isEstimated).map(({ cell }) => withScores(cell, 0));
  if (compared.length < 2 || permutations === 0 || !isClean(condition)) return gap;
  if (!["auc", ...EVERYWHERE].includes(name)) return gap;
  const without = (why: string) => amended(gap, { details: { ...gap.details, "permutation-test": why } });
  if (!isPermuted) return without("left out: the study is too large for it");
  if (compared.some((data) => unequalWeights(data) !== null)) {
    return without("left out: samples of unequal weight cannot be exchanged");
  }
  const joined = joinGroups(compared);
  const random = randomFrom(seed, "permutation", findingId(subject));
  const made =
    name === "auc"
      ? areaGapTest(joined, permutations, random)
      : rateGapTest(joined, point?.threshold ?? Number.NaN, name as (typeof EVERYWHERE)[number], permutations, random);
  if (made === null) return without("left out: no patient could be dealt to another group");
  return amended(gap, {
    tests: [...(gap.tests ?? []), made.test],
    details: { ...gap.details, permutations, "patients-dealt": made.exchangeable },
  });
}
