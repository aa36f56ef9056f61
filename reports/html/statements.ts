import { type FactId, FACTS, type FactInput } from "../common/facts.js";
import { listed } from "../common/format.js";
import { STATEMENTS, type StatementKey, statementOf } from "../common/statements.js";

/** The statements of an author that a section shows, and, by name, those that were not made: a gap is shown, never hidden. */
export function statementsView({ protocol }: FactInput, keys: readonly StatementKey[]) {
  const { submission } = protocol;
  const made = keys.filter((key) => statementOf(submission, key).length > 0);
  const absent = keys.filter((key) => !made.includes(key));
  return {
    entries: made.map((key) => ({ term: STATEMENTS[key].title, paragraphs: statementOf(submission, key) })),
    absent: absent.length === 0 ? null : listed(absent.map((key) => STATEMENTS[key].title.toLowerCase())),
  };
}

const WORDS = { present: "yes", missing: "missing", undecided: "open" } as const;
const TONES = { present: "pass", missing: "fail", undecided: "inconclusive" } as const;

/** Facts of the record as a list of checks: what was asked, whether the record holds it, and the detail. */
export function checksView(record: FactInput, facts: readonly FactId[]) {
  return facts.map((id) => {
    const { state, detail } = FACTS[id].look(record);
    return { title: FACTS[id].title, word: WORDS[state], tone: TONES[state], detail };
  });
}

/** Statements about the data stand with the data, those about limits with the limitations. */
export const DATA_STATEMENTS: readonly StatementKey[] = [
  "sites",
  "inclusion",
  "missingDemographics",
  "trainingData",
  "referenceStandard",
  "readerVariability",
];
export const PLAN_STATEMENTS: readonly StatementKey[] = [
  "analysisPlan",
  "sampleSize",
  "cutOffs",
  "metrics",
  "deviations",
];
export const LIMIT_STATEMENTS: readonly StatementKey[] = ["failureModes", "limitations", "consequences"];
