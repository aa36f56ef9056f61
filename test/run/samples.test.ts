import fc from "fast-check";
import { StepwedgeError } from "../../src/core/errors.js";
import { numbersOf } from "../../src/data/shared/numbers.js";
import { sha256 } from "../../src/core/hash.js";
import {
  assignSplit,
  buildSubgroups,
  checkIds,
  encodePatients,
  recodePatients,
  parseLabels,
  parseScores,
  patientNames,
  type SplitDefinition,
  type SubgroupDefinition,
} from "../../src/run/samples.js";

const rowName = (row: number): string => `t.csv, line ${row + 2}`;

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (!(error instanceof StepwedgeError)) throw error;
    expect(error.remedy).toBeDefined();
    return error.format();
  }
  throw new Error("nothing was refused");
}

describe("parseLabels", () => {
  test("0 and 1, with or without a decimal, and missing", () => {
    expect([...parseLabels(["0", "1", "0.0", "1.0", "", " 1 "], rowName, "y")]).toEqual([0, 1, 0, 1, -1, 1]);
  });

  test.each(["2", "yes", "-1", "nan", "0.5"])("refuses %s with its row", (value) => {
    const words = refusal(() => parseLabels(["0", value], rowName, "y"));
    expect(words).toMatch(`t.csv, line 3: the label in column "y" must be 0, 1 or empty; received "${value}"`);
  });

  test("text labels: every other value is negative, or only those listed", () => {
    const cells = ["pneumonia", "no_finding", "", "effusion"];
    expect([...parseLabels(cells, rowName, "y", { positive: "pneumonia" })]).toEqual([1, 0, -1, 0]);
    expect([
      ...parseLabels(cells, rowName, "y", { positive: ["pneumonia", "effusion"], negative: ["no_finding"] }),
    ]).toEqual([1, 0, -1, 1]);
    const words = refusal(() => parseLabels(cells, rowName, "y", { positive: "pneumonia", negative: "no_finding" }));
    expect(words).toMatch('t.csv, line 5: the label in column "y" must be one of "pneumonia", "no_finding" or empty');
    expect(words).toMatch('received "effusion"');
  });

  test("a positive value that no row holds is a slip of the pen, and one that is negative too a contradiction", () => {
    expect(refusal(() => parseLabels(["a", "b"], rowName, "y", { positive: "A" }))).toMatch(
      'column "y": no row holds the positive value "A"',
    );
    expect(refusal(() => parseLabels(["a"], rowName, "y", { positive: "a", negative: "a" }))).toMatch("both");
  });
});

describe("parseScores", () => {
  test("reads numbers in full double precision", () => {
    const cells = ["0.1", "1", "5e-324", ".5", "0.30000000000000004", "+1.", " 0 "];
    expect([...parseScores(numbersOf(cells), rowName, "p", true)]).toEqual([
      0.1, 1, 5e-324, 0.5, 0.30000000000000004, 1, 0,
    ]);
  });

  test.each(["", "NaN", "inf", "-Infinity", "high", "0x10", "1e999", "1,5"])("refuses %j with its row", (value) => {
    const words = refusal(() => parseScores(numbersOf(["0.5", value]), rowName, "p", true));
    expect(words).toMatch(`t.csv, line 3: the score in column "p" is no finite number: ${JSON.stringify(value)}`);
  });

  test("probabilities lie in [0, 1]; other scores need not", () => {
    expect(refusal(() => parseScores(numbersOf(["1.0000001"]), rowName, "p", true))).toMatch(
      "outside [0, 1]: 1.0000001",
    );
    expect(refusal(() => parseScores(numbersOf(["-0.1"]), rowName, "p", true))).toMatch("t.csv, line 2");
    expect([...parseScores(numbersOf(["-3", "7"]), rowName, "p", false)]).toEqual([-3, 7]);
  });
});

describe("checkIds", () => {
  test("names both rows of a repeated id, and the row of an empty one", () => {
    checkIds(["a", "b"], rowName);
    expect(refusal(() => checkIds(["a", "b", "a"], rowName))).toMatch(
      't.csv, line 4: the id "a" already stands in t.csv, line 2',
    );
    expect(refusal(() => checkIds(["a", ""], rowName))).toMatch("t.csv, line 3: the row has no id");
  });
});

describe("patients", () => {
  test("are coded in the order in which they first appear among the rows", () => {
    expect(encodePatients(["x", "b", "a", "b", "c"], Uint32Array.of(1, 2, 3, 4))).toEqual({
      codes: Int32Array.of(0, 1, 0, 2),
      count: 3,
    });
  });

  test("are coded alike out of their names and out of the codes of all rows", () => {
    const names = ["x", "b", "a", "b", "c", "x"];
    const all = encodePatients(names, Uint32Array.from(names.keys())).codes;
    for (const rows of [Uint32Array.of(4, 1, 3, 5), Uint32Array.of(), Uint32Array.of(0, 1, 2, 3, 4, 5)]) {
      expect(recodePatients(all, rows)).toEqual(encodePatients(names, rows).codes);
    }
  });

  test("without a column each sample is its own, and that is a deviation", () => {
    const { names, deviations } = patientNames(null, ["s1", "s2"], rowName);
    expect(names).toEqual(["s1", "s2"]);
    expect(deviations.map(({ id }) => id)).toEqual(["patients-unknown"]);
  });

  test("an empty cell is refused with its row", () => {
    expect(refusal(() => patientNames(["p", " "], ["s1", "s2"], rowName))).toMatch(
      "t.csv, line 3: the row has no patient",
    );
    expect(patientNames(["p", "q"], ["s1", "s2"], rowName)).toEqual({ names: ["p", "q"], deviations: [] });
  });
});

describe("assignSplit", () => {
  const byColumn: SplitDefinition = { column: "split", tuning: "val", evaluation: ["test", "test2"] };
  const split = (
    definition: SplitDefinition,
    cells: readonly string[] | null,
    patients: readonly string[],
    options: { readonly seed?: number; readonly allow?: boolean } = {},
  ) =>
    assignSplit({ definition, cells, patients, seed: options.seed ?? 1, allowPatientOverlap: options.allow ?? false });

  test("by a column: other rows are left out and counted by reason", () => {
    const cells = ["val", "train", "test", "", "test2", "train"];
    const result = split(byColumn, cells, ["a", "b", "c", "d", "e", "f"]);
    expect([...result.tuning]).toEqual([0]);
    expect([...result.evaluation]).toEqual([2, 4]);
    expect(result.excluded).toEqual([
      { reason: "split is empty", count: 1 },
      { reason: 'split is "train"', count: 2 },
    ]);
    expect(result.deviations).toEqual([]);
  });

  test("a side that nobody is on is refused, with what the column holds", () => {
    expect(refusal(() => split(byColumn, ["val", "Test"], ["a", "b"]))).toMatch(
      'data.split.evaluation: no row has the evaluation value ["test","test2"]\n  Column "split" holds: "Test", "val".',
    );
    expect(refusal(() => split(byColumn, ["test", "x"], ["a", "b"]))).toMatch("no row has the tuning value");
    expect(split({ column: "split", evaluation: "test" }, ["test"], ["a"]).tuning).toHaveLength(0);
    expect(refusal(() => split({ tuning: 0.5 }, null, ["a"]))).toMatch(
      /no patient falls to the (tuning|evaluation) side/,
    );
  });

  test("one value cannot be both sides", () => {
    const both: SplitDefinition = { column: "split", tuning: ["val", "x"], evaluation: "x" };
    expect(refusal(() => split(both, ["x"], ["a"]))).toMatch('"x" is both the tuning and the evaluation split');
  });

  test("patients on both sides are refused by hash, never by name, and only shown as a deviation where allowed", () => {
    const patients = ["Smith", "Smith", "Jones"];
    const words = refusal(() => split(byColumn, ["val", "test", "test"], patients));
    expect(words).toMatch(
      `1 patient is in both the tuning and the evaluation split (SHA-256 begins ${sha256("Smith").slice(0, 12)})`,
    );
    expect(words).not.toMatch("Smith");
    const allowed = split(byColumn, ["val", "test", "test"], patients, { allow: true });
    expect(allowed.deviations.map(({ id }) => id)).toEqual(["patient-overlap"]);
    expect(allowed.deviations[0]?.detail).not.toMatch("Smith");
  });

  test("at most five shared patients are named", () => {
    const names = Array.from({ length: 8 }, (_, index) => `p${index}`);
    const cells = [...names.map(() => "val"), ...names.map(() => "test")];
    const words = refusal(() => split(byColumn, cells, [...names, ...names]));
    expect(words).toMatch(/^data\.split: 8 patients are in both .* and 3 more\)/);
    expect(words.match(/[0-9a-f]{12}/g)).toHaveLength(5);
  });

  test("a drawn split never divides a patient, and neither order nor newcomers move anybody", () => {
    const patient = fc.string({ minLength: 1, maxLength: 4 });
    const tables = fc.array(patient, { minLength: 60, maxLength: 120 });
    fc.assert(
      fc.property(tables, fc.array(patient, { maxLength: 30 }), fc.integer(), (patients, newcomers, seed) => {
        const sides = (rows: readonly string[]): Map<string, string> => {
          const { tuning, evaluation } = split({ tuning: 0.4 }, null, rows, { seed });
          expect([...tuning, ...evaluation].sort((a, b) => a - b)).toEqual(rows.map((_, row) => row));
          const side = new Map<string, string>();
          for (const row of tuning) side.set(rows[row] ?? "", "tuning");
          for (const row of evaluation) {
            expect(side.get(rows[row] ?? "")).not.toBe("tuning");
            side.set(rows[row] ?? "", "evaluation");
          }
          return side;
        };
        const before = sides(patients);
        const after = sides([...newcomers, ...patients.toReversed()]);
        for (const [name, side] of before) expect(after.get(name)).toBe(side);
      }),
      { numRuns: 30 },
    );
  });

  test("the share is met on average and the seed matters", () => {
    const patients = Array.from({ length: 10_000 }, (_, index) => `p${index}`);
    const one = split({ tuning: 0.3 }, null, patients, { seed: 1 });
    const other = split({ tuning: 0.3 }, null, patients, { seed: 2 });
    // Standard deviation 46 of 3000.
    expect(Math.abs(one.tuning.length - 3000)).toBeLessThan(200);
    expect([...one.tuning]).not.toEqual([...other.tuning]);
  });
});

describe("buildSubgroups", () => {
  function groups(
    definitions: Record<string, SubgroupDefinition>,
    columns: Record<string, readonly string[]>,
    rows?: readonly number[],
  ) {
    const count = Object.values(columns)[0]?.length ?? 0;
    const chosen = Uint32Array.from(rows ?? Array.from({ length: count }, (_, row) => row));
    return buildSubgroups(definitions, new Map(Object.entries(columns)), chosen, rowName).map((group) => ({
      family: group.family,
      values: group.values,
      members: [...group.members],
    }));
  }

  test("the whole set first, then values sorted; all words for a missing value are unknown, last", () => {
    const sex = ["M", "F", "", "NA", "nan", "None", "Unknown", "M"];
    expect(groups({ sex: { column: "sex" } }, { sex })).toEqual([
      { family: null, values: {}, members: [0, 1, 2, 3, 4, 5, 6, 7] },
      { family: "sex", values: { sex: "F" }, members: [1] },
      { family: "sex", values: { sex: "M" }, members: [0, 7] },
      { family: "sex", values: { sex: "unknown" }, members: [2, 3, 4, 5, 6] },
    ]);
  });

  test("members are indices into the evaluation set, not rows of the table", () => {
    const found = groups({ by: { column: "sex" } }, { sex: ["M", "F", "F", "M"] }, [1, 3]);
    expect(found.slice(1)).toEqual([
      { family: "by", values: { by: "F" }, members: [0] },
      { family: "by", values: { by: "M" }, members: [1] },
    ]);
  });

  test("promised values appear in their order, also when nobody is in them", () => {
    const found = groups({ site: { column: "site", values: ["north", "south"] } }, { site: ["west", "south", ""] });
    expect(found.slice(1).map(({ values, members }) => [values.site, members])).toEqual([
      ["north", []],
      ["south", [1]],
      ["west", [0]],
      ["unknown", [2]],
    ]);
  });

  test("bins hold their left edge, the last one both; beyond them and unknown are groups of their own", () => {
    const age = ["0", "17.9", "18", "40", "80", "80.1", "-1", "", "058Y", "006M"];
    const found = groups({ age: { column: "age", bins: [0, 18, 40, 60, 80] } }, { age });
    expect(found.slice(1).map(({ values, members }) => [values.age, members])).toEqual([
      ["<0", [6]],
      ["0-18", [0, 1, 9]],
      ["18-40", [2]],
      ["40-60", [3, 8]],
      ["60-80", [4]],
      [">80", [5]],
      ["unknown", [7]],
    ]);
  });

  test("empty bins are shown", () => {
    const found = groups({ age: { column: "age", bins: [0, 18, 40] } }, { age: ["20"] });
    expect(found.slice(1).map(({ values, members }) => [values.age, members.length])).toEqual([
      ["0-18", 0],
      ["18-40", 1],
    ]);
  });

  test("a cell that is no number is refused with its row in the table, not in the evaluation set", () => {
    const words = refusal(() =>
      groups({ age: { column: "age", bins: [0, 50] } }, { age: ["old", "1", "very old"] }, [1, 2]),
    );
    expect(words).toMatch('t.csv, line 4: column "age" is divided into bins, but the cell is no number: "very old"');
  });

  test("crossings hold every combination, the empty ones too, and may be defined before their parts", () => {
    const found = groups(
      { both: { cross: ["sex", "age"] }, sex: { column: "s" }, age: { column: "a", bins: [0, 50, 100] } },
      { s: ["F", "M", "F"], a: ["10", "60", "10"] },
    );
    expect(found.filter(({ family }) => family === "both")).toEqual([
      { family: "both", values: { sex: "F", age: "0-50" }, members: [0, 2] },
      { family: "both", values: { sex: "F", age: "50-100" }, members: [] },
      { family: "both", values: { sex: "M", age: "0-50" }, members: [] },
      { family: "both", values: { sex: "M", age: "50-100" }, members: [1] },
    ]);
  });

  test("every family divides the set: each sample is in exactly one group of each, three-fold crossings included", () => {
    const cell = fc.constantFrom("a", "b", "c", "");
    const columns = fc.array(fc.tuple(cell, cell, fc.constantFrom("1", "5", "11", "", "-2")), { maxLength: 40 });
    fc.assert(
      fc.property(columns, (rows) => {
        const found = groups(
          {
            x: { column: "x", values: ["z"] },
            y: { column: "y" },
            n: { column: "n", bins: [0, 5, 10] },
            all: { cross: ["x", "y", "n"] },
          },
          { x: rows.map((row) => row[0]), y: rows.map((row) => row[1]), n: rows.map((row) => row[2]) },
        );
        for (const family of ["x", "y", "n", "all"]) {
          const members = found.filter((group) => group.family === family).flatMap((group) => group.members);
          expect(members.sort((a, b) => a - b)).toEqual(rows.map((_, row) => row));
        }
      }),
      { numRuns: 100 },
    );
  });

  test("slips in the definitions are refused", () => {
    const columns = { sex: ["F"], age: ["1"] };
    expect(refusal(() => groups({ g: { column: "sexx" } }, columns))).toMatch('Did you mean "sex"?');
    expect(refusal(() => groups({ sex: { column: "sex" }, g: { cross: ["sex", "agee"] } }, columns))).toMatch(
      'subgroups.g.cross: there is no subgrouping "agee" to cross',
    );
    expect(refusal(() => groups({ sex: { column: "sex" }, g: { cross: ["sex", "sex"] } }, columns))).toMatch(
      "two different",
    );
    for (const bins of [[1], [1, 1], [2, 1], [0, Number.NaN]]) {
      expect(refusal(() => groups({ g: { column: "age", bins } }, columns))).toMatch("at least two ascending numbers");
    }
    const ids = Array.from({ length: 501 }, (_, index) => `id${index}`);
    expect(refusal(() => groups({ g: { column: "id" } }, { id: ids }))).toMatch("501 groups are more than 500");
  });
});
