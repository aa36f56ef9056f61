import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LINEAGES, type Lineage, upgraded } from "../../src/core/upgrade.js";
import { readJson } from "../../src/run/record.js";

/** A kind of file whose form changed twice. */
const lineage: Lineage = {
  current: "1.10",
  steps: [
    { from: "1.0", to: "1.2", upgrade: ({ name, ...rest }) => ({ ...rest, title: name }) },
    { from: "1.2", to: "1.10", upgrade: (value) => ({ ...value, tags: [] }) },
  ],
};

test("an older file is brought to the current form, step by step; a current one stays as it is", () => {
  expect(upgraded({ schemaVersion: "1.0", name: "n" }, lineage, "f")).toEqual({
    schemaVersion: "1.10",
    title: "n",
    tags: [],
  });
  expect(upgraded({ schemaVersion: "1.2", title: "n" }, lineage, "f")).toMatchObject({ title: "n", tags: [] });
  const current = { schemaVersion: "1.10", title: "n", tags: ["a"] };
  expect(upgraded(current, lineage, "f")).toBe(current);
});

test.each([
  ["1.11", /is newer than this stepwedge reads \("1\.10"\)/],
  ["2.0", /newer/],
  ["1.1", /cannot read any more/],
  ["0.9", /cannot read any more/],
  ["1", /must bear a schemaVersion/],
  [undefined, /must bear a schemaVersion such as "1\.0"; received undefined/],
])("a file of version %s is refused with the file's name and a remedy", (schemaVersion, message) => {
  expect(() => upgraded({ schemaVersion }, lineage, "the file")).toThrow(message);
  expect(() => upgraded({ schemaVersion }, lineage, "the file")).toThrow(
    expect.objectContaining({ where: "the file", remedy: expect.stringMatching(/\w/) }),
  );
});

test("steps that lead in circles end in a message", () => {
  const circle: Lineage = { current: "1.1", steps: [{ from: "1.0", to: "1.0", upgrade: (value) => value }] };
  expect(() => upgraded({ schemaVersion: "1.0" }, circle, "f")).toThrow(/cannot read any more/);
});

test("every file of a record that bears a version is read this way, and every step leads to a later version", () => {
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-upgrade-"));
  for (const [name, { current, steps }] of Object.entries(LINEAGES)) {
    const path = join(folder, name);
    writeFileSync(path, JSON.stringify({ schemaVersion: "99.0" }));
    expect(() => readJson(path, folder)).toThrow(/newer/);
    for (const { from } of steps)
      expect(upgraded({ schemaVersion: from }, LINEAGES[name] as Lineage, name)).toMatchObject({
        schemaVersion: current,
      });
  }
  expect(Object.keys(LINEAGES)).toContain("findings.json");
});
