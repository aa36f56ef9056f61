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
import { type Cell, familiesOf, labelledCell, type ScoredCell, scoredCell, withScores } from "../src/stats/cell.js";
import { restOf } from "../src/stats/complement.js";
import type { Estimate } from "../src/stats/estimate.js";
import { type GroupResult, gapFinding, isEstimated } from "../src/stats/family-gap.js";
import { amended, findingId, findingOf, measured, type Subject } from "../src/stats/finding.js";
import {
  type Against,
  comparisonMetric,
  differenceFinding,
  type Other,
  ratioFinding,
  referenceOf,
} from "../src/stats/group-comparison.js";
import { areaMeasure, type Measure, type ShareName, shareMeasure } from "../src/stats/measures.js";
import { areaGapTest, joinGroups, rateGapTest } from "../src/stats/permutation.js";
import { unequalWeights } from "../src/stats/weights.js";

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
 * Beyond so many samples × permutations, over all gaps of a study, permutation tests would take minutes; in studies of that
 * size Wald's test serves as well.
 */
const MOST_PASSES = 1e9;

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
  "The interval is simultaneous over all pairs of the family's groups (Bonferroni) and conservative. The estimate is a maximum over noisy differences and therefore biased upward, the more so the more and the smaller the groups: the details hold the estimate less that bias and a shorter interval of honest coverage. Tests: Wald's that all groups are alike, and, for AUC, sensitivity and specificity on clean images of studies that are not too large for it, a permutation test: groups are dealt anew among patients with as many positives and negatives, so that it is exact where scores are distributed alike in all groups. Groups that are not estimable are named, and the gap says nothing of them.";

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
const QUANTITIES: Readonly<Record<string, string>> = {
  auc: "AUC",
  ppv: "PPV",
  npv: "NPV",
  "selection-rate": "Selection rate",
};
const RATIOS = ["sensitivity", "specificity", "fpr", "fnr", "selection-rate"] as const satisfies readonly ShareName[];
const EVERYWHERE = ["sensitivity", "specificity"] as const satisfies readonly ShareName[];
const UNATTACKED = ["ppv", "npv", "selection-rate", "accuracy"] as const satisfies readonly ShareName[];

const meta: AuditMeta = {
  id: AUDIT,
  title: "Fairness between groups",
  why: "A model can be good on average and poor for women, the old, or one scanner's patients. The gap between groups shows who bears the errors.",
  needs: ["labels", "subgroups"],
  parameters,
  metrics: [
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
          title: `${quantity} gap between best and worst group`,
          unit: "1",
          description: `Largest minus smallest ${quantity === "AUC" ? quantity : quantity.toLowerCase()} among the groups of a family. ${MEANINGS[name]} ${GAP_LIMITS}${where}`,
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
        "The larger of the gap in sensitivity and the gap in specificity among the groups of a family, at the frozen threshold: how far the model is from equalised odds (Hardt, Price, Srebro 2016; Fairlearn's equalized_odds_difference). Interval: both gaps at the Bonferroni level of two, the larger of their limits either way: conservative. Biased upward, as every maximum.",
      better: "lower",
    },
    ...RATIOS.flatMap((name) =>
      (["reference", "rest"] as const).map((against) => ({
        id: comparisonMetric(name, "ratio", against),
        title: `${ratioTitle(name)} over that of ${TITLES[against]}`,
        unit: "1",
        description: `${ratioTitle(name)} of the group over that of ${TITLES[against]}, at the frozen threshold, on images without an attack.${name === "selection-rate" ? " Below 0.8 it fails the four-fifths rule of disparate impact." : ""} Interval: recovered from Wilson's limits of either share (Donner and Zou 2012), so that it leaves out 1 exactly where the difference's interval leaves out 0. Not estimable where the share that it is divided by is 0. ${AGAINST[against]}`,
        better: "neither" as const,
      })),
    ),
  ],
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

/** A group with the samples outside it; those are null where nothing is held against the rest. */
interface Member {
  readonly subgroup: Subgroup;
  readonly cell: ScoredCell;
  readonly rest: ScoredCell | null;
}

export default defineAudit<typeof parameters>({
  meta,
  evaluate(study, { level, parameters: given, seed }) {
    return study.classes.flatMap((className) => {
      const points = study.operatingPoints.filter((point) => point.class === className);
      const columns = study.conditions.map((condition) => study.scores(condition, className));
      const [whole] = study.subgroups;
      const everybody = whole === undefined ? null : labelledCell(study, whole, className);
      const isPermuted = passesOf(study, given) <= MOST_PASSES;
      return [...familiesOf(study)].flatMap(([family, subgroups]) => {
        const cells = subgroups.map((subgroup) => cellsOf(study, subgroup, className, given));
        return study.conditions.flatMap((condition, index) => {
          const column = [columns[index] as Float64Array];
          const groups = cells.map(({ subgroup, own, rest }) => ({
            subgroup,
            cell: scoredCell(own, column),
            rest: rest === null ? null : scoredCell(rest, column),
          }));
          if (everybody === null) return [];
          const of = { class: className, family, condition, groups, everybody: scoredCell(everybody, column) };
          return compareAll({ ...of, given, level, seed, isPermuted }, points, study.clustered);
        });
      });
    });
  },
});

/** Samples × permutations over the gaps that are tested by permutation. */
function passesOf(study: Study, { permutations }: Parameters): number {
  const gaps = study.classes.length + EVERYWHERE.length * study.operatingPoints.length;
  return study.count * permutations * familiesOf(study).size * gaps;
}

function cellsOf(study: Study, subgroup: Subgroup, className: string, { against }: Parameters) {
  const own = labelledCell(study, subgroup, className);
  const rest: Cell | null = against.includes("rest") ? labelledCell(study, restOf(study, subgroup), className) : null;
  return { subgroup, own, rest };
}

/** Everything that is compared in one family under one condition. */
function compareAll(setting: Setting, points: readonly OperatingPoint[], clustered: boolean): Finding[] {
  const isAttacked = setting.condition.attack !== "none";
  return [
    ...compare(areaMeasure(clustered), setting),
    ...points.flatMap((point) => {
      const share = (name: ShareName) => shareMeasure(name, point, clustered);
      return [
        ...EVERYWHERE.flatMap((name) => compare(share(name), setting, point)),
        equalizedOdds(setting, point, clustered),
        ...(isAttacked
          ? []
          : [
              ...UNATTACKED.flatMap((name) => compare(share(name), setting, point)),
              ...ownValues(share("selection-rate"), setting),
              ...RATIOS.flatMap((name) => ratios(share(name), setting)),
            ]),
      ];
    }),
  ];
}

function aboutOf<E extends Estimate>({ class: className, family, condition }: Setting, measure: Measure<E>) {
  return { audit: AUDIT, class: className, operatingPoint: measure.operatingPoint, family, condition };
}

function resultsOf<E extends Estimate>(measure: Measure<E>, { groups }: Setting): (GroupResult<E> & Member)[] {
  return groups.map((group) => ({ ...group, result: measure.estimate(withScores(group.cell, 0)) }));
}

/** Every group against what it is held against, then the family's gap. */
function compare<E extends Estimate>(measure: Measure<E>, setting: Setting, point?: OperatingPoint): Finding[] {
  const groups = resultsOf(measure, setting);
  const { given, level } = setting;
  const differences = given.against.flatMap((against) =>
    pairsOf(measure, groups, setting, against).map(({ group, other, subject }) =>
      "missing" in other
        ? findingOf(subject, { status: "not-estimable", reason: reasonOf(group, other.missing) }, group.cell, level)
        : differenceFinding(subject, measure, group, other, { margin: given.margin, level }),
    ),
  );
  const subject: Subject = {
    ...aboutOf(setting, measure),
    metric: `${measure.name}-gap`,
    subgroup: {},
    acrossFamily: true,
  };
  const gap = gapFinding(subject, groups, measure, level);
  return [...differences, withPermutations(gap, subject, groups, setting, point)];
}

function ratios<E extends Estimate>(measure: Measure<E>, setting: Setting): Finding[] {
  const groups = resultsOf(measure, setting);
  const { given, level } = setting;
  return given.against
    .filter((against) => against !== "overall")
    .flatMap((against) =>
      pairsOf(measure, groups, setting, against, "ratio").map(({ group, other, subject }) =>
        "missing" in other
          ? findingOf(subject, { status: "not-estimable", reason: reasonOf(group, other.missing) }, group.cell, level)
          : ratioFinding(subject, measure, group, other, level),
      ),
    );
}

function ownValues<E extends Estimate>(measure: Measure<E>, setting: Setting): Finding[] {
  return resultsOf(measure, setting).map(({ subgroup, cell, result }) =>
    findingOf(
      { ...aboutOf(setting, measure), metric: measure.name, subgroup: subgroup.values },
      result,
      cell,
      setting.level,
    ),
  );
}

interface Pair<E extends Estimate> {
  readonly group: GroupResult<E>;
  readonly other: Other<E> | { readonly missing: string };
  readonly subject: Subject;
}

/** Every group with the other side of its comparison; the reference group itself has none. */
function pairsOf<E extends Estimate>(
  measure: Measure<E>,
  groups: readonly (GroupResult<E> & Member)[],
  setting: Setting,
  against: Against,
  kind: "difference" | "ratio" = "difference",
): Pair<E>[] {
  const metric = comparisonMetric(measure.name, kind, against);
  const subjectOf = ({ subgroup }: GroupResult<E>): Subject => ({
    ...aboutOf(setting, measure),
    metric,
    subgroup: subgroup.values,
  });
  if (against === "reference") {
    const reference = referenceOf(groups, setting.family, setting.given.reference[setting.family]);
    if ("missing" in reference) return groups.map((group) => ({ group, other: reference, subject: subjectOf(group) }));
    const { cell, result, subgroup, chosen } = reference;
    const other: Other<E> = { against, cell, result, values: subgroup.values, chosen };
    return groups
      .filter((group) => group.subgroup !== subgroup)
      .map((group) => ({ group, other, subject: subjectOf(group) }));
  }
  const everybody = against === "overall" ? measure.estimate(withScores(setting.everybody, 0)) : null;
  return groups.map((group) => {
    const cell = everybody === null ? (group.rest as ScoredCell) : setting.everybody;
    const result = everybody ?? measure.estimate(withScores(cell, 0));
    return { group, other: { against, cell, result }, subject: subjectOf(group) };
  });
}

function reasonOf<E extends Estimate>({ result }: GroupResult<E>, missing: string): string {
  return result.status === "not-estimable" ? result.reason : missing;
}

/** The larger of the gaps in sensitivity and in specificity, with limits that allow for two. */
function equalizedOdds(setting: Setting, point: OperatingPoint, clustered: boolean): Finding {
  const bothAt = 1 - (1 - setting.level) / 2;
  const subject: Subject = {
    ...aboutOf(setting, shareMeasure("sensitivity", point, clustered)),
    metric: "equalized-odds-gap",
    subgroup: {},
    acrossFamily: true,
  };
  const gaps = EVERYWHERE.map((name) => {
    const measure = shareMeasure(name, point, clustered);
    const groups = resultsOf(measure, setting);
    return { name, groups, gap: gapFinding({ ...subject, metric: `${name}-gap` }, groups, measure, bothAt) };
  });
  const unscored = setting.groups.reduce((sum, { cell }) => sum + cell.unscored, 0);
  const basis = (gap: Finding) => ({
    counts: { n: gap.n, positives: gap.positives, negatives: gap.negatives, patients: gap.patients },
    unscored,
  });
  const failed = gaps.find(({ gap }) => gap.interval === null);
  const [first] = gaps;
  if (first === undefined || failed !== undefined) {
    const gap = (failed ?? first)?.gap as Finding;
    const reason = `${failed?.name}: ${gap.reason ?? "no gap"}`;
    return findingOf(subject, { status: "not-estimable", reason }, basis(gap), setting.level);
  }
  const worst = gaps.reduce((kept, other) => ((other.gap.estimate ?? 0) > (kept.gap.estimate ?? 0) ? other : kept));
  const limit = (of: "lower" | "upper") => Math.max(...gaps.map(({ gap }) => gap.interval?.[of] ?? 0));
  const method = worst.gap.interval?.method ?? "";
  return measured(
    subject,
    worst.gap.estimate ?? 0,
    { lower: limit("lower"), upper: limit("upper"), level: setting.level, method: `bonferroni-of-two-${method}` },
    basis(worst.gap),
    {
      reason: worst.gap.reason,
      details: {
        rate: worst.name,
        best: worst.gap.details?.best ?? null,
        worst: worst.gap.details?.worst ?? null,
        "groups-left-out": worst.gap.details?.["groups-left-out"] ?? "",
      },
    },
  );
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

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function ratioTitle(name: ShareName): string {
  if (name === "fpr") return "False positive rate";
  if (name === "fnr") return "False negative rate";
  return capitalised(name).replace("-", " ");
}
