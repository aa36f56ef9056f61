/**
 * Hundreds of ways to be broken: each file decodes to an image of the declared size or is refused. None crashes, hangs or takes more
 * memory than what it declares allows, and the codecs are as good afterwards as before.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PixelOptions } from "../../src/core/data.js";
import { StepwedgeError } from "../../src/core/errors.js";
import { sha256 } from "../../src/core/hash.js";
import { randomFrom } from "../../src/core/random.js";
import { decodeImage } from "../../src/image/decode.js";
import { readDicom } from "../../src/image/dicom/file.js";
import { changes, dicomFile, encapsulated, imageElements, SYNTAX, words } from "../support/dicom.js";
import { sharedData } from "../support/shared-data.js";

const OPTIONS: PixelOptions = { window: { kind: "full" }, bits: 8, frames: { take: "middle" }, axis: "axial" };

/** One per family of codec, small enough to decode often. */
const FILES = [
  "pydicom__MR_small_RLE",
  "pydicom__MR_small_jp2klossless",
  "pydicom__MR_small_bigendian",
  "pydicom__SC_rgb_jpeg_gdcm",
  "pydicom__SC_rgb_dcmtk_+eb+cy+n1",
  "pydicom__JPGExtended",
  "pydicom__JPEGLSNearLossless_16",
  "pydicom-data__JLSL_16_15_1_1F",
  "pydicom__SC_rgb_jls_lossy_sample",
  "pydicom__SC_rgb_gdcm_KY",
  "pydicom__SC_rgb_rle_2frame",
  "pydicom-data__emri_small_jpeg_2k_lossless",
  "pydicom-data__emri_small_jpeg_ls_lossless",
  "pydicom__image_dfl",
  "pydicom__rtdose",
  "pydicom-data__mlut_18",
  "cornerstone__CTImage.dcm_JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57",
  "cornerstone__CTImage.dcm_JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53",
  "pydicom-data__HTJ2KLossless_08_RGB",
];

const TRIES = Number(process.env.STEPWEDGE_DAMAGE ?? 24);
/** No file may take longer: the largest decodes in a tenth of it. */
const LONGEST_MS = 8000;

interface Subject {
  readonly name: string;
  readonly bytes: Buffer;
}

const built: readonly Subject[] = [
  {
    name: "explicit",
    bytes: dicomFile([...imageElements(4, 5), ["7fe0,0010", "OW", words(Array.from({ length: 20 }, (_, at) => at))]]),
  },
  {
    name: "frames in fragments",
    bytes: Buffer.concat([
      dicomFile(imageElements(2, 2, changes(["0028,0008", "IS", "3"])), SYNTAX.rle),
      encapsulated([Buffer.alloc(80, 1), Buffer.alloc(80, 2), Buffer.alloc(80, 3)], [0, 88, 176]),
    ]),
  },
  {
    name: "nested sequences",
    bytes: dicomFile([
      ...imageElements(1, 1),
      [
        "5200,9230",
        "SQ",
        [
          [
            [
              "0028,9145",
              "SQ",
              [
                [
                  ["0028,1052", "DS", "1"],
                  ["0028,1053", "DS", "2"],
                ],
              ],
            ],
          ],
        ],
      ],
      ["7fe0,0010", "OW", words([9])],
    ]),
  },
];

const real: readonly Subject[] =
  sharedData === null
    ? []
    : FILES.map((name) => ({ name, bytes: readFileSync(join(sharedData as string, "dicom", "files", `${name}.dcm`)) }));

/** A copy with a few bytes changed, cut short, or with a piece doubled, left out or zeroed. */
function damaged({ bytes, name }: Subject, attempt: number): Buffer {
  const random = randomFrom(11, name, attempt);
  const at = () => random.integer(bytes.length);
  // Half of the damage hits the header and the codestream's beginning, where it matters most.
  const pixels = pixelStart(bytes);
  const near = () =>
    random.integer(2) === 0 ? at() : Math.min(bytes.length - 1, Math.max(132, pixels - 300 + random.integer(700)));
  const copy = Buffer.from(bytes);
  switch (attempt % 4) {
    case 0:
      return copy.subarray(0, near());
    case 1: {
      const from = near();
      copy.subarray(from, from + 1 + random.integer(16)).fill(random.integer(256));
      return copy;
    }
    case 2: {
      const from = near();
      return Buffer.concat([copy.subarray(0, from), copy.subarray(from + random.integer(64))]);
    }
    default:
      for (let count = 1 + random.integer(8); count > 0; count--) copy[near()] = random.integer(256);
      return copy;
  }
}

function pixelStart(bytes: Buffer): number {
  const { body, pixels } = readDicom(bytes, "x");
  return bytes.length - body.length + (pixels?.from ?? 0);
}

/** A hash of the decoded values, or what was said instead. */
async function outcome(bytes: Buffer): Promise<string> {
  return decodeImage(bytes, "x", OPTIONS).then(
    ({ data }) => sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    (error: unknown) => String(error),
  );
}

test.each([...built, ...real])(
  "$name",
  async (subject) => {
    const whole = await outcome(subject.bytes);
    const outcomes = { decoded: 0, refused: 0 };
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const bytes = damaged(subject, attempt);
      const began = performance.now();
      try {
        const { channels, data, height, width } = await decodeImage(bytes, "x", OPTIONS);
        expect(data.length).toBe(channels * height * width);
        outcomes.decoded++;
      } catch (error) {
        if (!(error instanceof StepwedgeError)) throw error;
        expect(error.exitCode).toBe(2);
        outcomes.refused++;
      }
      expect(performance.now() - began).toBeLessThan(LONGEST_MS);
    }
    expect(outcomes.refused).toBeGreaterThan(TRIES / 4 - 1);
    // The whole file still comes out as before.
    expect(await outcome(subject.bytes)).toBe(whole);
  },
  300_000,
);
