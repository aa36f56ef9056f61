import { CLEAN, type Condition } from "../../src/core/condition.js";
import { decimal, epsilonText, isMeasured, metricValue } from "../common/format.js";
import { strengthTitle } from "../common/names.js";
import { EVERYBODY, type Group, type Series, type StudyView, strength } from "../common/study.js";
import { roundDomain, roundTicks, type Tick } from "./charts/axes.js";
import type { StrengthPoint } from "./charts/strength.js";
import { controlStyle, type SeriesStyle, seriesStyle } from "./charts/style.js";

/** Series that share a scale of strength (ε in one norm, or severity) and can stand in one chart. */
export interface StrengthGroup {
  readonly id: string;
  readonly title: string;
  readonly series: readonly Series[];
  /** All strengths of its series, weakest first, one condition for each. */
  readonly steps: readonly Condition[];
}

/** The series behind one defense, by scale of strength; searched attacks first. */
export function strengthGroups(series: readonly Series[]): StrengthGroup[] {
  const scales = [
    { id: "linf", title: "L∞ norm", holds: (one: Condition) => one.severity === undefined && one.norm !== "l2" },
    { id: "l2", title: "L2 norm", holds: (one: Condition) => one.severity === undefined && one.norm === "l2" },
    { id: "severity", title: "severity", holds: (one: Condition) => one.severity !== undefined },
  ];
  return scales.flatMap(({ id, title, holds }) => {
    const members = series.filter((one) => one.conditions.some(holds));
    if (members.length === 0) return [];
    const steps = new Map<number, Condition>();
    for (const condition of members.flatMap((one) => one.conditions))
      if (!steps.has(strength(condition))) steps.set(strength(condition), condition);
    const ordered = [...steps.entries()].sort(([a], [b]) => a - b).map(([, condition]) => condition);
    return [{ id, title, series: members, steps: ordered }];
  });
}

/** Styles of a group's series: colours for searched attacks, grays for controls. */
export function stylesOf(series: readonly Series[]): readonly SeriesStyle[] {
  const searched = series.filter((one) => one.searched);
  return series.map((one) =>
    one.searched ? seriesStyle(searched.indexOf(one)) : controlStyle(series.indexOf(one) - searched.length),
  );
}

/** Ticks and title of the axis of strength: the numerators where all strengths are multiples of 1/255. */
export function strengthAxis(group: StrengthGroup): { readonly ticks: Tick[]; readonly title: string } {
  const values = group.steps.map(strength);
  if (group.id === "severity")
    return { ticks: [0, ...values].map((value) => ({ value, label: decimal(value, 0) })), title: "Severity" };
  const inLevels = values.every((value) => epsilonText(value).endsWith("/255"));
  const label = (value: number) => (inLevels ? String(Math.round(value * 255)) : String(Number(value.toPrecision(2))));
  const norm = group.id.startsWith("l2") ? "L2" : "L∞";
  return {
    ticks: [0, ...values].map((value) => ({ value, label: label(value) })),
    title: inLevels ? `ε (${norm}, in 1/255 of the display window)` : `ε (${norm}, display window = 1)`,
  };
}

/** The points of a series for one metric and group; strength 0 is the same defense without attack. */
export function strengthPoints(
  study: StudyView,
  series: Series,
  query: {
    readonly metric: string;
    readonly class: string;
    readonly group?: Group;
    readonly operatingPoint?: string | null;
  },
): StrengthPoint[] {
  const { group = EVERYBODY } = query;
  const origin: Condition = { ...CLEAN, defense: series.defense };
  const all = [origin, ...series.conditions].flatMap((condition): StrengthPoint[] => {
    const finding = study.find({ ...query, group, condition });
    if (isMeasured(finding))
      return [{ strength: strength(condition), value: finding.estimate, interval: finding.interval }];
    const unchanged = query.metric === "fooling-rate" && condition === origin && series.defense === "none";
    return unchanged ? [{ strength: 0, value: 0, interval: null }] : [];
  });
  return all.length > 1 ? all : [];
}

/** A domain and ticks that hold all points with their intervals, within the limits that the metric can take. */
export function valueAxis(
  metric: string,
  points: readonly StrengthPoint[],
  limits: { readonly from: number | null; readonly to: number | null },
): { readonly domain: [number, number]; readonly ticks: Tick[] } {
  const values = points.flatMap(({ value, interval }) => [value, interval?.lower ?? value, interval?.upper ?? value]);
  const lowest = limits.from ?? Math.min(...values);
  const highest = limits.to ?? Math.max(...values);
  const domain = roundDomain(lowest, highest, 5);
  return { domain, ticks: evenLabels(roundTicks(domain, 5, (value) => metricValue(metric, value))) };
}

/** Takes away trailing zeros that all labels share: "0.80", "0.85" of "0.800", "0.850". */
function evenLabels(ticks: readonly Tick[]): Tick[] {
  const shared = ticks.every(({ label }) => /\.\d*0(%|$)/.test(label));
  if (!shared) return [...ticks];
  return evenLabels(ticks.map(({ value, label }) => ({ value, label: label.replace(/\.?0(?=%|$)/, "") })));
}

/** Heading of a strength, for tables. */
export function stepTitle(condition: Condition): string {
  const title = strengthTitle(condition);
  return title.charAt(0) === "s" ? `S${title.slice(1)}` : title;
}
