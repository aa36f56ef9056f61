import type { z } from "zod";
import { received, StepwedgeError } from "../core/errors.js";
import { suggest } from "../core/plugins.js";
import { knownKeys } from "./keys.js";
import { type Path, type Place, valueAt, whereIs } from "./place.js";

type Issue = z.core.$ZodIssue;

/** What is wrong at a path and how to mend it, in words for people who know neither zod nor TypeScript. */
interface Fault {
  readonly path: Path;
  readonly message: string;
  readonly remedy: string;
}

/** The error of a value that its schema refuses: of the fault that explains the others. */
export function schemaError(error: z.ZodError, value: unknown, schema: z.ZodObject, place: Place): StepwedgeError {
  const fault = describe(decisive(error.issues), [], value, schema);
  return new StepwedgeError(fault.message, { where: whereIs(place, fault.path), remedy: fault.remedy });
}

/** A mistyped key often leaves another one missing: the former explains the latter. */
function decisive(issues: readonly Issue[]): Issue {
  const issue = issues.find((candidate) => candidate.code === "unrecognized_keys") ?? issues[0];
  if (issue === undefined) throw new Error("a failed validation has at least one issue");
  return issue;
}

function describe(issue: Issue, parent: Path, value: unknown, schema: z.ZodObject): Fault {
  const path = [...parent, ...(issue.path as Path)];
  const at = valueAt(value, path);
  if (issue.code === "unrecognized_keys") return unknownKey(issue.keys[0] ?? "", path, knownKeys(schema, value, path));
  if (issue.code === "invalid_key") {
    const rule = issue.issues[0]?.message ?? "is not allowed";
    const key = path.at(-1);
    return { path, message: `the name ${rule}; received ${received(key)}`, remedy: "Choose another name." };
  }
  const expectation = expected(issue);
  if (expectation !== null) return wrongKind(path, at, expectation);
  if (issue.code === "invalid_union") {
    return describe(likeliest(issue.errors.map(decisive)), path, value, schema);
  }
  if (issue.code === "too_big" || issue.code === "too_small") return outOfBounds(issue, path, at);
  const remedy = issue.code === "custom" ? issue.params?.remedy : undefined;
  return {
    path,
    message: at === undefined ? issue.message : `${issue.message}; received ${received(at)}`,
    remedy: typeof remedy === "string" ? remedy : "Correct the value.",
  };
}

function unknownKey(key: string, path: Path, known: readonly string[]): Fault {
  const list = known.length === 0 ? "Remove it." : `Known here: ${known.join(", ")}.`;
  return { path: [...path, key], message: `unknown key "${key}"`, remedy: `${suggest(key, known)}${list}` };
}

/** Of a union's branches, the one that got furthest is what the writer most likely meant. */
function likeliest(branches: readonly Issue[]): Issue {
  return branches.reduce((kept, other) => (reach(other) > reach(kept) ? other : kept));
}

/** A fault deeper inside, or in the value rather than in its type, belongs to the branch that fits best. */
function reach(issue: Issue): number {
  return issue.path.length * 2 + (issue.code === "invalid_type" ? 0 : 1);
}

interface Expectation {
  /** Kinds of value by zod's name, such as "number" or "array". */
  readonly kinds: readonly string[];
  /** Single values. */
  readonly words: readonly string[];
}

/** What was expected, where the value is of the wrong kind altogether; null for every other fault. */
function expected(issue: Issue): Expectation | null {
  if (issue.code === "invalid_type") return { kinds: [issue.expected], words: [] };
  if (issue.code === "invalid_value") return { kinds: [], words: issue.values.map(String) };
  if (issue.code !== "invalid_union") return null;
  if (issue.errors.length === 0)
    return { kinds: [], words: ((issue as { options?: unknown[] }).options ?? []).map(String) };
  const branches = issue.errors.map((errors) => {
    const first = decisive(errors);
    return first.path.length === 0 ? expected(first) : null;
  });
  if (branches.includes(null)) return null;
  const union = (part: keyof Expectation) => [...new Set(branches.flatMap((branch) => branch?.[part] ?? []))];
  return { kinds: union("kinds"), words: union("words") };
}

const NOUNS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "a mapping",
  record: "a mapping",
};

const HOW_TO_WRITE: Readonly<Record<string, string>> = {
  string: "Write text, in quotes where it could be taken for a number.",
  number: "Write a number, without quotes.",
  int: "Write a whole number, without quotes.",
  boolean: "Write true or false, without quotes.",
  array: 'Write a list: [a, b], or lines that begin with "- ".',
  tuple: 'Write a list: [a, b], or lines that begin with "- ".',
  object: 'Write a mapping: indented lines of "key: value".',
  record: 'Write a mapping: indented lines of "key: value".',
};

function wrongKind(path: Path, at: unknown, { kinds, words }: Expectation): Fault {
  const nouns = [...new Set([...words, ...kinds.map((kind) => NOUNS[kind] ?? kind)])];
  const what = nouns.length === 1 ? `${nouns[0]}` : `${nouns.slice(0, -1).join(", ")} or ${nouns.at(-1)}`;
  const key = String(path.at(-1) ?? "");
  if (at === undefined) return { path, message: "is missing", remedy: `Add "${key}": ${what}.` };
  if (at === null) {
    return {
      path,
      message: `is empty; it must be ${what}`,
      remedy: "Fill it in, or remove the key if it is optional.",
    };
  }
  return { path, message: `must be ${what}; received ${received(at)}`, remedy: howToMend(path, at, kinds, words) };
}

function howToMend(path: Path, at: unknown, kinds: readonly string[], words: readonly string[]): string {
  const [kind = ""] = kinds;
  if (typeof at === "string") {
    if (words.includes(at)) return "Write it without quotes.";
    if (kind === "object" && typeof path.at(-1) === "number") return `Write "- id: ${at}", its keys indented below.`;
    const hint = suggest(at, words);
    if (hint !== "") return hint.trim();
  }
  return HOW_TO_WRITE[kind] ?? (words.length === 1 ? `Write ${words[0]}.` : "Choose one of them.");
}

function outOfBounds(issue: Extract<Issue, { code: "too_big" | "too_small" }>, path: Path, at: unknown): Fault {
  const tooBig = issue.code === "too_big";
  const limit = Number(tooBig ? issue.maximum : issue.minimum);
  const bound = tooBig ? (issue.inclusive ? "at most" : "less than") : issue.inclusive ? "at least" : "greater than";
  const message = (text: string) => `${text}; received ${received(at)}`;
  if (issue.origin === "array") {
    return {
      path,
      message: message(`must have ${bound} ${limit} ${limit === 1 ? "entry" : "entries"}`),
      remedy: HOW_TO_WRITE.array ?? "",
    };
  }
  if (issue.origin === "string") {
    const rule = limit === 1 ? "must not be empty" : `must have ${bound} ${limit} characters`;
    return { path, message: message(rule), remedy: "Correct the text." };
  }
  const percentage = tooBig && limit <= 1 && typeof at === "number" && at <= 100;
  const remedy = percentage ? `It is a fraction: write ${at / 100} for ${at} %.` : "Correct the number.";
  return { path, message: message(`must be ${bound} ${limit}`), remedy };
}
