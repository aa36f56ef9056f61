import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/core/version.js";
import type { Finding } from "../../src/core/finding.js";
import { stepwedge } from "../support/cli.js";
import { maskStudy } from "../support/mask-study.js";
import { sharedData } from "../support/shared-data.js";

interface Record {
  readonly verdict: string;
  readonly findings: readonly Finding[];
}
const findingsOf = (out: string) => JSON.parse(readFileSync(join(out, "findings.json"), "utf8")) as Record;
const find = ({ findings }: Record, id: string): Finding => {
  const found = findings.find((finding) => finding.id === id);
  if (found === undefined) throw new Error(`no finding ${id}`);
  return found;
};

test("a segmenter that misses one group's objects is caught, and one that misses both alike is not", async () => {
  const planted = await maskStudy({ faint: { F: 0.6, M: 0.05 } });
  const out = join(planted.folder, "out");
  expect((await stepwedge("run", planted.protocol, "--out", out)).code).toBe(1);
  const record = findingsOf(out);
  const [f, m] = ["F", "M"].map((sex) => find(record, `outcomes/dice/disc/sex=${sex}/clean`));
  expect(f?.estimate).toBeLessThan(0.6);
  expect(m?.estimate).toBeGreaterThan(0.85);
  expect(find(record, "outcomes/missed/disc/sex=F/clean").estimate).toBeGreaterThan(0.4);
  const gap = find(record, "outcomes/dice-gap/disc/sex/clean");
  expect(gap.details).toMatchObject({ best: "sex=M", worst: "sex=F" });
  expect(gap.interval?.lower).toBeGreaterThan(0.05);

  const alike = await maskStudy({ faint: { F: 0.2, M: 0.2 } });
  const null_ = join(alike.folder, "out");
  expect((await stepwedge("run", alike.protocol, "--out", null_)).code).toBe(0);
});

test("attacks lower Dice on the same cases, and the run does not depend on threads or an interruption", async () => {
  const study = await maskStudy({ faint: { F: 0.1, M: 0.1 } });
  const out = join(study.folder, "out");
  await stepwedge("run", study.protocol, "--out", out);
  const record = findingsOf(out);
  const drops = record.findings.filter(
    ({ metric, subgroup }) => metric === "dice-drop" && Object.keys(subgroup).length === 0,
  );
  expect(drops.map(({ condition }) => condition.attack)).toEqual(["random-sign", "wavelet-universal"]);
  for (const drop of drops) {
    expect(drop.status).toBe("measured");
    const clean = find(record, "outcomes/dice/disc/all/clean");
    const attacked = find(record, drop.id.replace("dice-drop", "dice"));
    expect(drop.estimate).toBeCloseTo((clean.estimate as number) - (attacked.estimate as number), 9);
  }
  expect(drops[1]?.estimate).toBeGreaterThan(0);
  const again = join(study.folder, "again");
  await stepwedge("run", study.protocol, "--out", again, "--threads", "2");
  expect(readFileSync(join(again, "findings.json"), "utf8")).toBe(readFileSync(join(out, "findings.json"), "utf8"));
  // Audits and gates once more from the score tables, without masks or model.
  expect((await stepwedge("evaluate", again)).code).toBe(0);
  expect(readFileSync(join(again, "findings.json"), "utf8")).toBe(readFileSync(join(out, "findings.json"), "utf8"));
});

test("what is missing or does not fit is named", async () => {
  const study = await maskStudy({ faint: { F: 0, M: 0 }, patients: 20 });
  const errorOf = async (change: (yaml: string) => string) => {
    study.writeProtocol(change);
    const { code, stderr } = await stepwedge("run", study.protocol, "--out", join(study.folder, "out"));
    expect(code).toBe(2);
    return stderr;
  };
  expect(await errorOf((yaml) => yaml.replace("references:", "labels:"))).toMatch(
    /data.labels.*\n?.*held against data.references/s,
  );
  expect(await errorOf((yaml) => yaml.replace("classes: [disc]", "classes: [disc, ring]"))).toMatch(
    /"ring" has no reference/,
  );
  expect(await errorOf((yaml) => yaml.replace("task: segmentation", "task: binary"))).toMatch(/are for other tasks/);
  expect(await errorOf((yaml) => yaml.replace("disc: mask", "disc: nothing"))).toMatch(/nothing/);
  expect(await errorOf((yaml) => yaml.replace("threshold: 0.5\ngates", "sensitivity: 0.5\ngates"))).toMatch(
    /no positives and negatives/,
  );
  expect(await errorOf((yaml) => yaml.replace("task: segmentation", "task: segmentatoin"))).toMatch(/segmentation/);
});

const withData = sharedData === null ? test.skip : test;
withData(
  "lungs: Dice is what the model's own evaluation found",
  async () => {
    const protocol = join(PACKAGE_ROOT, "examples", "lung-segmentation", "audit.yaml");
    const { folder } = await maskStudy({ faint: { F: 0, M: 0 }, patients: 1 });
    const out = join(folder, "lungs");
    await stepwedge("run", protocol, "--set", "attacks=[]", "defenses=[]", "reports=[json]", "--out", out);
    const dice = find(findingsOf(out), "outcomes/dice/lungs/all/clean");
    // The mean over the 80 test images of models/lungseg-predictions.csv.
    expect(dice).toMatchObject({ n: 80, patients: 53 });
    expect(dice.estimate).toBeCloseTo(0.9389809449632696, 4);
  },
  120_000,
);
