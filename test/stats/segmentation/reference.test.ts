import { diagonalOf, type Grid } from "../../../src/stats/segmentation/grid.js";
import { overlapOf, volumeError } from "../../../src/stats/segmentation/overlap.js";
import {
  averageDistances,
  averageSymmetricDistance,
  hausdorff,
  hausdorffPercentile,
  type SurfaceDistances,
  type SurfaceKind,
  surfaceDice,
  surfaceDistances,
} from "../../../src/stats/segmentation/surface-distances.js";
import { expectClose, reference } from "../../support/reference.js";

interface Voxels {
  readonly shape: readonly number[];
  readonly flat_true_indices: readonly number[];
}
interface Measured {
  readonly id: string;
  readonly spacing_mm: readonly number[];
  readonly gt: Voxels;
  readonly pred: Voxels;
  readonly overlap: Readonly<Record<"dice" | "iou" | "intersection" | "gt" | "pred", number>>;
  readonly voxel_boundary: Readonly<
    Record<"hd" | "hd95_max_of_directed" | "hd95_pooled" | "assd_pooled" | "asd_mean_of_directed", number>
  > & { readonly nsd_voxel: Readonly<Record<string, number>> };
  readonly deepmind_surface: Readonly<Record<"hd100" | "hd95" | "nsd_1mm" | "nsd_2mm" | "nsd_3mm", number>> & {
    readonly asd: readonly [number, number];
  };
}
interface Policy {
  readonly id: string;
  readonly policy: string;
}
const cases = reference<{ expected: { cases: (Measured | Policy)[] } }>("segmentation.json").expected.cases;
const measured = cases.filter((row): row is Measured => "gt" in row);
const policies = cases.filter((row): row is Policy => "policy" in row);

function maskOf({ shape, flat_true_indices }: Voxels): Uint8Array {
  const mask = new Uint8Array(shape.reduce((product, size) => product * size, 1));
  for (const i of flat_true_indices) mask[i] = 1;
  return mask;
}

test("every case of the file is one with numbers or one with a policy", () => {
  expect(measured.length).toBe(5);
  expect(measured.length + policies.length).toBe(cases.length);
});

describe.each(measured)("$id", (row) => {
  const grid: Grid = { shape: row.gt.shape, spacing: row.spacing_mm };
  const [truth, prediction] = [maskOf(row.gt), maskOf(row.pred)];
  const distances = (kind: SurfaceKind): SurfaceDistances => {
    const result = surfaceDistances(truth, prediction, grid, kind);
    if (result === null) throw new Error("a mask is empty");
    return result;
  };

  test("overlap", () => {
    const overlap = overlapOf(truth, prediction);
    expectClose(overlap.dice as number, row.overlap.dice);
    expectClose(overlap.iou as number, row.overlap.iou);
    expect([overlap.intersection, overlap.reference, overlap.prediction]).toEqual([
      row.overlap.intersection,
      row.overlap.gt,
      row.overlap.pred,
    ]);
    expect(overlap.presence).toBe("both");
    const voxel = row.spacing_mm.reduce((product, size) => product * size, 1);
    const volumes = volumeError(truth, prediction, grid);
    expectClose(volumes.difference, (row.overlap.pred - row.overlap.gt) * voxel);
    expectClose(volumes.relative as number, row.overlap.pred / row.overlap.gt - 1, 1e-9, 1e-12);
  });

  test("distances between boundary voxels, as scipy's erosion and distance transform give them", () => {
    const wanted = row.voxel_boundary;
    const found = distances("voxel-boundary");
    expectClose(hausdorff(found), wanted.hd);
    expectClose(hausdorffPercentile(found, 95), wanted.hd95_max_of_directed);
    expectClose(hausdorffPercentile(found, 95, "pooled"), wanted.hd95_pooled);
    expectClose(averageSymmetricDistance(found), wanted.assd_pooled);
    const [forth, back] = averageDistances(found);
    expectClose((forth + back) / 2, wanted.asd_mean_of_directed);
    expect(Object.keys(wanted.nsd_voxel)).toEqual(["1", "2", "3"]);
    for (const [tolerance, share] of Object.entries(wanted.nsd_voxel)) {
      expectClose(surfaceDice(found, Number(tolerance)), share);
    }
  });

  test("distances between surface elements, as DeepMind's surface-distance gives them", () => {
    const wanted = row.deepmind_surface;
    const found = distances("surface-elements");
    expectClose(hausdorff(found), wanted.hd100);
    expectClose(hausdorffPercentile(found, 100), wanted.hd100);
    expectClose(hausdorffPercentile(found, 95), wanted.hd95);
    const [forth, back] = averageDistances(found);
    expectClose(forth, wanted.asd[0]);
    expectClose(back, wanted.asd[1]);
    expectClose(surfaceDice(found, 1), wanted.nsd_1mm);
    expectClose(surfaceDice(found, 2), wanted.nsd_2mm);
    expectClose(surfaceDice(found, 3), wanted.nsd_3mm);
  });
});

describe("empty masks, by the file's policies", () => {
  const grid: Grid = { shape: [4, 5], spacing: [3, 4] };
  const empty = new Uint8Array(20);
  const some = Uint8Array.from({ length: 20 }, (_, i) => (i === 7 || i === 8 ? 1 : 0));
  const policyOf = (id: string) => policies.find((row) => row.id === id)?.policy;

  test("both empty: a true negative without a Dice, never silently 0 or 1; no distance", () => {
    expect(policyOf("gt_empty_pred_empty")).toMatch(/true negative.*never silently 0 or 1.*hd95: null/);
    expect(overlapOf(empty, empty)).toMatchObject({ presence: "neither", dice: null, iou: null });
    expect(surfaceDistances(empty, empty, grid, "voxel-boundary")).toBeNull();
    expect(volumeError(empty, empty, grid).relative).toBeNull();
  });

  test("nothing predicted: Dice 0, no distance, or the diagonal of the image as the worst case", () => {
    expect(policyOf("gt_nonempty_pred_empty")).toMatch(/dice 0; hd95: worst-case policy .*diagonal.* or null/);
    expect(overlapOf(some, empty)).toMatchObject({ presence: "reference-only", dice: 0, iou: 0 });
    expect(surfaceDistances(some, empty, grid, "surface-elements")).toBeNull();
    expect(diagonalOf(grid)).toBeCloseTo(Math.hypot(12, 20), 12);
  });

  test("nothing there: Dice 0, counted as a false alarm", () => {
    expect(policyOf("gt_empty_pred_nonempty")).toMatch(/dice 0; false-positive case counted/);
    expect(overlapOf(empty, some)).toMatchObject({ presence: "prediction-only", dice: 0, iou: 0 });
    expect(surfaceDistances(empty, some, grid, "voxel-boundary")).toBeNull();
    expect(volumeError(empty, some, grid)).toEqual({ reference: 0, prediction: 24, difference: 24, relative: null });
  });
});
