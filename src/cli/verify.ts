import type { Command } from "commander";
import { ExitCode, received, StepwedgeError } from "../core/errors.js";
import { readPublicKey } from "../run/keys.js";
import type { Problem } from "../run/verify/problem.js";
import { type Verification, verifyRecord } from "../run/verify/verify.js";
import { act } from "./shell.js";

interface Options {
  readonly key?: string[];
  readonly threshold: string;
  readonly render: boolean;
  readonly recompute?: boolean;
}

export function registerVerify(program: Command): void {
  const command = program
    .command("verify")
    .description("check a record: hashes, signatures, the chain to the protocol, and the reports rendered again")
    .argument("<record>", "the record's folder")
    .option("--key <file...>", "public keys in PEM: the record must be signed by one of them")
    .option("--threshold <n>", "so many of the keys must have signed", "1")
    .option("--no-render", "do not render the reports again")
    .option("--recompute", "do audits and gates again from the score tables, and compare the findings")
    .addHelpText(
      "after",
      "\nExit codes: 0 verified · 1 something differs · 2 no record, or a key cannot be read · 4 not finished",
    );
  act(command, async (out: string, options: Options) => {
    const keys = (options.key ?? []).map(readPublicKey);
    const verification = await verifyRecord({
      out,
      keys,
      threshold: thresholdOf(options.threshold, keys.length),
      render: options.render,
      recompute: options.recompute ?? false,
    });
    return {
      text: text(verification),
      json: { out, ...verification },
      exitCode: verification.verified ? ExitCode.pass : ExitCode.fail,
    };
  });
}

function thresholdOf(text: string, keys: number): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && (count <= keys || count === 1)) return count;
  throw new StepwedgeError(`must be a whole number from 1 to the number of keys, ${keys}; received ${received(text)}`, {
    where: "--threshold",
    remedy: "Give every key by --key.",
  });
}

function text({ files, manifestSha256, notes, problems, redone, signatures, verified }: Verification): string {
  const trusted = signatures.filter(({ status }) => status === "trusted");
  const lines = [
    ...problems.flatMap(problemLines),
    ...(problems.length > 0 ? [""] : []),
    ...trusted.map(({ keyid }) => `Signed by trusted key ${keyid}.`),
    ...notes.map((note) => `Note: ${note}`),
    ...(redone.length > 0 ? [`Done again with the same bytes: ${redone.join(", ")}.`] : []),
    ...(manifestSha256 === null ? [] : [`manifest.json has SHA-256 ${manifestSha256}.`]),
    verified
      ? `VERIFIED: ${files} files are as they were listed.`
      : `NOT VERIFIED: ${problems.length} ${problems.length === 1 ? "problem" : "problems"}.`,
  ];
  return `${lines.join("\n")}\n`;
}

/** File names come from the folder: control characters in them must not reach the terminal. */
function problemLines({ expected, file, found, kind, message }: Problem): string[] {
  return [
    `${kind.toUpperCase()}  ${printable(file)}: ${printable(message)}`,
    ...(expected === null ? [] : [`    must be ${printable(expected)}`]),
    ...(found === null ? [] : [`    found   ${printable(found)}`]),
  ];
}

function printable(text: string): string {
  const escaped = (character: string) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}
