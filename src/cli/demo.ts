import { join } from "node:path";
import type { Command } from "commander";
import { PACKAGE_ROOT } from "../core/version.js";
import { loadProtocol } from "../protocol/load.js";
import { runInTerminal } from "./run.js";
import { act } from "./shell.js";
import { summarise } from "./summary.js";

const PROTOCOL = join(PACKAGE_ROOT, "examples", "demo", "audit.yaml");

export function registerDemo(program: Command): void {
  const command = program
    .command("demo")
    .description("the built-in audit of a small model on synthetic phantoms")
    .option("--out <dir>", "the record's folder", "stepwedge-demo");
  act(command, async (options: { readonly out: string }) => {
    const loaded = await loadProtocol(PROTOCOL);
    const findings = await runInTerminal(loaded, options.out, { resume: true });
    const summary = await summarise(options.out, findings, loaded.protocol.reports);
    const explanation =
      "The demonstration plants a known weakness, so a gate that fails is what it must show. Open report.html in a browser.\n";
    // The verdict is about the phantom model; the command itself has done what it should.
    return { ...summary, text: `${summary.text}${explanation}`, exitCode: 0 };
  });
}
