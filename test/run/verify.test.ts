import { generateKeyPairSync } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type Envelope, signPayload } from "../../src/core/dsse.js";
import { canonicalJson, sha256 } from "../../src/core/hash.js";
import { findingsText, type Findings } from "../../src/core/record.js";
import { evaluateRecord, renderAgain } from "../../src/run/evaluate.js";
import { listFolder, type Manifest, writeManifest } from "../../src/run/manifest.js";
import { signRecord } from "../../src/run/signing.js";
import { PAYLOAD_TYPE, type Statement } from "../../src/run/statement.js";
import { checkSignatures, envelopeText } from "../../src/run/verify/signatures.js";
import { type VerifyOptions, verifyRecord } from "../../src/run/verify/verify.js";
import { signedRecord } from "../support/signed-record.js";

const record = await signedRecord();
const { keys } = record;
const ALL = [...listFolder(record.out).files, "manifest.json", "signature.dsse.json"];

const check = (out: string, options: Partial<VerifyOptions> = {}) =>
  verifyRecord({ out, keys: [keys.publicKey], render: false, ...options });
/** What is wrong, as "kind file" lines. */
const faults = async (out: string, options: Partial<VerifyOptions> = {}) =>
  (await check(out, options)).problems.map(({ kind, file }) => `${kind} ${file}`);
const edit = (out: string, name: string, change: (text: string) => string) =>
  writeFileSync(join(out, name), change(readFileSync(join(out, name), "utf8")));
const json = <T>(out: string, name: string) => JSON.parse(readFileSync(join(out, name), "utf8")) as T;
const writeJson = (out: string, name: string, value: unknown) =>
  writeFileSync(join(out, name), `${JSON.stringify(value, null, 2)}\n`);

describe("a whole record", () => {
  test("verifies, with its reports rendered and its findings computed again", async () => {
    const result = await check(record.out, { render: true, recompute: true });
    expect(result).toMatchObject({ verified: true, problems: [], notes: [] });
    expect(result.signatures).toEqual([{ keyid: expect.stringMatching(/^[0-9a-f]{64}$/), status: "trusted" }]);
    expect([...result.redone].sort()).toEqual(["explorer.json", "findings.json", "report.html", "report.md"]);
    expect(result.files).toBe(ALL.length - 2);
  });

  test("verifies where it was moved to, whatever the times of its files", async () => {
    const copy = record.copy();
    const moved = join(record.folder, "other place", "ä", "record");
    mkdirSync(dirname(moved), { recursive: true });
    renameSync(copy, moved);
    for (const name of ALL) utimesSync(join(moved, name), 1, 1);
    expect(await check(moved, { render: true })).toMatchObject({ verified: true, problems: [] });
  });

  test("verifies without a key, but says that nobody vouches for it", async () => {
    const unknown = await check(record.out, { keys: [] });
    expect(unknown.verified).toBe(true);
    expect(unknown.notes.join()).toMatch(/Signed by unknown key [0-9a-f]{64}, not checked against a trusted key/);
    const unsigned = await check(record.unsigned, { keys: [] });
    expect(unsigned.verified).toBe(true);
    expect(unsigned.notes.join()).toMatch(/not signed/);
  });

  test("does not verify by another key, nor unsigned where a key is given", async () => {
    const other = generateKeyPairSync("ed25519").publicKey;
    expect(await faults(record.out, { keys: [other] })).toEqual(["signature signature.dsse.json"]);
    expect(await faults(record.unsigned)).toEqual(["missing signature.dsse.json"]);
    expect(await faults(record.out, { keys: [other, keys.publicKey] })).toEqual([]);
  });
});

describe("one byte changed in a signed record", () => {
  // First, last and one in between; other bytes of the file are covered by the same hash.
  test.each(ALL)("is found and named: %s", async (name) => {
    const out = record.copy();
    const whole = readFileSync(join(out, name));
    for (const at of new Set([0, Math.floor(whole.length / 2), whole.length - 1])) {
      for (const mask of [0x01, 0x20]) {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] as number) ^ mask;
        writeFileSync(join(out, name), bytes);
        for (const trusted of [[keys.publicKey], []]) {
          const { verified, problems } = await check(out, { keys: trusted });
          expect(verified).toBe(false);
          expect(problems.map(({ file }) => file)).toContain(name);
          // Nothing else is accused, but where the signature itself does not hold any more.
          if (name !== "signature.dsse.json") expect(new Set(problems.map(({ file }) => file)).size).toBe(1);
        }
      }
    }
  });

  test("every byte of the signature's file counts, white space and unused bits of base64 included", () => {
    const out = record.copy();
    const file = join(out, "signature.dsse.json");
    const whole = readFileSync(file);
    expect(checkSignatures(out, [], 1).problems).toEqual([]);
    const unseen: number[] = [];
    for (let at = 0; at < whole.length; at += 5) {
      for (const value of [0x20, 0x0a, (whole[at] as number) ^ 0x01]) {
        if (value === whole[at]) continue;
        const bytes = Buffer.from(whole);
        bytes[at] = value;
        writeFileSync(file, bytes);
        if (checkSignatures(out, [], 1).problems.length === 0) unseen.push(at);
      }
    }
    expect(unseen).toEqual([]);
  });

  test("expected and found hashes are told", async () => {
    const out = record.copy();
    const before = sha256(readFileSync(join(out, "report.md")));
    edit(out, "report.md", (text) => text.replace("PASS", "FAIL"));
    expect((await check(out)).problems).toEqual([
      {
        file: "report.md",
        kind: "changed",
        message: "was changed",
        expected: before,
        found: sha256(readFileSync(join(out, "report.md"))),
      },
    ]);
  });
});

describe("files that are missing, added, renamed or swapped", () => {
  test.each(ALL)("deleted: %s", async (name) => {
    const out = record.copy();
    rmSync(join(out, name));
    expect(await faults(out)).toEqual([`missing ${name}`]);
  });

  test("added, also in a folder, hidden, or under a name of an unfinished file", async () => {
    const out = record.copy();
    const added = [".hidden", "notes.txt", "scores/more.parquet", "scores/x.journal"];
    for (const name of added) writeFileSync(join(out, name), "x");
    expect(await faults(out)).toEqual(added.map((name) => `added ${name}`));
  });

  test("renamed and swapped: it is said what holds whose bytes", async () => {
    const out = record.copy();
    renameSync(join(out, "report.md"), join(out, "card.md"));
    const [a, b] = ["scores/clean.parquet", "scores/samples.tuning.parquet"];
    renameSync(join(out, a), join(out, "x"));
    renameSync(join(out, b), join(out, a));
    renameSync(join(out, "x"), join(out, b));
    const { problems } = await check(out);
    expect(problems.map(({ file, message }) => `${file} ${message}`)).toEqual([
      "report.md is missing; card.md holds these bytes: it was renamed",
      `${a} was changed; it holds the bytes of ${b}`,
      `${b} was changed; it holds the bytes of ${a}`,
      "card.md is not part of the record; it holds the bytes of report.md",
    ]);
  });

  test("links are named, and are refused when a manifest is made", async () => {
    const out = record.copy("unsigned");
    const elsewhere = join(record.folder, "elsewhere.md");
    cpSync(join(out, "report.md"), elsewhere);
    rmSync(join(out, "report.md"));
    symlinkSync(elsewhere, join(out, "report.md"));
    symlinkSync(record.folder, join(out, "loop"));
    expect(await faults(out, { keys: [] })).toEqual(["added loop", "added report.md"]);
    await expect(writeManifest(out)).rejects.toThrow(/no plain file/);
  });
});

describe("JSON that was cut or edited", () => {
  test.each([
    "manifest.json",
    "findings.json",
    "protocol.json",
    "provenance.json",
    "signature.dsse.json",
    "scores/index.json",
  ])("cut in the middle: %s", async (name) => {
    for (const kind of ["signed", "unsigned"] as const) {
      const out = record.copy(kind);
      if (kind === "unsigned" && name === "signature.dsse.json") continue;
      edit(out, name, (text) => text.slice(0, text.length / 2));
      const found = await check(out, { keys: [] });
      expect(new Set(found.problems.map(({ file }) => file))).toEqual(new Set([name]));
      for (const { message } of found.problems) expect(message).toMatch(/\w{3}/);
    }
  });

  test("a manifest that was edited to fit a changed file does not help where the record is signed", async () => {
    const out = record.copy();
    edit(out, "report.md", (text) => `${text}x`);
    await writeManifest(out);
    expect(await faults(out, { keys: [] })).toEqual(["changed manifest.json", "changed report.md"]);
  });

  test("a payload that was edited to fit does not match its signature", async () => {
    const out = record.copy();
    const envelope = json<Envelope>(out, "signature.dsse.json");
    const statement = JSON.parse(Buffer.from(envelope.payload, "base64").toString()) as Statement;
    const better = JSON.stringify({ ...statement, predicate: { ...statement.predicate, verdict: "inconclusive" } });
    writeFileSync(
      join(out, "signature.dsse.json"),
      envelopeText({ ...envelope, payload: Buffer.from(better).toString("base64") }),
    );
    const { problems } = await check(out, { keys: [] });
    expect(problems.map(({ file }) => file)).toEqual(["signature.dsse.json"]);
    expect(problems[0]?.message).toMatch(/is not one of this payload/);
  });

  test("a statement that somebody signed by other means is held against the record", async () => {
    const out = record.copy();
    const envelope = json<Envelope>(out, "signature.dsse.json");
    const statement = JSON.parse(Buffer.from(envelope.payload, "base64").toString()) as Statement;
    const payload = Buffer.from(
      JSON.stringify({ ...statement, predicate: { ...statement.predicate, verdict: "inconclusive" } }),
    );
    const signatures = [signPayload(PAYLOAD_TYPE, payload, keys.privateKey)];
    writeFileSync(
      join(out, "signature.dsse.json"),
      envelopeText({ payloadType: PAYLOAD_TYPE, payload: payload.toString("base64"), signatures }),
    );
    expect((await check(out)).problems).toMatchObject([
      {
        file: "signature.dsse.json",
        kind: "contradiction",
        message: expect.stringMatching(/of predicate\.verdict than the record/),
        expected: '"inconclusive"',
        found: '"pass"',
      },
    ]);
  });
});

describe("an unsigned record that was edited, with its manifest made anew", () => {
  const forged = async (change: (out: string) => void, options: Partial<VerifyOptions> = {}) => {
    const out = record.copy("unsigned");
    change(out);
    await writeManifest(out, ["report.html", "report.md", "findings.json"]).catch(() => undefined);
    return faults(out, { keys: [], ...options });
  };

  test("another protocol is found by its hash, and one with its hash by the findings and the score tables", async () => {
    const out = record.copy("unsigned");
    const manifest = json<Manifest>(out, "manifest.json");
    edit(out, "protocol.json", (text) => text.replace('"atLeast": 0.6', '"atLeast": 0.5'));
    writeJson(out, "manifest.json", {
      ...manifest,
      files: { ...manifest.files, "protocol.json": sha256(readFileSync(join(out, "protocol.json"))) },
    });
    expect(await faults(out, { keys: [] })).toContain("unreadable protocol.json");
    expect(
      await forged((to) => {
        const file = json<{ protocol: { seed: number } }>(to, "protocol.json");
        const protocol = { ...file.protocol, seed: 6 };
        writeJson(to, "protocol.json", { ...file, protocol, sha256: sha256(canonicalJson(protocol)) });
      }),
    ).toEqual(["contradiction findings.json", "contradiction provenance.json", "contradiction scores/index.json"]);
  });

  test("a verdict that is not that of the gates, and a score table of another run", async () => {
    expect(
      await forged((out) =>
        edit(out, "findings.json", (text) => text.replace('"verdict": "pass"', '"verdict": "fail"')),
      ),
    ).toEqual(["contradiction findings.json"]);
    const other = await signedRecord("[json]");
    const study = join(other.unsigned, "scores", "clean.parquet");
    // The same study has the same key; one byte of the key makes it another.
    const bytes = readFileSync(study);
    const key = Buffer.from(json<{ key: string }>(other.unsigned, "scores/index.json").key);
    const at = bytes.indexOf(key);
    expect(at).toBeGreaterThan(0);
    bytes[at] = bytes[at] === 0x30 ? 0x31 : 0x30;
    expect(await forged((out) => writeFileSync(join(out, "scores", "clean.parquet"), bytes))).toEqual([
      "contradiction scores/clean.parquet",
    ]);
  });

  test("a number in the findings is found by the reports, and with new reports by computing them again", async () => {
    const change = (out: string) => {
      const findings = json<Findings>(out, "findings.json");
      const changed = findings.findings.map((one) =>
        one.estimate === null || one.metric !== "auc" ? one : { ...one, estimate: 0.99 },
      );
      writeFileSync(join(out, "findings.json"), findingsText({ ...findings, findings: changed }));
    };
    expect(await forged(change, { render: true })).toEqual(["report report.html", "report report.md"]);
    const out = record.copy("unsigned");
    change(out);
    await writeManifest(out);
    await renderAgain(out, ["html", "markdown"]);
    expect(await faults(out, { keys: [], render: true })).toEqual([]);
    expect(await faults(out, { keys: [], recompute: true })).toEqual(["findings findings.json"]);
  });

  test("a report of another version is not held against this one's rendering, and that is said", async () => {
    const out = record.copy("unsigned");
    edit(out, "report.md", (text) => `${text}other`);
    await writeManifest(out);
    const manifest = json<Manifest>(out, "manifest.json");
    writeJson(out, "manifest.json", { ...manifest, reports: { ...manifest.reports, "report.md": "0.0.9" } });
    const result = await check(out, { keys: [], render: true });
    expect(result).toMatchObject({ verified: true });
    expect(result.redone).not.toContain("report.md");
    expect(result.notes.join()).toMatch(/report\.md was rendered by stepwedge 0\.0\.9.*not rendered again/);
  });
});

describe("several signatures", () => {
  const second = generateKeyPairSync("ed25519");

  test("a second person adds a signature; the first again adds none", async () => {
    const out = record.copy();
    expect(await signRecord(out, keys.privateKey, false)).toMatchObject({ added: false });
    expect(await signRecord(out, second.privateKey, false)).toMatchObject({ added: true });
    const both = [keys.publicKey, second.publicKey];
    expect(await faults(out, { keys: both, threshold: 2 })).toEqual([]);
    expect((await check(out)).notes.join()).toMatch(/Also signed by key/);
    expect(await faults(record.out, { keys: both, threshold: 2 })).toEqual(["signature signature.dsse.json"]);
    // One key given twice, or signing twice, is one key.
    expect(await faults(record.out, { keys: [keys.publicKey, keys.publicKey], threshold: 2 })).toEqual([
      "signature signature.dsse.json",
    ]);
  });

  test("what does not verify is not signed", async () => {
    const out = record.copy();
    edit(out, "report.md", (text) => `${text}x`);
    const before = readFileSync(join(out, "signature.dsse.json"));
    await expect(signRecord(out, second.privateKey, false)).rejects.toThrow(/does not verify.*report\.md was changed/);
    expect(readFileSync(join(out, "signature.dsse.json"))).toEqual(before);
  });

  test("the same record and key give the same bytes", async () => {
    const out = record.copy("unsigned");
    await signRecord(out, keys.privateKey, false);
    expect(readFileSync(join(out, "signature.dsse.json"))).toEqual(
      readFileSync(join(record.out, "signature.dsse.json")),
    );
  });
});

describe("a signed record is not changed", () => {
  test("rendering what is there already keeps the signature; a new format and an evaluation are refused", async () => {
    const out = record.copy();
    const states = () =>
      readdirSync(out, { recursive: true, encoding: "utf8" }).map((name) => [name, statSync(join(out, name)).mtimeMs]);
    const before = states();
    expect(await renderAgain(out, ["html", "markdown"])).toEqual(["report.html", "report.md"]);
    await expect(renderAgain(out, ["junit"])).rejects.toThrow(/is signed, and this would change it/);
    await expect(evaluateRecord({ out })).rejects.toThrow(/is signed/);
    expect(states()).toEqual(before);
    expect(await faults(out)).toEqual([]);
    expect(await renderAgain(out, ["junit"], true)).toEqual(["junit.xml"]);
    expect(await faults(out, { keys: [] })).toEqual([]);
    expect(await faults(out)).toEqual(["missing signature.dsse.json"]);
  });

  test("an evaluation leaves no report with the old verdict", async () => {
    const out = record.copy("unsigned");
    await renderAgain(out, ["junit"]);
    await evaluateRecord({ out });
    expect(await faults(out, { keys: [], render: true })).toEqual([]);
    expect((await check(out, { keys: [], render: true })).redone).toContain("junit.xml");
  });
});

test("folders that are no record, and records that were never finished, are told apart", async () => {
  await expect(check(join(record.folder, "nowhere"))).rejects.toMatchObject({ exitCode: 2 });
  await expect(check(record.folder)).rejects.toMatchObject({ exitCode: 2 });
  const out = record.copy("unsigned");
  rmSync(join(out, "manifest.json"));
  await expect(check(out)).rejects.toMatchObject({ exitCode: 4 });
});
