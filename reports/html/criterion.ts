import type { ProtocolView } from "../../src/core/record.js";
import { listed, metricValue } from "../common/format.js";
import { conditionTitle, dataName, metricTitle } from "../common/names.js";

/**
 * A gate's acceptance criterion in words, from the protocol: "Upper limit of AUC gap ≤ 0.100 on view; clean". It
 * reads only what is there: gates may come from a newer protocol.
 */
export function criterionText(gate: ProtocolView["gates"][number], unit = "1"): string {
  const metric = text(gate.metric) ?? "metric";
  const against = text(gate.against);
  const from = against === null ? "" : `, difference from ${dataName(against)} on the same samples,`;
  const title = metricTitle(against === null ? metric : baseOf(metric));
  const measure = `${boundWords(text(gate.bound))}${title}${from}`;
  const where = [classWords(gate), pointWords(gate), groupWords(gate), conditionWords(gate.condition)];
  const about = where.filter((part) => part !== null);
  return `${measure} ${limitText(gate, unit)}${about.length === 0 ? "" : ` (${about.join("; ")})`}`;
}

/** `unit`: the metric's, of outcomes. "≥ 0.800" or "≤ 5.0 pp". */
export function limitText(gate: ProtocolView["gates"][number], unit = "1"): string {
  const metric = judgedMetric(gate);
  if (typeof gate.noWorseThan === "number")
    return `≥ ${metricValue(metric, gate.noWorseThan === 0 ? 0 : -gate.noWorseThan, unit)}`;
  if (typeof gate.atLeast === "number") return `≥ ${metricValue(metric, gate.atLeast, unit)}`;
  if (typeof gate.atMost === "number") return `≤ ${metricValue(metric, gate.atMost, unit)}`;
  return "";
}

/** The metric of what is held against the limit: with another model, the paired difference. */
export function judgedMetric(gate: ProtocolView["gates"][number]): string {
  const metric = text(gate.metric) ?? "";
  return text(gate.against) === null ? metric : `${baseOf(metric)}-advantage`;
}

function baseOf(metric: string): string {
  return metric.replace(/-advantage$/, "");
}

function boundWords(bound: string | null): string {
  if (bound === "lower") return "Lower limit of ";
  if (bound === "upper") return "Upper limit of ";
  return bound === "estimate" ? "Estimate of " : "";
}

function classWords(gate: ProtocolView["gates"][number]): string | null {
  const name = text(gate.class);
  return name === null ? null : dataName(name);
}

function pointWords(gate: ProtocolView["gates"][number]): string | null {
  const point = text(gate.operatingPoint);
  return point === null ? null : `at ${dataName(point)}`;
}

function groupWords(gate: ProtocolView["gates"][number]): string | null {
  if (Array.isArray(gate.subgroups)) {
    const families = listed(gate.subgroups.map((name) => dataName(String(name))));
    return baseOf(text(gate.metric) ?? "").endsWith("-gap") ? `over ${families}` : `each group of ${families}`;
  }
  if (isObject(gate.subgroup)) {
    const parts = Object.entries(gate.subgroup).map(
      ([name, value]) => `${dataName(name)} = ${dataName(String(value))}`,
    );
    return parts.length === 0 ? "all patients" : parts.join(", ");
  }
  return "all patients";
}

function conditionWords(condition: unknown): string {
  if (!isObject(condition)) return "clean";
  const { attack, epsilon, severity, objective, defense, adaptive } = condition;
  return conditionTitle({
    attack: text(attack) ?? "none",
    epsilon: typeof epsilon === "number" ? epsilon : 0,
    defense: text(defense) ?? "none",
    ...(typeof severity === "number" ? { severity } : {}),
    ...(typeof objective === "string" ? { objective } : {}),
    ...(typeof adaptive === "boolean" ? { adaptive } : {}),
  });
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
