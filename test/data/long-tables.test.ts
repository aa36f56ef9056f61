import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import table from "../../src/data/table.js";
import { openSource, refusal } from "../support/sources.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stepwedge-long-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const LONG = [
  "id,sex,class,attack,score,label",
  "a,F,x,,0.1,1",
  "a,F,y,,0.2,0",
  "b,M,x,,0.3,0",
  "b,M,y,,0.4,1",
  "b,M,x,fgsm,0.9,0",
];
const SHAPE = { by: ["class", "attack"], values: ["score", "label"] };

function open(
  lines: readonly string[],
  columns: string[],
  numbers: string[] = [],
  long: object = SHAPE,
  more: object = {},
) {
  writeFileSync(join(folder, "long.csv"), `${lines.join("\n")}\n`);
  return openSource(table, folder, { path: "long.csv", long, ...more }, { columns, numbers });
}

test("rows of a sample become one, values by class and condition; what is not there is an empty cell", async () => {
  const source = await open(LONG, ["id", "sex", "label/y/none"], ["score/x/none", "score/x/fgsm"]);
  expect(source.count).toBe(2);
  expect(Object.fromEntries(source.columns)).toEqual({ id: ["a", "b"], sex: ["F", "M"], "label/y/none": ["0", "1"] });
  expect([...(source.numbers.get("score/x/none")?.values ?? [])]).toEqual([0.1, 0.3]);
  expect([...(source.numbers.get("score/x/fgsm")?.values ?? [])]).toEqual([Number.NaN, 0.9]);
  expect(source.numbers.get("score/x/fgsm")?.texts.get(0) ?? "").toBe("");
  expect(source.rowName(1)).toBe("long.csv, line 4");
});

test("a long further table is put beside a wide main one", async () => {
  writeFileSync(join(folder, "main.csv"), "id,age\nb,50\na,40\n");
  writeFileSync(join(folder, "long.csv"), `${LONG.join("\n")}\n`);
  const join_ = [{ path: "long.csv", on: "id", prefix: "m_", long: { by: ["class", "attack"], values: "score" } }];
  const wanted = { columns: ["id", "age"], numbers: ["m_score/y/none"] };
  const source = await openSource(table, folder, { path: "main.csv", join: join_ }, wanted);
  expect([...(source.numbers.get("m_score/y/none")?.values ?? [])]).toEqual([0.4, 0.2]);
});

test.each([
  [
    "a second row of a combination",
    [...LONG, "a,F,x,,0.5,1"],
    ["id"],
    '"a" has a second row of x/none, first in line 2',
  ],
  [
    "a sample that contradicts itself",
    [...LONG, "a,M,x,fgsm,0.5,1"],
    ["sex"],
    'column "sex" has "M"; line 2, of the same sample, has "F"',
  ],
  ["a column that no combination makes", LONG, ["score/z/none"], 'there is no column "score/z/none"'],
  ["the column that was spread", LONG, ["class"], 'there is no column "class"'],
])("%s is refused", async (_, lines, columns, message) => {
  expect(await refusal(open(lines, columns))).toContain(message);
});

test("a value that is no number is told by sample; weights must agree over a sample's rows", async () => {
  const source = await open([...LONG, "c,F,x,,high,1"], ["id"], ["score/x/none"]);
  expect(source.numbers.get("score/x/none")?.texts.get(2)).toBe("high");
  const weighted = LONG.map((line, i) => `${line},${i === 0 ? "w" : i === 2 ? 3 : 2}`);
  expect(await refusal(open(weighted, ["id"], ["w"]))).toContain(
    'column "w" has "3"; line 2, of the same sample, has "2"',
  );
});

test("whatever the order of the rows, the wide table holds what the long one said", async () => {
  const cells = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom("p", "q", "r")), {
    minLength: 1,
    selector: ([id, name]) => `${id} ${name}`,
  });
  await fc.assert(
    fc.asyncProperty(cells, async (rows) => {
      const names = [...new Set(rows.map(([, name]) => `score/${name}`))];
      const lines = ["id,class,score", ...rows.map(([id, name], i) => `s${id},${name},${i}`)];
      const source = await open(lines, ["id"], names, { by: "class" });
      const ids = source.columns.get("id") ?? [];
      rows.forEach(([id, name], i) => {
        expect(source.numbers.get(`score/${name}`)?.values[ids.indexOf(`s${id}`)]).toBe(i);
      });
      const held = names.reduce(
        (total, name) => total + (source.numbers.get(name)?.values.filter((value) => !Number.isNaN(value)).length ?? 0),
        0,
      );
      expect(held).toBe(rows.length);
    }),
    { numRuns: 30 },
  );
});
