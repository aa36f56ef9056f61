import type { Command } from "commander";
import { makeKeys } from "../run/keys.js";
import { passphraseFrom } from "./keys.js";
import { act } from "./shell.js";

interface Options {
  readonly out: string;
  readonly passphraseEnv?: string;
}

export function registerKeygen(program: Command): void {
  const command = program
    .command("keygen")
    .description("make a pair of Ed25519 keys for signing records")
    .option("--out <name>", "writes <name>.pem (private) and <name>.pub.pem (public)", "stepwedge-key")
    .option("--passphrase-env <variable>", "encrypt the private key by the passphrase in this environment variable");
  act(command, async (options: Options) => {
    const keys = makeKeys(options.out, passphraseFrom(options.passphraseEnv));
    const { privateFile, publicFile, keyid } = keys;
    return {
      text: `Private key: ${privateFile}. Keep it secret, and out of version control.\nPublic key:  ${publicFile}. Give it to whoever verifies.\nKey id:      ${keyid}\n`,
      json: keys,
      exitCode: 0,
    };
  });
}
