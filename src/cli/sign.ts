import { join } from "node:path";
import type { Command } from "commander";
import { readPrivateKey } from "../run/keys.js";
import { FILES } from "../run/record.js";
import { refuseKeyInRecord, signRecord } from "../run/signing.js";
import { passphraseFrom } from "./keys.js";
import { act } from "./shell.js";

interface Options {
  readonly key: string;
  readonly passphraseEnv?: string;
  readonly render: boolean;
}

export function registerSign(program: Command): void {
  const command = program
    .command("sign")
    .description("sign a finished record, or add a signature to a signed one")
    .argument("<record>", "the record's folder")
    .requiredOption("--key <file>", "an Ed25519 private key in PEM (PKCS#8); `stepwedge keygen` makes one")
    .option("--passphrase-env <variable>", "the environment variable that holds the key's passphrase")
    .option("--no-render", "do not render the reports again before signing");
  act(command, async (out: string, options: Options) => {
    refuseKeyInRecord(out, options.key);
    const key = readPrivateKey(options.key, passphraseFrom(options.passphraseEnv));
    const { added, keyid, keyids, statement } = await signRecord(out, key, options.render);
    const file = join(out, FILES.signature);
    const { verdict, protocolSha256 } = statement.predicate;
    const what = added ? `Signed by key ${keyid}` : `Signed already by key ${keyid}; nothing was written`;
    return {
      text: `${what}.\nVerdict signed: ${verdict.toUpperCase()}. Protocol ${protocolSha256}.\nSignatures: ${keyids.length}.\n${file}\n`,
      json: { signature: file, keyid, keyids, added, statement },
      exitCode: 0,
    };
  });
}
