import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { stepwedge } from "../support/cli.js";
import { smallStudy } from "../support/small-study.js";

interface FindingsFile {
  readonly queries: Readonly<Record<string, number>>;
  readonly attacks: readonly {
    readonly condition: { readonly attack: string };
    readonly artifactSha256: string | null;
  }[];
}

const findingsOf = (record: string) => JSON.parse(readFileSync(join(record, "findings.json"), "utf8")) as FindingsFile;
const reusing = (yaml: string) => yaml.replace("    queries: 600\n", "    queries: 600\n    fitted: fits/artifacts\n");

test("what fit learnt is used by a run, which then asks nothing to learn and finds the same", async () => {
  const study = await smallStudy();
  const fits = join(study.folder, "fits");
  const fit = await stepwedge("fit", study.protocol, "--out", fits, "--json");
  expect({ code: fit.code, stderr: fit.stderr }).toEqual({ code: 0, stderr: "" });
  const learnt = (JSON.parse(fit.stdout) as { fits: { key: string; sha256: string; queries: number }[] }).fits;
  expect(learnt.map((one) => one.key)).toEqual(["wavelet-universal:operating-point@0.0314"]);
  expect(learnt[0]?.queries).toBeGreaterThan(0);
  expect(learnt[0]?.queries).toBeLessThanOrEqual(600);

  const learning = join(study.folder, "learning");
  await stepwedge("run", study.protocol, "--out", learning);
  study.writeProtocol(reusing);
  const reused = join(study.folder, "reused");
  expect(await stepwedge("run", study.protocol, "--out", reused)).toMatchObject({ code: 0, stderr: "" });
  expect(findingsOf(reused).queries.search).toBe(0);
  const hash = (record: string) =>
    findingsOf(record).attacks.find((one) => one.condition.attack === "wavelet-universal")?.artifactSha256;
  expect(hash(reused)).toBe(learnt[0]?.sha256);
  const scores = (record: string) =>
    readFileSync(join(record, "artifacts", "wavelet-universal.operating-point@0.0314.json"), "utf8");
  const arrays = (text: string) => (JSON.parse(text) as { arrays: unknown }).arrays;
  expect(arrays(scores(reused))).toEqual(arrays(scores(learning)));
}, 60_000);

test("what was learnt for something else, or from images of the evaluation split, is refused", async () => {
  const study = await smallStudy();
  await stepwedge("fit", study.protocol, "--out", join(study.folder, "fits"));
  const run = (out: string) => stepwedge("run", study.protocol, "--out", join(study.folder, out));

  study.writeProtocol((yaml) => reusing(yaml).replace("    queries: 600\n", "    queries: 600\n    levels: 2\n"));
  expect(await run("other")).toMatchObject({ code: 2, stderr: expect.stringMatching(/was made for parameters/) });

  study.writeProtocol((yaml) => reusing(yaml).replace("[8/255]\n    queries", "[4/255]\n    queries"));
  expect(await run("missing")).toMatchObject({ code: 2, stderr: expect.stringMatching(/wavelet-universal\.fitted/) });

  // The same image under another name, now in the evaluation split.
  study.writeProtocol(reusing);
  copyFileSync(join(study.images, "s03.png"), join(study.images, "s30.png"));
  expect(await run("overlap")).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/sample "s30" was learnt from/),
  });
}, 60_000);

test("a protocol in which nothing learns has nothing to fit", async () => {
  const study = await smallStudy();
  study.writeProtocol((yaml) => yaml.replace(/ {2}- id: wavelet-universal\n.*\n.*\n/, ""));
  expect(await stepwedge("fit", study.protocol, "--out", join(study.folder, "fits"))).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/no attack, defense or head that learns/),
  });
});
