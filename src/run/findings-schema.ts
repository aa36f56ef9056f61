import { z } from "zod";
import type { Findings } from "../core/record.js";

/*
 * The form of findings.json as a schema, for the programs of others: it mirrors src/core/finding.ts and
 * src/core/record.ts, and the compiler holds it to them (see `findingsSchema` below).
 */

const count = z.int().min(0);
const share = z.number();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const verdict = z.enum(["pass", "fail", "inconclusive"]);

export const subgroup = z
  .record(z.string(), z.string())
  .describe("Attribute values that all members share; {} is the whole evaluation set.")
  .meta({ id: "Subgroup" });

export const condition = z
  .strictObject({
    attack: z.string().describe('The attack\'s id, or "none".'),
    variant: z.string().exactOptional().describe("The protocol's name of one of several entries with the same attack."),
    epsilon: z
      .number()
      .min(0)
      .describe("Fraction of the display window; 0 where the attack is none or goes by severity."),
    norm: z.enum(["linf", "l2"]).exactOptional(),
    severity: z.int().min(1).max(5).exactOptional(),
    objective: z.string().exactOptional().describe("What the attack was fitted to do, where it has a choice."),
    defense: z.string().describe('The defense\'s id, or "none".'),
    adaptive: z.boolean().exactOptional().describe("Whether the defense stood inside the attacker's query loop."),
  })
  .describe('What happens to a sample before the model sees it. Clean: attack "none", epsilon 0, defense "none".')
  .meta({ id: "Condition" });

const interval = z
  .strictObject({
    lower: z.number(),
    upper: z.number(),
    level: z.number().gt(0).lt(1).describe("Nominal coverage."),
    method: z.string().describe("How it was made, such as delong, obuchowski, wilson."),
  })
  .meta({ id: "Interval" });

const curve = z
  .strictObject({
    kind: z.enum(["roc", "calibration", "decision"]),
    x: z.array(share).describe("roc: 1 − specificity; calibration: mean probability; decision: threshold probability."),
    y: z.array(share).describe("roc: sensitivity; calibration: share of positives; decision: net benefit."),
    lower: z.array(share),
    upper: z.array(share),
    method: z.string().describe("Of the pointwise band."),
    n: z.array(count).exactOptional().describe("Samples behind each point, for curves of bins."),
    references: z
      .record(z.string(), z.array(z.number()))
      .exactOptional()
      .describe("What the curve is held against, aligned with x; for decision: treating all."),
  })
  .meta({ id: "Curve" });

const test = z
  .strictObject({
    method: z.string().describe("Such as normal, permutation, wald, mcnemar-exact, tost."),
    hypothesis: z.string().describe("The null hypothesis, in words."),
    statistic: z.number().nullable(),
    degrees: z.number().exactOptional().describe("Degrees of freedom."),
    p: z.number().min(0).max(1),
    adjusted: z
      .strictObject({
        method: z.enum(["holm", "benjamini-hochberg"]),
        p: z.number().min(0).max(1),
        family: z.string().describe("The tests that it is adjusted for, in words."),
        size: count.describe("How many they are."),
      })
      .exactOptional(),
  })
  .meta({ id: "Test" });

export const findingSchema = z
  .strictObject({
    id: z.string().describe("audit/metric/class/subgroup/condition, with further parts where needed; unique."),
    audit: z.string(),
    metric: z.string(),
    class: z.string().nullable(),
    subgroup,
    family: z.string().nullable().describe("The protocol's name of the subgrouping; null for the whole set."),
    reference: subgroup.exactOptional().describe("For differences: the group that this one is compared with."),
    condition,
    operatingPoint: z.string().nullable(),
    unit: z.string().describe('"1" for fractions and areas.'),
    estimate: z.number().nullable(),
    interval: interval.nullable(),
    n: count,
    positives: count,
    negatives: count,
    patients: count,
    status: z.enum(["measured", "not-estimable", "not-applicable", "suppressed", "error"]),
    reason: z.string().nullable().describe("Why it is not measured, or what to know of it where it is."),
    details: z
      .record(z.string(), z.union([z.number(), z.string(), z.null()]))
      .exactOptional()
      .describe("Further numbers and words that explain the estimate."),
    curve: curve.exactOptional(),
    tests: z.array(test).exactOptional().describe("Tests of hypotheses about the estimate."),
  })
  .meta({ id: "Finding" });

export const gateSchema = z
  .strictObject({
    id: z.string(),
    title: z.string(),
    verdict,
    against: z
      .string()
      .exactOptional()
      .describe("The other model, for gates on a paired difference: limit and observed are of that difference."),
    limit: z.number(),
    observed: z.number().nullable().describe("What was held against the limit, of the finding that decided."),
    test: test
      .exactOptional()
      .describe(
        "Of the hypothesis that the criterion is met, for the finding that decided: one-sided, by inverting its interval.",
      ),
    findings: z.array(z.string()).describe("Ids of the findings that the gate looked at."),
    reason: z.string(),
  })
  .meta({ id: "Gate" });

const operatingPoint = z
  .strictObject({
    id: z.string(),
    class: z.string(),
    threshold: z.number().nullable().describe("A score at or above it is positive; null where none could be chosen."),
    rule: z.string().describe('How it was asked for, such as "sensitivity 0.9".'),
    chosenOn: z.enum(["tuning", "protocol"]),
    n: count.describe("Tuning samples with a label and a score."),
    positives: count,
    reason: z.string().nullable(),
    sha256: sha256.describe("Of the point's other fields as canonical JSON: a point that is moved later has another."),
  })
  .meta({ id: "OperatingPoint" });

const split = z.enum(["tuning", "evaluation"]);

const labelCount = z.strictObject({ positives: count, negatives: count, missing: count }).meta({ id: "LabelCount" });

const flow = z
  .strictObject({
    read: count,
    tuning: count,
    evaluation: count,
    tuningPatients: count,
    evaluationPatients: count,
    excluded: z.array(z.strictObject({ reason: z.string(), count })),
    rejected: z
      .array(z.strictObject({ split, reason: z.string(), count }))
      .describe("Samples that stay in their split without a score."),
    classes: z
      .record(z.string(), z.strictObject({ tuning: labelCount, evaluation: labelCount }))
      .describe("Labels of each class in each split."),
  })
  .describe("What became of every row of the table.")
  .meta({ id: "Flow" });

const members = {
  n: count.nullable().describe("null where it is hidden to protect patients."),
  patients: count.nullable(),
  classes: z.record(z.string(), labelCount.nullable().describe("null where it is hidden to protect patients.")),
};

const group = z
  .strictObject({
    family: z.string().nullable(),
    subgroup,
    ...members,
    tuning: z.strictObject(members).exactOptional().describe("The same group in the tuning split."),
  })
  .meta({ id: "GroupCount" });

const duplicateCounts = z
  .strictObject({
    pairs: count,
    withinTuning: count,
    withinEvaluation: count,
    acrossSplits: count.describe("One image in the tuning, the other in the evaluation split."),
    acrossPatients: count.nullable().describe("Of two patients; null where patients are not known."),
    disagreeing: count.describe("Pairs that some class labels otherwise."),
    complete: z.boolean().describe("False where there were too many pairs to count: there are at least so many."),
  })
  .meta({ id: "DuplicateCounts" });

const duplicates = z
  .strictObject({
    unchecked: z.string().nullable().describe("Why images were not compared; null where they were."),
    distance: count.describe(
      "Of images that look alike: bits of outlines in which the hashes differ at most, of 64; of detail twice as many.",
    ),
    exact: duplicateCounts.describe("The same file twice."),
    near: duplicateCounts.describe("Other files that look alike: candidates, to be looked at."),
    examples: z.array(
      z.strictObject({
        kind: z.enum(["exact", "near"]),
        distance: count,
        samples: z.tuple([z.string(), z.string()]).describe("First 12 digits of the SHA-256 of the samples' ids."),
        splits: z.tuple([split, split]),
        samePatient: z.boolean().nullable(),
        disagreeing: z.array(z.string()).describe("Classes in which the two are labelled otherwise."),
      }),
    ),
  })
  .describe("Images that occur more than once.")
  .meta({ id: "Duplicates" });

const attack = z
  .strictObject({
    condition,
    queries: count.describe("That the search spent, all images together; 0 for attacks that ask nothing."),
    numbers: z.record(z.string(), z.number()).describe("What the search reported."),
    maxLinf: z.number().min(0).describe("Largest change of a pixel, as a fraction of the display window."),
    maxL2: z.number().min(0).describe("Largest L2 norm of a change, in display windows."),
    meanSsim: z.number().nullable().describe("Structural similarity; null for images smaller than its window."),
    meanPsnr: z.number().nullable().describe("In decibels; null where nothing moved."),
    lowBandEnergy: z.number().nullable().describe("Share of the perturbation's energy in the approximation band."),
    artifactSha256: sha256.nullable().describe("Of the fitted perturbation, where there is one."),
  })
  .meta({ id: "AttackSummary" });

const training = z
  .strictObject({
    defense: z.string(),
    queries: count.describe("That the training asked of the model."),
    numbers: z.record(z.string(), z.number()).describe("What the training reported."),
    artifactSha256: sha256,
  })
  .meta({ id: "TrainingSummary" });

const lock = z
  .strictObject({
    status: z
      .enum(["locked", "changed", "unlocked"])
      .describe("locked: all as locked; changed: something differs, and is a deviation; unlocked: there was no lock."),
    sha256: sha256.nullable().describe("Of the lock's newest entry, which names all before it."),
    protocolSha256: sha256.nullable().describe("Of the locked protocol."),
    inputs: z.boolean().describe("Whether the lock also holds the hashes of the model and the data."),
    relocks: z
      .array(z.strictObject({ protocolSha256: sha256, reason: z.string() }))
      .describe("Why the protocol was locked anew, oldest first."),
    changes: z.array(
      z.strictObject({
        at: z.enum(["scoring", "evaluation"]),
        path: z.string().describe("Such as gates[REQ-001].atLeast."),
        before: z.string().nullable().describe("JSON text; null where there is nothing."),
        after: z.string().nullable(),
      }),
    ),
  })
  .describe("How the protocol stands to the lock that was made of it before scoring.")
  .meta({ id: "ProtocolLock" });
const requirement = z
  .strictObject({
    id: z.string(),
    title: z.string(),
    section: z.string(),
    requirement: z.string().describe("A short paraphrase."),
    basis: z.enum(["text", "secondary", "memory", "own"]),
    state: z
      .enum(["met", "evidence-present", "unmet", "inconclusive", "not-applicable"])
      .describe("met: linked gates all pass; evidence-present: reported, and tested by no gate."),
    reason: z.string(),
    lacks: z
      .array(z.enum(["gate", "evidence", "statement"]))
      .describe("Why it is unmet: a gate fails, findings or facts are missing, or something is not stated."),
    gates: z.array(z.string()).describe("Ids of the gates that test it."),
    findings: z.strictObject({
      count,
      ids: z.array(z.string()).nullable().describe("null where they are too many to list."),
    }),
    evidenceSha256: sha256
      .nullable()
      .describe("Over the protocol's hash, the gates, the findings and the facts; docs/regulatory.md says how."),
  })
  .meta({ id: "TracedRequirement" });

const source = z
  .strictObject({
    id: z.string(),
    title: z.string(),
    short: z.string().describe("A short name, for lists."),
    issuer: z.string(),
    date: z.string().nullable(),
    status: z.enum(["draft", "final"]),
    version: count.describe("Of the requirement file."),
    retrieved: z.string(),
    sha256,
    path: z.string().nullable().describe("Of a user's own file, as the protocol writes it."),
    note: z.string().nullable(),
    requirements: z.array(requirement),
  })
  .meta({ id: "TracedSource" });
/** Evaluation samples of a record and of another, by id. */
export const samplesInCommon = z
  .strictObject({
    common: count.describe("Compared: the same id and, where both records know their images, the same file."),
    onlyHere: count,
    onlyThere: count,
    otherImage: count.describe("The same id with another image file: not compared."),
    imagesChecked: z.boolean().describe("Whether the files' hashes were compared; not in tables of scores."),
    relabelled: z
      .record(z.string(), count)
      .describe("Common samples whose label was changed, by class; both models are held against the new ones."),
    regrouped: count.describe("Common samples that are with other patients' than there."),
  })
  .meta({ id: "SamplesInCommon" });

const baseline = z
  .strictObject({
    name: z.string(),
    sha256: sha256.describe("Of its baseline.json, which holds the hash of every other file of it."),
    title: z.string(),
    protocolSha256: sha256,
    model: z.strictObject({ adapter: z.string(), runtime: z.string(), files: z.record(z.string(), sha256) }),
    blessedBy: z.string().nullable(),
    reason: z.string().nullable(),
    samples: samplesInCommon,
  })
  .describe("The blessed record that gates against: baseline hold the model against.")
  .meta({ id: "Baseline" });

const named = { id: z.string(), title: z.string(), detail: z.string() };

/** The form of findings.json. What the interface requires and the schema lacks, or types otherwise, does not compile. */
export const findingsSchema: z.ZodType<Findings> = z.strictObject({
  schemaVersion: z.literal("1.0"),
  protocolSha256: sha256.describe("Of the canonical protocol that these findings were made under."),
  verdict,
  findings: z.array(findingSchema),
  gates: z.array(gateSchema),
  operatingPoints: z.array(operatingPoint),
  flow,
  groups: z.array(group),
  duplicates,
  attacks: z.array(attack),
  trainings: z.array(training).describe("Of the learned defenses."),
  queries: z
    .record(z.string(), count)
    .describe("Forward passes by purpose: preflight, tuning, surrogate, search, score, verification."),
  preflight: z.array(z.strictObject({ ...named, passed: z.boolean() })),
  baseline: baseline.exactOptional(),
  deviations: z.array(z.strictObject(named)).describe("Departures from what readers may take for granted."),
  lock: lock.exactOptional(),
  requirements: z
    .array(source)
    .exactOptional()
    .describe("The traceability matrix: what was asked of the evidence, and what stands behind it."),
});

/** The JSON Schema of findings.json (draft 2020-12). */
export function findingsJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(findingsSchema);
  return {
    $schema,
    $id: "urn:stepwedge:findings:1.0",
    title: "Stepwedge findings",
    description:
      "A record's findings.json: every estimate with its interval, counts, method and status, and the gates.",
    ...schema,
  };
}
