import averages from "../../audits/averages.js";
import comparison from "../../audits/comparison.js";
import composition from "../../audits/composition.js";
import crossGroup from "../../audits/cross-group.js";
import decisionCurve from "../../audits/decision-curve.js";
import decisions from "../../audits/decisions.js";
import discrimination from "../../audits/discrimination.js";
import fairness from "../../audits/fairness.js";
import gapsUnderAttack from "../../audits/gaps-under-attack.js";
import rejections from "../../audits/rejections.js";
import robustness from "../../audits/robustness.js";
import underdiagnosis from "../../audits/underdiagnosis.js";
import type { AppliedRequirements } from "../../reports/common/requirement-file.js";
import { traceRequirements } from "../../reports/common/traceability.js";
import { type Condition, conditionKey } from "../../src/core/condition.js";
import { sha256 } from "../../src/core/hash.js";
import { randomFrom } from "../../src/core/random.js";
import type { AttackSummary, AuditRecord, Duplicates, ProtocolView } from "../../src/core/record.js";
import { builtInFile, defaultRequirements } from "../../src/protocol/requirements.js";
import type { GateEntry } from "../../src/protocol/schema.js";
import { explorerOf } from "../../src/run/explorer.js";
import { evaluateGates, overallVerdict } from "../../src/run/gates.js";
import { adjustTests } from "../../src/run/multiplicity.js";
import { countGroups } from "../../src/run/study.js";
import { suppressSmallCells, withholdSmallCells } from "../../src/run/suppress.js";
import { type FakeStudyOptions, fakeStudy } from "./fake-study.js";

const LEVEL = 0.95;
const AUDITS = [
  composition,
  rejections,
  discrimination,
  averages,
  decisions,
  decisionCurve,
  comparison,
  fairness,
  underdiagnosis,
  crossGroup,
  robustness,
  gapsUnderAttack,
];

/**
 * A finished record of the invented study, for the reports' tests: the findings and verdicts are those of the real
 * audits and gates, everything about machines and files is made up.
 */
export function fakeRecord(options: FakeStudyOptions = {}): AuditRecord {
  const whole = fakeStudy(options);
  const protocol = fakeProtocol(whole.classes, whole.conditions.length > 1, whole.subgroups.length > 1);
  const study = withholdSmallCells(whole, protocol.privacy);
  const attacked = study.conditions.length > 1;
  const audits = AUDITS.filter(({ meta }) => attacked || !meta.needs.includes("attacks"));
  const found = adjustTests(
    audits.flatMap((audit) => {
      const asked = audit === decisions ? { prevalence: 0.02 } : {};
      const parameters = audit.meta.parameters?.parse(asked) ?? {};
      return audit.evaluate(study, { parameters, level: LEVEL, seed: protocol.seed });
    }),
    LEVEL,
  );
  const findings = suppressSmallCells(found, study, protocol.privacy.minimumCell);
  const gates = evaluateGates(protocol.gates as unknown as GateEntry[], findings);
  const provenance = fakeProvenance();
  const untraced: AuditRecord = {
    protocol,
    findings: {
      schemaVersion: "1.0",
      protocolSha256: sha256("fake protocol"),
      verdict: overallVerdict(gates),
      findings,
      gates,
      operatingPoints: study.operatingPoints,
      flow: {
        read: 1000,
        tuning: 180,
        evaluation: study.count,
        tuningPatients: 121,
        evaluationPatients: study.patientCount,
        excluded: [
          { reason: "split is neither tuning nor evaluation", count: 458 },
          { reason: "label missing", count: 2 },
        ],
        rejected: options.incomplete
          ? [{ split: "evaluation", reason: "the image is missing or cannot be decoded", count: 30 }]
          : [],
        classes: Object.fromEntries(
          study.classes.map((name) => [
            name,
            {
              tuning: { positives: 91, negatives: 87, missing: 2 },
              evaluation: { positives: 170, negatives: 190, missing: 0 },
            },
          ]),
        ),
      },
      groups: countGroups(study),
      duplicates: fakeDuplicates,
      attacks: study.conditions.filter((condition) => condition.attack !== "none").map(fakeSummary),
      trainings: [],
      queries: { preflight: 96, tuning: 180, score: study.count * study.conditions.length, search: 1_196_800 },
      preflight: [
        { id: "finite", title: "Outputs are finite", passed: true, detail: "32 images" },
        { id: "repeatable", title: "The same input gives the same output", passed: true, detail: "difference 0" },
        { id: "batch", title: "A batch of 1 equals a batch of 32", passed: true, detail: "largest difference 1.8e-7" },
      ],
      deviations: [
        {
          id: "patient-overlap",
          title: "One patient is in both tuning and evaluation",
          detail: "The protocol allows it (data.allowPatientOverlap): results may be too good.",
        },
      ],
    },
    provenance,
    explorer: explorerOf(study, {
      protocolSha256: sha256("fake protocol"),
      level: LEVEL,
      minimumCell: protocol.privacy.minimumCell,
      references: {},
    }),
    perturbations: fakePerturbations(study.conditions),
  };
  return traced(untraced);
}

/** The record with its traceability matrix, against the built-in files that are the default. */
export function traced(
  record: AuditRecord,
  files: readonly AppliedRequirements[] = defaultRequirements().map(({ id }) => ({
    ...builtInFile(id ?? ""),
    path: null,
    notApplicable: {},
  })),
): AuditRecord {
  return { ...record, findings: { ...record.findings, requirements: traceRequirements(record, files) } };
}

function fakeProtocol(classes: readonly string[], attacked: boolean, grouped: boolean): ProtocolView {
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
      classes,
      activation: "none",
      input: { width: 160, height: 160, channels: 1, layout: "NCHW" },
    },
    data: { adapter: "table", path: "manifest.csv", split: { column: "split", tuning: ["val"], evaluation: ["test"] } },
    subgroups: grouped
      ? { sex: { column: "sex" }, age: { column: "age", bins: [0, 40, 60, 80, 120] }, view: { column: "view" } }
      : {},
    attacks: attacked
      ? [
          {
            id: "wavelet-universal",
            ...fakeEpsilons,
            objective: ["operating-point", "ranking"],
            queries: 75000,
            wavelet: "haar",
            levels: 3,
          },
          { id: "gaussian-noise", ...fakeEpsilons },
          { id: "random-sign", ...fakeEpsilons },
        ]
      : [],
    defenses: attacked ? [{ id: "jpeg", quality: 75, adaptive: true }] : [],
    operatingPoints: [{ id: "screening", sensitivity: 0.9, chosenOn: "tuning" }],
    gates: [
      { id: "REQ-001", title: "Discrimination on clean images", metric: "auc", bound: "lower", atLeast: 0.8 },
      ...(grouped ? GROUP_GATES : []),
      ...(attacked ? [ATTACK_GATE] : []),
    ],
    privacy: { minimumCell: 10, labelCells: true },
  };
}

const fakeDuplicates: Duplicates = {
  unchecked: null,
  distance: 4,
  exact: {
    pairs: 3,
    withinTuning: 1,
    withinEvaluation: 1,
    acrossSplits: 1,
    acrossPatients: 2,
    disagreeing: 1,
    complete: true,
  },
  near: {
    pairs: 5,
    withinTuning: 2,
    withinEvaluation: 3,
    acrossSplits: 0,
    acrossPatients: 0,
    disagreeing: 0,
    complete: true,
  },
  examples: [
    {
      kind: "exact",
      distance: 0,
      samples: ["3f2a9c0b1d4e", "a81c55de9012"],
      splits: ["tuning", "evaluation"],
      samePatient: false,
      disagreeing: ["pneumonia"],
    },
  ],
};

const fakeEpsilons = { epsilon: [1 / 255, 2 / 255, 4 / 255, 8 / 255], norm: "linf" };

const GROUP_GATES = [
  { id: "REQ-002", title: "Gap between sexes", metric: "auc-gap", subgroups: ["sex"], bound: "upper", atMost: 0.1 },
  { id: "REQ-003", title: "Gap between views", metric: "auc-gap", subgroups: ["view"], bound: "upper", atMost: 0.05 },
];

const ATTACK_GATE = {
  id: "REQ-004",
  title: "AUC kept at ε = 2/255 behind JPEG",
  metric: "auc-drop",
  condition: { attack: "wavelet-universal", epsilon: 2 / 255, defense: "jpeg" },
  bound: "upper",
  atMost: 0.05,
};

function fakeProvenance(): AuditRecord["provenance"] {
  return {
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
    hardware: { cpu: "Example CPU at 2.5 GHz", cores: 2, memoryGiB: 24, platform: "linux x64" },
    finishedAt: "2026-11-23T18:30:00.000Z",
  };
}

function fakeSummary(condition: Condition): AttackSummary {
  const searched = condition.objective !== undefined;
  return {
    condition,
    queries: searched ? 74800 : 0,
    numbers: searched ? { "objective-before": -0.41, "objective-after": -1.93 } : {},
    maxLinf: condition.epsilon,
    maxL2: condition.epsilon * 160 * 0.98,
    meanSsim: 0.9,
    meanPsnr: -20 * Math.log10(condition.epsilon * 0.96),
    lowBandEnergy: searched ? 0.004 + condition.epsilon / 10 : 0.0161,
    artifactSha256: searched ? sha256(conditionKey(condition)) : null,
  };
}

/** Sign patterns tiled over quarters of the picture, as a search over a detail band finds them. */
function fakePerturbations(conditions: readonly Condition[]): AuditRecord["perturbations"] {
  const side = 160;
  const searched = conditions.filter((condition) => condition.objective !== undefined && condition.adaptive !== false);
  const entries = searched.map((condition) => {
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
