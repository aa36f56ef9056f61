import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AS_STORED, type SourceContext, type SourceTable } from "../../src/core/data.js";
import { StepwedgeError } from "../../src/core/errors.js";
import npz from "../../src/data/npz.js";
import { buildNpy, buildZip } from "../support/npz.js";
import { openSource, refusal } from "../support/sources.js";

let base = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "stepwedge-npz-"));
});
afterEach(() => rmSync(base, { recursive: true }));

function open(
  path: string,
  context: Partial<SourceContext> = {},
  more: Record<string, unknown> = {},
): Promise<SourceTable> {
  return openSource(npz, base, { path, ...more }, { columns: ["id", "split"], ...context });
}

function write(content: Buffer): string {
  writeFileSync(join(base, "a.npz"), content);
  return "a.npz";
}

const ramp = (count: number, step = 1) => Uint8Array.from({ length: count }, (_, index) => (index * step) % 256);

/* Both files were written by numpy 2.4: np.arange(n * 5 * 4 * 3) % 251 and np.arange(2 * 3 * 4 * 5) * 500. */
const fixture = (name: string) => join(process.cwd(), "test", "reference", name);

describe("what numpy wrote", () => {
  test("savez_compressed: splits, colours, labels, and columns of numbers and texts", async () => {
    const source = await open(fixture("numpy-packed.npz"), {
      columns: ["id", "split", "label", "site"],
      numbers: ["age"],
    });
    expect(source.columns.get("id")).toEqual([
      "train#0",
      "train#1",
      "train#2",
      "val#0",
      "val#1",
      "test#0",
      "test#1",
      "test#2",
      "test#3",
    ]);
    expect(source.columns.get("split")?.slice(2, 6)).toEqual(["train", "val", "val", "test"]);
    expect(source.columns.get("label")).toEqual(["0", "1", "0", "0", "1", "0", "1", "0", "1"]);
    expect(source.columns.get("site")?.slice(0, 4)).toEqual(["Łódź", "B", "C", "Łódź"]);
    expect(source.numbers.get("age")?.values[8]).toBe(80);
    const { image } = (await source.loadImage?.(7)) ?? {};
    expect(image).toMatchObject({ channels: 3, height: 5, width: 4, maxValue: 255 });
    const at = (row: number, column: number, channel: number) => (2 * 60 + (row * 4 + column) * 3 + channel) % 251;
    expect(image?.data[0]).toBe(at(0, 0, 0));
    expect(image?.data[20 + 4 * 3 + 2]).toBe(at(3, 2, 1));
    expect(image?.data[59]).toBe(at(4, 3, 2));
  });

  test("savez: volumes of big-endian 16 bits, several labels, a patient; whole and slice by slice", async () => {
    const file = fixture("numpy-stored.npz");
    const all = { ...AS_STORED, frames: { take: "all" } } as const;
    const source = await open(file, { columns: ["id", "label_0", "label_2", "patient_id"], pixels: all });
    expect(Object.fromEntries(source.columns)).toEqual({
      id: ["0", "1"],
      label_0: ["1", "0"],
      label_2: ["1", "1"],
      patient_id: ["7", "7"],
    });
    const whole = (await source.loadImage?.(1))?.image;
    expect(whole).toMatchObject({ channels: 3, height: 4, width: 5, maxValue: 65535 });
    expect(Array.from(whole?.data ?? [])).toEqual(Array.from({ length: 60 }, (_, index) => (60 + index) * 500));
    const slices = await open(file, { columns: ["id", "image", "slice", "label_0"], eachFrame: true });
    expect(slices.columns.get("id")).toEqual(["0#0", "0#1", "0#2", "1#0", "1#1", "1#2"]);
    expect(slices.columns.get("image")).toEqual(["0", "0", "0", "1", "1", "1"]);
    expect(slices.columns.get("label_0")).toEqual(["1", "1", "1", "0", "0", "0"]);
    const slice = await slices.loadImage?.(4);
    expect(Array.from(slice?.image.data ?? [])).toEqual(Array.from({ length: 20 }, (_, index) => (80 + index) * 500));
    expect(slice?.sha256).not.toBe((await slices.loadImage?.(5))?.sha256);
    expect(await refusal(open(file, { pixels: { ...AS_STORED, axis: "coronal" } }))).toMatch(/do not say how they lie/);
  });
});

const images = (parts: object = {}) => buildNpy({ descr: "|u1", shape: [3, 2, 2], bytes: ramp(12), ...parts });

test.each([false, true])("images of each version of the header and of floats (packed: %s)", async (isPacked) => {
  for (const version of [1, 2, 3] as const) {
    const source = await open(write(buildZip({ "images.npy": images({ version }) }, isPacked)));
    expect(source.columns.get("split")).toEqual(["", "", ""]);
    expect(Array.from((await source.loadImage?.(2))?.image.data ?? [])).toEqual([8, 9, 10, 11]);
  }
  const floats = Buffer.from(Float32Array.from([0, 0.25, 0.5, 1]).buffer);
  const file = write(
    buildZip({ "test_images.npy": images({ descr: "<f4", shape: [1, 2, 2], bytes: floats }) }, isPacked),
  );
  const range = { ...AS_STORED, window: { kind: "range", lower: 0, upper: 1 }, bits: 8 } as const;
  const source = await open(file, { pixels: range });
  expect(Array.from((await source.loadImage?.(0))?.image.data ?? [])).toEqual([0, 64, 128, 255]);
});

test("the layout can be said", async () => {
  const file = write(buildZip({ "images.npy": images({ shape: [2, 2, 1, 3] }) }));
  expect((await (await open(file)).loadImage?.(0))?.image).toMatchObject({ channels: 3, height: 2, width: 1 });
  const volumes = await open(file, { eachFrame: true }, { layout: "NDHW" });
  expect(volumes.count).toBe(4);
  expect((await volumes.loadImage?.(3))?.image).toMatchObject({
    channels: 1,
    height: 1,
    width: 3,
    data: ramp(12).slice(9),
  });
});

describe("refuses", () => {
  test.each<[string, () => Buffer, RegExp]>([
    ["what is no zip file", () => Buffer.from("no zip at all"), /no \.npz file/],
    ["an empty file", () => Buffer.alloc(0), /no \.npz file/],
    ["a file without images", () => buildZip({ "x_train.npy": images() }), /no array of images.*\n.*x_train/s],
    ["Fortran order", () => buildZip({ "images.npy": images({ fortran: true }) }), /Fortran order/],
    ["objects", () => buildZip({ "images.npy": images({ descr: "|O8" }) }), /values of the type O8/],
    [
      "images of one axis too few",
      () => buildZip({ "images.npy": images({ shape: [3, 4] }) }),
      /3 × 4 and type u1 are no NHW/,
    ],
    [
      "slices that nobody chose",
      () => buildZip({ "images.npy": images({ shape: [1, 3, 1, 4] }) }),
      /3 frames or slices/,
    ],
    ["more images than bytes", () => buildZip({ "images.npy": images({ shape: [2 ** 40, 1, 1] }) }), /is cut off/],
    [
      "labels of another length",
      () => buildZip({ "images.npy": images(), "labels.npy": images({ shape: [2], bytes: ramp(2) }) }),
      /labels of shape 2 stand beside 3 images/,
    ],
    [
      "sizes beyond measure",
      () => buildZip({ "images.npy": images({ shape: [1, 99999, 99999] }) }),
      /one image would be/,
    ],
  ])("%s", async (_, content, reason) => {
    const file = write(content());
    const opened = open(file).then((source) => source.loadImage?.(0));
    expect(await refusal(opened)).toMatch(reason);
  });

  test("a packed array that has changed, and one that is shorter than its shape", async () => {
    const sound = buildZip({ "images.npy": images({ shape: [300, 2, 2], bytes: ramp(1200, 7) }) }, true);
    const changed = Buffer.from(sound);
    changed.writeUInt8(changed.readUInt8(400) ^ 0xff, 400);
    const load = async (content: Buffer) => (await open(write(content))).loadImage?.(2);
    expect(await refusal(load(changed))).toMatch(/damaged/);
    expect(await refusal(load(buildZip({ "images.npy": images({ bytes: ramp(8) }) }, true)))).toMatch(/cut off/);
  });

  test("a few bytes that promise gigabytes", async () => {
    const bomb = buildZip({ "images.npy": images() }, true);
    const at = bomb.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    bomb.writeUInt32LE(2 ** 29, at + 24);
    const source = await open(write(bomb));
    expect(await refusal(source.loadImage?.(0) ?? Promise.resolve())).toMatch(/too long/);
    bomb.writeUInt32LE(2 ** 31, at + 24);
    const larger = await open(write(bomb));
    expect(await refusal(larger.loadImage?.(0) ?? Promise.resolve())).toMatch(/2048 MiB.*\n.*savez, not/s);
  });

  test("however a file is damaged, it is read or refused", async () => {
    const sound = readFileSync(fixture("numpy-stored.npz"));
    for (let at = 0; at < sound.length; at += 3) {
      const bytes = Buffer.from(sound);
      bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      const file = write(bytes);
      const result: unknown = await open(file, { pixels: { ...AS_STORED, frames: { take: "middle" } } })
        .then((source) => source.loadImage?.(0))
        .catch((error: unknown) => error);
      if (!(result instanceof StepwedgeError)) expect(result).toHaveProperty("sha256");
    }
  });
});
