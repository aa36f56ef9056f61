import { execFileSync } from "node:child_process";
import { createHash, createPublicKey, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { carriedKey, isSignedBy, keyId, preAuthentication, signPayload } from "../../src/core/dsse.js";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

test("the pre-authentication encoding is that of the specification's example", () => {
  expect(text(preAuthentication("http://example.com/HelloWorld", Buffer.from("hello world")))).toBe(
    "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
  );
});

test("lengths are in bytes, of the type as well as of the body", () => {
  expect(text(preAuthentication("é", Buffer.from("ü €")))).toBe("DSSEv1 2 é 6 ü €");
  expect(text(preAuthentication("", new Uint8Array(0)))).toBe("DSSEv1 0  0 ");
});

const TYPE = "application/vnd.in-toto+json";
const payload = Buffer.from('{"a":1}');

test("a signature holds for its payload, its type and its key, and for nothing else", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const signature = signPayload(TYPE, payload, privateKey);
  const envelope = { payloadType: TYPE, payload: payload.toString("base64"), signatures: [signature] };
  expect(isSignedBy(envelope, signature, publicKey)).toBe(true);
  expect(isSignedBy({ ...envelope, payloadType: "text/plain" }, signature, publicKey)).toBe(false);
  expect(isSignedBy({ ...envelope, payload: Buffer.from('{"a":2}').toString("base64") }, signature, publicKey)).toBe(
    false,
  );
  expect(isSignedBy(envelope, signature, generateKeyPairSync("ed25519").publicKey)).toBe(false);
  // The boundary between type and body cannot be moved.
  const moved = { ...envelope, payloadType: `${TYPE} 7 `, payload: "" };
  expect(isSignedBy(moved, signature, publicKey)).toBe(false);
});

test("the key id is the SHA-256 of the public key in DER, of the private key as well", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const der = publicKey.export({ type: "spki", format: "der" });
  expect(keyId(publicKey)).toBe(createHash("sha256").update(der).digest("hex"));
  expect(keyId(privateKey)).toBe(keyId(publicKey));
  const carried = carriedKey(signPayload(TYPE, payload, privateKey));
  expect(carried === null ? null : keyId(carried)).toBe(keyId(publicKey));
  expect(carriedKey({ keyid: "", sig: "", publicKey: "AAAA" })).toBeNull();
});

const openssl = opensslVersion();

/** OpenSSL 3 or later, whose pkeyutl verifies Ed25519; null where there is none. */
function opensslVersion(): string | null {
  try {
    const version = execFileSync("openssl", ["version"], { encoding: "utf8" });
    return /^OpenSSL [3-9]/.test(version) ? version : null;
  } catch {
    return null;
  }
}

// Skipped where there is no openssl of version 3 or later: the test says so in its name.
(openssl === null ? test.skip : test)(
  "openssl verifies our signature, and we verify that of openssl (needs openssl 3)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "stepwedge-openssl-"));
    const path = (name: string) => join(folder, name);
    const run = (...args: string[]) => execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    writeFileSync(path("key.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
    writeFileSync(path("key.pub.pem"), publicKey.export({ type: "spki", format: "pem" }));
    const signature = signPayload(TYPE, payload, privateKey);
    writeFileSync(path("pae"), preAuthentication(TYPE, payload));
    writeFileSync(path("sig"), Buffer.from(signature.sig, "base64"));
    const verify = (file: string) =>
      run(
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        path("key.pub.pem"),
        "-rawin",
        "-in",
        path(file),
        "-sigfile",
        path("sig"),
      );
    expect(verify("pae")).toMatch(/Verified Successfully/);
    writeFileSync(path("other"), payload);
    expect(() => verify("other")).toThrow();
    // Ed25519 draws nothing: openssl makes the same bytes.
    run("pkeyutl", "-sign", "-inkey", path("key.pem"), "-rawin", "-in", path("pae"), "-out", path("theirs"));
    expect(execFileSync("openssl", ["base64", "-A", "-in", path("theirs")], { encoding: "utf8" })).toBe(signature.sig);
    run("genpkey", "-algorithm", "ed25519", "-out", path("made.pem"));
    const made = createPublicKey(run("pkey", "-in", path("made.pem"), "-pubout"));
    expect(made.asymmetricKeyType).toBe("ed25519");
  },
);
