import type { Command } from "commander";
import { ExitCode } from "../core/errors.js";
import { type Check, runChecks } from "./doctor/checks.js";
import { act, type Outcome, table } from "./shell.js";

export function registerDoctor(program: Command): void {
  const command = program.command("doctor").description("whether this machine has what audits need");
  act(command, async () => diagnosis(await runChecks()));
}

/** What doctor prints; a required piece that is missing is a fault of the installation, not of anybody's input. */
export function diagnosis(checks: readonly Check[]): Outcome {
  const healthy = checks.every((check) => check.status !== "fail");
  const rows = checks.map(({ status, title, detail }) => [`  ${status.toUpperCase()}`, title, detail]);
  const remedies = checks.flatMap(({ title, remedy }) => (remedy === null ? [] : [`${title}: ${remedy}\n`]));
  const closing = healthy ? "Everything that is required is there.\n" : "A required piece is missing.\n";
  return {
    text: `${table(rows)}${remedies.join("")}${closing}`,
    json: { healthy, checks },
    exitCode: healthy ? ExitCode.pass : ExitCode.incomplete,
  };
}
