/** What happens to a sample before the model sees it. `clean` is attack "none" with defense "none". */
export interface Condition {
  /** The attack's id, or "none". */
  readonly attack: string;
  /** The protocol's own name for one of several entries with the same attack. */
  readonly variant?: string;
  /** Size of the perturbation as a fraction of the display window; 0 where the attack is "none" or goes by severity. */
  readonly epsilon: number;
  /** The norm in which ε is measured; absent where ε is 0. */
  readonly norm?: Norm;
  /** Severity 1–5 of a corruption; absent for attacks that go by ε. */
  readonly severity?: number;
  /** What the attack was fitted to do, where it has a choice. */
  readonly objective?: string;
  /** The defense's id, or "none". */
  readonly defense: string;
  /** True where the defense stood inside the attacker's query loop; absent without attack, defense or queries. */
  readonly adaptive?: boolean;
}

export type Norm = "linf" | "l2";

export const CLEAN: Condition = { attack: "none", epsilon: 0, defense: "none" };

export function isClean(condition: Condition): boolean {
  return condition.attack === "none" && condition.defense === "none";
}

/**
 * The condition's part of a finding's id: `wavelet-universal:ranking@0.0157+jpeg:adaptive`, `gaussian-noise@s3`,
 * `clean`. ε is printed with four decimals for reading; should two conditions of one protocol collide, the planner
 * refuses them.
 */
export function conditionKey(condition: Condition): string {
  if (isClean(condition)) return "clean";
  let key = condition.attack;
  if (condition.variant !== undefined) key += `[${condition.variant}]`;
  if (condition.objective !== undefined) key += `:${condition.objective}`;
  if (condition.severity !== undefined) key += `@s${condition.severity}`;
  else if (condition.attack !== "none")
    key += `@${condition.norm === "l2" ? "l2-" : ""}${condition.epsilon.toFixed(4)}`;
  if (condition.defense !== "none") key += `+${condition.defense}`;
  if (condition.adaptive === true) key += ":adaptive";
  return key;
}

/** The same attack with no defense. */
export function withoutDefense(condition: Condition): Condition {
  const { adaptive: _adaptive, ...rest } = condition;
  return { ...rest, defense: "none" };
}

/** Conditions that differ in nothing but how strong the attack is, weakest first: one line of a figure. */
export interface ConditionSeries {
  readonly conditions: readonly Condition[];
  /** Whether strength is ε (or else severity). */
  readonly byEpsilon: boolean;
}

/** The attacked conditions as series, in the order in which they first appear. */
export function seriesOf(conditions: readonly Condition[]): ConditionSeries[] {
  const series = new Map<string, Condition[]>();
  for (const condition of conditions) {
    if (condition.attack === "none") continue;
    const { severity, ...rest } = condition;
    const key = `${severity === undefined ? "epsilon" : "severity"} ${conditionKey({ ...rest, epsilon: 0 })}`;
    const known = series.get(key);
    if (known === undefined) series.set(key, [condition]);
    else known.push(condition);
  }
  const strength = (condition: Condition) => condition.severity ?? condition.epsilon;
  return [...series.values()].map((members) => ({
    conditions: members.toSorted((a, b) => strength(a) - strength(b)),
    byEpsilon: members[0]?.severity === undefined,
  }));
}
