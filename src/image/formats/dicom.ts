import type { DecodedImage, PixelOptions } from "../../core/data.js";
import { StepwedgeError } from "../../core/errors.js";
import { partialYbrToRgb, ybrToRgb } from "../dicom/colour.js";
import { describePixels, isColour, type Photometric, type PixelDescription } from "../dicom/description.js";
import { type DicomFile, damaged, looksLikeDicom, readDicom } from "../dicom/file.js";
import { look, readLut } from "../dicom/lut.js";
import { like, type Stored, type StoredFrame, storedFrames } from "../dicom/stored.js";
import { frameValues, type Voi } from "../dicom/values.js";
import type { ImageFormat } from "../format.js";
import { MOST_PIXELS } from "../faults.js";
import { applyWindow, chosenFrames, type DeepImage } from "../window.js";

/** One frame before it is windowed. */
interface DeepFrame extends DeepImage {
  readonly data: Stored;
  readonly fileWindow: Voi | null;
}

/**
 * Decodes DICOM images (PS3.3 C.7.6.3, PS3.5): docs/dicom.md has what is read, by which codec, and what is refused.
 *
 * Gray values are rescaled (or looked up) to true values and windowed as the protocol says; colour becomes RGB and stays as it
 * is stored, whatever window the file names. Several frames become channels, one after the other.
 * @throws StepwedgeError for anything that is not a whole DICOM image of a known reading
 */
async function decode(bytes: Buffer, options: PixelOptions, where: string): Promise<DecodedImage> {
  const file = readDicom(bytes, where);
  const description = describePixels(file, where);
  const load = storedFrames(file, description, where);
  const chosen = chosenFrames(description.frames, options, where);
  const colour = isColour(description.photometric) || description.photometric === "PALETTE COLOR";
  checkSize(description, chosen.length * (colour ? 3 : 1), where);
  const frames: DeepFrame[] = [];
  for (const number of chosen) {
    const stored = await load(number);
    frames.push(
      colour
        ? rgbFrame(file, description, stored, where)
        : grayFrame(file, description, stored.planes, number, options, where),
    );
  }
  // Windows are for gray values: a colour image's "file" window is what it stores.
  const applied: PixelOptions = colour && options.window.kind === "file" ? { ...options, window: STORED } : options;
  return applyWindow(stacked(frames, applied, where), applied, where);
}

const STORED = { kind: "stored" } as const;

export const dicom: ImageFormat = { name: "DICOM", matches: looksLikeDicom, decode };

function checkSize({ columns, rows }: PixelDescription, planes: number, where: string): void {
  if (rows * columns * planes > MOST_PIXELS) {
    throw new StepwedgeError(`the image has ${columns} × ${rows} pixels in ${planes} planes`, {
      where,
      remedy: "Give images of at most 2^28 values, or take fewer frames (data.frames).",
    });
  }
}

function grayFrame(
  { dataSet }: DicomFile,
  { bitsStored, columns, photometric, rows, signed }: PixelDescription,
  planes: Stored,
  frame: number,
  { window }: PixelOptions,
  where: string,
): DeepFrame {
  const base = {
    data: planes,
    channels: 1,
    height: rows,
    width: columns,
    slope: 1,
    intercept: 0,
    storedBits: bitsStored,
    fileWindow: null,
    inverted: photometric === "MONOCHROME1",
  };
  if (window.kind === "stored") return base;
  const values = frameValues(dataSet, frame, signed, where);
  const { slope, intercept } = values;
  const truth: DeepFrame =
    values.modality === null
      ? { ...base, slope, intercept, fileWindow: values.window }
      : {
          ...base,
          data: look(planes, values.modality),
          storedBits: values.modality.bits,
          fileWindow: values.window,
        };
  if (window.kind !== "file" || values.voi === null) return truth;
  const { bits } = values.voi;
  return {
    ...truth,
    data: look(truth.data, values.voi, truth.slope, truth.intercept),
    slope: 1,
    intercept: 0,
    storedBits: bits,
    fileWindow: wholeRange(bits),
  };
}

/** What a VOI table gives out is shown from 0 to the top of its bits. */
function wholeRange(bits: number): Voi {
  const top = 2 ** bits - 1;
  return { kind: "voi", center: top / 2, width: top, shape: "linear-exact" };
}

function rgbFrame(
  { dataSet }: DicomFile,
  { bitsStored, columns, photometric, rows, signed }: PixelDescription,
  { isRgb, planes }: StoredFrame,
  where: string,
): DeepFrame {
  const base = { channels: 3, height: rows, width: columns, slope: 1, intercept: 0, fileWindow: null, inverted: false };
  if (photometric === "PALETTE COLOR") return { ...base, ...painted(dataSet, planes, signed, where) };
  if (signed) throw damaged(`its ${photometric} pixels are signed`, where);
  if (bitsStored > 16) {
    throw new StepwedgeError(`colour of ${bitsStored} bits per sample is not read`, {
      where,
      remedy: "Convert the file to colour of 8 or 16 bits per sample.",
    });
  }
  const data = isRgb ? planes : toRgb(planes, photometric, bitsStored, where);
  return { ...base, data, storedBits: bitsStored };
}

function toRgb(planes: Stored, photometric: Photometric, bits: number, where: string): Stored {
  if (photometric !== "YBR_PARTIAL_422") return ybrToRgb(planes, bits);
  if (bits !== 8) throw damaged(`it is ${photometric} of ${bits} bits`, where);
  return partialYbrToRgb(planes);
}

/** Palette indices as colours (PS3.3 C.7.9). */
function painted(
  dataSet: DicomFile["dataSet"],
  indices: Stored,
  signed: boolean,
  where: string,
): Pick<DeepFrame, "data" | "storedBits"> {
  if (dataSet.elements.x00281221 !== undefined && dataSet.elements.x00281201 === undefined) {
    throw new StepwedgeError("the palette is segmented, which is not read", {
      where,
      remedy: "Convert the file to RGB.",
    });
  }
  const luts = ["1", "2", "3"].map((end) => {
    const tags = { descriptor: `x0028110${end}`, data: `x0028120${end}` };
    return readLut(dataSet, tags, signed, where);
  });
  const storedBits = luts[0]?.bits ?? 0;
  if (luts.some(({ bits }) => bits !== storedBits)) throw damaged("the palettes differ in depth", where);
  const data = storedBits > 8 ? new Uint16Array(3 * indices.length) : new Uint8Array(3 * indices.length);
  for (const [plane, lut] of luts.entries()) data.set(look(indices, lut), plane * indices.length);
  return { data, storedBits };
}

/** Frames as the channels of one image. Where they are rescaled differently, as true values. */
function stacked(frames: readonly DeepFrame[], { window }: PixelOptions, where: string): DeepImage {
  const first = frames[0] as DeepFrame;
  if (frames.length === 1) return first;
  if (window.kind === "file" && frames.some(({ fileWindow }) => !isSameWindow(fileWindow, first.fileWindow))) {
    throw new StepwedgeError("the frames name different windows", {
      where,
      remedy: "Say under data.window which one to take: full, { center, width } or { range }.",
    });
  }
  const alike = frames.every(({ slope, intercept }) => slope === first.slope && intercept === first.intercept);
  const area = first.data.length;
  const data = alike ? like(first.data, frames.length * area) : new Float64Array(frames.length * area);
  for (const [index, { data: values, intercept, slope }] of frames.entries()) {
    if (alike) data.set(values, index * area);
    else for (let at = 0; at < area; at++) data[index * area + at] = (values[at] as number) * slope + intercept;
  }
  return {
    ...first,
    data,
    channels: frames.length * first.channels,
    storedBits: Math.max(...frames.map(({ storedBits }) => storedBits)),
    ...(alike ? {} : { slope: 1, intercept: 0 }),
  };
}

function isSameWindow(one: Voi | null, other: Voi | null): boolean {
  return one?.center === other?.center && one?.width === other?.width && one?.shape === other?.shape;
}
