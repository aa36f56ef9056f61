/*
 * Images per second from file to the model's 224 × 224: our whole loader (path check, reading, SHA-256, decoding, resizing,
 * perceptual hash, float32 batch) beside Pillow (open, resize, numpy array; no hashes), on the same files, in turns.
 *
 *   npm run build && node dist/bench/decode.js
 *
 * On one core (both tied to it with taskset) and on two: ours in one process, whose threads use both; Pillow in one process, and in
 * two that share the files. Processor time is that of the runs on one core, of all threads, and says more where others use the machine.
 * Needs Debian's python3-pil and python3-numpy; JPEG files are made from the PNG ones by sharp, quality 90.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { AS_STORED } from "../src/core/data.js";
import { findPlugin } from "../src/core/plugins.js";
import { PACKAGE_ROOT } from "../src/core/version.js";
import { openImages } from "../src/run/images.js";
import { sessionPerCoreSeconds } from "./support/bare.js";

const TURNS = 3;
const SIDE = 224;
const BATCH = 32;
/** Each measurement reads at least this many images: of small ones more, or starting would be most of what is measured. */
const LEAST = { large: 200, small: 1500 } as const;

/** Images per second of our loader over all files of a folder, and milliseconds of processor time per image. */
async function ours(folder: string, channels: number, least: number): Promise<string> {
  const source = await findPlugin("data", "table");
  const table = await source.open(source.meta.parameters.parse({ path: "manifest.csv" }), {
    baseFolder: folder,
    seed: 1,
    columns: [],
    numbers: [],
    imageColumn: "path",
    pixels: AS_STORED,
    frameColumn: null,
    eachFrame: false,
  });
  const input = { channels, height: SIDE, width: SIDE, resize: "bilinear" as const };
  const all = Array.from({ length: Math.max(least, table.count) }, (_, index) => index % table.count);
  const images = await openImages({ source: table, input, bits: 8, unreadable: "fail", rows: all });
  const pass = async (rows: readonly number[]) => {
    // As a run does: the next batch is read while this one is with the model.
    let next = images.load(rows.slice(0, BATCH));
    for (let from = BATCH; from < rows.length + BATCH; from += BATCH) {
      const here = next;
      next = images.load(rows.slice(from, from + BATCH));
      (await here).release();
    }
    (await next).release();
  };
  await pass(all.slice(0, 2 * BATCH));
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  await pass(all);
  const { system, user } = process.cpuUsage(cpu);
  const seconds = (performance.now() - started) / 1000;
  await images.close();
  return `${all.length / seconds} ${(system + user) / 1000 / all.length}`;
}

const PYTHON = `
import io, multiprocessing, os, sys, time
import numpy
from PIL import Image
folder, processes, least = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
names = sorted(os.listdir(folder))
def load(name):
    with open(os.path.join(folder, name), "rb") as file: data = file.read()
    image = Image.open(io.BytesIO(data)).resize((${SIDE}, ${SIDE}), Image.Resampling.BILINEAR)
    numpy.asarray(image, dtype=numpy.float32)
    return 1
work = [names[i % len(names)] for i in range(max(least, len(names)))]
if processes == 1:
    for name in work[:64]: load(name)
    started, cpu = time.perf_counter(), time.process_time()
    for name in work: load(name)
    cpu = time.process_time() - cpu
else:
    pool = multiprocessing.Pool(processes)
    pool.map(load, work[:64], 8)
    started = time.perf_counter()
    pool.map(load, work, 8)
    cpu = float("nan")
print(len(work) / (time.perf_counter() - started), 1000 * cpu / len(work))
`;

interface Material {
  readonly name: string;
  readonly folder: string;
  readonly channels: 1 | 3;
  readonly least: number;
}

async function compare(): Promise<void> {
  const shared = join(PACKAGE_ROOT, "..", "shared", "data");
  const python = "/usr/bin/python3";
  const hasPillow = spawnSync(python, ["-c", "import PIL, numpy"]).status === 0;
  if (!existsSync(shared) || !hasPillow) {
    process.stdout.write("decode: skipped, the shared images or python3-pil and python3-numpy are not here\n");
    return;
  }
  const scratch = mkdtempSync(join(tmpdir(), "stepwedge-decode-"));
  try {
    process.stdout.write(`images per second to ${SIDE} × ${SIDE}, medians of ${TURNS} turns\n`);
    process.stdout.write(
      "                            one core         two cores                     processor ms per image\n",
    );
    process.stdout.write(
      "                            ours  Pillow     ours  Pillow  two Pillows     ours  Pillow  ratio\n",
    );
    for (const { channels, folder, least, name } of await materials(shared, scratch)) {
      const self = [fileURLToPath(import.meta.url), "ours", folder, String(channels), String(least)];
      const them = (processes: number) => ["-c", PYTHON, join(folder, "images"), String(processes), String(least)];
      const found: (readonly [rate: number, ms: number])[][] = [[], [], [], [], []];
      for (let turn = 0; turn < TURNS; turn++) {
        found[0]?.push(timed(1, process.execPath, self));
        found[1]?.push(timed(1, python, them(1)));
        found[2]?.push(timed(2, process.execPath, self));
        found[3]?.push(timed(2, python, them(1)));
        found[4]?.push(timed(2, python, them(2)));
      }
      const rates = found.map((turns) => median(turns.map(([rate]) => rate)).toFixed(0));
      const [own, theirs] = found.map((turns) => median(turns.map(([, ms]) => ms))) as [number, number];
      const widths = [6, 8, 9, 8, 13];
      const columns = rates.map((rate, index) => rate.padStart(widths[index] as number)).join("");
      const processor = `${own.toFixed(2).padStart(9)}${theirs.toFixed(2).padStart(8)}${(theirs / own).toFixed(2).padStart(7)}`;
      process.stdout.write(`${name.padEnd(26)}${columns}${processor}\n`);
    }
    await besideModel(shared, scratch);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Whether the loader, on this thread, keeps ahead of a small model in its worker threads. */
async function besideModel(shared: string, scratch: string): Promise<void> {
  const geometry = { channels: 1, height: 160, width: 160, maxValue: 255 };
  const model = { path: join(shared, "models", "cxr.onnx"), input: "input", output: "prob", geometry };
  const images = 1600;
  const seconds = async (work: () => Promise<unknown>): Promise<number> => {
    const started = performance.now();
    await work();
    return (performance.now() - started) / 1000;
  };
  const load = () => ours(join(scratch, "cxr-nih-160 png"), 1, images);
  const run = () => sessionPerCoreSeconds(model, images);
  const alone = [await seconds(load), await seconds(run)] as const;
  const both = await seconds(() => Promise.all([load(), run()]));
  const [loading, scoring, together] = [...alone, both].map((time) => (images / time).toFixed(0));
  process.stdout.write(
    `beside cxr.onnx on all cores: loader alone ${loading} images/s, model alone ${scoring}, both together ${together}\n`,
  );
}

function timed(cores: number, command: string, args: readonly string[]): readonly [number, number] {
  const { status, stderr, stdout } = spawnSync("taskset", ["-c", cores === 1 ? "0" : "0,1", command, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (status !== 0) throw new Error(stderr);
  const [rate, ms] = stdout.split(" ").map(Number);
  return [rate as number, ms as number];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

/** The folders with their tables, and JPEG versions of their images; skin photographs also at HAM10000's 600 × 450. */
async function materials(shared: string, scratch: string): Promise<readonly Material[]> {
  const made: Material[] = [];
  for (const [name, channels] of [
    ["cxr-nih-1024", 1],
    ["cxr-nih-160", 1],
    ["skin-ham-128", 3],
  ] as const) {
    const from = join(shared, name, "images");
    const files = readdirSync(from).sort().slice(0, 400);
    for (const [format, size] of [
      ["png", null],
      ["jpg", null],
      ...(channels === 3 ? [["jpg", [600, 450]] as const] : []),
    ] as const) {
      const title = `${size === null ? name : `skin-ham ${size.join("×")}`} ${format}`;
      const folder = join(scratch, title);
      mkdirSync(join(folder, "images"), { recursive: true });
      const names = files.map((file) => file.replace(/\.\w+$/, `.${format}`));
      for (const [index, file] of files.entries()) {
        const image = sharp(join(from, file)).toColourspace(channels === 1 ? "b-w" : "srgb");
        const sized = size === null ? image : image.resize(...size, { fit: "fill" });
        const to = join(folder, "images", names[index] as string);
        // The PNG files stay what they are.
        if (format === "png") copyFileSync(join(from, file), to);
        else await sized.jpeg({ quality: 90 }).toFile(to);
      }
      writeFileSync(join(folder, "manifest.csv"), `path\n${names.map((file) => `images/${file}`).join("\n")}\n`);
      const least = name === "cxr-nih-1024" || size !== null ? LEAST.large : LEAST.small;
      made.push({ name: title, folder, channels, least });
    }
  }
  return made;
}

const [mode, folder, channels, least] = process.argv.slice(2);
if (mode === "ours") process.stdout.write(`${await ours(folder as string, Number(channels), Number(least))}\n`);
else await compare();
