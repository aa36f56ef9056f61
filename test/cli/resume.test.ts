import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomFrom } from "../../src/core/random.js";
import { startStepwedge, stepwedge } from "../support/cli.js";
import { smallStudy } from "../support/small-study.js";

const KILLS = 6;
const ROUNDS = 40;

/** A search long enough to be hit in the middle. */
const longer = (yaml: string) => yaml.replace("queries: 600", "queries: 12000");

/** Attacks that ask about every image, within ε and for the nearest flip, also through a defense that draws lots. */
const asking = (yaml: string) =>
  yaml.replace(/attacks:\n[\s\S]*operatingPoints/, () =>
    [
      "attacks:",
      "  - { id: square, epsilon: [1/255, 2/255], queries: 150 }",
      "  - { id: hop-skip-jump, epsilon: [2/255, 8/255], queries: 150 }",
      "defenses:",
      "  - { id: median }",
      "  - { id: random-resize-pad, draws: 2 }",
      "operatingPoints",
    ].join("\n"),
  );
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test.each([
  ["a search for all images", longer, 12_000],
  ["searches about every image", asking, 0],
])(
  "killed at random moments and resumed, a run with %s ends in the same findings",
  async (_, change, queries) => {
    const study = await smallStudy();
    study.writeProtocol(change);
    const undisturbed = join(study.folder, "undisturbed");
    const started = performance.now();
    expect((await stepwedge("run", study.protocol, "--out", undisturbed)).code).toBe(0);
    const duration = performance.now() - started;

    const disturbed = join(study.folder, "disturbed");
    const random = randomFrom("kill");
    let killed = 0;
    for (let round = 0; round < ROUNDS && killed < KILLS; round++) {
      const run = startStepwedge("run", study.protocol, "--out", disturbed, "--resume");
      await wait(duration * random.uniform());
      run.process.kill("SIGKILL");
      if ((await run.ended).code === null) killed++;
    }
    expect(killed).toBe(KILLS);
    const last = await stepwedge("run", study.protocol, "--out", disturbed, "--resume");
    expect(last).toMatchObject({ code: 0, stderr: "" });
    const { queries: spent } = JSON.parse(readFileSync(join(disturbed, "findings.json"), "utf8")) as {
      queries: { search: number };
    };
    expect(spent.search).toBeGreaterThan(queries / 2);
    expect(readdirSync(join(disturbed, "scores")).filter((name) => name.endsWith(".journal"))).toEqual([]);
    for (const file of [
      "findings.json",
      "protocol.json",
      join("scores", "clean.parquet"),
      join("scores", "index.json"),
    ]) {
      expect(readFileSync(join(disturbed, file)).equals(readFileSync(join(undisturbed, file)))).toBe(true);
    }
  },
  300_000,
);

test("a run that was killed while it wrote its protocol can be begun again", async () => {
  const study = await smallStudy();
  const out = join(study.folder, "out");
  mkdirSync(out);
  writeFileSync(join(out, "protocol.json.writing"), '{"schemaVersion":');
  expect(await stepwedge("run", study.protocol, "--out", out, "--resume")).toMatchObject({ code: 0, stderr: "" });
  expect(readdirSync(out)).not.toContain("protocol.json.writing");
});

test("Ctrl-C ends with 130, says how to go on, and loses nothing", async () => {
  const study = await smallStudy();
  study.writeProtocol(longer);
  const whole = join(study.folder, "whole");
  await stepwedge("run", study.protocol, "--out", whole);

  const out = join(study.folder, "out");
  const run = startStepwedge("run", study.protocol, "--out", out);
  while (!hasJournal(out)) await wait(5);
  run.process.kill("SIGINT");
  const { code, stderr } = await run.ended;
  expect(code).toBe(130);
  expect(stderr).toMatch(/--resume/);
  expect((await stepwedge("run", study.protocol, "--out", out, "--resume")).code).toBe(0);
  expect(readFileSync(join(out, "findings.json")).equals(readFileSync(join(whole, "findings.json")))).toBe(true);
}, 120_000);

function hasJournal(out: string): boolean {
  try {
    return readFileSync(join(out, "artifacts", "wavelet-universal.operating-point@0.0314.json.journal")).length > 64;
  } catch {
    return false;
  }
}

test("findings do not depend on the number of threads and sessions, or where the record lies", async () => {
  const study = await smallStudy();
  study.writeProtocol((yaml) => yaml.replace("  sessions: 1\n", ""));
  const one = join(study.folder, "one");
  const four = join(study.folder, "deep", "four");
  await stepwedge("run", study.protocol, "--out", one, "--threads", "1");
  await stepwedge("run", study.protocol, "--out", four, "--threads", "4");
  expect(readFileSync(join(four, "findings.json"), "utf8")).toBe(readFileSync(join(one, "findings.json"), "utf8"));
}, 60_000);

test("a changed protocol, table or model is not resumed", async () => {
  const study = await smallStudy();
  const out = join(study.folder, "out");
  await stepwedge("run", study.protocol, "--out", out);
  study.writeProtocol((yaml) => yaml.replace("seed: 5", "seed: 6"));
  expect(await stepwedge("run", study.protocol, "--out", out, "--resume")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/another protocol/),
  });
  study.writeProtocol();
  study.writeTable(
    study.rows.map((row, index) => (index === 40 ? [...row.slice(0, 5), row[5] === "1" ? "0" : "1"] : row)),
  );
  expect(await stepwedge("run", study.protocol, "--out", out, "--resume")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/another version of manifest\.csv/),
  });
});
