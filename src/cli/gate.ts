import { join } from "node:path";
import type { Command } from "commander";
import type { Findings } from "../core/record.js";
import { FILES, readJson } from "../run/record.js";
import { act } from "./shell.js";
import { summarise } from "./summary.js";

export function registerGate(program: Command): void {
  const command = program
    .command("gate")
    .description("verdicts alone, for CI")
    .argument("<record>", "the record's folder");
  act(command, async (out: string) => summarise(out, readJson<Findings>(join(out, FILES.findings), out), []));
}
