import { resolve } from "node:path";
import type { Command } from "commander";
import { bless } from "../run/baseline.js";
import { act } from "./shell.js";

interface Options {
  readonly as?: string;
  readonly name?: string;
  readonly by?: string;
  readonly reason?: string;
}

export function registerBless(program: Command): void {
  const command = program
    .command("bless")
    .description("freeze a finished record as the baseline that later models are held against")
    .argument("<record>", "the record's folder")
    .option("--as <folder>", "the baseline's folder, new or empty (default: <record>.baseline)")
    .option("--name <name>", "what reports call it, such as a version (default: the folder's name)")
    .option("--by <name>", "who decides; needed where the record did not pass")
    .option("--reason <text>", "why; needed where the record did not pass");
  act(command, async (out: string, { as, ...who }: Options) => {
    const folder = as ?? `${resolve(out)}.baseline`;
    const { file, sha256 } = await bless({ out, as: folder, ...who });
    const lines = [
      `${folder}`,
      `Verdict of the record: ${file.verdict.toUpperCase()}`,
      "In the protocol of later runs, with a path relative to it:",
      "",
      "baseline:",
      `  path: ${folder}`,
      `  sha256: ${sha256}`,
      "gates:",
      "  - { id: no-regression, metric: auc, against: baseline, noWorseThan: 0.02 }",
    ];
    return { text: `${lines.join("\n")}\n`, json: { baseline: folder, sha256, ...file }, exitCode: 0 };
  });
}
