/** What the header of a compressed frame says of itself, before anything is decoded. */
export interface Codestream {
  readonly width: number;
  readonly height: number;
  readonly components: number;
  /** Bits per value. */
  readonly precision: number;
  /** JPEG 2000 only; the JPEGs know no sign. */
  readonly signed: boolean;
  /** JPEG-LS without interleaving comes out plane by plane; everything else pixel by pixel. */
  readonly planar: boolean;
  /** JPEG: the transform of an Adobe segment (0 none, 1 YCbCr); null where there is none. */
  readonly adobe: number | null;
  /** JPEG: whether a JFIF segment says that colour is YCbCr. */
  readonly jfif: boolean;
  /** JPEG: whether components differ in resolution, as those of RGB never do. */
  readonly subsampled: boolean;
  /** JPEG 2000: whether the decoder turns YBR_ICT or YBR_RCT into RGB. */
  readonly transformed: boolean;
  /** JPEG 2000: coded by part 15 (high throughput). */
  readonly highThroughput: boolean;
}

const PLAIN = {
  signed: false,
  planar: false,
  adobe: null,
  jfif: false,
  subsampled: false,
  transformed: false,
  highThroughput: false,
};

/** Reads a JPEG's or JPEG-LS's header (ITU-T T.81 annex B, T.87 annex C) up to its first scan; null where it is none or broken. */
export function readJpegHeader(bytes: Buffer): Codestream | null {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return null;
  let frame: Pick<Codestream, "width" | "height" | "components" | "precision"> | null = null;
  let adobe: number | null = null;
  let jfif = false;
  let isLs = false;
  let subsampled = false;
  let at = 2;
  for (;;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (at + 4 > bytes.length || bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1] as number;
    const from = at + 4;
    const to = at + 2 + bytes.readUInt16BE(at + 2);
    if (to < from || to > bytes.length) return null;
    if (isFrame(marker) && to >= from + 6) {
      // A second frame header would be another image than the one whose size was checked.
      if (frame !== null) return null;
      isLs = marker === 0xf7;
      frame = {
        precision: bytes.readUInt8(from),
        height: bytes.readUInt16BE(from + 1),
        width: bytes.readUInt16BE(from + 3),
        components: bytes.readUInt8(from + 5),
      };
      for (let one = 1; one < frame.components; one++) {
        if (bytes[from + 7 + 3 * one] !== bytes[from + 7]) subsampled = true;
      }
    } else if (marker === 0xe0 && bytes.toString("latin1", from, from + 4) === "JFIF") {
      jfif = true;
    } else if (marker === 0xee && to >= from + 12 && bytes.toString("latin1", from, from + 5) === "Adobe") {
      adobe = bytes.readUInt8(from + 11);
    } else if (marker === 0xda) {
      const inScan = bytes[from] as number;
      // T.87 C.2.3: behind the components stand NEAR and ILV.
      const interleave = bytes[from + 2 + 2 * inScan];
      return frame === null
        ? null
        : { ...PLAIN, ...frame, adobe, jfif, subsampled, planar: isLs && frame.components > 1 && interleave === 0 };
    }
    at = to;
  }
}

/** SOF0 … SOF15 of JPEG and SOF55 of JPEG-LS, without the tables between them. */
function isFrame(marker: number): boolean {
  return (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) || marker === 0xf7;
}

/** Scans of a JPEG, each of which may go over the whole image: SOS markers, which cannot stand inside of coded data. */
export function scansOf(bytes: Buffer): number {
  let scans = 0;
  for (let at = bytes.indexOf(SOS); at !== -1; at = bytes.indexOf(SOS, at + 2)) scans++;
  return scans;
}

const SOS = Buffer.from([0xff, 0xda]);

/** Whether a JPEG or JPEG 2000 ends with its end mark (EOI, EOC: both FFD9); padding behind it is zeros, or JPEG's fill bytes. */
export function hasEnd(bytes: Buffer): boolean {
  let end = bytes.length;
  while (end > 2 && (bytes[end - 1] === 0 || bytes[end - 1] === 0xff)) end--;
  return bytes[end - 2] === 0xff && bytes[end - 1] === 0xd9;
}

/**
 * Reads a JPEG 2000 codestream's header (ITU-T T.800 annex A). Null where it is none, where components differ from one another
 * in depth or sampling, or where it is broken.
 */
export function readJpeg2000Header(bytes: Buffer): Codestream | null {
  if (bytes.length < 42 || bytes.readUInt32BE(0) !== 0xff4fff51) return null;
  const components = bytes.readUInt16BE(40);
  if (components === 0 || bytes.length < 42 + 3 * components + 2) return null;
  const depth = bytes.readUInt8(42);
  for (let component = 0; component < components; component++) {
    const at = 42 + 3 * component;
    if (bytes[at] !== depth || bytes[at + 1] !== 1 || bytes[at + 2] !== 1) return null;
  }
  const transformed = multipleComponents(bytes, 4 + bytes.readUInt16BE(4));
  if (transformed === null) return null;
  return {
    ...PLAIN,
    width: bytes.readUInt32BE(8) - bytes.readUInt32BE(16),
    height: bytes.readUInt32BE(12) - bytes.readUInt32BE(20),
    components,
    precision: (depth & 0x7f) + 1,
    signed: depth >= 0x80,
    transformed,
    highThroughput: (bytes.readUInt16BE(6) & 0x4000) !== 0,
  };
}

/** Whether the COD segment asks for a multiple component transform; null where there is no COD before the first tile. */
function multipleComponents(bytes: Buffer, from: number): boolean | null {
  let at = from;
  while (at + 4 <= bytes.length) {
    const marker = bytes.readUInt16BE(at);
    if (marker === 0xff52) return at + 9 <= bytes.length ? bytes[at + 8] === 1 : null;
    if (marker === 0xff90) return null;
    at += 2 + Math.max(2, bytes.readUInt16BE(at + 2));
  }
  return null;
}
