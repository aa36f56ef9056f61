import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { Findings } from "../core/record.js";
import { FILES, readJson, readProtocolFile } from "../run/record.js";
import { annotations, gatePlaces, stepSummary } from "./gate/github.js";
import { act, type Outcome } from "./shell.js";
import { summarise } from "./summary.js";

interface Options {
  readonly github?: boolean;
  readonly protocol?: string;
}

export function registerGate(program: Command): void {
  const command = program
    .command("gate")
    .description("verdicts alone, for CI")
    .argument("<record>", "the record's folder")
    .option("--github", "annotate the run of a GitHub workflow, and write its step's summary")
    .option("--protocol <file>", "the audit.yaml beside whose gates annotations shall stand (with --github)");
  act(command, async (out: string, options: Options) => {
    const findings = readJson<Findings>(join(out, FILES.findings), out);
    const outcome = await summarise(out, findings, []);
    return options.github === true ? onGithub(out, findings, outcome, options.protocol) : outcome;
  });
}

/** The same outcome, with annotations before its text; the summary goes to the file that the workflow's runner names. */
function onGithub(out: string, findings: Findings, outcome: Outcome, protocol: string | undefined): Outcome {
  const lines = annotations(findings.gates, protocol === undefined ? undefined : gatePlaces(protocol));
  const file = process.env.GITHUB_STEP_SUMMARY;
  if (file !== undefined && file !== "") {
    appendFileSync(file, stepSummary(readProtocolFile(out).protocol.title, findings));
  }
  return { ...outcome, text: lines.map((line) => `${line}\n`).join("") + outcome.text };
}
