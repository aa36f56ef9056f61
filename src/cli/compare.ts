import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { renderComparisonMarkdown } from "../../reports/comparison/markdown.js";
import { renderComparisonPage } from "../../reports/comparison/page.js";
import type { Comparison, ComparisonView } from "../core/comparison.js";
import { StepwedgeError } from "../core/errors.js";
import { comparisonText, compareRecords } from "../run/compare.js";
import { writeWhole } from "../run/parquet.js";
import { act, EXIT_OF_VERDICT, table } from "./shell.js";

interface Options {
  readonly out: string;
  readonly format: readonly Format[];
  readonly modification?: string;
}

const FORMATS = ["json", "html", "markdown"] as const;
type Format = (typeof FORMATS)[number];

/** Renders of a comparison, by format: the file's name and how its text is made. */
const RENDERINGS: Readonly<
  Record<Format, { readonly file: string; readonly render: (view: ComparisonView) => string | Promise<string> }>
> = {
  json: { file: "comparison.json", render: ({ comparison }) => comparisonText(comparison) },
  html: { file: "comparison.html", render: renderComparisonPage },
  markdown: { file: "comparison.md", render: renderComparisonMarkdown },
};

export function registerCompare(program: Command): void {
  const command = program
    .command("compare")
    .description("a predecessor beside its successor, with paired tests on the same samples")
    .argument("<before>", "the predecessor's record, or a baseline that `bless` wrote")
    .argument("<after>", "the successor's record: its protocol, groups and labels are used")
    .option("--out <folder>", "where the comparison is written", "stepwedge-comparison")
    .addOption(new Option("--format <format...>", "what is written").choices([...FORMATS]).default([...FORMATS]))
    .option("--modification <text>", "what was changed, for the comparison's head");
  act(command, async (before: string, after: string, { format, modification, out }: Options) => {
    if (existsSync(join(out, "protocol.json")) || existsSync(join(out, "baseline.json"))) {
      throw new StepwedgeError("is a record or a baseline, which stay as they are", {
        where: out,
        remedy: "Name another folder by --out.",
      });
    }
    const view = await compareRecords({ before, after, ...(modification === undefined ? {} : { modification }) });
    mkdirSync(out, { recursive: true });
    const files: string[] = [];
    for (const one of FORMATS.filter((known) => format.includes(known))) {
      const { file, render } = RENDERINGS[one];
      writeWhole(join(out, file), await render(view));
      files.push(join(out, file));
    }
    const { comparison } = view;
    return {
      text: `${summary(comparison)}${files.map((file) => `${file}\n`).join("")}`,
      json: {
        verdict: comparison.verdict,
        samples: comparison.samples,
        regression: comparison.regression,
        worse: comparison.changes.filter(({ direction }) => direction === "worse").map(({ finding }) => finding),
        better: comparison.changes.filter(({ direction }) => direction === "better").map(({ finding }) => finding),
        files,
      },
      exitCode: comparison.verdict === null ? 0 : EXIT_OF_VERDICT[comparison.verdict],
    };
  });
}

function summary({ changes, findings, regression, samples, verdict }: Comparison): string {
  const count = (wanted: string) => changes.filter(({ direction }) => direction === wanted).length;
  const worse = changes.filter(({ direction }) => direction === "worse").map(({ finding }) => `  worse: ${finding}\n`);
  const gates = regression.map((gate) => [`  ${gate.verdict.toUpperCase()}`, gate.id, gate.title, gate.reason]);
  return [
    gates.length === 0 ? "No gates against a baseline: this is exploration.\n" : table(gates),
    ...(verdict === null ? [] : [`Verdict: ${verdict.toUpperCase()}\n`]),
    `Samples in common: ${samples.common}\n`,
    `Differences: ${count("worse")} worse, ${count("better")} better, ${count("undecided")} undecided, ${findings.length - changes.length} not measured\n`,
    ...worse.slice(0, 20),
    ...(worse.length > 20 ? [`  and ${worse.length - 20} more\n`] : []),
  ].join("");
}
