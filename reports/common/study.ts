import { CLEAN, type Condition, conditionKey, isClean } from "../../src/core/condition.js";
import { type Finding, type SubgroupValues, subgroupKey } from "../../src/core/finding.js";
import { sha256 } from "../../src/core/hash.js";
import type { AttackSummary, AuditRecord } from "../../src/core/record.js";

/** A group of the evaluation set as findings name it. */
export interface Group {
  readonly family: string | null;
  readonly values: SubgroupValues;
}

export const EVERYBODY: Group = { family: null, values: {} };

/** One attack at rising strength, everything else equal: a line of a chart, a block of a table. */
export interface Series {
  readonly key: string;
  /** The condition of each strength, weakest first. */
  readonly conditions: readonly Condition[];
  readonly attack: string;
  readonly variant: string | undefined;
  readonly objective: string | undefined;
  readonly defense: string;
  readonly adaptive: boolean | undefined;
  /** False for controls: perturbations that asked the model nothing. */
  readonly searched: boolean;
}

export interface FindingQuery {
  readonly metric: string;
  /** null for findings about all classes together. */
  readonly class: string | null;
  readonly group?: Group;
  readonly condition?: Condition;
  /** null, the default, for metrics without an operating point. */
  readonly operatingPoint?: string | null;
  /** For metrics that compare with a control: the control's attack. */
  readonly control?: string;
}

/**
 * A record, arranged for reports: findings by what they are about, groups by family, attacked conditions as series.
 * It only finds and orders; it computes no statistic.
 */
export class StudyView {
  readonly classes: readonly string[];
  /** Families of subgroups in the order of the protocol, each with its groups. */
  readonly families: readonly { readonly name: string; readonly groups: readonly Group[] }[];
  /** Every condition that a finding speaks of; clean first. */
  readonly conditions: readonly Condition[];
  /** Attacks without and behind defenses, searched ones before controls. */
  readonly series: readonly Series[];
  /** Defenses that were tried, by id. */
  readonly defenses: readonly string[];
  /** Whether the model gives scores of classes; else outcomes are measured sample by sample. */
  readonly isClassifier: boolean;
  private readonly findingsById: ReadonlyMap<string, Finding>;
  private readonly byQuery = new Map<string, Finding>();
  private readonly byCondition = new Map<string, Finding[]>();

  constructor(readonly record: AuditRecord) {
    const { findings, groups, attacks } = record.findings;
    this.findingsById = new Map(findings.map((finding) => [finding.id, finding]));
    for (const finding of findings) {
      const { metric, condition, operatingPoint, details } = finding;
      const key = queryKey(metric, finding.class, finding, condition, operatingPoint, details?.control ?? null);
      if (!this.byQuery.has(key)) this.byQuery.set(key, finding);
      const column = JSON.stringify([finding.metric, finding.class, conditionKey(finding.condition)]);
      const members = this.byCondition.get(column);
      if (members === undefined) this.byCondition.set(column, [finding]);
      else members.push(finding);
    }
    this.classes = record.protocol.model.classes;
    this.isClassifier = CLASSIFICATION.has(record.protocol.model.task ?? "binary");
    const listed: readonly Group[] = groups.map(({ family, subgroup }) => ({ family, values: subgroup }));
    this.families = byFamily([...listed, ...findings.map(({ family, subgroup }) => ({ family, values: subgroup }))]);
    this.conditions = distinct([CLEAN, ...findings.map((finding) => finding.condition)], conditionKey);
    this.series = seriesOf(this.conditions, attacks);
    this.defenses = [...new Set(this.conditions.map((condition) => condition.defense))].filter((id) => id !== "none");
  }

  /** The same record, of which only some classes and groups are looked at. */
  showing(classes: readonly string[], families: StudyView["families"]): StudyView {
    return Object.create(this, { classes: { value: classes }, families: { value: families } }) as StudyView;
  }

  /** All groups: everybody first, then family by family. */
  get groups(): readonly Group[] {
    return [EVERYBODY, ...this.families.flatMap((family) => family.groups)];
  }

  byId(id: string): Finding | undefined {
    return this.findingsById.get(id);
  }

  find(query: FindingQuery): Finding | undefined {
    const { metric, group = EVERYBODY, condition = CLEAN, operatingPoint = null, control = null } = query;
    const about = { family: group.family, subgroup: group.values };
    return this.byQuery.get(queryKey(metric, query.class, about, condition, operatingPoint, control));
  }

  /** The group of a key such as `sex=F,view=AP`, as findings' details name it. */
  groupOfKey(key: unknown): Group | undefined {
    return this.groups.find((group) => subgroupKey(group.values) === key);
  }

  /** The unit of a metric, of the first finding that says one; "1" where none does. */
  unitOf(metric: string): string {
    return this.record.findings.findings.find((one) => one.metric === metric && one.unit !== "1")?.unit ?? "1";
  }

  /** Findings of a metric, class and condition over all groups, in the record's order. */
  all(metric: string, className: string | null, condition: Condition = CLEAN): readonly Finding[] {
    return this.byCondition.get(JSON.stringify([metric, className, conditionKey(condition)])) ?? [];
  }

  /** Operating points of a class, in the protocol's order. */
  operatingPoints(className: string) {
    return this.record.findings.operatingPoints.filter((point) => point.class === className);
  }

  /** The series of attacks with this defense; searched attacks first. */
  seriesBehind(defense: string): readonly Series[] {
    return this.series.filter((series) => series.defense === defense);
  }

  summaryOf(condition: Condition): AttackSummary | undefined {
    const key = conditionKey(condition);
    return this.record.findings.attacks.find((summary) => conditionKey(summary.condition) === key);
  }

  /** The control of the same strength and defense that changed most decisions (AUC, where no decisions are known). */
  strongestControl(condition: Condition, className: string, operatingPoint: string | null): Condition | undefined {
    const effect = (control: Condition) => {
      const flips = this.find({ metric: "fooling-rate", class: className, condition: control, operatingPoint });
      return flips?.estimate ?? this.find({ metric: "auc-drop", class: className, condition: control })?.estimate ?? 0;
    };
    return this.series
      .filter((series) => !series.searched && series.defense === condition.defense)
      .flatMap((series) => series.conditions.filter((control) => sameStrength(control, condition)))
      .reduce<Condition | undefined>(
        (best, control) => (best === undefined || effect(control) > effect(best) ? control : best),
        undefined,
      );
  }
}

const CLASSIFICATION: ReadonlySet<unknown> = new Set(["binary", "multiclass", "multilabel"]);

const anchors = new WeakMap<Finding, string>();

/** The same, made once for each finding: a large record has hundreds of thousands. */
export function anchorOf(finding: Finding): string {
  const known = anchors.get(finding) ?? findingAnchor(finding.id);
  anchors.set(finding, known);
  return known;
}

/** The stable address of a finding on the page: ids may hold any character, addresses may not. */
export function findingAnchor(id: string): string {
  return `f-${sha256(id).slice(0, 12)}`;
}

/** The stable address of a gate on the page. */
export function gateAnchor(id: string): string {
  return `g-${sha256(id).slice(0, 12)}`;
}

/** The stable address of a requirement in the traceability matrix. */
export function requirementAnchor(source: string, id: string): string {
  return `r-${sha256(JSON.stringify([source, id])).slice(0, 12)}`;
}

/** How strong the condition is, on its series' scale. */
export function strength(condition: Condition): number {
  return condition.severity ?? condition.epsilon;
}

function sameStrength(a: Condition, b: Condition): boolean {
  return a.norm === b.norm && a.severity === b.severity && Math.abs(a.epsilon - b.epsilon) < 1e-12;
}

/**
 * A group is known by its values alone: where two families define one group, its findings stand under the first.
 * Findings about a family as a whole have no values and are known by the family.
 */
function queryKey(
  metric: string,
  className: string | null,
  group: { readonly family: string | null; readonly subgroup: SubgroupValues },
  condition: Condition,
  operatingPoint: string | null,
  control: unknown,
): string {
  const values = subgroupKey(group.subgroup);
  const who = values === "all" ? [group.family] : [null, values];
  return JSON.stringify([metric, className, ...who, conditionKey(condition), operatingPoint, control]);
}

function byFamily(groups: readonly Group[]) {
  const families = new Map<string, Map<string, Group>>();
  for (const group of groups) {
    if (group.family === null || Object.keys(group.values).length === 0) continue;
    const members = families.get(group.family) ?? new Map<string, Group>();
    families.set(group.family, members);
    const key = subgroupKey(group.values);
    if (!members.has(key)) members.set(key, group);
  }
  return [...families].map(([name, members]) => ({ name, groups: [...members.values()] }));
}

function seriesOf(conditions: readonly Condition[], attacks: readonly AttackSummary[]): Series[] {
  const asked = new Set(
    attacks.filter((one) => one.queries > 0 || one.artifactSha256 !== null).map((one) => one.condition.attack),
  );
  const groups = new Map<string, Condition[]>();
  for (const condition of conditions) {
    if (isClean(condition) || condition.attack === "none") continue;
    const { attack, variant, objective, norm, defense, adaptive, severity } = condition;
    const key = JSON.stringify([attack, variant, objective, norm, severity !== undefined, defense, adaptive]);
    groups.set(key, [...(groups.get(key) ?? []), condition]);
  }
  const series = [...groups].flatMap(([key, members]): Series[] => {
    const ordered = [...members].sort((a, b) => strength(a) - strength(b));
    const first = ordered[0];
    if (first === undefined) return [];
    const { attack, variant, objective, defense, adaptive } = first;
    return [{ key, conditions: ordered, attack, variant, objective, defense, adaptive, searched: asked.has(attack) }];
  });
  return [...series.filter((one) => one.searched), ...series.filter((one) => !one.searched)];
}

function distinct<Value>(values: readonly Value[], keyOf: (value: Value) => string): Value[] {
  const seen = new Map<string, Value>();
  for (const value of values) if (!seen.has(keyOf(value))) seen.set(keyOf(value), value);
  return [...seen.values()];
}
