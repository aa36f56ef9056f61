import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/*
 * Signatures in envelopes: DSSE v1 (Dead Simple Signing Envelope, secure-systems-lab/dsse, protocol.md and envelope.md)
 * with Ed25519 (RFC 8032). What is signed is the payload together with its type, so that a signature of one kind of
 * document cannot be passed off as that of another.
 */

/** A signed document as JSON. Base64 is the standard alphabet with padding (RFC 4648, section 4). */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: string;
  readonly signatures: readonly EnvelopeSignature[];
}

export interface EnvelopeSignature {
  /** SHA-256 of the public key as SubjectPublicKeyInfo in DER, hexadecimal. A hint: nothing is trusted for it. */
  readonly keyid: string;
  readonly sig: string;
  /**
   * The public key (DER, base64): an addition to DSSE, whose readers pass over it. It shows that the signature is whole; it
   * does not show whose it is.
   */
  readonly publicKey: string;
}

/** The pre-authentication encoding: "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body, lengths in bytes. */
export function preAuthentication(type: string, body: Uint8Array): Uint8Array {
  const length = Buffer.byteLength(type);
  return Buffer.concat([Buffer.from(`DSSEv1 ${length} ${type} ${body.length} `), body]);
}

/** The name of a public key, or of a private key's public half. */
export function keyId(key: KeyObject): string {
  return createHash("sha256").update(publicDer(key)).digest("hex");
}

/** The SubjectPublicKeyInfo of a key in DER. */
export function publicDer(key: KeyObject): Buffer {
  const open = key.type === "private" ? createPublicKey(key) : key;
  return open.export({ type: "spki", format: "der" });
}

/** Signs a payload. Ed25519 draws nothing: the same key and payload give the same signature. */
export function signPayload(payloadType: string, payload: Uint8Array, privateKey: KeyObject): EnvelopeSignature {
  return {
    keyid: keyId(privateKey),
    sig: sign(null, preAuthentication(payloadType, payload), privateKey).toString("base64"),
    publicKey: publicDer(privateKey).toString("base64"),
  };
}

/** Whether a signature of the envelope was made by this key over this payload and type. */
export function isSignedBy(envelope: Envelope, { sig }: Pick<EnvelopeSignature, "sig">, publicKey: KeyObject): boolean {
  const signed = preAuthentication(envelope.payloadType, Buffer.from(envelope.payload, "base64"));
  return verify(null, signed, publicKey, Buffer.from(sig, "base64"));
}

/** The public key that a signature carries; null where it is no Ed25519 key. */
export function carriedKey({ publicKey }: EnvelopeSignature): KeyObject | null {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" });
    return key.asymmetricKeyType === "ed25519" ? key : null;
  } catch {
    return null;
  }
}
