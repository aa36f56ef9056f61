import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { randomFrom } from "../../src/core/random.js";

/*
 * Threads run the built program, so that these tests do, in a process of their own. It loads the rows of a table in batches, with
 * and without threads, and writes down all that comes of it.
 */
const built = (file: string) => pathToFileURL(join(process.cwd(), "dist", "src", file)).href;

const PROGRAM = `
import { createHash } from "node:crypto";
const { AS_STORED } = await import(${JSON.stringify(built("core/data.js"))});
const { findPlugin } = await import(${JSON.stringify(built("core/plugins.js"))});
const { openImages } = await import(${JSON.stringify(built("run/images.js"))});
const { folder, table, unreadable, threads, batch, twice, close } = JSON.parse(process.argv[1]);
const plugin = await findPlugin("data", "table");
const source = await plugin.open(plugin.meta.parameters.parse({ path: table }), {
  baseFolder: folder, seed: 1, columns: [], numbers: [], imageColumn: "path", pixels: AS_STORED, frameColumn: null, eachFrame: false,
});
const rows = Array.from({ length: source.count }, (_, row) => row);
const input = { channels: 1, height: 24, width: 20, resize: "bilinear" };
const images = await openImages({ source, input, bits: 8, unreadable, rows, ...(threads === null ? {} : { threads }) });
const found = [];
const workers = () => process.report.getReport().workers.length;
let most = 0;
try {
  for (let pass = 0; pass < (twice ? 2 : 1); pass++) {
    const asked = [];
    for (let from = 0; from < rows.length; from += batch) asked.push(images.load(rows.slice(from, from + batch)));
    for (const one of await Promise.all(asked)) {
      most = Math.max(most, workers());
      const { batch: { count, data, maxValue }, kept, sha256, rejected, hashes } = one;
      const pixels = createHash("sha256").update(Buffer.from(data.buffer, data.byteOffset, 4 * count * 480)).digest("hex");
      found.push({ count, length: data.length, maxValue, pixels, kept: [...kept], sha256, rejected: [...rejected], hashes });
      one.release();
    }
  }
} catch (error) {
  const { name, message, where, remedy, exitCode } = error;
  found.push({ name, message, where, remedy, exitCode });
}
const giving = images.load(rows.slice(0, batch)).then(() => "loaded", (error) => error.message);
if (close) await images.close();
console.log(JSON.stringify({ found, most, giving: close ? await giving : "", left: close ? workers() : null }));
`;

interface Options {
  readonly table?: string;
  readonly unreadable?: "fail" | "reject";
  readonly threads?: number | null;
  readonly batch?: number;
  readonly twice?: boolean;
  readonly close?: boolean;
}
interface Result {
  readonly found: readonly Readonly<Record<string, unknown>>[];
  /** Threads at work, at most. */
  readonly most: number;
  readonly giving: string;
  readonly left: number | null;
}

let folder = "";
const BAD = ["missing.png", "cut.jpg", "colour.png", "../outside.png", "", "text.png", "deep.png"];

beforeAll(async () => {
  if (!existsSync(join(process.cwd(), "dist", "src", "run", "loading", "worker.js")))
    throw new Error("build first: npm run build");
  folder = mkdtempSync(join(tmpdir(), "stepwedge-loading-"));
  mkdirSync(join(folder, "images"));
  const names: string[] = [];
  const image = (index: number) => {
    const random = randomFrom("loading", index);
    const [width, height] = [16 + random.integer(40), 16 + random.integer(40)];
    const data = Uint8Array.from({ length: width * height }, () => random.integer(256));
    return sharp(data, { raw: { width, height, channels: 1 } }).toColourspace("b-w");
  };
  for (let index = 0; index < 40; index++) {
    const name = `${index}.${index % 2 === 0 ? "png" : "jpg"}`;
    await image(index)
      [index % 2 === 0 ? "png" : "jpeg"]()
      .toFile(join(folder, "images", name));
    names.push(name);
  }
  const whole = await image(100).jpeg().toBuffer();
  writeFileSync(join(folder, "images", "cut.jpg"), whole.subarray(0, whole.length - 30));
  writeFileSync(join(folder, "images", "text.png"), "no image");
  await sharp({ create: { width: 30, height: 30, channels: 3, background: "red" } })
    .png()
    .toFile(join(folder, "images", "colour.png"));
  await sharp(
    Uint16Array.from({ length: 400 }, (_, at) => 150 * at),
    { raw: { width: 20, height: 20, channels: 1 } },
  )
    .toColourspace("grey16")
    .png()
    .toFile(join(folder, "images", "deep.png"));
  const path = (name: string) => (name === "" ? "" : `images/${name}`);
  const write = (table: string, list: readonly string[]) =>
    writeFileSync(join(folder, table), `id,path\n${list.map((name, row) => `${row},${path(name)}`).join("\n")}\n`);
  const many = Array.from({ length: 300 }, (_, row) => names[row % names.length] as string);
  write("many.csv", many);
  write("few.csv", many.slice(0, 100));
  write(
    "bad.csv",
    many.map((name, row) => (row % 20 === 7 ? (BAD[Math.floor(row / 20) % BAD.length] as string) : name)),
  );
  // Two faults in one batch; the second is the quicker one to find.
  write(
    "faults.csv",
    many.map((name, row) => (row === 37 ? "cut.jpg" : row === 60 ? "" : name)),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function load(options: Options): Promise<Result> {
  const given = {
    folder,
    table: "many.csv",
    unreadable: "fail",
    threads: null,
    batch: 64,
    twice: false,
    close: true,
    ...options,
  };
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", PROGRAM, JSON.stringify(given)], {
    timeout: 50_000,
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(stdout) as Result;
}

test("threads load the same images, digests and hashes as this one, whatever the batches and their number", async () => {
  const alone = await load({ threads: 0, twice: true });
  expect(alone.most).toBe(0);
  expect(alone.found).toHaveLength(10);
  for (const threads of [1, 2, 3]) {
    const together = await load({ threads, twice: true });
    expect(together.most).toBe(threads);
    expect(together.found).toEqual(alone.found);
  }
  expect((await load({ threads: 2, batch: 17 })).found).toEqual((await load({ threads: 0, batch: 17 })).found);
});

test("they reject the same images, with the same codes", async () => {
  const alone = await load({ table: "bad.csv", threads: 0, unreadable: "reject" });
  const codes = alone.found.flatMap(({ rejected }) => rejected as number[]);
  expect(codes.filter((code) => code !== 0)).toHaveLength(15);
  expect(new Set(codes)).toEqual(new Set([0, 1, 2, 4]));
  expect((await load({ table: "bad.csv", threads: 2, unreadable: "reject" })).found).toEqual(alone.found);
});

test("where nothing is rejected, the fault of the first row is told, in the same words", async () => {
  const { found } = await load({ table: "faults.csv", threads: 2, batch: 300 });
  expect(found).toEqual([
    {
      name: "StepwedgeError",
      message: expect.stringMatching(/JPEG file is truncated/),
      where: 'faults.csv, line 39, image "images/cut.jpg"',
      remedy: "Copy the file again from its source.",
      exitCode: 2,
    },
  ]);
});

test("threads are started for many images and not for few, and have ended when the loader is closed", async () => {
  const many = await load({});
  expect(many.most).toBeGreaterThan(0);
  expect(many.left).toBe(0);
  // What was asked for just before either came or was turned away: nobody waits for ever.
  expect(["loaded", "the image threads are closed"]).toContain(many.giving);
  expect((await load({ table: "few.csv" })).most).toBe(0);
});

test("a process that forgets to close the loader ends all the same", async () => {
  expect((await load({ threads: 2, close: false })).most).toBe(2);
});
