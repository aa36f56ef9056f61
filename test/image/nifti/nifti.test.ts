import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { AS_STORED, type DecodedImage, type PixelOptions } from "../../../src/core/data.js";
import { StepwedgeError } from "../../../src/core/errors.js";
import { decodeImage } from "../../../src/image/decode.js";
import { axisCodes, orientationOf } from "../../../src/image/nifti/orientation.js";
import { readNifti } from "../../../src/image/nifti/volume.js";
import { buildNifti } from "../../support/nifti.js";
import { sharedData } from "../../support/shared-data.js";

/** A patient of 2 × 3 × 4 voxels: x from left to right, y from posterior to anterior, z from inferior to superior. */
const SIZE = [2, 3, 4] as const;
const valueAt = (x: number, y: number, z: number): number => 1 + x + 10 * y + 100 * z;

interface Layout {
  /** The anatomical axis of each stored dimension, and whether it runs the positive way. */
  readonly axes: readonly number[];
  readonly signs: readonly number[];
}

const LAYOUTS: readonly Layout[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
].flatMap((axes) =>
  [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => ({ axes, signs: axes.map((_, index) => ((bits >> index) & 1 ? -1 : 1)) })),
);

/** The patient stored in a layout, with the sform that says so, turned by `tilt` radians about z. */
function stored({ axes, signs }: Layout, tilt = 0): Buffer {
  const shape = axes.map((axis) => SIZE[axis] as number);
  const values: number[] = [];
  for (let k = 0; k < (shape[2] as number); k++) {
    for (let j = 0; j < (shape[1] as number); j++) {
      for (let i = 0; i < (shape[0] as number); i++) {
        const point = [0, 0, 0];
        [i, j, k].forEach((index, dimension) => {
          const [axis, sign] = [axes[dimension] as number, signs[dimension] as number];
          point[axis] = sign === 1 ? index : (SIZE[axis] as number) - 1 - index;
        });
        values.push(valueAt(...(point as [number, number, number])));
      }
    }
  }
  const matrix = [0, 1, 2].map((row) =>
    axes.map((axis, column) => (axis === row ? 2.5 * (signs[column] as number) : 0)),
  );
  const [x, y, z] = matrix as [number[], number[], number[]];
  const turned = [
    x.map((value, column) => Math.cos(tilt) * value - Math.sin(tilt) * (y[column] as number)),
    y.map((value, column) => Math.sin(tilt) * (x[column] as number) + Math.cos(tilt) * value),
    z,
  ];
  return buildNifti({ shape, datatype: "int16", values, sform: turned.flatMap((row) => [...row, 7]) });
}

const ALL: PixelOptions = { ...AS_STORED, frames: { take: "all" } };

function planes(image: DecodedImage): number[][][] {
  const { channels, height, width } = image;
  return Array.from({ length: channels }, (_, channel) =>
    Array.from({ length: height }, (__, row) =>
      Array.from(image.data.slice((channel * height + row) * width, (channel * height + row + 1) * width)),
    ),
  );
}

const from = (first: number, last: number): number[] =>
  Array.from({ length: Math.abs(last - first) + 1 }, (_, index) => first + (last > first ? index : -index));

test("slices of all 48 layouts of one patient are the same, shown by the radiological convention", async () => {
  // Axial: from inferior; rows from anterior; columns from right. The others likewise.
  const axial = from(0, 3).map((z) => from(2, 0).map((y) => from(1, 0).map((x) => valueAt(x, y, z))));
  const coronal = from(0, 2).map((y) => from(3, 0).map((z) => from(1, 0).map((x) => valueAt(x, y, z))));
  const sagittal = from(0, 1).map((x) => from(3, 0).map((z) => from(2, 0).map((y) => valueAt(x, y, z))));
  for (const layout of LAYOUTS) {
    for (const tilt of [0, 0.6, -0.6]) {
      const bytes = stored(layout, tilt);
      expect(planes(await decodeImage(bytes, "a.nii", ALL))).toEqual(axial);
      expect(planes(await decodeImage(bytes, "a.nii", { ...ALL, axis: "coronal" }))).toEqual(coronal);
      expect(planes(await decodeImage(bytes, "a.nii", { ...ALL, axis: "sagittal" }))).toEqual(sagittal);
    }
  }
});

test("axis stored, all slices: the voxels as they lie in the file, the first dimension fastest", async () => {
  for (const layout of LAYOUTS) {
    const bytes = stored(layout);
    const image = await decodeImage(gzipSync(bytes), "a.nii.gz", { ...ALL, axis: "stored" });
    const { header, voxels } = await readNifti(bytes, "a.nii");
    expect([image.width, image.height, image.channels]).toEqual(header.shape);
    expect(Array.from(image.data)).toEqual(Array.from(voxels));
  }
});

test("one slice is the one of all", async () => {
  const bytes = stored({ axes: [2, 0, 1], signs: [1, -1, 1] });
  const whole = planes(await decodeImage(bytes, "a.nii", ALL));
  const third = await decodeImage(bytes, "a.nii", { ...AS_STORED, frames: { take: "index", index: 3 } });
  expect(planes(third)).toEqual([whole[3]]);
  const stack = await decodeImage(bytes, "a.nii", { ...AS_STORED, frames: { take: "stack", count: 3 } });
  expect(planes(stack)).toEqual(whole.slice(1, 4));
});

const ramp = (count: number) => Array.from({ length: count }, (_, index) => index);
const SFORM = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];

describe("headers", () => {
  test.each([1, 2] as const)("NIfTI-%i of both byte orders holds the same", async (version) => {
    for (const datatype of ["uint8", "int16", "uint16", "int32", "float32", "float64", "int64"] as const) {
      for (const littleEndian of [true, false]) {
        const parts = { version, littleEndian, datatype, shape: [3, 2], values: [0, 1, 2, 100, 101, 102] };
        const bytes = buildNifti({ ...parts, scale: [0.5, -3], sform: SFORM });
        const { header, voxels } = await readNifti(bytes, "a.nii");
        expect(Array.from(voxels)).toEqual(parts.values);
        expect(header).toMatchObject({ version, littleEndian, shape: [3, 2], slope: 0.5, intercept: -3 });
        expect(header.affine).toEqual(SFORM);
      }
    }
  });

  test("a slope of 0 or no number scales nothing", async () => {
    for (const slope of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
      const bytes = buildNifti({ shape: [1], datatype: "uint8", values: [9], scale: [slope, 5] });
      expect((await readNifti(bytes, "a.nii")).header).toMatchObject({ slope: 1, intercept: 0 });
    }
  });

  test.each([1, 2] as const)(
    "NIfTI-%i: the sform goes before the qform, whose quaternion is turned to a matrix",
    async (version) => {
      // Half a turn about z, voxels of 2 × 3 × 4, the third axis flipped: the first axis runs to the left, the second to posterior.
      const parts = { version, shape: [1, 1, 1], datatype: "uint8" as const, values: [0], pixdim: [2, 3, 4] as const };
      const qform = [0, 0, 1, 10, 20, 30, -1];
      const only = (await readNifti(buildNifti({ ...parts, qform }), "a.nii")).header;
      expect(only.affine?.map((value) => value + 0)).toEqual([-2, 0, 0, 10, 0, -3, 0, 20, 0, 0, -4, 30]);
      expect(only.affineOf).toBe("qform");
      expect(axisCodes(orientationOf(only.affine ?? []))).toBe("LPI");
      const both = (await readNifti(buildNifti({ ...parts, qform, sform: SFORM }), "a.nii")).header;
      expect(both.affineOf).toBe("sform");
    },
  );

  test("a turn about any axis is Rodrigues' rotation", async () => {
    const axis = [2 / 7, -3 / 7, 6 / 7] as const;
    const [cosine, sine] = [Math.cos(1.1), Math.sin(1.1)];
    const cross = [0, -axis[2], axis[1], axis[2], 0, -axis[0], -axis[1], axis[0], 0];
    const rotation = cross.map((value, index) => {
      const [row, column] = [Math.floor(index / 3), index % 3];
      const along = (axis[row] as number) * (axis[column] as number) * (1 - cosine);
      return along + (row === column ? cosine : 0) + value * sine;
    });
    const vector = axis.map((value) => value * Math.sin(0.55));
    const parts = {
      version: 2,
      shape: [1, 1, 1],
      datatype: "uint8",
      values: [0],
      qform: [...vector, 0, 0, 0, 1],
    } as const;
    const { affine } = (await readNifti(buildNifti(parts), "a.nii")).header;
    for (const [index, value] of rotation.entries()) {
      expect(affine?.[4 * Math.floor(index / 3) + (index % 3)]).toBeCloseTo(value, 12);
    }
  });

  test("a quarter turn about x: y goes to z", async () => {
    const half = Math.SQRT1_2;
    const bytes = buildNifti({
      version: 2,
      shape: [1, 1, 1],
      datatype: "uint8",
      values: [0],
      qform: [half, 0, 0, 0, 0, 0, 1],
    });
    expect(axisCodes(orientationOf((await readNifti(bytes, "a.nii")).header.affine ?? []))).toBe("RSP");
  });
});

describe("values", () => {
  const volume = (parts: object = {}) =>
    buildNifti({ shape: [4, 2, 1], datatype: "int16", values: ramp(8), sform: SFORM, ...parts });
  const decode = (bytes: Buffer, options: Partial<PixelOptions> = {}) =>
    decodeImage(bytes, "a.nii", { ...AS_STORED, ...options });

  test("a range is one of true values", async () => {
    const image = await decode(volume({ scale: [2, -4] }), {
      window: { kind: "range", lower: -4, upper: 10 },
      axis: "stored",
    });
    expect(image.maxValue).toBe(65535);
    expect(Array.from(image.data)).toEqual(ramp(8).map((value) => Math.floor((value / 7) * 65535 + 0.5)));
  });

  test("the file's window is cal_min to cal_max", async () => {
    const image = await decode(volume({ display: [2, 4] }), { window: { kind: "file" }, axis: "stored", bits: 8 });
    expect(Array.from(image.data)).toEqual([0, 0, 0, 128, 255, 255, 255, 255]);
    await expect(decode(volume(), { window: { kind: "file" } })).rejects.toThrow("names no window");
  });

  test("(v − min) / (max − min) of a whole volume, x fastest, is frames all, axis stored, window full", async () => {
    const bytes = buildNifti({
      shape: [2, 2, 2],
      datatype: "uint8",
      values: [5, 6, 7, 8, 9, 10, 11, 260 - 5],
      sform: SFORM,
    });
    const image = await decode(bytes, { frames: { take: "all" }, axis: "stored", window: { kind: "full" }, bits: 16 });
    expect([image.channels, image.height, image.width]).toEqual([2, 2, 2]);
    expect(Array.from(image.data)).toEqual(
      [5, 6, 7, 8, 9, 10, 11, 255].map((v) => Math.round(((v - 5) / 250) * 65535)),
    );
  });

  test("RGB24 gives three planes of one slice", async () => {
    const bytes = buildNifti({ shape: [2, 1, 1], datatype: "rgb24", values: [1, 2, 3, 4, 5, 6], sform: SFORM });
    const image = await decode(bytes, { axis: "stored" });
    expect([image.channels, image.maxValue]).toEqual([3, 255]);
    expect(Array.from(image.data)).toEqual([1, 4, 2, 5, 3, 6]);
    const two = buildNifti({ shape: [1, 1, 2], datatype: "rgb24", values: ramp(6), sform: SFORM });
    await expect(decode(two, { frames: { take: "all" } })).rejects.toThrow("several slices of a colour volume");
  });

  const refused: readonly (readonly [string, Buffer, Partial<PixelOptions>, RegExp])[] = [
    [
      "values that are not a number",
      volume({ datatype: "float32", values: [...ramp(7), Number.NaN] }),
      { window: { kind: "full" } },
      /not a number/,
    ],
    ["negative values as stored", volume({ values: [...ramp(7), -1] }), {}, /value -1/],
    ["several volumes", volume({ shape: [2, 2, 1, 2] }), {}, /2 volumes \(2 × 2 × 1 × 2\)/],
    ["several slices without a choice", volume({ shape: [2, 2, 2] }), {}, /2 frames or slices/],
    ["anatomical axes without orientation", volume({ sform: undefined }), {}, /does not say how the volume lies/],
    ["an sform that is singular", volume({ sform: [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0] }), {}, /does not say how/],
    ["complex numbers", volume({ datatype: "complex64", values: ramp(16) }), {}, /complex numbers/],
    ["integers beyond 2^53", volume({ datatype: "int64", values: [...ramp(7), 2 ** 60] }), {}, /beyond 2\^53/],
    ["a pair's header", volume({ magic: "ni1" }), {}, /pair/],
    ["an ANALYZE header", volume({ magic: "\0\0\0" }), {}, /ANALYZE/],
    ["sizes of 0", volume({ shape: [4, 0, 2] }), {}, /sizes are 4 × 0 × 2/],
    ["too many voxels", volume({ shape: [32767, 32767, 32767] }), {}, /2\^28 voxels/],
    ["a truncated file", volume().subarray(0, -1), {}, /truncated/],
    ["a truncated gzip file", gzipSync(volume()).subarray(0, -12), {}, /truncated/],
    ["a few bytes that promise gigabytes", gzipSync(volume({ shape: [1024, 1024, 128] })), {}, /cannot unpack/],
    [
      "more than the header says",
      gzipSync(Buffer.concat([volume(), Buffer.alloc(2 ** 22)])),
      {},
      /more than its header/,
    ],
  ];
  test.each(refused)("refuses %s", async (_, bytes, options, reason) => {
    const error: unknown = await decode(bytes, options).catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(StepwedgeError);
    expect((error as StepwedgeError).format()).toMatch(reason);
    expect((error as StepwedgeError).remedy).toBeDefined();
  });

  test("whatever a header says, decoding ends in an image or in a refusal", async () => {
    const sound = volume();
    for (let at = 0; at < 352; at++) {
      for (const byte of [0x00, 0x7f, 0x80, 0xff]) {
        const bytes = Buffer.from(sound);
        bytes[at] = byte;
        const result: unknown = await decode(bytes, { frames: { take: "middle" } }).catch((fault: unknown) => fault);
        if (!(result instanceof StepwedgeError)) expect(result).toHaveProperty("maxValue");
      }
    }
  });
});

const meshnet = join(sharedData ?? "absent", "nifti", "files", "t1_crop.nii.gz");
(existsSync(meshnet) ? test : test.skip)("a real head, 256³, in stored order and as axial slices", async () => {
  const packed = readFileSync(meshnet);
  const raw = gunzipSync(packed).subarray(352);
  const all = await decodeImage(packed, "t1", { ...ALL, axis: "stored" });
  expect(Buffer.compare(Buffer.from(all.data.buffer), raw)).toBe(0);
  // Stored LIA: i to the left, j to inferior, k to anterior. Axial slice z, row from anterior, column from right.
  const slice = await decodeImage(packed, "t1", { ...AS_STORED, frames: { take: "index", index: 100 } });
  for (const [row, column] of [
    [0, 0],
    [100, 90],
    [200, 31],
  ] as const) {
    const [i, j, k] = [column, 255 - 100, 255 - row];
    expect(slice.data[row * 256 + column]).toBe(raw[i + 256 * (j + 256 * k)]);
  }
});
