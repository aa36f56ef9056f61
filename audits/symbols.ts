/**
 * What symbol sentences say, level by level: how much of the class, and how much of who the patient is; how often sentences change
 * when the image is changed a little; whether a sentence means one class. Whether a level extends the one above is an outcome of
 * each sample (audits/outcomes.ts). Sentences are compared as wholes: two that differ in one token are two symbols.
 */
import { type AuditMeta, defineAudit, type MetricDescription, type Study, type Subgroup } from "../src/core/audit.js";
import { type Condition, isClean } from "../src/core/condition.js";
import type { Finding } from "../src/core/finding.js";
import type { OutcomeId } from "../src/core/outcome.js";
import { randomFrom } from "../src/core/random.js";
import {
  distinctSubgroups,
  familiesOf,
  isWithheld,
  labelledCell,
  type ScoredCell,
  scoredCell,
} from "../src/stats/cell.js";
import { notEstimable, type Result } from "../src/stats/estimate.js";
import { amended, findingOf, type Subject } from "../src/stats/finding.js";
import { type CodedPairs, informationTest, mutualInformation, purityHits } from "../src/stats/information.js";
import { sampleMean } from "../src/stats/mean.js";

const AUDIT = "symbols";
const PERMUTATIONS = 499;
/** Larger tables of sentences by classes say nothing: nearly every sample has a sentence of its own. */
const MOST_CELLS = 2 ** 22;

const METRICS: readonly MetricDescription[] = [
  {
    id: "sentence-stability",
    title: "Stability of sentences",
    unit: "1",
    better: "higher",
    description:
      "1 minus the edit distance (Levenshtein) of the sentence to the clean image's, over the longer of the two: the mean over samples. Interval: Wilson with Student's t, clustered by patient.",
  },
  {
    id: "sentence-changed",
    title: "Sentences changed",
    unit: "1",
    better: "lower",
    description: "Share of the samples whose sentence is not that of their clean image. Interval as for the stability.",
  },
  {
    id: "sentence-purity",
    title: "Purity of sentences",
    unit: "1",
    better: "higher",
    description:
      "Share of the samples whose class is the commonest one among other patients' samples with the same sentence. Samples with a sentence that no other patient has are left out and counted. Interval as for the stability.",
  },
  {
    id: "sentence-class-information",
    title: "What sentences say of the class",
    unit: "bit",
    better: "higher",
    description:
      "Mutual information of sentence and class, corrected for its bias by a jackknife over blocks of patients, whose standard error it has. The test deals classes anew among patients. Details: the vocabulary that is used.",
  },
  {
    id: "sentence-group-information",
    title: "What sentences say of the group",
    unit: "bit",
    better: "lower",
    description:
      "Mutual information of sentence and the group within a family, as for the class: how much the language gives away of sex, age or site. Groups may differ in how ill they are: what the class explains is in it too.",
  },
];

const meta: AuditMeta = {
  id: AUDIT,
  title: "Symbol sentences",
  why: "A language that a model made up is worth reading only if its sentences hold still, mean one thing, and do not name who the patient is.",
  needs: ["outcomes"],
  metrics: METRICS,
  references: [
    "G. A. Miller, Note on the bias of information estimates, Information Theory in Psychology (1955) 95–100",
    "V. I. Levenshtein, Soviet Physics Doklady 10 (1966) 707–710",
    "B. Phipson, G. K. Smyth, Stat. Appl. Genet. Mol. Biol. 9 (2010) 39",
  ],
};

export default defineAudit({
  meta,
  evaluate(study, { level, seed }) {
    const tokens = study.outcomes?.recorded?.filter((name) => name.startsWith("token-")) ?? [];
    if (tokens.length === 0) return [];
    return study.classes.flatMap((className) => {
      const clean = sentencesOf(study, study.conditions[0] as Condition, className, tokens);
      return study.conditions.flatMap((condition) => {
        const one: One = { study, className, condition, level, seed };
        if (isClean(condition)) return ofClean(one, clean);
        return ofChanged(one, clean, sentencesOf(study, condition, className, tokens));
      });
    });
  },
});

interface One {
  readonly study: Study;
  readonly className: string;
  readonly condition: Condition;
  readonly level: number;
  readonly seed: number;
}

/** Each sample's tokens, and a number for each sentence: samples with one number have one sentence. NaN: no answer. */
interface Sentences {
  readonly tokens: readonly Float64Array[];
  readonly codes: Float64Array;
}

function sentencesOf(study: Study, condition: Condition, className: string, names: readonly string[]): Sentences {
  const { outcomes } = study;
  const tokens = names.map((name) => outcomes?.of(condition, className, name as OutcomeId) ?? new Float64Array(0));
  const answered = outcomes?.of(condition, className, "sentence-length") ?? new Float64Array(0);
  const known = new Map<string, number>();
  const codes = Float64Array.from({ length: study.count }, (_, row) => {
    if (Number.isNaN(answered[row] as number)) return Number.NaN;
    const key = tokens.map((column) => column[row]).join(" ");
    const code = known.get(key) ?? known.size;
    known.set(key, code);
    return code;
  });
  return { tokens, codes };
}

function ofClean(one: One, sentences: Sentences): Finding[] {
  const { className, condition, study } = one;
  const references = study.outcomes?.of(condition, className, "reference") ?? new Float64Array(0);
  const findings: Finding[] = [];
  for (const group of distinctSubgroups(study)) {
    const scored = scoredCell(labelledCell(study, group, className), [sentences.codes, references]);
    const pairs = pairsOf(scored);
    findings.push(purity(one, group, scored, pairs));
    if (group.family === null) findings.push(information(one, "sentence-class-information", group, scored, pairs));
  }
  for (const [family, members] of familiesOf(study)) {
    const membership = new Float64Array(study.count).fill(Number.NaN);
    members.forEach((group, index) => {
      if (isWithheld(group, className)) return;
      for (const row of group.members) membership[row] = index;
    });
    const everybody = study.subgroups[0] as Subgroup;
    const scored = scoredCell(labelledCell(study, everybody, className), [sentences.codes, membership]);
    findings.push(information(one, "sentence-group-information", { family, values: {} }, scored, pairsOf(scored)));
  }
  return findings;
}

function ofChanged(one: One, clean: Sentences, changed: Sentences): Finding[] {
  const { className, study } = one;
  const distance = Float64Array.from({ length: study.count }, (_, row) => stabilityOf(clean, changed, row));
  return distinctSubgroups(study).flatMap((group) => {
    const scored = scoredCell(labelledCell(study, group, className), [distance]);
    const [values = new Float64Array(0)] = scored.scores;
    const mean = (numbers: Float64Array): Result =>
      numbers.length === 0
        ? notEstimable("no sample has two sentences")
        : sampleMean({ ...scored, values: numbers }, [0, 1], "two sentences");
    const changes = values.map((value) => (value < 1 ? 1 : 0));
    return [
      finding(one, "sentence-stability", group, mean(values), scored),
      finding(one, "sentence-changed", group, mean(changes), scored),
    ];
  });
}

function stabilityOf(clean: Sentences, changed: Sentences, row: number): number {
  if (Number.isNaN(clean.codes[row] as number) || Number.isNaN(changed.codes[row] as number)) return Number.NaN;
  const [a, b] = [clean, changed].map(({ tokens }) => {
    const all = tokens.map((column) => column[row] as number);
    const end = all.findIndex(Number.isNaN);
    return end < 0 ? all : all.slice(0, end);
  }) as [number[], number[]];
  const longest = Math.max(a.length, b.length);
  return longest === 0 ? 1 : 1 - editDistance(a, b) / longest;
}

/** Levenshtein's: insertions, deletions and substitutions. */
function editDistance(a: readonly number[], b: readonly number[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, token] of a.entries()) {
    const next = [i + 1];
    for (const [j, other] of b.entries()) {
      next.push(
        Math.min((row[j] as number) + (token === other ? 0 : 1), (row[j + 1] as number) + 1, (next[j] as number) + 1),
      );
    }
    row = next;
  }
  return row.at(-1) as number;
}

function purity(one: One, group: Subgroup, scored: ScoredCell, pairs: CodedPairs): Finding {
  if (tooMany(pairs)) return finding(one, "sentence-purity", group, notEstimable(tooManyReason(pairs)), scored);
  const hits = purityHits(pairs);
  const kept = [...hits.keys()].filter((i) => !Number.isNaN(hits[i] as number));
  const left = hits.length - kept.length;
  const result =
    kept.length === 0
      ? notEstimable(`each of ${hits.length} samples has a sentence that no other patient has`)
      : sampleMean(
          {
            values: Float64Array.from(kept, (i) => hits[i] as number),
            patients: Int32Array.from(kept, (i) => scored.patients[i] as number),
          },
          [0, 1],
          "a sentence that another has too",
        );
  const reason = left === 0 ? null : `${left} samples with a sentence that no other patient has are left out`;
  return finding(one, "sentence-purity", group, result, scored, { reason });
}

function information(
  one: One,
  metric: string,
  about: Pick<Subgroup, "family" | "values">,
  scored: ScoredCell,
  pairs: CodedPairs,
): Finding {
  const across = about.family !== null;
  const reason = tooMany(pairs)
    ? tooManyReason(pairs)
    : pairs.classCount < 2
      ? `all ${pairs.symbols.length} samples are of one ${across ? "group" : "class"}`
      : pairs.symbolCount < 2
        ? `all ${pairs.symbols.length} samples have one sentence`
        : null;
  const result = reason === null ? mutualInformation(pairs) : notEstimable(reason);
  const random = randomFrom("symbols", one.seed, metric, one.className, about.family ?? "");
  // Sentences that tell everything leave nothing to estimate an error from: the test is made all the same.
  const test = reason === null ? informationTest(pairs, PERMUTATIONS, random) : null;
  const details = {
    "distinct-sentences": pairs.symbolCount,
    ...(across ? { groups: pairs.classCount } : { classes: pairs.classCount }),
  };
  return finding(one, metric, about, result, scored, { details, ...(test === null ? {} : { tests: [test] }) }, across);
}

function tooMany({ classCount, symbolCount }: CodedPairs): boolean {
  return classCount * symbolCount > MOST_CELLS;
}

function tooManyReason({ symbolCount, symbols }: CodedPairs): string {
  return `${symbolCount} different sentences of ${symbols.length} samples`;
}

function finding(
  one: One,
  metric: string,
  { family, values }: Pick<Subgroup, "family" | "values">,
  result: Parameters<typeof findingOf>[1],
  scored: ScoredCell,
  extras: Parameters<typeof findingOf>[4] = {},
  acrossFamily = false,
): Finding {
  const { className, condition, level } = one;
  const subject: Subject = {
    audit: AUDIT,
    metric,
    class: className,
    operatingPoint: null,
    subgroup: values,
    family,
    condition,
    ...(acrossFamily ? { acrossFamily } : {}),
  };
  const made = findingOf(subject, result, { counts: scored.counts, unscored: scored.unscored }, level, extras);
  return metric.endsWith("-information") ? amended(made, { unit: "bit" }) : made;
}

/** Sentences and classes of a cell as codes without gaps. */
function pairsOf({ patients, scores }: ScoredCell): CodedPairs {
  const [symbols, symbolCount] = coded(scores[0] ?? new Float64Array(0));
  const [classes, classCount] = coded(scores[1] ?? new Float64Array(0));
  return { symbols, classes, patients, symbolCount, classCount };
}

function coded(values: Float64Array): readonly [Int32Array, number] {
  const known = new Map<number, number>();
  const codes = Int32Array.from(values, (value) => {
    const code = known.get(value) ?? known.size;
    known.set(value, code);
    return code;
  });
  return [codes, known.size];
}
