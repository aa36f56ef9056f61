import type { DataSet } from "dicom-parser";
import { received, StepwedgeError } from "../../core/errors.js";
import { MOST_PIXELS } from "../faults.js";
import { type DicomFile, damaged, type PixelElement } from "./file.js";

/** The Image Pixel module (PS3.3 C.7.6.3): how the samples of a frame are stored. */
export interface PixelDescription {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly samples: 1 | 3;
  readonly photometric: Photometric;
  readonly bitsAllocated: 1 | 8 | 16 | 32 | 64;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  /** Colour by plane (1) and not by pixel (0). */
  readonly planar: boolean;
  readonly element: PixelElement;
}

const PHOTOMETRIC = [
  "MONOCHROME1",
  "MONOCHROME2",
  "PALETTE COLOR",
  "RGB",
  "YBR_FULL",
  "YBR_FULL_422",
  "YBR_PARTIAL_422",
  "YBR_ICT",
  "YBR_RCT",
] as const;
export type Photometric = (typeof PHOTOMETRIC)[number];

/**
 * Reads and checks what the file says of its pixels.
 * @throws StepwedgeError for a file without pixels, and for what is missing, contradictory or of no known reading
 */
export function describePixels({ dataSet, pixels }: DicomFile, where: string): PixelDescription {
  if (pixels === null) {
    throw new StepwedgeError("the DICOM file holds no pixel data, or ends before it", {
      where,
      remedy: "Leave out files that are no images, such as reports, plans and directories (DICOMDIR).",
    });
  }
  const number = (tag: string, name: string): number => {
    const value = unsigned(dataSet, tag);
    if (value === undefined) throw damaged(`${name} is missing`, where);
    return value;
  };
  const rows = number("x00280010", "Rows");
  const columns = number("x00280011", "Columns");
  if (rows === 0 || columns === 0 || rows * columns > MOST_PIXELS) {
    throw new StepwedgeError(`the image has ${columns} × ${rows} pixels`, {
      where,
      remedy: "Give images of 1 to 2^28 pixels; others are refused unread.",
    });
  }
  const samples = unsigned(dataSet, "x00280002") ?? 1;
  const photometric = known(text(dataSet, "x00280004"), samples, where);
  return {
    rows,
    columns,
    frames: frameCount(dataSet, where),
    samples: samples === 3 ? 3 : 1,
    photometric,
    ...bitsOf(dataSet, pixels, photometric, number, where),
    planar: samples === 3 && unsigned(dataSet, "x00280006") === 1,
    element: pixels,
  };
}

function frameCount(dataSet: DataSet, where: string): number {
  const written = text(dataSet, "x00280008");
  if (written === "") return 1;
  if (!/^\+?\d{1,9}$/.test(written) || Number(written) < 1) {
    throw damaged(`Number of Frames is ${received(written)}`, where);
  }
  return Number(written);
}

function known(written: string, samples: number, where: string): Photometric {
  const photometric = PHOTOMETRIC.find((one) => one === written);
  if (photometric === undefined) {
    throw new StepwedgeError(`Photometric Interpretation ${received(written)} has no known reading`, {
      where,
      remedy: `Known are ${PHOTOMETRIC.join(", ")}; convert the file to one of them.`,
    });
  }
  if (samples !== (isColour(photometric) ? 3 : 1)) {
    throw damaged(`it has ${samples} samples per pixel, which ${photometric} has not`, where);
  }
  return photometric;
}

/** Whether a pixel is stored as three values. */
export function isColour(photometric: Photometric): boolean {
  return !["MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"].includes(photometric);
}

function bitsOf(
  dataSet: DataSet,
  pixels: PixelElement,
  photometric: Photometric,
  number: (tag: string, name: string) => number,
  where: string,
): Pick<PixelDescription, "bitsAllocated" | "bitsStored" | "highBit" | "signed"> {
  const allocated = number("x00280100", "Bits Allocated");
  if (pixels.kind !== "integer") {
    const bits = pixels.kind === "float" ? 32 : 64;
    if (allocated !== bits || isColour(photometric) || photometric === "PALETTE COLOR") {
      throw damaged(`it has ${photometric} pixels of ${allocated} bits in ${pixels.kind} pixel data`, where);
    }
    return { bitsAllocated: bits, bitsStored: bits, highBit: bits - 1, signed: true };
  }
  const bitsAllocated = ([1, 8, 16, 32] as const).find((bits) => bits === allocated);
  if (bitsAllocated === undefined) {
    throw new StepwedgeError(`pixels of ${allocated} allocated bits are not read`, {
      where,
      remedy: "Convert the file to 1, 8, 16 or 32 bits allocated, or to float pixel data.",
    });
  }
  const bitsStored = unsigned(dataSet, "x00280101") ?? bitsAllocated;
  const highBit = unsigned(dataSet, "x00280102") ?? bitsStored - 1;
  if (bitsStored < 1 || bitsStored > bitsAllocated || highBit < bitsStored - 1 || highBit >= bitsAllocated) {
    throw damaged(`${bitsStored} stored bits up to bit ${highBit} do not fit into ${bitsAllocated}`, where);
  }
  return { bitsAllocated, bitsStored, highBit, signed: unsigned(dataSet, "x00280103") === 1 };
}

/** The first value of an element of VR US; undefined where it is missing or empty. */
export function unsigned(dataSet: DataSet, tag: string, index = 0): number | undefined {
  const element = dataSet.elements[tag];
  return element !== undefined && element.length >= 2 * index + 2 && inside(dataSet, tag)
    ? dataSet.uint16(tag, index)
    : undefined;
}

/** The text of an element, without spaces around it; empty where it is missing. One value of several by index. */
export function text(dataSet: DataSet, tag: string, index?: number): string {
  if (!inside(dataSet, tag)) return "";
  return (dataSet.string(tag, index) ?? "").trim();
}

/** Whether an element is there and its value lies within the bytes. */
export function inside(dataSet: DataSet, tag: string): boolean {
  const element = dataSet.elements[tag];
  return element !== undefined && element.dataOffset + element.length <= dataSet.byteArray.length;
}
