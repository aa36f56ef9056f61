import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, sha256 } from "../../src/core/hash.js";
import type { Findings, Provenance } from "../../src/core/record.js";
import type { LockFile } from "../../src/protocol/lock.js";
import { stepwedge } from "../support/cli.js";
import { type SmallStudy, smallStudy } from "../support/small-study.js";

const json = <T>(...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8")) as T;
const lockOf = (study: SmallStudy) => join(study.folder, "audit.lock.json");
/** Without attacks: the lock is about the protocol, not about scores. */
const quick = (yaml: string) =>
  yaml.replace(/attacks:\n[\s\S]*operatingPoints/, "operatingPoints").replace("[json]", "[json, html, markdown]");
const easier = (yaml: string) => quick(yaml).replace("atLeast: 0.6", "atLeast: 0.5");

async function study(): Promise<SmallStudy> {
  const small = await smallStudy();
  small.writeProtocol(quick);
  return small;
}

async function run(small: SmallStudy, name: string, ...options: string[]) {
  const out = join(small.folder, name);
  const ended = await stepwedge("run", small.protocol, "--out", out, ...options);
  return { ...ended, out };
}

test("a run of a locked protocol says so in findings, provenance and reports; a changed one is a deviation", async () => {
  const small = await study();
  const locked = await stepwedge("lock", small.protocol, "--by", "A. <b>Person</b>", "--json");
  expect(locked).toMatchObject({ code: 0, stderr: "" });
  const { sha256: lockSha256, protocolSha256, inputs } = JSON.parse(locked.stdout) as Record<string, string>;
  expect(Object.keys(inputs as unknown as object)).toEqual(expect.arrayContaining(["manifest.csv", "linear.onnx"]));

  const same = await run(small, "same");
  expect(same.code).toBe(0);
  const findings = json<Findings>(same.out, "findings.json");
  expect(findings.lock).toEqual({
    status: "locked",
    sha256: lockSha256,
    protocolSha256,
    inputs: true,
    relocks: [],
    changes: [],
  });
  expect(findings.protocolSha256).toBe(protocolSha256);
  expect(findings.deviations.map(({ id }) => id)).not.toContain("protocol-lock");
  const provenance = json<Provenance>(same.out, "provenance.json");
  expect(provenance.lock).toMatchObject({ sha256: lockSha256, by: "A. <b>Person</b>" });
  // The date of the lock is in the provenance alone.
  expect(readFileSync(join(same.out, "findings.json"), "utf8")).not.toContain(provenance.lock?.lockedAt);
  const page = readFileSync(join(same.out, "report.html"), "utf8");
  expect(page).toContain("The protocol was locked before scoring, and is as it was locked");
  expect(page).toContain("A. &lt;b&gt;Person");
  expect(page).not.toContain("<b>Person");
  expect((await stepwedge("verify", same.out)).code).toBe(0);

  small.writeProtocol(easier);
  const changed = await run(small, "changed");
  expect(changed.code).toBe(0);
  const after = json<Findings>(changed.out, "findings.json");
  expect(after.lock).toMatchObject({
    status: "changed",
    sha256: lockSha256,
    changes: [{ at: "scoring", path: "gates[G1].atLeast", before: "0.6", after: "0.5" }],
  });
  const deviation = after.deviations.find(({ id }) => id === "protocol-lock");
  expect(deviation?.detail).toContain("gates[G1].atLeast from 0.6 to 0.5");
  expect(readFileSync(join(changed.out, "report.html"), "utf8")).toContain("gates[G1].atLeast from 0.6 to 0.5");
  expect(await stepwedge("verify", changed.out, "--recompute")).toMatchObject({ code: 0 });
}, 120_000);

test("without a lock the report says that there was none", async () => {
  const small = await study();
  const { out } = await run(small, "out");
  expect(json<Findings>(out, "findings.json").lock).toMatchObject({ status: "unlocked", sha256: null });
  expect(json<Provenance>(out, "provenance.json").lock).toBeNull();
  expect(readFileSync(join(out, "report.html"), "utf8")).toContain("The protocol was not locked before scoring.");
  expect(readFileSync(join(out, "report.md"), "utf8")).toContain("The protocol was not locked before scoring.");
  expect(existsSync(join(out, "protocol.lock.json"))).toBe(false);
});

test("other data under a locked protocol are a deviation; a lock of the protocol alone does not see them", async () => {
  const small = await study();
  const spoil = () =>
    small.writeTable(small.rows.map((row, index) => (index === 40 ? [...row.slice(0, 3), "X", ...row.slice(4)] : row)));
  await stepwedge("lock", small.protocol, "--protocol-only");
  expect(json<LockFile>(lockOf(small)).entries[0]?.inputs).toBeNull();
  spoil();
  expect((await stepwedge("lock", small.protocol, "--check")).code).toBe(0);
  const blind = await run(small, "blind");
  expect(json<Findings>(blind.out, "findings.json").lock).toMatchObject({ status: "locked", inputs: false });

  rmSync(lockOf(small));
  small.writeTable(small.rows);
  await stepwedge("lock", small.protocol);
  spoil();
  const check = await stepwedge("lock", small.protocol, "--check");
  expect(check.code).toBe(1);
  expect(check.stdout).toMatch(/inputs\["manifest\.csv"\] from "[0-9a-f]{64}" to/);
  expect((await stepwedge("lock", small.protocol, "--check", "--protocol-only")).code).toBe(0);
  const seen = await run(small, "seen");
  const findings = json<Findings>(seen.out, "findings.json");
  expect(findings.lock?.changes.map(({ path }) => path)).toEqual(['inputs["manifest.csv"]']);
  expect(findings.deviations.map(({ id }) => id)).toContain("protocol-lock");
}, 120_000);

test("locking anew needs a reason, and the lock keeps what was locked before", async () => {
  const small = await study();
  const lock = (...options: string[]) => stepwedge("lock", small.protocol, "--protocol-only", ...options);
  await lock();
  const first = readFileSync(lockOf(small), "utf8");
  expect(await lock()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Locked already/) });
  expect(readFileSync(lockOf(small), "utf8")).toBe(first);

  small.writeProtocol(easier);
  expect(await lock()).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/gates\[G1\]\.atLeast from 0\.6 to 0\.5/),
  });
  expect(await lock("--relock")).toMatchObject({ code: 2, stderr: expect.stringMatching(/--reason/) });
  expect(await lock("--reason", "r")).toMatchObject({ code: 2 });
  expect(await lock("--relock", "--reason", "  ")).toMatchObject({ code: 2 });
  expect(readFileSync(lockOf(small), "utf8")).toBe(first);

  expect(await lock("--relock", "--reason", "The <i>site</i> asked for it")).toMatchObject({ code: 0 });
  const { entries } = json<LockFile>(lockOf(small));
  expect(entries).toHaveLength(2);
  expect(entries[0]).toEqual((JSON.parse(first) as LockFile).entries[0]);
  expect(entries[1]?.previous).toBe(sha256(canonicalJson(entries[0])));
  const { out } = await run(small, "out");
  expect(json<Findings>(out, "findings.json").lock).toMatchObject({
    status: "locked",
    relocks: [{ reason: "The <i>site</i> asked for it", protocolSha256: entries[1]?.protocolSha256 }],
  });
  const page = readFileSync(join(out, "report.html"), "utf8");
  expect(page).toContain("It was locked anew 1 time.");
  expect(page).toContain("The &lt;i&gt;site&lt;/i&gt; asked for it");
}, 120_000);

test("a lock that was edited is not believed, wherever it was edited", async () => {
  const small = await study();
  await stepwedge("lock", small.protocol, "--protocol-only");
  small.writeProtocol(easier);
  await stepwedge("lock", small.protocol, "--protocol-only", "--relock", "--reason", "r");
  const whole = readFileSync(lockOf(small), "utf8");
  const { entries } = JSON.parse(whole) as LockFile;
  const [first, second] = entries as [LockFile["entries"][0], LockFile["entries"][0]];
  const write = (value: unknown) => writeFileSync(lockOf(small), JSON.stringify(value));
  const expectRefused = async (message: RegExp) =>
    expect(await run(small, "out")).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  write({ schemaVersion: "1.0", entries: [{ ...first, by: "somebody else" }, second] });
  await expectRefused(/entry 1 was changed/);
  write({ schemaVersion: "1.0", entries: [second] });
  await expectRefused(/names an entry before it, which is missing/);
  write({ schemaVersion: "1.0", entries: [first, { ...second, protocol: { ...second.protocol, seed: 7 } }] });
  await expectRefused(/entry 2 was changed: its protocol does not match/);
  write({ schemaVersion: "2.0", entries: [] });
  await expectRefused(/newer/);
  writeFileSync(lockOf(small), whole.slice(0, 200));
  await expectRefused(/no valid JSON/);
}, 120_000);

test("a run is resumed under the lock that it was begun with, and under no other", async () => {
  const small = await study();
  await stepwedge("lock", small.protocol, "--protocol-only");
  const { out } = await run(small, "out");
  const findings = readFileSync(join(out, "findings.json"), "utf8");
  expect((await run(small, "out", "--resume")).code).toBe(0);
  expect(readFileSync(join(out, "findings.json"), "utf8")).toBe(findings);
  // A run that was killed before it wrote its copy of the lock.
  rmSync(join(out, "protocol.lock.json"));
  expect((await run(small, "out", "--resume")).code).toBe(0);
  expect(readFileSync(join(out, "findings.json"), "utf8")).toBe(findings);

  const lock = readFileSync(lockOf(small), "utf8");
  rmSync(lockOf(small));
  expect(await run(small, "out", "--resume")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/a locked protocol/),
  });
  await stepwedge("lock", small.protocol, "--protocol-only", "--by", "another");
  expect(await run(small, "out", "--resume")).toMatchObject({ code: 2, stderr: expect.stringMatching(/another lock/) });
  writeFileSync(lockOf(small), lock);
  expect((await run(small, "out", "--resume")).code).toBe(0);
}, 120_000);

test("gates that are changed after a locked run are a deviation of the evaluation", async () => {
  const small = await study();
  await stepwedge("lock", small.protocol, "--protocol-only");
  const { out } = await run(small, "out");
  small.writeProtocol(easier);
  expect((await stepwedge("evaluate", out, "--protocol", small.protocol)).code).toBe(0);
  const findings = json<Findings>(out, "findings.json");
  expect(findings.lock).toMatchObject({
    status: "changed",
    changes: [{ at: "evaluation", path: "gates[G1].atLeast", before: "0.6", after: "0.5" }],
  });
  expect(findings.deviations.map(({ id }) => id)).toEqual(
    expect.arrayContaining(["protocol-lock-evaluation", "protocol-changed"]),
  );
  expect(await stepwedge("verify", out, "--recompute")).toMatchObject({ code: 0 });
}, 120_000);

test("--check without a lock ends with 2 and says how to make one", async () => {
  const small = await study();
  expect(await stepwedge("lock", small.protocol, "--check")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/is not locked[\s\S]*stepwedge lock/),
  });
});
