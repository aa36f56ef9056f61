/**
 * Every file of the DICOM material beside the repository: its stored values equal the reference, or it is refused for the
 * reason that stands here.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parse } from "csv-parse/sync";
import { AS_STORED } from "../../src/core/data.js";
import { StepwedgeError } from "../../src/core/errors.js";
import { decodeImage } from "../../src/image/decode.js";
import { describePixels, type PixelDescription } from "../../src/image/dicom/description.js";
import { readDicom } from "../../src/image/dicom/file.js";
import { like, type Stored, storedFrames } from "../../src/image/dicom/stored.js";
import { sharedData } from "../support/shared-data.js";

const folder = sharedData === null ? null : join(sharedData, "dicom");

interface Row {
  readonly path: string;
  readonly decode: string;
  readonly pixels: string;
  readonly pixel_sha256: string;
  readonly dtype: string;
}

const rows: readonly Row[] =
  folder === null ? [] : parse(readFileSync(join(folder, "manifest.csv"), "utf8"), { columns: true });
const nameOf = ({ path }: Row): string => path.replace(/^files\/|\.dcm$/g, "");

const NO_PIXELS = /holds no pixel data/;
/** Files that are refused, and why. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  "cornerstone__no-pixel-data": NO_PIXELS,
  pydicom__ExplVR_BigEndNoMeta: NO_PIXELS,
  pydicom__UN_sequence: NO_PIXELS,
  pydicom__reportsi: NO_PIXELS,
  pydicom__reportsi_with_empty_number_tags: NO_PIXELS,
  pydicom__rtplan: NO_PIXELS,
  pydicom__rtstruct: NO_PIXELS,
  pydicom__waveform_ecg: NO_PIXELS,
  pydicom__rtplan_truncated: /truncated or damaged/,
  // Neither mark nor meta header, and no element that begins a data set.
  pydicom__no_meta: /does not say its transfer syntax/,
  // A test of nested sequences with two bytes of pixels and no Rows.
  pydicom__nested_priv_SQ: /Rows is missing/,
  pydicom__MR_truncated: /8130 of 8192 bytes/,
  // Its codestream's header was overwritten; the reference guesses what stood there.
  "pydicom__JPEG2000-embedded-sequence-delimiter": /a frame has 3722445056 × 1024/,
  // The codestream is signed and the file says unsigned: -2048 would be 63488.
  "pylibjpeg-data__TOSHIBA_J2K_SIZ1_PixRep0": /-2048, which 16 unsigned bits do not/,
};

/** Files of which the reference does not follow PS3.5 section 8.1.1: signed values of fewer bits than allocated. */
const NOT_EXTENDED: Readonly<Record<string, number>> = {
  "pydicom-data__JLSL_16_15_1_1F": 15,
  "pydicom-data__mlut_18": 12,
};

/** Files without a reference, or with a wrong one, and those that hold the same pixels in another transfer syntax. */
const SAME_PIXELS: Readonly<Record<string, string>> = {
  "pydicom-data__liver_rle": "pydicom-data__liver",
  "pydicom-data__liver_nonbyte_aligned_rle": "pydicom-data__liver_nonbyte_aligned",
  "pydicom-data__liver_nonbyte_aligned_deflate": "pydicom-data__liver_nonbyte_aligned",
  // Its bytes are swapped within words of OW, which the reference overlooks.
  pydicom__SC_rgb_small_odd_big_endian: "pydicom__SC_rgb_small_odd",
};

async function allFrames(path: string): Promise<{ readonly frames: Stored[]; readonly description: PixelDescription }> {
  const file = readDicom(readFileSync(join(folder ?? "", path)), path);
  const description = describePixels(file, path);
  const load = storedFrames(file, description, path);
  const frames: Stored[] = [];
  for (let frame = 0; frame < description.frames; frame++) frames.push((await load(frame)).planes);
  return { frames, description };
}

/** Bytes as pydicom's arrays have them: pixel by pixel. */
function interleaved(planes: Stored, samples: number): Uint8Array {
  if (samples === 1) return new Uint8Array(planes.buffer, planes.byteOffset, planes.byteLength);
  const values = like(planes, planes.length);
  const area = planes.length / samples;
  for (let index = 0; index < planes.length; index++) {
    values[index] = planes[(index % samples) * area + Math.floor(index / samples)] as number;
  }
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

async function digest(path: string): Promise<string> {
  const { description, frames } = await allFrames(path);
  const hash = createHash("sha256");
  for (const frame of frames) hash.update(interleaved(frame, description.samples));
  return hash.digest("hex");
}

const test_ = folder === null ? test.skip : test;

describe("every file of the material", () => {
  test_("is in this test", () => {
    expect(rows.length).toBe(132);
    const names = rows.map(nameOf);
    for (const name of [REFUSED, NOT_EXTENDED, SAME_PIXELS].flatMap((group) => Object.keys(group))) {
      expect(names).toContain(name);
    }
  });

  for (const row of rows) {
    const name = nameOf(row);
    const { [name]: reason } = REFUSED;
    const { [name]: sameAs } = SAME_PIXELS;
    const { [name]: extended } = NOT_EXTENDED;
    if (reason !== undefined) {
      test(`${name} is refused`, async () => {
        const refusal = await decodeImage(readFileSync(join(folder ?? "", row.path)), name).catch(
          (error: unknown) => error,
        );
        // Raster formats take what does not look like DICOM.
        if (name === "pydicom__no_meta") await expect(allFrames(row.path)).rejects.toThrow(reason);
        else expect((refusal as Error).message).toMatch(reason);
        expect(refusal).toBeInstanceOf(StepwedgeError);
      });
    } else if (sameAs !== undefined) {
      test(`${name} equals ${sameAs}`, async () => {
        expect(await digest(row.path)).toBe(await digest(`files/${sameAs}.dcm`));
      });
    } else if (extended !== undefined) {
      test(`${name} equals the reference, its sign extended from bit ${extended - 1}`, async () => {
        const raw = gunzipSync(readFileSync(join(folder ?? "", row.pixels)));
        const reference = new Int16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
        const shift = 32 - extended;
        const { frames } = await allFrames(row.path);
        expect(Buffer.from(Int16Array.from(reference, (value) => (value << shift) >> shift).buffer)).toEqual(
          Buffer.from((frames[0] as Int16Array).slice().buffer),
        );
      });
    } else {
      test(`${name} equals the reference`, async () => {
        expect(await digest(row.path)).toBe(row.pixel_sha256);
      });
    }
  }
});

/** Mean and largest difference of two images of 8 bits. */
function difference(
  one: ArrayLike<number>,
  other: ArrayLike<number>,
): { readonly mean: number; readonly most: number } {
  let [sum, most] = [0, 0];
  for (let index = 0; index < one.length; index++) {
    const apart = Math.abs((one[index] as number) - (other[index] as number));
    sum += apart;
    most = Math.max(most, apart);
  }
  return { mean: sum / one.length, most };
}

describe("colour comes out as RGB", () => {
  const decode = async (name: string) => {
    const file = join(folder ?? "", "files", `${name}.dcm`);
    return decodeImage(readFileSync(file), name, { ...AS_STORED, window: { kind: "file" } });
  };

  // The same colour bars, losslessly and in every way of chroma subsampling. The last says RGB and is YCbCr.
  test_.each([
    ["pydicom-data__SC_rgb", 0, 0],
    ["pydicom-data__SC_rgb_expb", 0, 0],
    ["pydicom__SC_rgb_rle", 0, 0],
    ["pydicom__SC_rgb_jpeg_gdcm", 0, 0],
    ["pydicom__SC_rgb_jpeg_dcmtk", 1, 6],
    ["pydicom__SC_rgb_dcmtk_+eb+cy+s4", 1, 6],
    ["pydicom__SC_rgb_dcmtk_+eb+cy+s2", 1, 6],
    ["pydicom__SC_rgb_dcmtk_+eb+cy+n2", 1, 6],
    ["pydicom__SC_rgb_dcmtk_+eb+cy+n1", 3, 128],
    ["pydicom__SC_rgb_dcmtk_+eb+cy+np", 3, 128],
    ["pydicom__SC_ybr_full_422_uncompressed", 1, 6],
    ["pydicom__SC_rgb_jpeg_lossy_gdcm", 3, 128],
    ["pylibjpeg-data__SC_rgb_jpeg_lossy_gdcm", 3, 128],
    ["pydicom__SC_rgb_jls_lossy_sample", 2, 4],
  ])("%s", async (name, mean, most) => {
    const apart = difference((await decode(name)).data, (await decode("pydicom__SC_rgb_gdcm_KY")).data);
    expect(apart.mean).toBeLessThanOrEqual(mean);
    expect(apart.most).toBeLessThanOrEqual(most);
  });

  // What dcmdjpeg made of the same JPEGs: it undoes the transform in the same arithmetic.
  test_.each([
    ["pydicom__SC_rgb_dcmtk_+eb+cy+n2", "pydicom-data__SC_rgb_dcmtk_ebcyn2_dcmd"],
    ["pydicom__SC_rgb_dcmtk_+eb+cy+s2", "pydicom-data__SC_rgb_dcmtk_ebcys2_dcmd"],
    ["pydicom__SC_rgb_dcmtk_+eb+cy+s4", "pydicom-data__SC_rgb_dcmtk_ebcys4_dcmd"],
    ["pydicom__SC_rgb_dcmtk_+eb+cy+np", "pydicom-data__SC_rgb_dcmtk_ebcynp_dcmd"],
    ["pydicom__SC_rgb_jpeg", "pydicom__SC_rgb_jpeg_dcmd"],
  ])("%s equals %s", async (compressed, decompressed) => {
    expect((await decode(compressed)).data).toEqual((await decode(decompressed)).data);
  });

  test_("a palette gives colours", async () => {
    const image = await decode("pydicom-data__OT-PAL-8-face");
    expect(image).toMatchObject({ channels: 3, height: 480, width: 640 });
  });
});
