import { join } from "node:path";
import type { Command } from "commander";
import { renderAgain } from "../run/evaluate.js";
import { act } from "./shell.js";

export function registerReport(program: Command): void {
  const command = program
    .command("report")
    .description("render a finished record again")
    .argument("<record>", "the record's folder")
    .option("--format <format...>", "report formats", ["html"])
    .option("--unsign", "remove the signature of a signed record, where the reports would change it");
  act(command, async (out: string, options: { readonly format: string[]; readonly unsign?: boolean }) => {
    const files = (await renderAgain(out, options.format, options.unsign ?? false)).map((file) => join(out, file));
    return { text: `${files.join("\n")}\n`, json: { reports: files }, exitCode: 0 };
  });
}
