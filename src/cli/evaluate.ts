import type { Command } from "commander";
import { loadProtocol } from "../protocol/load.js";
import { evaluateRecord } from "../run/evaluate.js";
import { readProtocolFile } from "../run/record.js";
import { act } from "./shell.js";
import { summarise } from "./summary.js";

export function registerEvaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .description("audits and gates again, from the score tables; no image is scored")
    .argument("<record>", "the record's folder")
    .option("--protocol <file>", "an audit.yaml with other gates, subgroups, audits or reports")
    .option("--unsign", "remove the signature of a signed record, which is not changed otherwise");
  act(command, async (out: string, options: { readonly protocol?: string; readonly unsign?: boolean }) => {
    const loaded = options.protocol === undefined ? null : await loadProtocol(options.protocol);
    const findings = await evaluateRecord({
      out,
      ...(loaded === null ? {} : { protocol: loaded }),
      unsign: options.unsign ?? false,
      command: ["stepwedge", ...process.argv.slice(2)],
    });
    return summarise(out, findings, loaded?.protocol.reports ?? readProtocolFile(out).protocol.reports);
  });
}
