import { createContext, Script } from "node:vm";
import { z } from "zod";
import { received, StepwedgeError } from "../../core/errors.js";

/** Longer patterns, and longer paths, are refused. */
const LONGEST_PATTERN = 500;
const LONGEST_PATH = 1024;
/** A pattern may go back and forth for ages (`(a+)+$`): then it is stopped after so many milliseconds. */
const MOST_TIME = 5_000;

export const patternParameter = z
  .string()
  .min(1)
  .max(LONGEST_PATTERN)
  .optional()
  .describe(
    "A regular expression with named groups, looked for in each file's relative path; each group is a column, such as (?<patient>person\\d+)_.",
  );

/**
 * What the named groups of a pattern find in each path: one column per group, in the pattern's order. A group that takes no part
 * in the match is an empty cell.
 * @param where what messages call the data
 * @throws StepwedgeError for what is no pattern with named groups, a path without a match, and a pattern that takes too long
 */
export function patternColumns(
  pattern: string,
  paths: readonly string[],
  where: string,
): ReadonlyMap<string, readonly string[]> {
  const groups = groupsOf(pattern);
  const long = paths.find((path) => path.length > LONGEST_PATH);
  if (long !== undefined) {
    throw new StepwedgeError(`the path ${received(long)} has more than ${LONGEST_PATH} characters`, {
      where,
      remedy: "Leave data.pattern out, or shorten the folder's names.",
    });
  }
  const found = matches(pattern, groups, paths);
  const unmatched = found.indexOf(null);
  if (unmatched !== -1) {
    throw new StepwedgeError(`data.pattern finds nothing in ${received(paths[unmatched])}`, {
      where,
      remedy: "Let the pattern match every path, or move the file away.",
    });
  }
  return new Map(groups.map((group, index) => [group, found.map((cells) => cells?.[index] ?? "")]));
}

/** @throws StepwedgeError where a group has the name of a column that is there already */
export function addGroups(
  columns: Map<string, readonly string[]>,
  groups: ReadonlyMap<string, readonly string[]>,
): void {
  for (const [group, cells] of groups) {
    if (columns.has(group)) {
      throw new StepwedgeError(`the group ${JSON.stringify(group)} has the name of a column that is there already`, {
        where: "data.pattern",
        remedy: "Call the group otherwise.",
      });
    }
    columns.set(group, cells);
  }
}

/** Names of the pattern's groups. */
function groupsOf(pattern: string): string[] {
  let groups: readonly string[];
  try {
    // With an empty alternative it matches everything, and shows which groups there are.
    groups = Object.keys(new RegExp(`${pattern}|`, "u").exec("")?.groups ?? {});
  } catch (cause) {
    throw new StepwedgeError(`is no regular expression: ${received(pattern)}`, {
      where: "data.pattern",
      remedy: "Write it as JavaScript does (with the flag u).",
      cause,
    });
  }
  if (groups.length > 0) return [...groups];
  throw new StepwedgeError(`has no named group: ${received(pattern)}`, {
    where: "data.pattern",
    remedy: "Name what is a column, such as (?<patient>person\\d+)_.",
  });
}

function matches(
  pattern: string,
  groups: readonly string[],
  paths: readonly string[],
): readonly (readonly string[] | null)[] {
  const script = new Script(
    `const expression = new RegExp(pattern, "u");
    JSON.stringify(paths.map((path) => {
      const found = expression.exec(path);
      return found && groups.map((group) => found.groups[group] ?? "");
    }))`,
  );
  try {
    const context = createContext({ pattern, groups: [...groups], paths: [...paths] });
    return JSON.parse(script.runInContext(context, { timeout: MOST_TIME }) as string) as (string[] | null)[];
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw cause;
    throw new StepwedgeError(`takes longer than ${MOST_TIME / 1000} seconds: ${received(pattern)}`, {
      where: "data.pattern",
      remedy: "Repeat no group that repeats something itself: write (a|b)+ or [ab]+ instead of (a+|b+)+.",
      cause,
    });
  }
}
