/** TIFF files built entry by entry, for kinds that other tools do not write. */
export interface TiffParts {
  readonly width: number;
  readonly height: number;
  readonly bits: 1 | 2 | 4 | 8 | 16 | 32 | 64;
  readonly numbers?: "unsigned" | "signed" | "float";
  /** In the order of the file: interleaved, or one plane after the other. */
  readonly samples: readonly number[];
  readonly channels?: number;
  readonly photometric?: number;
  readonly planar?: boolean;
  readonly rowsPerStrip?: number;
  /** Side of square tiles instead of strips; gray only. */
  readonly tile?: number;
  readonly subfile?: number;
  /** What the file says; the pixels are never packed. */
  readonly compression?: number;
}

type Entry = readonly [tag: number, type: 3 | 4, values: readonly number[]];

export function buildTiff(pages: readonly TiffParts[], little = true): Buffer {
  const chunks: Buffer[] = [Buffer.from(little ? "II*\0\0\0\0\0" : "MM\0*\0\0\0\0", "latin1")];
  let length = 8;
  const add = (chunk: Buffer): number => {
    const padded = chunk.length % 2 === 0 ? chunk : Buffer.concat([chunk, Buffer.alloc(1)]);
    chunks.push(padded);
    length += padded.length;
    return length - padded.length;
  };
  const number = (value: number, bytes: 2 | 4): Buffer => {
    const out = Buffer.alloc(bytes);
    if (little) out.writeUIntLE(value, 0, bytes);
    else out.writeUIntBE(value, 0, bytes);
    return out;
  };
  // Where the place of the next directory is to be written.
  let link: Buffer = chunks[0] as Buffer;
  let linkAt = 4;
  for (const page of pages) {
    const parts = partsOf(page, little);
    const places = parts.map(add);
    const entries = entriesOf(
      page,
      places,
      parts.map((part) => part.length),
    );
    const fields = entries.map(([tag, type, values]) => {
      const size = type === 3 ? 2 : 4;
      const content = Buffer.concat(values.map((value) => number(value, size)));
      const inline =
        content.length <= 4 ? Buffer.concat([content, Buffer.alloc(4 - content.length)]) : number(add(content), 4);
      return Buffer.concat([number(tag, 2), number(type, 2), number(values.length, 4), inline]);
    });
    const directory = Buffer.concat([number(fields.length, 2), ...fields, number(0, 4)]);
    const at = number(add(directory), 4);
    at.copy(link, linkAt);
    link = chunks.at(-1) as Buffer;
    linkAt = directory.length - 4;
  }
  return Buffer.concat(chunks);
}

function entriesOf(page: TiffParts, places: readonly number[], sizes: readonly number[]): readonly Entry[] {
  const { bits, channels = 1, height, numbers = "unsigned", tile, width } = page;
  const format = ["unsigned", "signed", "float"].indexOf(numbers) + 1;
  const [offsets, counts] = tile === undefined ? [273, 279] : [324, 325];
  const entries: Entry[] = [
    [254, 4, [page.subfile ?? 0]],
    [256, 4, [width]],
    [257, 4, [height]],
    [258, 3, new Array<number>(channels).fill(bits)],
    [259, 3, [page.compression ?? 1]],
    [262, 3, [page.photometric ?? 1]],
    [offsets, 4, places],
    [277, 3, [channels]],
    [counts, 4, sizes],
    [284, 3, [page.planar === true ? 2 : 1]],
    [339, 3, new Array<number>(channels).fill(format)],
  ];
  if (tile === undefined) entries.push([278, 4, [page.rowsPerStrip ?? height]]);
  else entries.push([322, 4, [tile]], [323, 4, [tile]]);
  return entries.sort(([a], [b]) => a - b);
}

/** The strips or tiles, each with its rows padded to whole bytes. */
function partsOf(page: TiffParts, little: boolean): readonly Buffer[] {
  const { channels = 1, planar = false, rowsPerStrip, samples, tile } = page;
  // Sizes that a test only claims are not filled.
  const [width, height] = page.width * page.height > 1e6 ? [5, 4] : [page.width, page.height];
  const perRow = width * (planar ? 1 : channels);
  const rows = Array.from({ length: samples.length / perRow }, (_, row) =>
    samples.slice(row * perRow, (row + 1) * perRow),
  );
  if (tile !== undefined) {
    const whole = Array.from({ length: tile }, (_, y) => Array.from({ length: tile }, (_, x) => rows[y]?.[x] ?? 0));
    return [Buffer.concat(whole.map((row) => packRow(row, page, little)))];
  }
  const strips: Buffer[] = [];
  for (let plane = 0; plane < rows.length; plane += height) {
    for (let row = 0; row < height; row += rowsPerStrip ?? height) {
      const end = Math.min(height, row + (rowsPerStrip ?? height));
      strips.push(Buffer.concat(rows.slice(plane + row, plane + end).map((one) => packRow(one, page, little))));
    }
  }
  return strips;
}

function packRow(row: readonly number[], { bits, numbers = "unsigned" }: TiffParts, little: boolean): Buffer {
  if (bits < 8) {
    const digits = row.map((sample) => sample.toString(2).padStart(bits, "0")).join("");
    const bytes = digits.padEnd(8 * Math.ceil(digits.length / 8), "0").match(/.{8}/g) ?? [];
    return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
  }
  const out = new DataView(new ArrayBuffer((row.length * bits) / 8));
  for (const [index, value] of row.entries()) {
    const at = (index * bits) / 8;
    if (numbers === "float" && bits === 32) out.setFloat32(at, value, little);
    else if (numbers === "float") out.setFloat64(at, value, little);
    else if (bits === 8) out.setUint8(at, value);
    else if (bits === 16) out.setUint16(at, value, little);
    else out.setUint32(at, value, little);
  }
  return Buffer.from(out.buffer);
}
