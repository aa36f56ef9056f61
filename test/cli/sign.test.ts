import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { cpSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Envelope, preAuthentication } from "../../src/core/dsse.js";
import { sha256, sha256File } from "../../src/core/hash.js";
import type { Statement } from "../../src/run/statement.js";
import type { Verification } from "../../src/run/verify/verify.js";
import { stepwedge, stepwedgeWith } from "../support/cli.js";
import { signedRecord } from "../support/signed-record.js";

const record = await signedRecord("[json, html]", "built");
const path = (name: string) => join(record.folder, name);

test("keys are made, a record is signed by two people, moved, and verified", async () => {
  const out = record.copy("unsigned");
  for (const name of ["ann", "ben"]) {
    expect(await stepwedge("keygen", "--out", path(name))).toMatchObject({ code: 0, stderr: "" });
    expect(statSync(path(`${name}.pem`)).mode & 0o777).toBe(0o600);
    expect(await stepwedge("sign", out, "--key", path(`${name}.pem`))).toMatchObject({ code: 0, stderr: "" });
  }
  const envelope = JSON.parse(readFileSync(join(out, "signature.dsse.json"), "utf8")) as Envelope;
  expect(envelope.signatures).toHaveLength(2);
  const statement = JSON.parse(Buffer.from(envelope.payload, "base64").toString()) as Statement;
  expect(statement).toMatchObject({
    _type: "https://in-toto.io/Statement/v1",
    subject: expect.arrayContaining([
      { name: "manifest.json", digest: { sha256: await sha256File(join(out, "manifest.json")) } },
      { name: "report.html", digest: { sha256: await sha256File(join(out, "report.html")) } },
    ]),
    predicate: { verdict: "pass", gates: { G1: "pass" }, lockSha256: null },
  });

  const moved = path("moved");
  renameSync(out, moved);
  const both = ["--key", path("ann.pub.pem"), path("ben.pub.pem"), "--threshold", "2"];
  const verified = await stepwedge("verify", moved, ...both, "--recompute");
  expect(verified).toMatchObject({ code: 0, stderr: "", stdout: expect.stringMatching(/^VERIFIED/m) });
  expect(verified.stdout).toMatch(/Done again with the same bytes: report\.html, findings\.json/);
  expect(await stepwedge("verify", moved, "--key", record.publicFile)).toMatchObject({ code: 1 });
  expect(await stepwedge("verify", moved)).toMatchObject({ code: 0, stdout: expect.stringMatching(/unknown key/) });

  writeFileSync(join(moved, "report.html"), `${readFileSync(join(moved, "report.html"), "utf8")} `);
  const changed = await stepwedge("verify", moved, ...both, "--json");
  expect(changed.code).toBe(1);
  const result = JSON.parse(changed.stdout) as Verification;
  expect(result).toMatchObject({ verified: false, problems: [{ file: "report.html", kind: "changed" }] });
  const words = await stepwedge("verify", moved, ...both);
  expect(words.stdout).toMatch(/CHANGED {2}report\.html: was changed; it has \d+ bytes and must have \d+/);
  expect(words.stdout).toMatch(/NOT VERIFIED: 1 problem\./);
}, 120_000);

// Skipped where there is no openssl of version 3 or later.
const openssl = (() => {
  try {
    return /^OpenSSL [3-9]/.test(execFileSync("openssl", ["version"], { encoding: "utf8" }));
  } catch {
    return false;
  }
})();

(openssl ? test : test.skip)(
  "a key of openssl signs, and openssl verifies the record's signature (needs openssl 3)",
  async () => {
    const out = record.copy("unsigned");
    const run = (...args: string[]) => execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });
    run("genpkey", "-algorithm", "ed25519", "-out", path("o.pem"));
    run("pkey", "-in", path("o.pem"), "-pubout", "-out", path("o.pub.pem"));
    expect((await stepwedge("sign", out, "--key", path("o.pem"), "--no-render")).code).toBe(0);
    const { payload, payloadType, signatures } = JSON.parse(
      readFileSync(join(out, "signature.dsse.json"), "utf8"),
    ) as Envelope;
    writeFileSync(path("pae"), preAuthentication(payloadType, Buffer.from(payload, "base64")));
    writeFileSync(path("sig"), Buffer.from(signatures[0]?.sig ?? "", "base64"));
    expect(
      run(
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        path("o.pub.pem"),
        "-rawin",
        "-in",
        path("pae"),
        "-sigfile",
        path("sig"),
      ),
    ).toMatch(/Verified Successfully/);
    run("pkey", "-pubin", "-in", path("o.pub.pem"), "-outform", "DER", "-out", path("o.der"));
    expect(signatures[0]?.keyid).toBe(sha256(readFileSync(path("o.der"))));
    expect((await stepwedge("verify", out, "--key", path("o.pub.pem"), "--no-render")).code).toBe(0);
  },
  60_000,
);

test("an encrypted key opens by the passphrase in a variable, and by nothing else", async () => {
  const secret = { PASS_OF_KEY: "correct horse" };
  expect(await stepwedgeWith(secret, "keygen", "--out", path("enc"), "--passphrase-env", "PASS_OF_KEY")).toMatchObject({
    code: 0,
  });
  expect(readFileSync(path("enc.pem"), "utf8")).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  const sign = (environment: Record<string, string>, ...options: string[]) =>
    stepwedgeWith(environment, "sign", record.copy("unsigned"), "--no-render", "--key", path("enc.pem"), ...options);
  expect(await sign(secret)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/is encrypted[\s\S]*--passphrase-env/),
  });
  expect(await sign({}, "--passphrase-env", "PASS_OF_KEY")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/PASS_OF_KEY is not set/),
  });
  expect(await sign({ PASS_OF_KEY: "wrong" }, "--passphrase-env", "PASS_OF_KEY")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/does not open by the passphrase/),
  });
  const done = await sign(secret, "--passphrase-env", "PASS_OF_KEY");
  expect(done).toMatchObject({ code: 0, stderr: "" });
  expect(done.stdout).not.toContain("correct horse");
}, 60_000);

describe("keys that are none", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  writeFileSync(path("rsa.pem"), rsa.privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(path("rsa.pub.pem"), rsa.publicKey.export({ type: "spki", format: "pem" }));
  writeFileSync(path("text.pem"), "no key");
  writeFileSync(path("cut.pem"), readFileSync(record.privateFile, "utf8").slice(0, 60));

  test.each([
    ["rsa.pem", /must be an Ed25519 key; received rsa/],
    ["key.pub.pem", /is a public key; signing takes the private one/],
    ["text.pem", /holds no private key/],
    ["cut.pem", /no whole private key/],
    ["missing.pem", /cannot be read/],
  ])("sign refuses %s", async (name, message) => {
    const ended = await stepwedge("sign", record.copy("unsigned"), "--key", path(name));
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
    expect(ended.stderr).not.toMatch(/internal fault|\n {4}at /);
  });

  test.each([
    ["rsa.pub.pem", /must be an Ed25519 key; received rsa/],
    ["key.pem", /is a private key; verifying takes the public one/],
    ["text.pem", /holds no public key/],
    ["missing.pem", /cannot be read/],
  ])("verify refuses %s", async (name, message) => {
    expect(await stepwedge("verify", record.out, "--key", path(name))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(message),
    });
  });

  test("a private key in the record is refused, and no key is overwritten", async () => {
    const out = record.copy("unsigned");
    cpSync(record.privateFile, join(out, "key.pem"));
    expect(await stepwedge("sign", out, "--key", join(out, "key.pem"))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/lies in the record/),
    });
    expect(await stepwedge("keygen", "--out", path("key"))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/never overwritten/),
    });
  });
});

test("a signed record is not changed by report, evaluate or run, unless --unsign says so", async () => {
  const out = record.copy();
  expect(await stepwedge("report", out, "--format", "html")).toMatchObject({ code: 0 });
  expect(await stepwedge("report", out, "--format", "junit")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/is signed, and this would change it[\s\S]*--unsign/),
  });
  expect(await stepwedge("evaluate", out)).toMatchObject({ code: 2, stderr: expect.stringMatching(/is signed/) });
  expect(await stepwedge("run", path("audit.yaml"), "--out", out, "--resume")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/is signed/),
  });
  expect(await stepwedge("verify", out, "--key", record.publicFile, "--no-render")).toMatchObject({ code: 0 });
  expect(await stepwedge("report", out, "--format", "junit", "--unsign")).toMatchObject({ code: 0 });
  expect(await stepwedge("verify", out, "--no-render")).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/not signed/),
  });
}, 60_000);

test("names of files are shown so that they cannot move the cursor", async () => {
  const out = record.copy();
  writeFileSync(join(out, "\u001b[2K\u202eevil"), "x");
  const { code, stdout } = await stepwedge("verify", out, "--no-render");
  expect(code).toBe(1);
  expect(stdout).toContain("ADDED  \\u{1b}[2K\\u{202e}evil: is not part of the record");
  expect(stdout).not.toContain("\u001b");
});

test("an unfinished record ends with 4, a folder that is none with 2", async () => {
  const out = record.copy("unsigned");
  rmSync(join(out, "manifest.json"));
  expect((await stepwedge("verify", out)).code).toBe(4);
  expect((await stepwedge("verify", path("images"))).code).toBe(2);
  expect((await stepwedge("verify", out, "--threshold", "2")).code).toBe(2);
});
