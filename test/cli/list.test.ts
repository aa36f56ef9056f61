import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/core/version.js";
import { stepwedge } from "../support/cli.js";

const FOLDERS = {
  attacks: "attacks",
  defenses: "defenses",
  audits: "audits",
  reports: "reports",
  models: "src/models",
  heads: "src/heads",
  data: "src/data",
} as const;

test("list shows every plug-in file, family by family", async () => {
  const { code, stdout } = await stepwedge("list", "--json");
  expect(code).toBe(0);
  const listing = JSON.parse(stdout) as Record<string, { id: string; title: string }[]>;
  for (const [family, folder] of Object.entries(FOLDERS)) {
    const files = readdirSync(join(PACKAGE_ROOT, folder)).filter((name) => name.endsWith(".ts"));
    expect(listing[family]?.map((entry) => entry.id)).toEqual(files.map((name) => name.slice(0, -3)).sort());
    for (const entry of listing[family] ?? []) expect(entry.title).toMatch(/\w/);
  }
});

test("list with a family shows that family alone, as a table", async () => {
  const { code, stdout } = await stepwedge("list", "attacks");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^attacks\n/);
  expect(stdout).toMatch(/^ {2}wavelet-universal +\S.*knows scores/m);
  expect(stdout).not.toMatch(/^audits/m);
});

test("an unknown family ends with code 2 and the nearest known one", async () => {
  const { code, stderr } = await stepwedge("list", "defences");
  expect(code).toBe(2);
  expect(stderr).toMatch(/"defences"[\s\S]*Did you mean "defenses"/);
});
