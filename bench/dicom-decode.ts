/*
 * Decoding DICOM files, by transfer syntax: milliseconds per frame and megapixels per second, of the material beside the repository.
 *
 *   npm run build && node dist/bench/dicom-decode.js [folder of DICOM files]
 *
 * One thread; the median of seven runs after two to warm up. Of each transfer syntax the largest three files are taken, and of files
 * with several frames the middle one. "decode" is the way from the file's bytes to stored values, "whole" the window included.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AS_STORED, type PixelOptions } from "../src/core/data.js";
import { decodeImage } from "../src/image/decode.js";
import { describePixels } from "../src/image/dicom/description.js";
import { readDicom } from "../src/image/dicom/file.js";
import { storedFrames } from "../src/image/dicom/stored.js";

const WARM_UP = 2;
const REPEATS = 7;
const FILES_EACH = 3;
const OPTIONS: PixelOptions = { ...AS_STORED, window: { kind: "full" }, bits: 8, frames: { take: "middle" } };

interface Subject {
  readonly name: string;
  readonly bytes: Buffer;
  readonly syntax: string;
  readonly pixels: number;
}

function subjects(folder: string): Subject[] {
  return readdirSync(folder).flatMap((name) => {
    try {
      const bytes = readFileSync(join(folder, name));
      const file = readDicom(bytes, name);
      const { columns, rows } = describePixels(file, name);
      return [{ name, bytes, syntax: file.transferSyntax, pixels: rows * columns }];
    } catch {
      return [];
    }
  });
}

async function decodeOnly(bytes: Buffer): Promise<void> {
  const file = readDicom(bytes, "x");
  const description = describePixels(file, "x");
  await storedFrames(file, description, "x")(Math.floor(description.frames / 2));
}

async function median(task: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < WARM_UP + REPEATS; run++) {
    const began = performance.now();
    await task();
    if (run >= WARM_UP) times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[Math.floor(REPEATS / 2)] as number;
}

const folder = process.argv[2] ?? join("..", "shared", "data", "dicom", "files");
const all = subjects(folder);
console.log("transfer syntax          pixels   decode ms   Mpx/s   whole ms  file");
for (const syntax of [...new Set(all.map((one) => one.syntax))].sort()) {
  const largest = all.filter((one) => one.syntax === syntax).sort((a, b) => b.pixels - a.pixels);
  for (const { bytes, name, pixels } of largest.slice(0, FILES_EACH)) {
    try {
      const decode = await median(() => decodeOnly(bytes));
      const whole = await median(() => decodeImage(bytes, name, OPTIONS));
      const cells = [
        syntax.padEnd(23),
        String(pixels).padStart(8),
        decode.toFixed(2).padStart(11),
        (pixels / 1000 / decode).toFixed(0).padStart(7),
        whole.toFixed(2).padStart(10),
      ];
      console.log(`${cells.join(" ")}  ${name.slice(0, 60)}`);
    } catch (error) {
      console.log(`${syntax.padEnd(23)} refused: ${(error as Error).message}`);
    }
  }
}
