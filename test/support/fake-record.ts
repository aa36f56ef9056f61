import { type Condition, conditionKey, isClean, withoutDefense } from "../../src/core/condition.js";
import { type Curve, type Finding, type GateResult, type Interval, subgroupKey } from "../../src/core/finding.js";
import { sha256 } from "../../src/core/hash.js";
import { randomFrom } from "../../src/core/random.js";
import type { AttackSummary, AuditRecord, GroupCount } from "../../src/core/record.js";
import { type FakeGroup, type FakeStudy, fakeStudy } from "./fake-study.js";

const CLASS = "pneumonia";
const LEVEL = 0.95;
const POINT = "screening";

/**
 * A finished record of the invented study, for the reports' tests. The estimates are plain textbook ones (Hanley and
 * McNeil's variance, Wilson's interval): near enough to look at, not a reference for anything.
 */
export function fakeRecord(seed = 1): AuditRecord {
  const study = fakeStudy(seed);
  const findings = fakeFindings(study);
  return {
    protocol: fakeProtocol(),
    findings: {
      schemaVersion: "1.0",
      protocolSha256: sha256("fake protocol"),
      verdict: "fail",
      findings,
      gates: fakeGates(findings),
      operatingPoints: [
        {
          id: POINT,
          class: CLASS,
          threshold: study.threshold,
          rule: "sensitivity 0.9",
          chosenOn: "tuning",
          n: 180,
          positives: 91,
          reason: null,
        },
      ],
      flow: {
        read: 1000,
        tuning: 180,
        evaluation: 360,
        tuningPatients: 121,
        evaluationPatients: new Set(study.patients).size,
        excluded: [
          { reason: "split is neither tuning nor evaluation", count: 458 },
          { reason: "label missing", count: 2 },
        ],
      },
      groups: study.groups.map((group) => groupCount(study, group)),
      attacks: study.conditions.filter((condition) => condition.attack !== "none").map(fakeSummary),
      queries: { preflight: 96, tuning: 180, score: 360 * study.conditions.length, search: 450000 },
      preflight: [
        { id: "finite", title: "Outputs are finite", passed: true, detail: "32 images" },
        {
          id: "repeatable",
          title: "The same input gives the same output",
          passed: true,
          detail: "largest difference 0",
        },
        { id: "batch", title: "Batch of 1 equals batch of N", passed: true, detail: "largest difference 1.8e-7" },
      ],
      deviations: [
        {
          id: "clustered",
          title: "Some patients have several images",
          detail: "Intervals of AUC use Obuchowski's clustered variance.",
        },
      ],
    },
    provenance: {
      schemaVersion: "1.0",
      stepwedge: "0.1.0",
      node: "v20.20.2",
      packages: { "onnxruntime-node": "1.30.0", sharp: "0.35.5" },
      seed: 20261123,
      command: ["stepwedge", "run", "audit.yaml", "--out", "record"],
      model: { adapter: "onnx", runtime: "onnxruntime-node 1.30.0, cpu", files: { "cxr.onnx": sha256("model") } },
      data: {
        adapter: "table",
        files: { "manifest.csv": sha256("manifest") },
        imagesSha256: sha256("images"),
        images: 540,
      },
      hardware: { cpu: "Example CPU @ 2.5 GHz", cores: 2, memoryGiB: 24, platform: "linux x64" },
      finishedAt: "2026-11-23T18:30:00.000Z",
    },
    perturbations: fakePerturbations(study.conditions),
  };
}

function fakeProtocol(): AuditRecord["protocol"] {
  const gate = (id: string, title: string, rest: object) => ({ id, title, class: CLASS, ...rest });
  return {
    version: 1,
    title: "Chest X-ray pneumonia classifier 1.4",
    intendedUse:
      "Triage of adult frontal chest radiographs for pneumonia. Not for children; not a diagnosis by itself.",
    seed: 20261123,
    confidence: LEVEL,
    model: {
      adapter: "onnx",
      path: "cxr.onnx",
      task: "multilabel",
      classes: [CLASS],
      activation: "none",
      input: { width: 160, height: 160, channels: 1, layout: "NCHW" },
    },
    data: { adapter: "table", path: "manifest.csv", split: { column: "split", tuning: "val", evaluation: "test" } },
    subgroups: { sex: { column: "sex" }, age: { column: "age", bins: [0, 40, 60, 80, 120] }, view: { column: "view" } },
    attacks: [
      {
        id: "wavelet-universal",
        objective: ["operating-point", "ranking"],
        queries: 75000,
        wavelet: "haar",
        levels: 3,
      },
      { id: "gaussian-noise" },
      { id: "random-sign" },
    ],
    defenses: [{ id: "jpeg", quality: 75 }],
    operatingPoints: [{ id: POINT, sensitivity: 0.9, chosenOn: "tuning" }],
    gates: [
      gate("REQ-001", "Discrimination on clean images", { metric: "auc", bound: "lower", atLeast: 0.8 }),
      gate("REQ-002", "Gap between sexes and ages", {
        metric: "auc-gap",
        subgroups: ["sex", "age"],
        bound: "upper",
        atMost: 0.1,
      }),
      gate("REQ-003", "Gap between views", { metric: "auc-gap", subgroups: ["view"], bound: "upper", atMost: 0.1 }),
      gate("REQ-004", "AUC kept at ε = 2/255 behind JPEG", {
        metric: "auc-drop",
        condition: { attack: "wavelet-universal", epsilon: 2 / 255, defense: "jpeg" },
        bound: "upper",
        atMost: 0.05,
      }),
    ],
    privacy: { minimumCell: 5 },
  };
}

// --- findings ---------------------------------------------------------------------------------------------------

interface Counts {
  readonly n: number;
  readonly positives: number;
  readonly negatives: number;
  readonly patients: number;
}

function fakeFindings(study: FakeStudy): Finding[] {
  const clean = study.scores(study.conditions[0] as Condition);
  return study.conditions.flatMap((condition) => {
    const scores = study.scores(condition);
    const unattacked = isClean(condition) ? null : clean;
    const control = condition.objective === undefined ? null : controlOf(study, condition);
    const perGroup = study.groups.flatMap((group) =>
      groupFindings(study, group, condition, scores, unattacked, control),
    );
    return [...perGroup, ...gapFindings(perGroup, condition)];
  });
}

function controlOf(study: FakeStudy, condition: Condition): Condition | null {
  return (
    study.conditions.find(
      (other) =>
        other.attack === "random-sign" && other.epsilon === condition.epsilon && other.defense === condition.defense,
    ) ?? null
  );
}

function groupFindings(
  study: FakeStudy,
  group: FakeGroup,
  condition: Condition,
  scores: readonly number[],
  clean: readonly number[] | null,
  control: Condition | null,
): Finding[] {
  const positives = group.members.filter((sample) => study.labels[sample] === 1);
  const negatives = group.members.filter((sample) => study.labels[sample] === 0);
  const counts: Counts = {
    n: group.members.length,
    positives: positives.length,
    negatives: negatives.length,
    patients: new Set(group.members.map((sample) => study.patients[sample])).size,
  };
  const make = (
    metric: string,
    point: boolean,
    estimate: number | null,
    interval: Interval | null,
    more: Partial<Finding> = {},
  ) => finding(group, condition, counts, metric, point ? POINT : null, estimate, interval, more);
  const called = (list: readonly number[], from: readonly number[]) =>
    list.filter((sample) => (from[sample] as number) >= study.threshold).length;

  const tp = called(positives, scores);
  const fp = called(negatives, scores);
  const enough = positives.length >= 2 && negatives.length >= 2;
  const auc = enough ? area(positives, negatives, scores) : null;
  const found: Finding[] = [
    make("auc", false, auc, auc === null ? null : aucInterval(auc, positives.length, negatives.length), {
      ...(enough && (isClean(condition) || group.family === null) ? { curve: roc(positives, negatives, scores) } : {}),
    }),
    make("sensitivity", true, ...share(tp, positives.length)),
    make("specificity", true, ...share(negatives.length - fp, negatives.length)),
    make("ppv", true, ...share(tp, tp + fp)),
    make("npv", true, ...share(negatives.length - fp, positives.length - tp + negatives.length - fp)),
  ];
  if (clean === null || condition.attack === "none") return found;

  const cleanAuc = enough ? area(positives, negatives, clean) : null;
  const drop = auc === null || cleanAuc === null ? null : cleanAuc - auc;
  const dropInterval =
    drop === null
      ? null
      : around(drop, 0.3 * hanley(auc ?? 0.5, positives.length, negatives.length) + 0.003, "paired-delong");
  const flipped = flips(study, group, scores, clean);
  found.push(
    make("auc-drop", false, drop, dropInterval),
    make("fooling-rate", true, ...share(flipped, counts.n)),
    make("sensitivity-drop", true, ...shareDrop(called(positives, clean) - tp, positives.length)),
    make("specificity-drop", true, ...shareDrop(fp - called(negatives, clean), negatives.length)),
  );
  if (control !== null && counts.n > 0) {
    const excess = (flipped - flips(study, group, study.scores(control), clean)) / counts.n;
    found.push(
      make("fooling-excess", true, excess, around(excess, 0.5 / Math.sqrt(counts.n), "paired-wald"), {
        details: { control: conditionKey(control) },
      }),
    );
  }
  return found;
}

function flips(study: FakeStudy, group: FakeGroup, scores: readonly number[], clean: readonly number[]): number {
  const positive = (score: number | undefined) => (score ?? 0) >= study.threshold;
  return group.members.filter((sample) => positive(scores[sample]) !== positive(clean[sample])).length;
}

/** auc-difference of each group to its family's largest, auc-gap per family, sensitivity-gap, auc-drop-gap. */
function gapFindings(perGroup: readonly Finding[], condition: Condition): Finding[] {
  const found: Finding[] = [];
  for (const metric of ["auc", "sensitivity", "auc-drop"]) {
    for (const family of ["sex", "age", "view"]) {
      const measured = perGroup.filter(
        (one) => one.metric === metric && one.family === family && one.status === "measured",
      );
      const ordered = [...measured].sort((a, b) => (b.estimate ?? 0) - (a.estimate ?? 0));
      const best = ordered[0];
      const worst = ordered.at(-1);
      const largest = [...measured].sort((a, b) => b.n - a.n)[0];
      if (best === undefined || worst === undefined || largest === undefined) continue;
      const counts = {
        n: best.n + worst.n,
        positives: best.positives + worst.positives,
        negatives: best.negatives + worst.negatives,
        patients: best.patients + worst.patients,
      };
      const gap = (best.estimate ?? 0) - (worst.estimate ?? 0);
      found.push(
        finding(
          { family, values: {}, members: [] },
          condition,
          counts,
          `${metric}-gap`,
          best.operatingPoint,
          gap,
          around(gap, spread(best, worst), "bootstrap"),
          {
            details: { best: subgroupKey(best.subgroup), worst: subgroupKey(worst.subgroup) },
          },
        ),
      );
      if (metric === "auc-drop") continue;
      for (const one of measured) {
        if (one === largest) continue;
        const difference = (one.estimate ?? 0) - (largest.estimate ?? 0);
        found.push(
          finding(
            { family, values: one.subgroup, members: [] },
            condition,
            {
              n: one.n + largest.n,
              positives: one.positives + largest.positives,
              negatives: one.negatives + largest.negatives,
              patients: one.patients + largest.patients,
            },
            `${metric}-difference`,
            one.operatingPoint,
            difference,
            around(difference, spread(one, largest), "unpaired"),
            {
              reference: largest.subgroup,
            },
          ),
        );
      }
    }
  }
  return found;
}

function spread(a: Finding, b: Finding): number {
  const half = (one: Finding) => (one.interval === null ? 0 : (one.interval.upper - one.interval.lower) / 2);
  return Math.hypot(half(a), half(b)) / 1.96;
}

function finding(
  group: FakeGroup,
  condition: Condition,
  counts: Counts,
  metric: string,
  point: string | null,
  estimate: number | null,
  interval: Interval | null,
  more: Partial<Finding>,
): Finding {
  const audit = /^auc$|^sensitivity$|^specificity$|pv$/.test(metric)
    ? "discrimination"
    : /gap|difference/.test(metric)
      ? "fairness"
      : "robustness";
  const where =
    group.family !== null && Object.keys(group.values).length === 0 ? `${group.family}=*` : subgroupKey(group.values);
  const at = point === null ? "" : `@${point}`;
  return {
    id: `${audit}/${metric}${at}/${CLASS}/${where}/${conditionKey(condition)}`,
    audit,
    metric,
    class: CLASS,
    subgroup: group.values,
    family: group.family,
    condition,
    operatingPoint: point,
    unit: "1",
    estimate,
    interval,
    ...counts,
    status: estimate === null ? "not-estimable" : "measured",
    reason:
      estimate === null
        ? `${counts.positives} positives and ${counts.negatives} negatives; at least 2 of each are needed`
        : null,
    ...more,
  };
}

// --- plain statistics -------------------------------------------------------------------------------------------

function area(positives: readonly number[], negatives: readonly number[], scores: readonly number[]): number {
  let won = 0;
  for (const p of positives)
    for (const q of negatives) {
      const difference = (scores[p] as number) - (scores[q] as number);
      won += difference > 0 ? 1 : difference === 0 ? 0.5 : 0;
    }
  return won / (positives.length * negatives.length);
}

function hanley(auc: number, positives: number, negatives: number): number {
  const q1 = auc / (2 - auc);
  const q2 = (2 * auc * auc) / (1 + auc);
  const square = auc * auc;
  return Math.sqrt(
    (auc * (1 - auc) + (positives - 1) * (q1 - square) + (negatives - 1) * (q2 - square)) / (positives * negatives),
  );
}

function aucInterval(auc: number, positives: number, negatives: number): Interval {
  const interval = around(auc, hanley(auc, positives, negatives), "obuchowski");
  return { ...interval, lower: Math.max(0, interval.lower), upper: Math.min(1, interval.upper) };
}

function around(estimate: number, error: number, method: string): Interval {
  return { lower: estimate - 1.96 * error, upper: estimate + 1.96 * error, level: LEVEL, method };
}

function wilson(successes: number, trials: number): Interval {
  const z = 1.96;
  const p = successes / trials;
  const centre = (p + (z * z) / (2 * trials)) / (1 + (z * z) / trials);
  const half = (z * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials))) / (1 + (z * z) / trials);
  return { lower: centre - half, upper: centre + half, level: LEVEL, method: "wilson" };
}

function share(successes: number, trials: number): [number | null, Interval | null] {
  return trials === 0 ? [null, null] : [successes / trials, wilson(successes, trials)];
}

function shareDrop(lost: number, trials: number): [number | null, Interval | null] {
  if (trials === 0) return [null, null];
  const drop = lost / trials;
  return [drop, around(drop, Math.sqrt((Math.abs(drop) * (1 - Math.abs(drop))) / trials) + 0.002, "paired-wald")];
}

function roc(positives: readonly number[], negatives: readonly number[], scores: readonly number[]): Curve {
  const ordered = negatives.map((sample) => scores[sample] as number).sort((a, b) => b - a);
  const grid = Array.from({ length: 101 }, (_, index) => index / 100);
  const caught = grid.map((x) => {
    const threshold = x === 1 ? Number.NEGATIVE_INFINITY : (ordered[Math.floor(x * negatives.length)] as number);
    return positives.filter((sample) => (scores[sample] as number) > threshold).length;
  });
  const bands = caught.map((successes) => wilson(successes, positives.length));
  return {
    kind: "roc",
    x: grid,
    y: caught.map((successes) => successes / positives.length),
    lower: bands.map((band) => band.lower),
    upper: bands.map((band) => band.upper),
    method: "wilson",
  };
}

// --- the rest of the record -------------------------------------------------------------------------------------

function groupCount(study: FakeStudy, group: FakeGroup): GroupCount {
  const positives = group.members.filter((sample) => study.labels[sample] === 1).length;
  return {
    family: group.family,
    subgroup: group.values,
    n: group.members.length,
    patients: new Set(group.members.map((sample) => study.patients[sample])).size,
    classes: { [CLASS]: { positives, negatives: group.members.length - positives, missing: 0 } },
  };
}

function fakeGates(findings: readonly Finding[]): GateResult[] {
  const ids = (keep: (one: Finding) => boolean) => findings.filter(keep).map((one) => one.id);
  const clean = (one: Finding) => isClean(one.condition);
  const gap = (families: readonly string[]) =>
    ids((one) => one.metric === "auc-gap" && clean(one) && families.includes(one.family ?? ""));
  const auc = findings.find((one) => one.metric === "auc" && clean(one) && one.family === null);
  const viewGap = findings.find((one) => one.metric === "auc-gap" && clean(one) && one.family === "view");
  const ageGap = findings.find((one) => one.metric === "auc-gap" && clean(one) && one.family === "age");
  return [
    {
      id: "REQ-001",
      title: "Discrimination on clean images",
      verdict: "pass",
      limit: 0.8,
      observed: auc?.interval?.lower ?? null,
      findings: auc === undefined ? [] : [auc.id],
      reason: "The lower limit of AUC lies above the limit.",
    },
    {
      id: "REQ-002",
      title: "Gap between sexes and ages",
      verdict: "inconclusive",
      limit: 0.1,
      observed: ageGap?.interval?.upper ?? null,
      findings: gap(["sex", "age"]),
      reason: "The interval of the AUC gap over age contains the limit: more samples are needed.",
    },
    {
      id: "REQ-003",
      title: "Gap between views",
      verdict: "fail",
      limit: 0.1,
      observed: viewGap?.interval?.upper ?? null,
      findings: gap(["view"]),
      reason: "The whole interval of the AUC gap over view lies above the limit.",
    },
    {
      id: "REQ-004",
      title: "AUC kept at ε = 2/255 behind JPEG",
      verdict: "pass",
      limit: 0.05,
      observed: 0.031,
      findings: ids(
        (one) =>
          one.metric === "auc-drop" &&
          one.family === null &&
          one.condition.objective === "ranking" &&
          one.condition.epsilon === 2 / 255 &&
          one.condition.adaptive === true,
      ),
      reason: "The upper limit of the AUC drop lies below the limit.",
    },
  ];
}

function fakeSummary(condition: Condition): AttackSummary {
  const searched = condition.objective !== undefined;
  return {
    condition,
    queries: searched ? 74800 : 0,
    numbers: searched ? { "objective-before": -0.41, "objective-after": -1.93 } : {},
    maxLinf: condition.epsilon,
    maxL2: condition.epsilon * 160 * 0.98,
    meanPsnr: -20 * Math.log10(condition.epsilon * 0.96),
    lowBandEnergy: searched ? 0.004 + condition.epsilon / 10 : 0.0161,
    artifactSha256: searched ? sha256(conditionKey(condition)) : null,
  };
}

/** Sign patterns tiled over 8 × 8 windows, as a search over a detail band finds them. */
function fakePerturbations(conditions: readonly Condition[]): AuditRecord["perturbations"] {
  const side = 160;
  const entries = conditions
    .filter((condition) => condition.objective !== undefined && withoutDefense(condition).defense === condition.defense)
    .map((condition) => {
      const random = randomFrom(conditionKey(condition));
      const tiles = Array.from({ length: 4 }, () => Array.from({ length: 64 }, () => random.sign()));
      const data = Float32Array.from({ length: side * side }, (_, index) => {
        const row = Math.floor(index / side);
        const column = index % side;
        const tile = tiles[(row >= side / 2 ? 2 : 0) + (column >= side / 2 ? 1 : 0)] ?? [];
        return Math.round(condition.epsilon * 255) * (tile[((row >> 1) % 8) * 8 + ((column >> 1) % 8)] ?? 0);
      });
      return [conditionKey(condition), { shape: [1, side, side], data, maxValue: 255 }] as const;
    });
  return Object.fromEntries(entries);
}
