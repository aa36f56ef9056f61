import { table } from "../shell.js";
import type { Explanation } from "./explanation.js";
import type { Parameter } from "./parameters.js";

const WIDTH = 100;

/** An explanation as text for a terminal. */
export function formatExplanation(explanation: Explanation): string {
  const { id, kind, title, summary, facts, parameters, metrics, references, documentation } = explanation;
  const sections = [
    `${title}\n${kind} ${id}\n`,
    wrap(summary, 0),
    table(Object.entries(facts).map(([name, value]) => [`${name}:`, value])),
    metrics.length === 0 ? "" : `Metrics\n${table(metrics.map((metric) => [`  ${metric.id}`, metric.title]))}`,
    parameters.length === 0 ? "" : `Keys in the protocol\n${parameters.map(formatParameter).join("")}`,
    references.length === 0 ? "" : `References\n${references.map((text) => wrap(text, 2)).join("")}`,
    documentation === null ? "" : `More: ${documentation}\n`,
  ];
  return sections.filter((section) => section !== "").join("\n");
}

function formatParameter(parameter: Parameter): string {
  const { name, type, description } = parameter;
  const standard = parameter.default === undefined ? "" : `; default ${JSON.stringify(parameter.default)}`;
  const head = `  ${name}: ${type}${parameter.required ? "; required" : standard}\n`;
  return `${head}${description === "" ? "" : wrap(description, 6)}`;
}

/** Breaks text at spaces so that no line is longer than WIDTH, all lines indented. */
export function wrap(text: string, indent: number): string {
  const margin = " ".repeat(indent);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((words) => `${margin}${words}\n`).join("");
}
