import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadProtocol } from "../../src/protocol/load.js";
import { runAudit } from "../../src/run/run.js";
import { signRecord } from "../../src/run/signing.js";
import { stepwedge } from "./cli.js";
import { smallStudy } from "./small-study.js";

/** A finished record of the small study, its key pair, and a way to fresh copies of it. */
export interface SignedRecord {
  readonly folder: string;
  /** Signed; not to be changed. */
  readonly out: string;
  /** The same record without a signature. */
  readonly unsigned: string;
  readonly keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  /** Files with the keys. */
  readonly privateFile: string;
  readonly publicFile: string;
  /** A copy to be spoiled. */
  copy(of?: "signed" | "unsigned"): string;
}

/**
 * @param program who makes the record: this process, or the built program. Pages hold their script as it was compiled, so that each
 * finds its own pages rendered again byte for byte, and not the other's.
 */
export async function signedRecord(
  reports = "[json, html, markdown]",
  program: "here" | "built" = "here",
): Promise<SignedRecord> {
  const study = await smallStudy();
  study.writeProtocol((yaml) => yaml.replace("reports: [json]", `reports: ${reports}`));
  const out = join(study.folder, "signed");
  const unsigned = join(study.folder, "unsigned");
  if (program === "built") await stepwedge("run", study.protocol, "--out", unsigned, "--threads", "1");
  else await runAudit({ protocol: await loadProtocol(study.protocol), out: unsigned, threads: 1 });
  cpSync(unsigned, out, { recursive: true });
  const keys = generateKeyPairSync("ed25519");
  const [privateFile, publicFile] = [join(study.folder, "key.pem"), join(study.folder, "key.pub.pem")];
  writeFileSync(privateFile, keys.privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(publicFile, keys.publicKey.export({ type: "spki", format: "pem" }));
  await signRecord(out, keys.privateKey, false);
  let copies = 0;
  return {
    folder: study.folder,
    out,
    unsigned,
    keys,
    privateFile,
    publicFile,
    copy(of = "signed") {
      const to = join(study.folder, `copy-${copies++}`);
      cpSync(of === "signed" ? out : unsigned, to, { recursive: true });
      return to;
    },
  };
}
