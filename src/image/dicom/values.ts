import type { DataSet } from "dicom-parser";
import type { Window } from "../../core/data.js";
import { received, StepwedgeError } from "../../core/errors.js";
import { text } from "./description.js";
import { damaged } from "./file.js";
import { type Lut, readLut } from "./lut.js";

export type Voi = Window & { readonly kind: "voi" };

/** What turns a frame's stored values into true ones, and the window that the file names for it. */
export interface FrameValues {
  /** True value = slope × stored value + intercept, where there is no table. */
  readonly slope: number;
  readonly intercept: number;
  readonly modality: Lut | null;
  /** The file's first window; where it has none, its first table. */
  readonly window: Voi | null;
  readonly voi: Lut | null;
}

/**
 * Reads Modality LUT and VOI LUT modules (PS3.3 C.11.1, C.11.2), or in multi-frame files their functional groups (C.7.6.16.2.9,
 * C.7.6.16.2.10): a frame's own before those that frames share, before the file's.
 * @throws StepwedgeError for numbers that are none
 */
export function frameValues(dataSet: DataSet, frame: number, signed: boolean, where: string): FrameValues {
  const scaled = functionalGroup(dataSet, frame, PIXEL_VALUE_TRANSFORMATION) ?? dataSet;
  const viewed = functionalGroup(dataSet, frame, FRAME_VOI_LUT) ?? dataSet;
  const slope = decimal(scaled, "x00281053", "Rescale Slope", where) ?? 1;
  const intercept = decimal(scaled, "x00281052", "Rescale Intercept", where) ?? 0;
  if (slope === 0) throw damaged("Rescale Slope is 0", where);
  const modality = itemOf(dataSet, "x00283000", 0);
  const voi = itemOf(viewed, "x00283010", 0);
  const window = readWindow(viewed, where);
  return {
    slope,
    intercept,
    modality: modality === null ? null : readLut(modality, LUT_TAGS, signed, where),
    window,
    // The table's inputs are true values: signed where stored values are, or where they can become so.
    voi:
      voi === null || window !== null
        ? null
        : readLut(voi, LUT_TAGS, modality === null && (signed || intercept < 0), where),
  };
}

const LUT_TAGS = { descriptor: "x00283002", data: "x00283006" };
const PIXEL_VALUE_TRANSFORMATION = "x00289145";
const FRAME_VOI_LUT = "x00289132";

function functionalGroup(dataSet: DataSet, frame: number, macro: string): DataSet | null {
  const own = itemOf(dataSet, "x52009230", frame);
  const shared = itemOf(dataSet, "x52009229", 0);
  return (own && itemOf(own, macro, 0)) ?? (shared && itemOf(shared, macro, 0));
}

function itemOf(dataSet: DataSet, tag: string, index: number): DataSet | null {
  return dataSet.elements[tag]?.items?.[index]?.dataSet ?? null;
}

/** The first window of several (PS3.3 C.11.2.1.2). */
function readWindow(dataSet: DataSet, where: string): Voi | null {
  const center = decimal(dataSet, "x00281050", "Window Center", where);
  const width = decimal(dataSet, "x00281051", "Window Width", where);
  if (center === null || width === null) return null;
  const shape = SHAPES.get(text(dataSet, "x00281056"));
  if (shape === undefined) {
    throw damaged(`VOI LUT Function is ${received(text(dataSet, "x00281056"))}`, where);
  }
  if (!(width > 0) || (shape === "linear" && width < 1)) throw damaged(`Window Width is ${width}`, where);
  return { kind: "voi", center, width, shape };
}

const SHAPES = new Map([
  ["", "linear"],
  ["LINEAR", "linear"],
  ["LINEAR_EXACT", "linear-exact"],
  ["SIGMOID", "sigmoid"],
] as const) as ReadonlyMap<string, Voi["shape"]>;

/** The first value of an element of VR DS; null where it is missing or empty. */
function decimal(dataSet: DataSet, tag: string, name: string, where: string): number | null {
  const written = text(dataSet, tag, 0);
  if (written === "") return null;
  const value = Number(written);
  if (/^[-+.\dEe]+$/.test(written) && Number.isFinite(value)) return value;
  throw new StepwedgeError(`${name} is no number: ${received(written)}`, {
    where,
    remedy: "Correct the file, or leave it out.",
  });
}
