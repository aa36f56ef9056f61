import type { Context, NativeCodecs } from "dcmjs-codecs";
import { ExitCode, StepwedgeError } from "../../core/errors.js";
import { type Codestream, hasEnd, readJpeg2000Header, readJpegHeader, scansOf } from "./codestream.js";
import { damaged } from "./file.js";

/** A frame as a codec delivers it: little-endian words of `bytesPerValue`. */
export interface DecodedFrame {
  readonly bytes: Uint8Array;
  readonly bytesPerValue: 1 | 2;
  /** Plane by plane, or pixel by pixel. */
  readonly planar: boolean;
  readonly codestream: Codestream;
}

type Method = "decodeJpeg" | "decodeJpegLs" | "decodeJpeg2000";

/** Transfer syntaxes (PS3.6 annex A) that a codec decodes, by what follows 1.2.840.10008.1.2.4. */
const METHODS: ReadonlyMap<string, Method> = new Map([
  ...[50, 51, 53, 55, 57, 70].map((syntax) => [String(syntax), "decodeJpeg"] as const),
  ...[80, 81].map((syntax) => [String(syntax), "decodeJpegLs"] as const),
  ...[90, 91, 201, 202, 203].map((syntax) => [String(syntax), "decodeJpeg2000"] as const),
]);

const COMPRESSED = "1.2.840.10008.1.2.4.";

function methodOf(transferSyntax: string): Method | undefined {
  return transferSyntax.startsWith(COMPRESSED) ? METHODS.get(transferSyntax.slice(COMPRESSED.length)) : undefined;
}

export function isCompressed(transferSyntax: string): boolean {
  return methodOf(transferSyntax) !== undefined;
}

/** Progressive JPEGs have some ten; more only cost time. */
const MOST_SCANS = 200;

interface Expected {
  readonly columns: number;
  readonly rows: number;
  readonly samples: number;
}

/**
 * Decodes one compressed frame with dcmjs-codecs (libijg, CharLS, OpenJPEG in WebAssembly; docs/decisions/0010). The header of the
 * codestream is held against the file's first: what decides about memory is what the file declares. Colour stays as it is
 * stored, but for JPEG 2000's own transform, which is undone.
 * @throws StepwedgeError where the codestream is of another size than the file declares, is cut off, or of no known reading,
 *   and where the codec complains
 */
export async function decodeCompressed(
  frame: Buffer,
  transferSyntax: string,
  expected: Expected,
  where: string,
): Promise<DecodedFrame> {
  const method = methodOf(transferSyntax);
  if (method === undefined) throw new RangeError(`transfer syntax ${transferSyntax} is not compressed by a codec`);
  const bytes = method === "decodeJpeg2000" ? withoutBoxes(frame) : frame;
  const codestream = method === "decodeJpeg2000" ? readJpeg2000Header(bytes) : readJpegHeader(bytes);
  if (codestream === null) throw damaged("a frame does not begin as its transfer syntax demands", where);
  checkFit(codestream, expected, where);
  if (!hasEnd(bytes)) throw damaged("a frame is cut off", where);
  if (method === "decodeJpeg" && scansOf(bytes) > MOST_SCANS) {
    throw damaged(`a frame has more than ${MOST_SCANS} scans`, where);
  }
  const decoded = await runCodec(method, bytes, codestream, where);
  const bytesPerValue = codestream.precision <= 8 ? 1 : 2;
  const size = codestream.width * codestream.height * codestream.components * bytesPerValue;
  if (decoded.length !== size) throw damaged(`a frame of ${size} bytes decodes to ${decoded.length}`, where);
  return { bytes: decoded, bytesPerValue, planar: codestream.planar, codestream };
}

function checkFit(
  { components, height, precision, width }: Codestream,
  { columns, rows, samples }: Expected,
  where: string,
) {
  if (width !== columns || height !== rows || components !== samples) {
    throw damaged(
      `it declares ${columns} × ${rows} pixels of ${samples} samples, a frame has ${width} × ${height} of ${components}`,
      where,
    );
  }
  if (precision < 2 || precision > 16 || (components === 3 && precision > 8)) {
    throw new StepwedgeError(`compressed frames of ${components} × ${precision} bits are not read`, {
      where,
      remedy: "Decompress the file, for example with dcmdjpeg or dcmdjp2k, or convert it to 8 bits per sample.",
    });
  }
}

/** DICOM wants naked codestreams; some files have the JP2 file format's boxes around them. */
function withoutBoxes(frame: Buffer): Buffer {
  if (frame.length < 12 || frame.readUInt32BE(4) !== 0x6a502020) return frame;
  const at = frame.subarray(0, 4096).indexOf(Buffer.from([0xff, 0x4f, 0xff, 0x51]));
  return at === -1 ? frame : frame.subarray(at);
}

interface Codecs {
  readonly native: typeof NativeCodecs;
  readonly Context: typeof Context;
  /** What the codec complained about since it was last asked. */
  complaint: string | null;
}

let loading: Promise<Codecs> | null = null;

/** The codecs; loaded anew where somebody spoilt them while we waited. */
async function ready(where: string): Promise<Codecs> {
  for (;;) {
    loading ??= load();
    const mine = loading;
    const codecs = await mine.catch((cause: unknown) => {
      loading = null;
      throw new StepwedgeError("the codecs for DICOM cannot be loaded", {
        where,
        remedy: "Install Stepwedge anew, with its dependency dcmjs-codecs.",
        exitCode: ExitCode.incomplete,
        cause,
      });
    });
    if (codecs.native.isInitialized()) return codecs;
    if (loading === mine) loading = null;
  }
}

/** Beyond this many values a frame leaves the codec's memory so large that it is better given back. */
const LARGE = 2 ** 25;

async function runCodec(method: Method, bytes: Buffer, codestream: Codestream, where: string): Promise<Uint8Array> {
  const codecs = await ready(where);
  const { components, height, precision, width } = codestream;
  const context = new codecs.Context({
    width,
    height,
    bitsAllocated: precision <= 8 ? 8 : 16,
    bitsStored: precision,
    samplesPerPixel: components,
    pixelRepresentation: codestream.signed ? 1 : 0,
    planarConfiguration: 0,
    photometricInterpretation: components === 1 ? "MONOCHROME2" : "RGB",
    encodedBuffer: bytes,
  });
  codecs.complaint = null;
  let spoilt = width * height * components > LARGE;
  try {
    const result = codecs.native[method](context, { convertColorspaceToRgb: false }).getDecodedBuffer();
    if (codecs.complaint !== null) throw new Error(codecs.complaint);
    return result ?? new Uint8Array(0);
  } catch (cause) {
    spoilt = true;
    const words = cause instanceof Error ? (cause.message.trim().split("\n")[0] ?? "") : String(cause);
    throw damaged(`a frame cannot be decoded (${words.split("::").at(-1)})`, where, cause);
  } finally {
    // A codec that threw was left in the middle: its memory is lost, and may be in disorder.
    if (spoilt) {
      codecs.native.release();
      loading = null;
    }
  }
}

/** What the codecs say in passing that means that pixels are not what was stored. Bytes before the end mark do no harm. */
const COMPLAINT =
  /Corrupt JPEG data(?!: \d+ extraneous bytes before marker 0xd9)|Premature end|Inconsistent progression|MessageCallbackWarning/;

async function load(): Promise<Codecs> {
  const { default: library } = await import("dcmjs-codecs");
  const codecs: Codecs = { native: library.NativeCodecs, Context: library.Context, complaint: null };
  const listen = (message: unknown): void => {
    if (codecs.complaint === null && COMPLAINT.test(String(message))) codecs.complaint = String(message);
  };
  library.log.info = listen;
  library.log.error = listen;
  await codecs.native.initializeAsync({ logCodecsInfo: true });
  return codecs;
}
