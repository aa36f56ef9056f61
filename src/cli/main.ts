#!/usr/bin/env node
import { Command } from "commander";
import { ExitCode } from "../core/errors.js";
import { VERSION } from "../core/version.js";
import { registerBless } from "./bless.js";
import { registerCompare } from "./compare.js";
import { registerDemo } from "./demo.js";
import { registerDoctor } from "./doctor.js";
import { registerEvaluate } from "./evaluate.js";
import { registerExplain } from "./explain.js";
import { registerFit } from "./fit.js";
import { registerGate } from "./gate.js";
import { registerInit } from "./init.js";
import { registerKeygen } from "./keygen.js";
import { registerList } from "./list.js";
import { registerLock } from "./lock.js";
import { registerNeighbours } from "./neighbours.js";
import { registerPerturb } from "./perturb.js";
import { registerReport } from "./report.js";
import { registerRun } from "./run.js";
import { registerSign } from "./sign.js";
import { registerVerify } from "./verify.js";

const program = new Command("stepwedge")
  .description("Robustness and fairness audits of medical vision models.")
  .version(VERSION)
  .showSuggestionAfterError()
  .addHelpText(
    "after",
    "\nExit codes: 0 pass · 1 a gate failed · 2 usage, protocol or input error · 3 inconclusive · 4 incomplete or infrastructure · 130 interrupted",
  );

for (const register of [
  registerDemo,
  registerInit,
  registerLock,
  registerRun,
  registerFit,
  registerPerturb,
  registerEvaluate,
  registerGate,
  registerReport,
  registerKeygen,
  registerSign,
  registerVerify,
  registerBless,
  registerCompare,
  registerList,
  registerExplain,
  registerNeighbours,
  registerDoctor,
]) {
  register(program);
}

// Commander ends the process for --help (0) and for usage errors, which are our code 2.
for (const command of [program, ...program.commands]) {
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? ExitCode.pass : ExitCode.usage));
}
await program.parseAsync();
