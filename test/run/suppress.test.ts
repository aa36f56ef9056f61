import fc from "fast-check";
import discrimination from "../../audits/discrimination.js";
import fairness from "../../audits/fairness.js";
import type { Audit, Study } from "../../src/core/audit.js";
import { subgroupKey } from "../../src/core/finding.js";
import { buildSubgroups, type SubgroupDefinition } from "../../src/run/samples.js";
import { countGroups } from "../../src/run/study.js";
import { suppressSmallCells, withholdSmallCells } from "../../src/run/suppress.js";
import { isWithheld } from "../../src/stats/cell.js";
import { rangeOf } from "../support/linear-program.js";
import { CLASS, cleanStudy } from "../support/study.js";

const PRIVACY = { minimumCell: 10, labelCells: true };
const contextOf = ({ meta }: Audit) => ({ parameters: meta.parameters?.parse({}) ?? {}, level: 0.95, seed: 1 });

interface Columns {
  readonly labels: readonly number[];
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly subgroups: Readonly<Record<string, SubgroupDefinition>>;
  readonly patients?: readonly number[];
}

function studyOf({ labels, attributes, subgroups, patients }: Columns): Study {
  const study = cleanStudy({
    labels,
    scores: labels.map((label, row) => label + ((row * 37) % 101) / 60),
    threshold: 1,
    ...(patients === undefined ? {} : { patients }),
  });
  const rows = Uint32Array.from(labels.keys());
  return { ...study, subgroups: buildSubgroups(subgroups, new Map(Object.entries(attributes)), rows, String) };
}

/** One attribute with the given positives and negatives per group. */
function oneFamily(counts: Readonly<Record<string, readonly [positives: number, negatives: number]>>): Study {
  const cells = Object.entries(counts).flatMap(([group, [positives, negatives]]) => [
    ...Array.from({ length: positives }, () => ({ group, label: 1 })),
    ...Array.from({ length: negatives }, () => ({ group, label: 0 })),
  ]);
  return studyOf({
    labels: cells.map(({ label }) => label),
    attributes: { site: cells.map(({ group }) => group) },
    subgroups: { site: { column: "site" } },
  });
}

const hiddenGroups = (study: Study, className: string | null = null) =>
  study.subgroups.filter((group) => isWithheld(group, className)).map((group) => subgroupKey(group.values));

describe("which cells are withheld", () => {
  test("nothing where no cell is small", () => {
    expect(hiddenGroups(withholdSmallCells(oneFamily({ a: [10, 10], b: [30, 12] }), PRIVACY), CLASS)).toEqual([]);
  });

  test("a class in a group of which another model has scored a few patients, and no group of which it has scored none", () => {
    const study = oneFamily({ a: [30, 30], b: [30, 30], c: [30, 30], d: [30, 30] });
    const scoredOf = (known: Readonly<Record<string, number>>): Study => {
      const seen: Record<string, number> = {};
      const groupOf = (row: number) =>
        study.subgroups.find(({ family, members }) => family !== null && members.includes(row))?.values.site ?? "";
      const scores = Float64Array.from({ length: study.count }, (_, row) => {
        const group = groupOf(row);
        seen[group] = (seen[group] ?? 0) + 1;
        return (seen[group] as number) <= (known[group] ?? 60) ? row : Number.NaN;
      });
      return { ...study, comparators: [{ id: "old", scores: () => scores, operatingPoints: [] }] };
    };
    // Of a group's samples the positives come first: 33 are 30 positives and 3 negatives.
    expect(hiddenGroups(withholdSmallCells(scoredOf({ a: 33 }), PRIVACY), CLASS)).toContain("site=a");
    expect(hiddenGroups(withholdSmallCells(scoredOf({ a: 0 }), PRIVACY), CLASS)).toEqual([]);
    expect(hiddenGroups(withholdSmallCells(scoredOf({}), PRIVACY), CLASS)).toEqual([]);
  });

  test("a small group, and the smallest other one, or it could be computed from the whole", () => {
    const study = withholdSmallCells(oneFamily({ a: [2, 2], b: [40, 40], c: [20, 20], d: [0, 0] }), PRIVACY);
    expect(hiddenGroups(study)).toEqual(["site=a", "site=c"]);
    expect(countGroups(study).map(({ n }) => n)).toEqual([124, null, 80, null]);
  });

  test("two small groups that together are still small: a third one, too", () => {
    const study = oneFamily({ a: [2, 2], b: [1, 2], c: [20, 20], d: [50, 50] });
    expect(hiddenGroups(withholdSmallCells(study, PRIVACY))).toEqual(["site=a", "site=b", "site=c"]);
  });

  test("two small groups that together reach the minimum protect one another", () => {
    const study = oneFamily({ a: [3, 3], b: [3, 3], c: [20, 20], d: [50, 50] });
    expect(hiddenGroups(withholdSmallCells(study, PRIVACY))).toEqual(["site=a", "site=b"]);
  });

  test("a class with few positives in a large group, and the class in the smallest other group", () => {
    const study = withholdSmallCells(oneFamily({ a: [4, 400], b: [60, 300], c: [30, 500] }), PRIVACY);
    expect(hiddenGroups(study)).toEqual([]);
    expect(hiddenGroups(study, CLASS)).toEqual(["site=a", "site=c"]);
    expect(countGroups(study).map(({ n, classes }) => [n, classes[CLASS]?.positives ?? null])).toEqual([
      [1294, 94],
      [404, null],
      [360, 60],
      [530, null],
    ]);
  });

  test("few negatives count as few positives do; none at all tells of nobody", () => {
    expect(hiddenGroups(withholdSmallCells(oneFamily({ a: [40, 3], b: [60, 30] }), PRIVACY), CLASS)).toHaveLength(2);
    expect(hiddenGroups(withholdSmallCells(oneFamily({ a: [0, 40], b: [60, 30] }), PRIVACY), CLASS)).toEqual([]);
  });

  test("label cells are left alone where the protocol says so, small groups are not", () => {
    const privacy = { minimumCell: 10, labelCells: false };
    expect(hiddenGroups(withholdSmallCells(oneFamily({ a: [4, 400], b: [60, 300] }), privacy), CLASS)).toEqual([]);
    const study = oneFamily({ a: [4, 1], b: [60, 300], c: [5, 500] });
    expect(hiddenGroups(withholdSmallCells(study, privacy), CLASS)).toEqual(["site=a", "site=b"]);
  });

  test("patients count, not their images", () => {
    const study = oneFamily({ a: [12, 12], b: [30, 30], c: [40, 40] });
    const patients = Int32Array.from(study.patients, (code) => code >> 2);
    const repeated = { ...study, patients, patientCount: Math.max(...patients) + 1, clustered: true };
    expect(hiddenGroups(withholdSmallCells(study, PRIVACY))).toEqual([]);
    expect(hiddenGroups(withholdSmallCells(repeated, PRIVACY))).toEqual(["site=a", "site=b"]);
  });

  test("a whole set that is small itself shows none of its groups, whatever their counts", () => {
    const study = withholdSmallCells(oneFamily({ a: [3, 80], b: [2, 90], c: [0, 70] }), PRIVACY);
    expect(hiddenGroups(study, CLASS)).toEqual(["site=a", "site=b", "site=c"]);
  });

  test("a group that is the whole set is shown as the whole set is", () => {
    expect(hiddenGroups(withholdSmallCells(oneFamily({ a: [3, 3] }), PRIVACY), CLASS)).toEqual([]);
  });

  test("two subgroupings with the same groups hide the same", () => {
    const one = { site: [...Array(4).fill("a"), ...Array(60).fill("b"), ...Array(30).fill("c")] as string[] };
    const study = studyOf({
      labels: Array.from({ length: 94 }, (_, row) => row % 2),
      attributes: { ...one, scanner: one.site.map((name) => `of ${name}`) },
      subgroups: { site: { column: "site" }, scanner: { column: "scanner" } },
    });
    expect(hiddenGroups(withholdSmallCells(study, PRIVACY))).toEqual([
      "site=a",
      "site=c",
      "scanner=of a",
      "scanner=of c",
    ]);
  });

  test("classes whose labels are opposite, or add up, are hidden together", () => {
    const study = oneFamily({ a: [4, 400], b: [60, 300], c: [30, 500] });
    const opposite = { ...study, classes: [CLASS, "healthy"] };
    const labels = (name: string) => study.labels(name).map((label) => (name === CLASS ? label : 1 - label));
    expect(hiddenGroups(withholdSmallCells({ ...opposite, labels }, PRIVACY), "healthy")).toEqual(["site=a", "site=c"]);
    const unrelated = (name: string) => study.labels(name).map((label, row) => (name === CLASS ? label : row % 2));
    expect(hiddenGroups(withholdSmallCells({ ...opposite, labels: unrelated }, PRIVACY), "healthy")).toEqual([]);
    const task = { ...opposite, labels: unrelated, task: "multiclass" as const };
    expect(hiddenGroups(withholdSmallCells(task, PRIVACY), "healthy")).toEqual(["site=a", "site=c"]);
  });
});

describe("what is published of them", () => {
  const study = withholdSmallCells(oneFamily({ a: [4, 400], b: [60, 300], c: [30, 500], d: [50, 80] }), PRIVACY);
  const audited = [discrimination, fairness].flatMap((audit) => audit.evaluate(study, contextOf(audit)));
  const findings = suppressSmallCells(audited, study, 10);

  test("their rows stay, without a number", () => {
    const hidden = findings.filter(({ subgroup }) => ["a", "c"].includes(subgroup.site ?? ""));
    expect(hidden.map(({ metric }) => metric)).toEqual(
      expect.arrayContaining(["auc", "sensitivity", "auc-difference"]),
    );
    for (const finding of hidden) {
      expect(finding).toMatchObject({ status: "suppressed", estimate: null, interval: null, n: 0, patients: 0 });
      expect(finding.details ?? finding.curve ?? finding.tests).toBeUndefined();
      expect(finding.reason).toMatch(/protect patients/);
    }
  });

  test("gaps are made of the groups that are shown, and name the others as left out", () => {
    const gap = findings.find(({ metric }) => metric === "auc-gap");
    const only = findings.filter(
      ({ metric, subgroup }) => metric === "auc" && ["b", "d"].includes(subgroup.site ?? ""),
    );
    const [first = Number.NaN, second = Number.NaN] = only.map(({ estimate }) => estimate ?? Number.NaN);
    expect(gap?.estimate).toBeCloseTo(Math.abs(first - second), 12);
    expect(gap?.details?.["groups-left-out"]).toBe("site=a,site=c");
    expect(gap?.reason).toBe("left out: site=a (hidden to protect patients); site=c (hidden to protect patients)");
    expect(gap?.n).toBe(490);
  });
});

/*
 * The attacker knows the attributes' values, all that is published, and that counts are whole and not negative, and solves
 * for the hidden counts over all tables that agree with it.
 */
describe("what an attacker can compute", () => {
  const sizes = fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 14, 20, 40);
  const tables = fc
    .record({
      levels: fc.constantFrom([2, 2], [3, 2], [3, 3], [2, 2, 2], [3, 2, 2]),
      positives: fc.array(sizes, { minLength: 12, maxLength: 12 }),
      negatives: fc.array(sizes, { minLength: 12, maxLength: 12 }),
      crossings: fc.constantFrom("none", "pairs", "all"),
    })
    .map(({ levels, positives, negatives, crossings }) => tableOf(levels, positives, negatives, crossings));

  test("no hidden count is known, nor the sum of the hidden groups of a subgrouping where that is small", () => {
    let hidden = 0;
    fc.assert(
      fc.property(tables, ({ study, cells }) => {
        const published = withholdSmallCells(study, PRIVACY);
        const equations = publishedEquations(published, cells);
        const counts = countGroups(study);
        published.subgroups.forEach((group, index) => {
          if (!isWithheld(group, CLASS)) return;
          hidden++;
          const truth = counts[index]?.classes[CLASS] ?? { positives: 0, negatives: 0 };
          const inside = cells.map(({ values }) => (isInside(values, group.values) ? 1 : 0));
          const none = cells.map(() => 0);
          const secrets: [number, number[]][] = [
            [truth.positives, [...inside, ...none]],
            [truth.negatives, [...none, ...inside]],
            ...(isWithheld(group, null) ? [[counts[index]?.n ?? 0, [...inside, ...inside]] as [number, number[]]] : []),
          ];
          for (const [count, form] of secrets) {
            if (count === 0 || count >= PRIVACY.minimumCell) continue;
            const range = rangeOf(form, equations) as { least: number; greatest: number };
            expect(range.least).toBeLessThanOrEqual(count + 1e-6);
            expect(range.greatest).toBeGreaterThanOrEqual(count - 1e-6);
            expect(range.greatest - range.least).toBeGreaterThan(0.99);
          }
        });
        for (const family of new Set(published.subgroups.map((group) => group.family))) {
          const sum = counts
            .filter((_, index) => published.subgroups[index]?.family === family)
            .filter((_, index) => {
              const members = published.subgroups.filter((group) => group.family === family);
              return isWithheld(members[index] as Study["subgroups"][number], null);
            })
            .reduce((total, { n }) => total + (n ?? 0), 0);
          expect(sum === 0 || sum >= Math.min(PRIVACY.minimumCell, study.count)).toBe(true);
        }
      }),
      { numRuns: 150, seed: 4 },
    );
    expect(hidden).toBeGreaterThan(500); // the property is not vacuous
  });

  test("not by way of several rows and columns either: a cell that joins two hidden blocks", () => {
    // Hidden at sight: two 2 × 2 blocks on the diagonal, and (v0, v2), which no single row or column tells.
    const small = [0, 1, 4, 5, 10, 11, 14, 15, 8];
    const counts = Array.from({ length: 16 }, (_, code) => (small.includes(code) ? 3 : 40));
    const { study, cells } = tableOf([4, 4], counts, counts, "pairs");
    const published = withholdSmallCells(study, PRIVACY);
    const inside = cells.map((_, code) => (code === 8 ? 1 : 0));
    const range = rangeOf([...inside, ...inside], publishedEquations(published, cells));
    expect((range?.greatest ?? 0) - (range?.least ?? 0)).toBeGreaterThan(0.99);
    expect(hiddenGroups(published).length).toBeGreaterThan(9);
  });

  test("without the complementary part the same attacker succeeds", () => {
    const { study, cells } = tableOf([3, 2], [20, 40, 4, 40, 20, 40], [20, 40, 4, 40, 20, 40], "none");
    const primary = {
      ...study,
      subgroups: study.subgroups.map((group) =>
        group.members.length < 10
          ? { ...group, withheld: { members: true, classes: new Set([CLASS]) }, members: new Uint32Array(0) }
          : group,
      ),
    };
    const small = study.subgroups.find((group) => group.family !== null && group.members.length < 50);
    const inside = cells.map(({ values }) => (isInside(values, small?.values ?? {}) ? 1 : 0));
    const range = rangeOf([...inside, ...inside], publishedEquations(primary, cells));
    expect(range?.least).toBeCloseTo(range?.greatest ?? Number.NaN, 6);
  });
});

interface Cell {
  readonly values: Readonly<Record<string, string>>;
}

function isInside(cell: Cell["values"], group: Readonly<Record<string, string>>): boolean {
  return Object.entries(group).every(([name, value]) => cell[name] === value);
}

/** A study with the given counts in the cells of a complete table, cut into its margins and crossings. */
function tableOf(
  levels: readonly number[],
  positives: readonly number[],
  negatives: readonly number[],
  crossings: string,
): { readonly study: Study; readonly cells: readonly Cell[] } {
  const names = levels.map((_, axis) => `f${axis}`);
  const total = levels.reduce((product, level) => product * level, 1);
  const cells = Array.from({ length: total }, (_, code) => {
    let rest = code;
    return {
      values: Object.fromEntries(
        names.map((name, axis) => {
          const value = `v${rest % (levels[axis] as number)}`;
          rest = Math.floor(rest / (levels[axis] as number));
          return [name, value];
        }),
      ),
    };
  });
  const samples = cells.flatMap(({ values }, code) => [
    ...Array.from({ length: positives[code] ?? 0 }, () => ({ values, label: 1 })),
    ...Array.from({ length: negatives[code] ?? 0 }, () => ({ values, label: 0 })),
  ]);
  if (samples.length === 0) samples.push({ values: (cells[0] as Cell).values, label: 1 });
  const pairs = names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b]));
  const crossed = crossings === "none" ? [] : crossings === "pairs" ? pairs : [...pairs, names];
  const study = studyOf({
    labels: samples.map(({ label }) => label),
    attributes: Object.fromEntries(names.map((name) => [name, samples.map(({ values }) => values[name] as string)])),
    subgroups: {
      ...Object.fromEntries(names.map((name) => [name, { column: name }])),
      ...Object.fromEntries(
        crossed
          .filter((cross, i) => crossed.findIndex((other) => String(other) === String(cross)) === i)
          .map((cross) => [cross.join("-by-"), { cross }]),
      ),
    },
  });
  return { study, cells };
}

/** Everything that findings.json says of counts, as equations over positives and negatives of the table's cells. */
function publishedEquations(published: Study, cells: readonly Cell[]) {
  return countGroups(published).flatMap(({ subgroup, n, classes }) => {
    const inside = cells.map(({ values }) => (isInside(values, subgroup) ? 1 : 0));
    const none = cells.map(() => 0);
    const label = classes[CLASS];
    return [
      ...(n === null ? [] : [{ row: [...inside, ...inside], value: n }]),
      ...(label === null || label === undefined
        ? []
        : [
            { row: [...inside, ...none], value: label.positives },
            { row: [...none, ...inside], value: label.negatives },
          ]),
    ];
  });
}
