import type { KeyObject } from "node:crypto";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { type Envelope, keyId, signPayload } from "../core/dsse.js";
import { StepwedgeError } from "../core/errors.js";
import { writeWhole } from "./parquet.js";
import { FILES } from "./record.js";
import { PAYLOAD_TYPE, type Statement, statementOf, statementText } from "./statement.js";
import { envelopeText, parseEnvelope } from "./verify/signatures.js";
import { verifyRecord } from "./verify/verify.js";

export interface Signed {
  readonly keyid: string;
  readonly statement: Statement;
  /** Keys that have signed, this one among them. */
  readonly keyids: readonly string[];
  /** False where this key had signed already. */
  readonly added: boolean;
}

/**
 * Signs a finished record, or adds a signature to a signed one. The record is verified first, its reports and all: nobody signs
 * what is not whole.
 * @param render whether reports are rendered again for that
 * @throws StepwedgeError where the record does not verify
 */
export async function signRecord(out: string, key: KeyObject, render = true): Promise<Signed> {
  const { problems } = await verifyRecord({ out, render });
  const [first] = problems;
  if (first !== undefined) {
    throw new StepwedgeError(
      `does not verify, and was not signed: ${first.file} ${first.message}${problems.length > 1 ? `; and ${problems.length - 1} more` : ""}`,
      {
        where: out,
        remedy: "`stepwedge verify` names everything. Take the record from its source again, or evaluate it anew.",
      },
    );
  }
  const statement = statementOf(out);
  const payload = Buffer.from(statementText(statement));
  const path = join(out, FILES.signature);
  const earlier = existsSync(path) ? signaturesAt(path) : [];
  const mine = signPayload(PAYLOAD_TYPE, payload, key);
  const added = !earlier.some(({ sig }) => sig === mine.sig);
  const signatures = added ? [...earlier, mine] : earlier;
  if (added)
    writeWhole(path, envelopeText({ payloadType: PAYLOAD_TYPE, payload: payload.toString("base64"), signatures }));
  return { keyid: keyId(key), statement, keyids: signatures.map(({ keyid }) => keyid), added };
}

/** The signatures of a record that verifies: they are of the same statement. */
function signaturesAt(path: string): Envelope["signatures"] {
  const envelope = parseEnvelope(readFileSync(path, "utf8"));
  return typeof envelope === "string" ? [] : envelope.signatures;
}

/**
 * A private key does not lie in what is passed on.
 * @throws StepwedgeError where the key's file is inside the record
 */
export function refuseKeyInRecord(out: string, keyFile: string): void {
  if (!existsSync(out) || !existsSync(keyFile)) return;
  const way = relative(realpathSync(out), realpathSync(keyFile));
  if (way.startsWith(`..${sep}`) || way === ".." || /^([A-Za-z]:|[\\/])/.test(way)) return;
  throw new StepwedgeError("lies in the record: whoever gets the record would get the private key", {
    where: keyFile,
    remedy: "Move the key out of the folder. If the record was passed on already, make a new key.",
  });
}
