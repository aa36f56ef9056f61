import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { StepwedgeError } from "../../../src/core/errors.js";
import { axisCodes, orientationOf } from "../../../src/image/nifti/orientation.js";
import { type NiftiVolume, readNifti } from "../../../src/image/nifti/volume.js";
import { sharedData } from "../../support/shared-data.js";

/* Fifty files, with what nibabel 5 read of each. */

type Row = Readonly<Record<string, string>>;

const folder = join(sharedData ?? "absent", "nifti");
const rows: readonly Row[] = existsSync(folder)
  ? (parse(readFileSync(join(folder, "manifest.csv")), { columns: true }) as Row[])
  : [];
const run = rows.length > 0 ? test : test.skip;

/** Files that are refused, and the reason in the message. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  "files/complex.nii.gz": /complex numbers/,
  "files/not-nifti.nii": /not a NIfTI file/,
  "files/air2.hdr.gz": /header of a \.hdr\/\.img pair/,
  "files/air2.img.gz": /not a NIfTI file/,
};

run(
  "every file is read as nibabel reads it, or refused for its reason",
  async () => {
    expect(rows.length).toBe(50);
    let read = 0;
    for (const row of rows) {
      const path = row.path as string;
      const bytes = readFileSync(join(folder, path));
      const refused = REFUSED[path];
      if (refused !== undefined) {
        const error: unknown = await readNifti(bytes, path).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(StepwedgeError);
        expect((error as StepwedgeError).format()).toMatch(refused);
        continue;
      }
      expectAsInManifest(await readNifti(bytes, path), row);
      read++;
    }
    expect(read).toBe(50 - Object.keys(REFUSED).length);
  },
  120_000,
);

function expectAsInManifest({ channels, header, voxels }: NiftiVolume, row: Row): void {
  const path = row.path as string;
  const of = (value: unknown) => [path, value];
  expect(of(header.shape.join("x"))).toEqual(of(row.shape));
  expect(of(header.version)).toEqual(of(row.format?.startsWith("Nifti2") ? 2 : 1));
  expect(of(header.littleEndian ? "<" : ">")).toEqual(of(row.endian));
  const affine = (JSON.parse(row.affine as string) as number[][]).slice(0, 3).flat();
  for (const [index, value] of affine.entries()) {
    expect(Math.abs((header.affine?.[index] as number) - value)).toBeLessThan(2e-6);
  }
  expect(of(axisCodes(orientationOf(header.affine ?? [])))).toEqual(of(row.orientation));
  if (channels === 3) return;
  const { intercept, shape, slope } = header;
  let [least, most, sum, other] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const stored of voxels) {
    const value = stored * slope + intercept;
    if (value < least) least = value;
    if (value > most) most = value;
    sum += value;
    if (value !== 0) other++;
  }
  let [centre, stride] = [0, 1];
  for (const size of shape) {
    centre += Math.floor(size / 2) * stride;
    stride *= size;
  }
  const close = (found: number, expected: string | undefined) => {
    const difference = Math.abs(found - Number(expected)) / Math.max(1, Math.abs(Number(expected)));
    expect(of(difference < 1e-9)).toEqual(of(true));
  };
  close(least, row.min);
  close(most, row.max);
  close(sum, row.sum);
  close(sum / voxels.length, row.mean);
  close((voxels[centre] as number) * slope + intercept, row.centre_voxel);
  expect(of(other)).toEqual(of(Number(row.n_nonzero)));
}
