/** A NIfTI file built field by field, of either version and byte order. */
export interface NiftiParts {
  readonly version?: 1 | 2;
  readonly littleEndian?: boolean;
  readonly shape: readonly number[];
  readonly datatype: "uint8" | "int16" | "uint16" | "int32" | "float32" | "float64" | "int64" | "rgb24" | "complex64";
  /** In the order in which they are stored. */
  readonly values: readonly number[];
  readonly scale?: readonly [slope: number, intercept: number];
  readonly display?: readonly [black: number, white: number];
  /** Three rows of four. */
  readonly sform?: readonly number[];
  /** `quatern_b, c, d`, `qoffset_x, y, z`, and `qfac`. */
  readonly qform?: readonly number[];
  readonly pixdim?: readonly [number, number, number];
  readonly magic?: string;
}

const TYPES = {
  uint8: [2, 8],
  int16: [4, 16],
  int32: [8, 32],
  float32: [16, 32],
  complex64: [32, 64],
  float64: [64, 64],
  rgb24: [128, 24],
  uint16: [512, 16],
  int64: [1024, 64],
} as const;

export function buildNifti(parts: NiftiParts): Buffer {
  const { version = 1, littleEndian: le = true, shape, datatype, values, sform, qform } = parts;
  const [code, bits] = TYPES[datatype];
  const begin = version === 1 ? 352 : 544;
  const size = datatype === "rgb24" ? 1 : datatype === "complex64" ? 4 : bits / 8;
  const bytes = Buffer.alloc(begin + values.length * size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const two = version === 2;
  const real = (at: number, value: number) => (two ? view.setFloat64(at, value, le) : view.setFloat32(at, value, le));
  const reals = (at: number, list: readonly number[]) => {
    for (const [index, value] of list.entries()) real(at + index * (two ? 8 : 4), value);
  };
  const whole = (at: number, value: number) => (two ? view.setInt32(at, value, le) : view.setInt16(at, value, le));
  view.setInt32(0, two ? 540 : 348, le);
  bytes.write(parts.magic ?? (two ? "n+2" : "n+1"), two ? 4 : 344, "latin1");
  view.setInt16(two ? 12 : 70, code, le);
  view.setInt16(two ? 14 : 72, bits, le);
  [shape.length, ...shape].forEach((length, index) => {
    if (two) view.setBigInt64(16 + 8 * index, BigInt(length), le);
    else view.setInt16(40 + 2 * index, length, le);
  });
  reals(two ? 104 : 76, [qform?.[6] ?? 1, ...(parts.pixdim ?? [1, 1, 1])]);
  if (two) view.setBigInt64(168, BigInt(begin), le);
  else view.setFloat32(108, begin, le);
  reals(two ? 176 : 112, parts.scale ?? [0, 0]);
  reals(two ? 192 : 124, [parts.display?.[1] ?? 0, parts.display?.[0] ?? 0]);
  whole(two ? 344 : 252, qform === undefined ? 0 : 1);
  whole(two ? 348 : 254, sform === undefined ? 0 : 1);
  reals(two ? 352 : 256, qform?.slice(0, 6) ?? []);
  reals(two ? 400 : 280, sform ?? []);
  for (const [index, value] of values.entries()) writeValue(view, begin + index * size, datatype, value, le);
  return bytes;
}

function writeValue(view: DataView, at: number, type: NiftiParts["datatype"], value: number, le: boolean): void {
  if (type === "uint8" || type === "rgb24") view.setUint8(at, value);
  else if (type === "int16") view.setInt16(at, value, le);
  else if (type === "uint16") view.setUint16(at, value, le);
  else if (type === "int32") view.setInt32(at, value, le);
  else if (type === "float64") view.setFloat64(at, value, le);
  else if (type === "int64") view.setBigInt64(at, BigInt(value), le);
  else view.setFloat32(at, value, le);
}
