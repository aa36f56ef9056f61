import { join } from "node:path";
import type { Command } from "commander";
import { renderAgain } from "../run/evaluate.js";
import { act } from "./shell.js";

export function registerReport(program: Command): void {
  const command = program
    .command("report")
    .description("render a finished record again")
    .argument("<record>", "the record's folder")
    .option("--format <format...>", "report formats", ["html"]);
  act(command, async (out: string, options: { readonly format: string[] }) => {
    const files = (await renderAgain(out, options.format)).map((file) => join(out, file));
    return { text: `${files.join("\n")}\n`, json: { reports: files }, exitCode: 0 };
  });
}
