/**
 * The header of NIfTI-1 (https://nifti.nimh.nih.gov/pub/dist/src/niftilib/nifti1.h) and NIfTI-2 files, of either byte order.
 * Own reading, not nifti-reader-js 0.8: that takes the qform where its code is larger than the sform's (nibabel and FSL take
 * the sform), knows no qform at all in NIfTI-2, and checks no size before it allocates.
 */
import { StepwedgeError } from "../../core/errors.js";
import { MOST_PIXELS } from "../faults.js";

export interface NiftiHeader {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  /** Voxels along each of 1 to 7 dimensions; the first varies fastest. */
  readonly shape: readonly number[];
  readonly datatype: number;
  /** Where the voxels begin, in bytes. */
  readonly voxelOffset: number;
  /** True value = slope × stored + intercept; 1 and 0 where the file scales nothing (its slope is 0 or no number). */
  readonly slope: number;
  readonly intercept: number;
  /** `cal_min` and `cal_max`: what the file says is to be shown black and white; null where it says nothing. */
  readonly display: readonly [number, number] | null;
  /** Three rows of four, row by row: from voxel indices (i, j, k, 1) to millimetres right, anterior, superior. */
  readonly affine: readonly number[] | null;
  /** Which of the header's forms the affine is: the sform where its code is above 0, else the qform likewise. */
  readonly affineOf: "sform" | "qform" | null;
}

/** A header is looked for in this many bytes. */
export const HEADER_BYTES = 540;

interface Kind {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  readonly magic: string;
}

/** What the first bytes say, `sizeof_hdr` in one byte order and the magic word; null where this is no such file. */
export function kindOf(bytes: Buffer): Kind | null {
  if (bytes.length < 348) return null;
  for (const littleEndian of [true, false]) {
    const size = littleEndian ? bytes.readInt32LE(0) : bytes.readInt32BE(0);
    if (size === 348) return { version: 1, littleEndian, magic: bytes.toString("latin1", 344, 347) };
    if (size === 540) return { version: 2, littleEndian, magic: bytes.toString("latin1", 4, 7) };
  }
  return null;
}

/**
 * Reads the header from the first bytes of an unpacked file.
 * @throws StepwedgeError for what is no single NIfTI file, and for sizes that are broken or beyond 2^28 voxels
 */
export function readNiftiHeader(bytes: Buffer, where: string): NiftiHeader {
  const kind = kindOf(bytes);
  if (kind === null) throw fault("the file is not a NIfTI file: it does not begin with 348 or 540", where);
  const { littleEndian, magic, version } = kind;
  if (magic === "ni1" || magic === "ni2") {
    throw new StepwedgeError("the file is the header of a .hdr/.img pair", {
      where,
      remedy: "Join the pair into one .nii or .nii.gz file.",
    });
  }
  if (magic !== `n+${version}`) {
    throw new StepwedgeError("the file has the header of ANALYZE 7.5, which does not say where left and right are", {
      where,
      remedy: "Convert it to NIfTI (.nii or .nii.gz).",
    });
  }
  if (version === 2 && bytes.length < HEADER_BYTES) throw fault("the file is truncated in its header", where);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = version === 1 ? fields1(view, littleEndian) : fields2(view, littleEndian);
  const { display, intercept, slope } = fields;
  // A slope of 0 means: not scaled. Some writers put NaN or infinity there, with the same meaning (nibabel reads it so).
  const isScaled = Number.isFinite(slope) && slope !== 0;
  if (isScaled && !Number.isFinite(intercept)) throw fault("the header's scl_inter is not a number", where);
  const voxelOffset = Math.max(fields.voxelOffset, version === 1 ? 352 : 544);
  if (!Number.isSafeInteger(voxelOffset)) throw fault("the header's vox_offset is no whole number", where);
  const [black, white] = display;
  return {
    version,
    littleEndian,
    shape: shapeOf(fields.dim, where),
    datatype: fields.datatype,
    voxelOffset,
    slope: isScaled ? slope : 1,
    intercept: isScaled ? intercept : 0,
    display: Number.isFinite(black) && Number.isFinite(white) && white > black ? [black, white] : null,
    ...affineFrom(fields),
  };
}

interface Fields {
  /** `dim[0 … 7]`: the number of dimensions, then their sizes. */
  readonly dim: readonly number[];
  readonly datatype: number;
  readonly pixdim: readonly number[];
  readonly voxelOffset: number;
  readonly slope: number;
  readonly intercept: number;
  readonly display: readonly [number, number];
  readonly qformCode: number;
  readonly sformCode: number;
  /** `quatern_b, c, d`, `qoffset_x, y, z`. */
  readonly quaternion: readonly number[];
  readonly srow: readonly number[];
}

function fields1(view: DataView, le: boolean): Fields {
  const float = (at: number) => view.getFloat32(at, le);
  const floats = (at: number, count: number) => Array.from({ length: count }, (_, index) => float(at + 4 * index));
  return {
    dim: Array.from({ length: 8 }, (_, index) => view.getInt16(40 + 2 * index, le)),
    datatype: view.getInt16(70, le),
    pixdim: floats(76, 8),
    voxelOffset: float(108),
    slope: float(112),
    intercept: float(116),
    display: [float(128), float(124)],
    qformCode: view.getInt16(252, le),
    sformCode: view.getInt16(254, le),
    quaternion: floats(256, 6),
    srow: floats(280, 12),
  };
}

function fields2(view: DataView, le: boolean): Fields {
  const float = (at: number) => view.getFloat64(at, le);
  const floats = (at: number, count: number) => Array.from({ length: count }, (_, index) => float(at + 8 * index));
  return {
    dim: Array.from({ length: 8 }, (_, index) => Number(view.getBigInt64(16 + 8 * index, le))),
    datatype: view.getInt16(12, le),
    pixdim: floats(104, 8),
    voxelOffset: Number(view.getBigInt64(168, le)),
    slope: float(176),
    intercept: float(184),
    display: [float(200), float(192)],
    qformCode: view.getInt32(344, le),
    sformCode: view.getInt32(348, le),
    quaternion: floats(352, 6),
    srow: floats(400, 12),
  };
}

function shapeOf(dim: readonly number[], where: string): number[] {
  const count = dim[0] as number;
  if (!(count >= 1 && count <= 7)) throw fault(`the header speaks of ${count} dimensions`, where);
  const shape = dim.slice(1, count + 1);
  if (!shape.every((size) => size >= 1)) throw fault(`the header's sizes are ${shape.join(" × ")}`, where);
  if (shape.reduce((product, size) => product * size, 1) > MOST_PIXELS) {
    throw new StepwedgeError(`the file has ${shape.join(" × ")} voxels`, {
      where,
      remedy: "Give files of at most 2^28 voxels; larger ones are refused unread.",
    });
  }
  return shape;
}

function affineFrom(fields: Fields): Pick<NiftiHeader, "affine" | "affineOf"> {
  if (fields.sformCode > 0) return checked(fields.srow, "sform");
  if (fields.qformCode > 0) return checked(qform(fields), "qform");
  return { affine: null, affineOf: null };
}

/** An affine that is not invertible says nothing of directions. */
function checked(affine: readonly number[], affineOf: "sform" | "qform"): Pick<NiftiHeader, "affine" | "affineOf"> {
  const [a, b, c, , d, e, f, , g, h, i] = affine as [number, number, number, number, ...number[]] & number[];
  const [dd, ee, ff, gg, hh, ii] = [d, e, f, g, h, i] as [number, number, number, number, number, number];
  const determinant = a * (ee * ii - ff * hh) - b * (dd * ii - ff * gg) + c * (dd * hh - ee * gg);
  const isSound = affine.every(Number.isFinite) && determinant !== 0;
  return isSound ? { affine, affineOf } : { affine: null, affineOf: null };
}

/** Method 2 of nifti1.h: the rotation of a unit quaternion, times voxel sizes, the third of them with the sign `qfac`. */
function qform({ pixdim, quaternion }: Fields): number[] {
  let [b, c, d] = quaternion as [number, number, number];
  const rest = 1 - (b * b + c * c + d * d);
  let a = 0;
  if (rest >= 1e-7) {
    a = Math.sqrt(rest);
  } else {
    // Rounding has made the vector part as long as the whole quaternion, or longer: a turn by 180 degrees.
    const length = Math.hypot(b, c, d);
    b /= length;
    c /= length;
    d /= length;
  }
  const rotation = [
    [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
    [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
    [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
  ];
  const qfac = (pixdim[0] as number) < 0 ? -1 : 1;
  const sizes = [pixdim[1] as number, pixdim[2] as number, qfac * (pixdim[3] as number)];
  return rotation.flatMap((row, index) => [
    ...row.map((value, column) => value * (sizes[column] as number)),
    quaternion[3 + index] as number,
  ]);
}

function fault(message: string, where: string): StepwedgeError {
  return new StepwedgeError(message, { where, remedy: "Copy the file again from its source." });
}
