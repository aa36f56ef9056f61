import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, gzipSync } from "node:zlib";
import sharp from "sharp";
import { AS_STORED, type DataSource, type PixelOptions } from "../../src/core/data.js";
import { ExitCode, StepwedgeError } from "../../src/core/errors.js";
import { findPlugin } from "../../src/core/plugins.js";
import { type Random, randomFrom } from "../../src/core/random.js";
import { PACKAGE_ROOT } from "../../src/core/version.js";
import { decodeImage } from "../../src/image/decode.js";
import { encodePng } from "../../src/image/encode.js";
import { MOST_PIXELS } from "../../src/image/faults.js";
import { loadProtocol } from "../../src/protocol/load.js";
import { changes, dicomFile, encapsulated, imageElements, SYNTAX, words } from "../../test/support/dicom.js";
import { buildNifti } from "../../test/support/nifti.js";
import { mutate } from "./mutate.js";

/** A reader of files, and whole files for it to begin with. To have another reader fuzzed, add one to TARGETS. */
export interface FuzzTarget {
  readonly name: string;
  seeds(): Promise<readonly Buffer[]>;
  /** Reads the bytes. Throws a StepwedgeError to refuse them, and anything else by fault. */
  read(bytes: Buffer): Promise<unknown>;
  /** Makes checksums right again, so that changes get beyond them. */
  repair?(bytes: Buffer): Buffer;
  /** Whether less than a whole file must be refused. */
  readonly refusesParts: boolean;
}

/** Windows that let floats and negative values through, and a frame whatever their number. */
const ANY_PIXELS: PixelOptions = { ...AS_STORED, window: { kind: "full" }, frames: { take: "middle" } };

/** A target of `decodeImage`, which must keep to what it promises. */
export function imageTarget(
  name: string,
  seeds: () => Promise<readonly Buffer[]>,
  options: PixelOptions = ANY_PIXELS,
  repair?: (bytes: Buffer) => Buffer,
): FuzzTarget {
  return {
    name,
    seeds,
    refusesParts: true,
    async read(bytes) {
      const { channels, data, height, maxValue, width } = await decodeImage(bytes, name, options);
      const size = channels * height * width;
      if (!(size > 0 && data.length === size && height * width <= MOST_PIXELS)) {
        throw new Error(`${data.length} values for ${channels} × ${height} × ${width}`);
      }
      for (const value of data) if (!(value >= 0 && value <= maxValue)) throw new Error(`the value ${value}`);
    },
    ...(repair === undefined ? {} : { repair }),
  };
}

export const TARGETS: readonly FuzzTarget[] = [
  imageTarget("png", pngs, ANY_PIXELS, withChecksums),
  imageTarget("jpeg", jpegs),
  imageTarget("tiff", tiffs),
  imageTarget("webp", () => pillowFiles("webp")),
  imageTarget("bmp", () => pillowFiles("bmp")),
  imageTarget("dicom", dicoms),
  imageTarget("nifti", niftis),
  { name: "csv", seeds: async () => TABLES.map((text) => Buffer.from(text)), read: readTable, refusesParts: false },
  { name: "yaml", seeds: protocols, read: readProtocol, refusesParts: false },
];

export type Outcome = "read" | "refused";

/** The file of a number: every eighth is a part of a whole one. */
export function fuzzCase(
  target: FuzzTarget,
  seeds: readonly Buffer[],
  index: number,
): { bytes: Buffer; part: boolean } {
  const random = randomFrom("fuzz", target.name, index);
  const seed = seeds[random.integer(seeds.length)] as Buffer;
  if (index % 8 === 0) return { bytes: seed.subarray(0, random.integer(seed.length)), part: true };
  const bytes = mutate(seed, seeds, random);
  const repaired = target.repair !== undefined && random.integer(2) === 0 ? target.repair(bytes) : bytes;
  return { bytes: repaired, part: false };
}

/**
 * Reads the file of a number.
 * @throws Error where it is refused in any way but ours, or a part passes for a whole
 */
export async function fuzzOnce(target: FuzzTarget, seeds: readonly Buffer[], index: number): Promise<Outcome> {
  const { bytes, part } = fuzzCase(target, seeds, index);
  try {
    await target.read(bytes);
  } catch (error) {
    if (error instanceof StepwedgeError && error.exitCode === ExitCode.usage) return "refused";
    throw error;
  }
  if (part && target.refusesParts) throw new Error(`a part of ${bytes.length} bytes passed for a whole file`);
  return "read";
}

function noise(random: Random, count: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: count }, (_, index) => (index / 5 + 60 * random.uniform()) & 0xff));
}

const SIZE = { width: 40, height: 33 } as const;
const picture = (channels: 1 | 3) =>
  sharp(noise(randomFrom("fuzz picture", channels), 40 * 33 * channels), { raw: { ...SIZE, channels } }).toColourspace(
    channels === 1 ? "b-w" : "srgb",
  );

async function pngs(): Promise<readonly Buffer[]> {
  const random = randomFrom("fuzz png");
  const deep = Uint16Array.from({ length: 40 * 33 }, () => random.integer(65536));
  return [
    await picture(1).png().toBuffer(),
    await picture(3).png({ progressive: true }).toBuffer(),
    await picture(3).png({ palette: true, colours: 16 }).toBuffer(),
    await picture(3).ensureAlpha().png().toBuffer(),
    encodePng({ data: deep, channels: 1, ...SIZE, maxValue: 65535 }),
  ];
}

function jpegs(): Promise<readonly Buffer[]> {
  return Promise.all([
    picture(1).jpeg().toBuffer(),
    picture(3).jpeg({ quality: 60 }).toBuffer(),
    picture(3).jpeg({ progressive: true, chromaSubsampling: "4:4:4" }).toBuffer(),
    picture(3).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  ]);
}

async function tiffs(): Promise<readonly Buffer[]> {
  const [gray, colour] = [picture(1), picture(3)];
  return [
    ...(await pillowFiles("tiff")),
    await gray.tiff({ compression: "lzw", predictor: "horizontal" }).toBuffer(),
    await colour.tiff({ compression: "deflate", tile: true, tileWidth: 16, tileHeight: 16 }).toBuffer(),
    await colour.tiff({ compression: "none" }).toBuffer(),
  ];
}

async function dicoms(): Promise<readonly Buffer[]> {
  const random = randomFrom("fuzz dicom");
  const values = Array.from({ length: 40 * 33 }, () => random.integer(4096));
  const { width, height } = SIZE;
  const native = [SYNTAX.explicit, SYNTAX.implicit, SYNTAX.bigEndian, SYNTAX.deflated].map((syntax) =>
    dicomFile(
      [...imageElements(height, width), ["7fe0,0010", "OW", words(values, syntax === SYNTAX.bigEndian)]],
      syntax,
    ),
  );
  const bits = changes(["0028,0100", "US", 8], ["0028,0101", "US", 8], ["0028,0102", "US", 7]);
  const jpeg = await picture(1).jpeg().toBuffer();
  const baseline = dicomFile(imageElements(height, width, bits), "1.2.840.10008.1.2.4.50");
  return [...native, Buffer.concat([baseline, encapsulated([jpeg])])];
}

async function niftis(): Promise<readonly Buffer[]> {
  const random = randomFrom("fuzz nifti");
  const shape = [9, 8, 4];
  const values = Array.from({ length: 9 * 8 * 4 }, () => random.integer(255));
  const sform = [-2, 0, 0, 9, 0, 2, 0, -8, 0, 0, 3, 0];
  const plain = buildNifti({ shape, datatype: "int16", values, sform, scale: [2, -100] });
  return [
    plain,
    gzipSync(plain),
    buildNifti({ shape, datatype: "float32", values, sform, version: 2 }),
    buildNifti({ shape, datatype: "uint8", values, sform, littleEndian: false }),
  ];
}

/** The small files of other makers that tests use. */
async function pillowFiles(kind: string): Promise<readonly Buffer[]> {
  const text = readFileSync(join(PACKAGE_ROOT, "test", "reference", "formats-pillow.json"), "utf8");
  const { cases } = JSON.parse(text) as { readonly cases: readonly { readonly name: string; readonly file: string }[] };
  return cases.filter(({ name }) => name.startsWith(kind)).map(({ file }) => Buffer.from(file, "base64"));
}

/** Right CRCs of all chunks that are there. */
function withChecksums(bytes: Buffer): Buffer {
  const out = Buffer.from(bytes);
  for (let at = 8; at + 12 <= out.length; ) {
    const length = out.readUInt32BE(at);
    const end = at + 8 + length;
    if (end + 4 > out.length) break;
    out.writeUInt32BE(crc32(out.subarray(at + 4, end)), end);
    at = end + 4;
  }
  return out;
}

const TABLES = [
  "id,path,sex,note\n1,a.png,F,plain\n2,b.png,M,\n3,c.png,,last\n",
  'id,path,sex,note\r\n1,a.png,F,"two\r\nlines"\r\n2,b.png,M,"with ""quotes"", and commas"\r\n',
  "\ufeffid,path,sex,note\n1,ä.png,F,Übelkeit\n2,日本.png,M,x\n",
  `id,path,sex,note\n${Array.from({ length: 200 }, (_, row) => `${row},${row}.png,${row % 2 ? "F" : "M"},${"n".repeat(row)}`).join("\n")}`,
];

let scratch = "";
function inScratch(name: string, bytes: Buffer): string {
  if (scratch === "") scratch = mkdtempSync(join(tmpdir(), "stepwedge-fuzz-"));
  writeFileSync(join(scratch, name), bytes);
  return scratch;
}

async function readTable(bytes: Buffer): Promise<void> {
  const baseFolder = inScratch("table.csv", bytes);
  const source = (await findPlugin("data", "table")) as DataSource;
  const table = await source.open(source.meta.parameters.parse({ path: "table.csv" }), {
    baseFolder,
    seed: 1,
    columns: ["id", "note"],
    numbers: [],
    imageColumn: "path",
    pixels: AS_STORED,
    frameColumn: null,
    eachFrame: false,
  });
  for (const [name, cells] of table.columns) {
    if (cells.length !== table.count) throw new Error(`${cells.length} cells of ${table.count} in ${name}`);
  }
}

async function protocols(): Promise<readonly Buffer[]> {
  const examples = ["cxr-nih", "corruptions", "skin-ham"].map((name) =>
    readFileSync(join(PACKAGE_ROOT, "examples", name, "audit.yaml")),
  );
  const laughs = Buffer.from(
    `a: &a [x, x, x, x, x, x, x, x]\n${Array.from({ length: 8 }, (_, level) => {
      const [name, before] = [level + 1, level].map((at) => String.fromCharCode(97 + at));
      return `${name}: &${name} [${Array.from({ length: 8 }, () => `*${before}`).join(", ")}]`;
    }).join("\n")}\n`,
  );
  return [...examples, laughs];
}

async function readProtocol(bytes: Buffer): Promise<void> {
  await loadProtocol(join(inScratch("audit.yaml", bytes), "audit.yaml"));
}
