import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import sharp from "sharp";
import { readParquet } from "../../src/run/parquet.js";
import { stepwedge } from "../support/cli.js";
import { type SmallStudy, smallStudy } from "../support/small-study.js";

type Row = Readonly<Record<string, string>>;

const rowsOf = (folder: string): Row[] =>
  parse(readFileSync(join(folder, "perturbed.csv")), { columns: true }) as Row[];

let study: SmallStudy;
beforeAll(async () => {
  study = await smallStudy();
});

const perturb = (out: string, ...args: string[]) =>
  stepwedge("perturb", study.protocol, "--out", join(study.folder, out), "--json", ...args);

test("attacked images are written losslessly, within ε, and score as the table says in another process", async () => {
  const { code, stdout, stderr } = await perturb("square", "--attack", "square", "--epsilon", "2/255");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const outcome = JSON.parse(stdout) as { images: number; queries: number; largestDifference: number };
  const folder = join(study.folder, "square");
  const rows = rowsOf(folder);
  expect(outcome).toMatchObject({ images: 40, largestDifference: 0 });
  expect(rows).toHaveLength(40);
  expect(rows.reduce((sum, row) => sum + Number(row.queries), 0)).toBe(outcome.queries);

  for (const row of rows) {
    const original = await sharp(join(study.folder, row.path ?? ""))
      .toColourspace("b-w")
      .raw()
      .toBuffer();
    const attacked = await sharp(join(folder, row.image ?? ""))
      .toColourspace("b-w")
      .raw()
      .toBuffer();
    const largest = attacked.reduce((kept, value, i) => Math.max(kept, Math.abs(value - (original[i] ?? 0))), 0);
    expect(largest).toBeLessThanOrEqual(2);
    expect(Number(row.linf)).toBeCloseTo(largest / 255, 12);
  }
  const flipped = rows.filter((row) => row["queries-to-success"] !== "");
  expect(flipped.length).toBeGreaterThan(0);

  const check = await stepwedge("perturb", study.protocol, "--check", folder, "--json");
  expect(check.code).toBe(0);
  expect(JSON.parse(check.stdout)).toEqual({ images: 40, largestDifference: 0, same: true });
}, 120_000);

test("the table stands in for the original one: a run on it finds the scores of its table", async () => {
  const { code } = await perturb("noise", "--attack", "random-sign", "--epsilon", "8/255");
  expect(code).toBe(0);
  const record = join(study.folder, "noise-record");
  const changes = [
    `data.path=${join("noise", "perturbed.csv")}`,
    "data.image=image",
    "data.split={tuning: 0}",
    "attacks=[]",
    "operatingPoints=[]",
  ];
  const run = await stepwedge("run", study.protocol, "--out", record, "--set", ...changes);
  expect(run.stderr).toBe("");
  const table = await readParquet(join(record, "scores", "clean.parquet"));
  const rows = rowsOf(join(study.folder, "noise"));
  expect(table.get("id")).toEqual(rows.map((row) => row.id));
  expect([...(table.get("score.finding") as Float64Array)]).toEqual(rows.map((row) => Number(row["after.finding"])));
  expect(rows.every((row) => row["after.finding"] !== row["before.finding"])).toBe(true);
}, 60_000);

test("a changed image is noticed, and so is a score that is not the table's", async () => {
  await perturb("spoilt", "--attack", "random-sign", "--epsilon", "8/255", "--limit", "5");
  const folder = join(study.folder, "spoilt");
  const table = readFileSync(join(folder, "perturbed.csv"), "utf8");
  const [header, first, ...others] = table.trim().split("\n") as [string, string, ...string[]];
  const column = header.split(",").indexOf("after.finding");
  const wrong = first
    .split(",")
    .map((cell, at) => (at === column ? "0.123" : cell))
    .join(",");
  writeFileSync(join(folder, "perturbed.csv"), [header, wrong, ...others].join("\n"));
  expect((await stepwedge("perturb", study.protocol, "--check", folder)).code).toBe(1);

  writeFileSync(join(folder, "perturbed.csv"), table);
  writeFileSync(join(folder, "images", "000002.png"), readFileSync(join(folder, "images", "000001.png")));
  const check = await stepwedge("perturb", study.protocol, "--check", folder);
  expect(check).toMatchObject({ code: 2, stderr: expect.stringMatching(/line 3.*not the one/s) });
}, 60_000);

test.each([
  [["--epsilon", "2/255"], /--attack.*is missing/s],
  [["--attack", "squar", "--epsilon", "2/255"], /Did you mean "square"/],
  [["--attack", "square"], /goes by epsilon; received neither/],
  [["--attack", "square", "--epsilon", "zwei"], /--epsilon.*received "zwei"/s],
  [["--attack", "square", "--severity", "3"], /goes by epsilon; received severity/],
  [["--attack", "square", "--epsilon", "2/255", "--defense", "jpeg"], /the protocol has no defense "jpeg"/],
])("perturb %j is refused in words", async (args, message) => {
  const { code, stderr } = await perturb("refused", ...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});
