import { AS_STORED, type SourceTable } from "../../src/core/data.js";
import { randomFrom } from "../../src/core/random.js";
import { drawPopulation, FAINT, type Planted, type PopulationOptions } from "../../src/data/phantom/population.js";
import { acquire } from "../../src/data/phantom/scanner.js";
import phantom from "../../src/data/phantom.js";

const SIDE = 64;

function open(parameters: Record<string, unknown>, columns: string[], seed = 1): Promise<SourceTable> {
  const context = {
    baseFolder: ".",
    seed,
    columns,
    numbers: [],
    imageColumn: null,
    pixels: AS_STORED,
    frameColumn: null,
    eachFrame: false,
  };
  return phantom.open(phantom.meta.parameters.parse(parameters), context);
}

function population(planted: Planted, options: Partial<PopulationOptions> = {}) {
  return drawPopulation({ seed: 1, name: "test", patients: 400, prevalence: 0.5, contrast: 1, planted, ...options });
}

/** Whether `share` of n is what a probability gives, within 4.5 standard deviations: 1 in 150,000 by chance. */
function expectShare(count: number, n: number, probability: number): void {
  expect(Math.abs(count / n - probability)).toBeLessThan(4.5 * Math.sqrt((probability * (1 - probability)) / n));
}

describe("the table", () => {
  test("delivers the columns asked for, one row per image", async () => {
    const table = await open({ patients: 120 }, ["id", "patient", "sex", "age", "scanner", "nodule", "split"]);
    const column = (name: string) => table.columns.get(name) ?? [];
    expect(new Set(column("id")).size).toBe(table.count);
    expect(new Set(column("patient")).size).toBe(120);
    expect(new Set(column("sex"))).toEqual(new Set(["F", "M"]));
    expect(new Set(column("scanner"))).toEqual(new Set(["A", "B", "C"]));
    expect(new Set(column("nodule"))).toEqual(new Set(["0", "1"]));
    const ages = column("age").filter((age) => age !== "");
    expect(ages.length).toBeLessThan(table.count);
    expect(ages.every((age) => Number(age) >= 20 && Number(age) < 90)).toBe(true);
    const splits = new Map<string, Set<string>>();
    column("patient").forEach((patient, row) => {
      splits.set(patient, (splits.get(patient) ?? new Set()).add(column("split")[row] ?? ""));
    });
    expect([...splits.values()].every((split) => split.size === 1)).toBe(true);
  });

  test("refuses a column that it does not have, and names the nearest", async () => {
    await expect(open({}, ["scaner"])).rejects.toThrow('the phantoms have no column "scaner"');
    await expect(open({}, ["scaner"])).rejects.toMatchObject({
      remedy: expect.stringContaining('Did you mean "scanner"?'),
    });
  });

  test("an image is the same whatever was loaded before, and another under another seed, name or id", async () => {
    const sha = async (table: SourceTable, row: number) => (await table.loadImage?.(row))?.sha256;
    const [one, again] = [await open({ patients: 5 }, ["id"]), await open({ patients: 5 }, ["id"])];
    await sha(again, 4);
    expect(await sha(again, 2)).toBe(await sha(one, 2));
    const others = [await open({ patients: 5 }, ["id"], 2), await open({ patients: 5, population: "x" }, ["id"])];
    const hashes = [sha(one, 2), sha(one, 3), ...others.map((table) => sha(table, 2))];
    expect(new Set(await Promise.all(hashes)).size).toBe(4);
  });

  test("images have the size asked for", async () => {
    const loaded = await (await open({ patients: 1, size: 32 }, ["id"])).loadImage?.(0);
    expect(loaded?.image).toMatchObject({ channels: 1, height: 32, width: 32, maxValue: 255 });
    expect(loaded?.image.data).toHaveLength(32 * 32);
  });
});

describe("the population", () => {
  const images = population(true, { patients: 3000, prevalence: 0.3 });

  test("has the prevalence, the visits and the share of young women that it should", () => {
    expectShare(images.filter((image) => image.nodule === 1 && image.id.endsWith("-1")).length, 3000, 0.3);
    expectShare(images.filter((image) => image.id.endsWith("-2")).length, 3000, 0.35);
    expectShare(images.filter((image) => image.id.endsWith("-3")).length, 3000, 0.1);
    const visits = images.filter((image) => image.id.endsWith("-1"));
    expectShare(visits.filter((image) => image.sex === "F").length, 3000, 0.5);
    expectShare(visits.filter((image) => image.age === "").length, 3000, 0.04);
  });

  test("some patients' finding changes between visits, most patients' does not", () => {
    const first = new Map(images.filter(({ id }) => id.endsWith("-1")).map(({ patient, nodule }) => [patient, nodule]));
    const second = images.filter(({ id }) => id.endsWith("-2"));
    const changed = second.filter(({ patient, nodule }) => first.get(patient) !== nodule).length;
    expectShare(changed, second.length, 0.2 * 2 * 0.3 * 0.7);
  });
});

describe("what is planted", () => {
  const planted = population(true);
  const scannerAlone = population("scanner-c");
  const contrastAlone = population("women-under-40");
  const young = (row: number) =>
    planted[row]?.sex === "F" && planted[row]?.age !== "" && Number(planted[row]?.age) < 40;

  test("women under 40: their nodules lose contrast, and nothing else changes", () => {
    const rows = [...planted.keys()].filter((row) => planted[row]?.age !== "").slice(0, 150);
    for (const row of rows) {
      const [faint, full] = [planted[row], scannerAlone[row]].map((image) => image?.render(SIDE) ?? new Uint8Array());
      const changed = faint?.some((value, pixel) => value !== full?.[pixel]) === true;
      expect({ row, changed }).toEqual({ row, changed: young(row) && planted[row]?.nodule === 1 });
    }
    const row = rows.find((candidate) => young(candidate) && planted[candidate]?.nodule === 1) ?? -1;
    const without = population(true, { contrast: 0 })[row]?.render(SIDE) ?? new Uint8Array();
    const sumOver = (pixels: Uint8Array | undefined) =>
      without.reduce((sum, value, pixel) => sum + (pixels?.[pixel] ?? 0) - value, 0);
    const ratio = sumOver(planted[row]?.render(SIDE)) / sumOver(scannerAlone[row]?.render(SIDE));
    expect(ratio).toBeCloseTo(FAINT, 1);
  });

  test("scanner C: other pixels than without, and nobody else's change", () => {
    for (let row = 0; row < 60; row++) {
      const [with_, without] = [planted[row]?.render(SIDE), contrastAlone[row]?.render(SIDE)];
      const changed = with_?.some((value, pixel) => value !== without?.[pixel]) === true;
      expect({ row, changed }).toEqual({ row, changed: planted[row]?.scanner === "C" });
    }
  });

  test("the noise of scanner C is as grainy as nodules are large; that of A is white", () => {
    const correlations = (["A", "B", "C"] as const).map((scanner) => {
      const flat = new Float32Array(256 * 256).fill(0.5);
      const pixels = acquire(flat, 256, scanner, randomFrom("texture", scanner));
      return autocorrelation(pixels, 2);
    });
    expect(correlations[0]).toBeCloseTo(0, 1);
    expect(correlations[1]).toBeLessThan(0.25);
    expect(correlations[2]).toBeGreaterThan(0.5);
  });

  test("the null version: attributes are drawn without regard to the pixels", () => {
    const none = population(false);
    const firsts = [...none.keys()].filter((row) => none[row]?.id.endsWith("-1"));
    expectShare(firsts.filter((row) => none[row]?.sex === planted[row]?.sex).length, firsts.length, 0.5);
    for (let row = 0; row < 30; row++) {
      if (planted[row]?.scanner === "C") continue;
      const faint = young(row) && planted[row]?.nodule === 1;
      const pixels = (faint ? scannerAlone : planted)[row]?.render(SIDE);
      if (planted[row]?.age !== "") expect(none[row]?.render(SIDE)).toEqual(pixels);
    }
  });
});

/** Correlation of pixels `lag` columns apart. */
function autocorrelation(pixels: Uint8Array, lag: number): number {
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  let [product, square] = [0, 0];
  for (let pixel = 0; pixel + lag < pixels.length; pixel++) {
    const centred = (pixels[pixel] ?? 0) - mean;
    product += centred * ((pixels[pixel + lag] ?? 0) - mean);
    square += centred * centred;
  }
  return product / square;
}
