import type { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { carriedKey, type Envelope, isSignedBy, keyId } from "../../core/dsse.js";
import { FILES } from "../record.js";
import { envelopeSchema, statementSchema } from "../record-schemas.js";
import { type Statement, statementText } from "../statement.js";
import { type Problem, problem } from "./problem.js";

/** What is known of one signature. */
export interface SignatureCheck {
  readonly keyid: string;
  /**
   * `trusted`: made by one of the given keys. `other`: whole, but made by none of them. `unknown`: whole, and no key was given
   * to hold it against. `invalid`: not a signature of this payload.
   */
  readonly status: "trusted" | "other" | "unknown" | "invalid";
}

export interface SignatureResult {
  readonly checks: readonly SignatureCheck[];
  /** What was signed; null where there is nothing that a signature vouches for. */
  readonly statement: Statement | null;
  readonly problems: readonly Problem[];
}

const fault = (message: string) => problem(FILES.signature, "signature", message);

/**
 * Checks the signatures of a record against the keys that are trusted.
 * @param keys none: only whether the signatures are whole
 * @param threshold how many of the keys must have signed
 */
export function checkSignatures(out: string, keys: readonly KeyObject[], threshold: number): SignatureResult {
  let text: string;
  try {
    text = readFileSync(join(out, FILES.signature), "utf8");
  } catch {
    const lacking = problem(FILES.signature, "missing", "is missing: the record is not signed");
    return { checks: [], statement: null, problems: keys.length === 0 ? [] : [lacking] };
  }
  const envelope = parseEnvelope(text);
  if (typeof envelope === "string") return { checks: [], statement: null, problems: [fault(envelope)] };
  const checks = envelope.signatures.map((signature): SignatureCheck & { readonly by: KeyObject | null } => {
    const by = keys.find((key) => isSignedBy(envelope, signature, key)) ?? null;
    const carried = carriedKey(signature);
    // The carried key shows damage; it is not what trust goes by.
    const whole = carried !== null && keyId(carried) === signature.keyid && isSignedBy(envelope, signature, carried);
    const status = !whole ? "invalid" : by !== null ? "trusted" : keys.length === 0 ? "unknown" : "other";
    return { keyid: signature.keyid, status, by };
  });
  const statement = parseStatement(envelope);
  const trusted = new Set(checks.flatMap(({ status, by }) => (status === "trusted" && by !== null ? [keyId(by)] : [])));
  const problems = [
    ...checks
      .filter(({ status }) => status === "invalid")
      .map(({ keyid }) =>
        fault(
          `the signature of key ${keyid} is not one of this payload: the payload, the key or the signature was changed`,
        ),
      ),
    ...(keys.length > 0 && trusted.size < threshold
      ? [fault(`is signed by ${trusted.size} of the ${keys.length} given keys; needed: ${threshold}`)]
      : []),
    ...(typeof statement === "string" ? [fault(statement)] : []),
  ];
  const vouched = typeof statement !== "string" && checks.some(({ status }) => status !== "invalid");
  return {
    checks: checks.map(({ keyid, status }) => ({ keyid, status })),
    statement: vouched ? (statement as Statement) : null,
    problems,
  };
}

/** The envelope, or what is wrong with it. */
export function parseEnvelope(text: string): Envelope | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "was changed: it is no valid JSON";
  }
  const parsed = envelopeSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return `was changed: it is no envelope as \`stepwedge sign\` writes it (${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""})`;
  }
  // One text for one envelope: neither white space nor the unused bits of base64 can be changed unseen.
  return envelopeText(parsed.data) === text
    ? parsed.data
    : "was changed: it is not written as `stepwedge sign` writes it";
}

/** `signature.dsse.json` as text. */
export function envelopeText({ payloadType, payload, signatures }: Envelope): string {
  const again = (base64: string) => Buffer.from(base64, "base64").toString("base64");
  const value = {
    payloadType,
    payload: again(payload),
    signatures: signatures.map(({ keyid, sig, publicKey }) => ({
      keyid,
      sig: again(sig),
      publicKey: again(publicKey),
    })),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function parseStatement({ payload }: Envelope): Statement | string {
  const text = Buffer.from(payload, "base64").toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "its payload was changed: it is no valid JSON";
  }
  const parsed = statementSchema.safeParse(value);
  if (parsed.success)
    return statementText(parsed.data) === text
      ? parsed.data
      : "its payload is not written as `stepwedge sign` writes it";
  const issue = parsed.error.issues[0];
  return `its payload is no statement of stepwedge (${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""})`;
}
