import fc from "fast-check";
import { squaredDistances } from "../../../src/stats/segmentation/distance-transform.js";
import { cropped, type Grid } from "../../../src/stats/segmentation/grid.js";
import { lesionCounts } from "../../../src/stats/segmentation/lesions.js";
import { overlapOf } from "../../../src/stats/segmentation/overlap.js";
import { areasOfCubes, lengthsOfSquares, surfaceElements } from "../../../src/stats/segmentation/surface.js";
import {
  averageSymmetricDistance,
  hausdorff,
  hausdorffPercentile,
  type SurfaceDistances,
  type SurfaceKind,
  surfaceDice,
  surfaceDistances,
} from "../../../src/stats/segmentation/surface-distances.js";
import { expectClose } from "../../support/reference.js";

const KINDS: readonly SurfaceKind[] = ["voxel-boundary", "surface-elements"];
const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

/** A mask with ones where a rule of the coordinates says so. */
function drawn(shape: readonly number[], isInside: (...at: number[]) => boolean): Uint8Array {
  const [depth, height, width] = (shape.length === 3 ? shape : [1, ...shape]) as [number, number, number];
  const mask = new Uint8Array(depth * height * width);
  for (let z = 0, i = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) mask[i] = (shape.length === 3 ? isInside(z, y, x) : isInside(y, x)) ? 1 : 0;
    }
  }
  return mask;
}

function coordinates(position: number, shape: readonly number[]): number[] {
  const at: number[] = [];
  let rest = position;
  for (const size of [...shape].reverse()) {
    at.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return at;
}

const axis = fc.integer({ min: 1, max: 7 });
const size = fc.double({ min: 0.2, max: 5, noNaN: true });
const grids = fc.oneof(
  fc.record({ shape: fc.tuple(axis, axis), spacing: fc.tuple(size, size) }),
  fc.record({ shape: fc.tuple(axis, axis, axis), spacing: fc.tuple(size, size, size) }),
);
const scenes = grids.chain((grid) => {
  const voxels = grid.shape.reduce((product: number, n) => product * n, 1);
  const mask = fc.uint8Array({ minLength: voxels, maxLength: voxels, max: 1 });
  return fc.record({ grid: fc.constant<Grid>(grid), first: mask, second: mask });
});

test("the distance transform is the brute-force minimum over all features", () => {
  fc.assert(
    fc.property(scenes, ({ grid: { shape, spacing }, first }) => {
      const features = Int32Array.from([...first.keys()].filter((i) => first[i] === 1));
      const field = squaredDistances(features, shape, spacing);
      field.forEach((square, i) => {
        const here = coordinates(i, shape);
        let least = Infinity;
        for (const feature of features) {
          const there = coordinates(feature, shape);
          least = Math.min(least, sum(here.map((x, a) => ((x - (there[a] as number)) * (spacing[a] as number)) ** 2)));
        }
        if (least === Infinity) expect(square).toBe(Infinity);
        else expectClose(square, least, 1e-12);
      });
    }),
  );
});

describe("surface elements", () => {
  const spacing = [1.5, 0.7, 2];
  const [p, q, r] = [0.7 * 2, 1.5 * 2, 1.5 * 0.7];
  const all = Math.hypot(p, q, r);

  test("a box: its faces, less the corners that are cut off", () => {
    const [a, b, c] = [4, 3, 5];
    const shape = [a + 2, b + 2, c + 2];
    const box = drawn(shape, (z, y, x) => z >= 1 && z <= a && y >= 1 && y <= b && x >= 1 && x <= c);
    const { weights } = surfaceElements(box, shape, spacing);
    const faces = 2 * ((b - 1) * (c - 1) * p + (a - 1) * (c - 1) * q + (a - 1) * (b - 1) * r);
    const edges = 2 * ((a - 1) * Math.hypot(q, r) + (b - 1) * Math.hypot(p, r) + (c - 1) * Math.hypot(p, q));
    expectClose(sum(weights ?? []), faces + edges + all, 1e-12);
  });

  test("a rectangle: its sides, less the corners that are cut off", () => {
    const box = drawn([8, 9], (y, x) => y >= 1 && y <= 5 && x >= 1 && x <= 4);
    const { weights } = surfaceElements(box, [8, 9], [0.7, 1.5]);
    expectClose(sum(weights ?? []), 2 * (4 * 0.7 + 3 * 1.5) + 2 * Math.hypot(0.7, 1.5), 1e-12);
  });

  test("a half space cut along a diagonal plane has that plane's area, in cubes of three kinds", () => {
    // x + y + z <= 2·n: per voxel column of the (y, x) plane the area is √3 times the column's, so a hexagon and two triangles.
    const areas = areasOfCubes([1, 1, 1]);
    const corner = (z: number, y: number, x: number) => 1 << (4 * z + 2 * y + x);
    const one = corner(0, 0, 0);
    const four = one | corner(0, 0, 1) | corner(0, 1, 0) | corner(1, 0, 0);
    expectClose(areas[one] as number, Math.sqrt(3) / 8, 1e-12);
    expectClose(areas[four] as number, (3 * Math.sqrt(3)) / 4, 1e-12);
    expectClose((areas[one] as number) + (areas[255 - one] as number) + (areas[four] as number), Math.sqrt(3), 1e-12);
  });

  test("the pentagon over three voxels and the bent hexagon over a chain of four, by their corners", () => {
    type Point = readonly [number, number, number];
    const triangle = (a: Point, b: Point, c: Point) => {
      const [u, v] = [b, c].map((to) => to.map((x, i) => (x - (a[i] as number)) * (spacing[i] as number))) as [
        number[],
        number[],
      ];
      const at = (w: number[], i: number) => w[i % 3] as number;
      return Math.hypot(...[0, 1, 2].map((i) => at(u, i + 1) * at(v, i + 2) - at(u, i + 2) * at(v, i + 1))) / 2;
    };
    const areas = areasOfCubes(spacing);
    const corner = (z: number, y: number, x: number) => 1 << (4 * z + 2 * y + x);
    // Inside: (0,0,0), (0,0,1), (0,1,0); edges are cut in the middle.
    const el = corner(0, 0, 0) | corner(0, 0, 1) | corner(0, 1, 0);
    const [top, right, left] = [
      [0.5, 0, 0],
      [0.5, 0, 1],
      [0.5, 1, 0],
    ] as const;
    const [rightFoot, leftFoot] = [
      [0, 0.5, 1],
      [0, 1, 0.5],
    ] as const;
    const pentagon =
      triangle(top, right, left) + triangle(right, rightFoot, left) + triangle(rightFoot, leftFoot, left);
    expectClose(areas[el] as number, pentagon, 1e-12);
    expectClose(areas[255 - el] as number, pentagon, 1e-12);
    // Inside: (1,0,0), (0,0,0), (0,0,1), (0,1,1): a chain along the first, third and second axis.
    const chain = corner(1, 0, 0) | corner(0, 0, 0) | corner(0, 0, 1) | corner(0, 1, 1);
    const hexagon = [
      [1, 0, 0.5],
      [0.5, 0, 1],
      [0.5, 1, 1],
      [0, 1, 0.5],
      [0, 0.5, 0],
      [1, 0.5, 0],
    ] as const;
    const [a, b, c, d, e, f] = hexagon;
    const bent = triangle(b, d, f) + triangle(a, b, f) + triangle(b, c, d) + triangle(d, e, f);
    expectClose(areas[chain] as number, bent, 1e-12);
  });

  test("inside and outside share one surface; mirrored and turned cubes have the same", () => {
    const areas = areasOfCubes([1, 1, 1]);
    const turned = (code: number, map: (corner: number) => number) =>
      sum([0, 1, 2, 3, 4, 5, 6, 7].map((corner) => ((code >> corner) & 1) << map(corner)));
    for (let code = 0; code < 256; code++) {
      const area = areas[code] as number;
      expect(area > 0).toBe(code !== 0 && code !== 255);
      expectClose(areas[255 - code] as number, area, 1e-12);
      expectClose(areas[turned(code, (corner) => corner ^ 4)] as number, area, 1e-12);
      expectClose(areas[turned(code, (corner) => (corner >> 1) | ((corner & 1) << 2))] as number, area, 1e-12);
    }
    const lengths = lengthsOfSquares([2, 3]);
    for (let code = 0; code < 16; code++) expect(lengths[15 - code]).toBe(lengths[code]);
  });

  test("a ball's elements add up to its surface within the bias of midpoint surfaces", () => {
    const radius = 20;
    const shape = [44, 44, 44];
    const ball = drawn(shape, (...at) => sum(at.map((x) => (x - 21.5) ** 2)) <= radius * radius);
    const { weights } = surfaceElements(ball, shape, [1, 1, 1]);
    const ratio = sum(weights ?? []) / (4 * Math.PI * radius * radius);
    expect(ratio).toBeGreaterThan(1);
    expect(ratio).toBeLessThan(1.12);
  });
});

describe("distances", () => {
  const found = (a: Uint8Array, b: Uint8Array, grid: Grid, kind: SurfaceKind): SurfaceDistances | null =>
    surfaceDistances(a, b, grid, kind);

  test("two masks that lie d apart along an axis are d apart by every measure, at any spacing", () => {
    for (const kind of KINDS) {
      const grid: Grid = { shape: [6, 9, 30], spacing: [2, 1.3, 0.4] };
      const slab = (from: number) => drawn(grid.shape, (_z, _y, x) => x >= from && x < from + 2);
      const distances = found(slab(2), slab(17), grid, kind);
      if (distances === null) throw new Error("a mask is empty");
      expectClose(hausdorff(distances), 15 * 0.4, 1e-12);
      expectClose(hausdorffPercentile(distances, 95), 15 * 0.4, 1e-12);
      expect(surfaceDice(distances, 15 * 0.4)).toBe(1);
    }
  });

  test("a distance of exactly the tolerance is within it, whatever the rounding of the spacing", () => {
    for (const step of [0.1, 0.2, 0.3, 0.7]) {
      for (let apart = 1; apart < 20; apart++) {
        const grid: Grid = { shape: [3, 24], spacing: [1, step] };
        const dot = (at: number) => drawn(grid.shape, (y, x) => y === 1 && x === at);
        const distances = found(dot(2), dot(2 + apart), grid, "voxel-boundary");
        if (distances === null) throw new Error("a mask is empty");
        expect(surfaceDice(distances, Number((apart * step).toFixed(6)))).toBe(1);
        expect(surfaceDice(distances, apart * step - 0.001)).toBe(0);
      }
    }
  });

  test("laws: symmetric; 0 and 1 for equal masks; in order; scaled with the spacing; the crop changes nothing", () => {
    fc.assert(
      fc.property(scenes, fc.constantFrom(...KINDS), ({ grid, first, second }, kind) => {
        const distances = found(first, second, grid, kind);
        const isEmpty = (mask: Uint8Array) => mask.every((voxel) => voxel === 0);
        if (isEmpty(first) || isEmpty(second)) {
          expect(distances).toBeNull();
          return;
        }
        const back = found(second, first, grid, kind);
        const same = found(first, first, grid, kind);
        const larger = { shape: grid.shape, spacing: grid.spacing.map((step) => 3 * step) };
        const scaled = found(first, second, larger, kind);
        if (distances === null || back === null || same === null || scaled === null) throw new Error("no distances");
        const numbers = (d: SurfaceDistances) => [
          hausdorff(d),
          hausdorffPercentile(d, 95),
          hausdorffPercentile(d, 95, "pooled"),
          averageSymmetricDistance(d),
        ];
        const [most, robust, pooled, average] = numbers(distances) as [number, number, number, number];
        numbers(back).forEach((value, i) => {
          expectClose(value, numbers(distances)[i] as number, 1e-9);
        });
        numbers(scaled).forEach((value, i) => {
          expectClose(value, 3 * (numbers(distances)[i] as number), 1e-9);
        });
        expect(numbers(same)).toEqual([0, 0, 0, 0]);
        expect(surfaceDice(same, 0)).toBe(1);
        expect(average <= most * (1 + 1e-12) && pooled <= most && robust <= most).toBe(true);
        const dice = [0, 1, 2, 5, 1000].map((tolerance) => surfaceDice(distances, tolerance));
        expect(dice.every((value, i) => value >= (dice[i - 1] ?? 0) && value <= 1)).toBe(true);
        expectClose(dice.at(-1), 1, 1e-12);
        const padded = (mask: Uint8Array) =>
          drawn(
            grid.shape.map((n) => n + 5),
            (...at) => {
              const inner = at.map((x) => x - 2);
              if (inner.some((x, a) => x < 0 || x >= (grid.shape[a] as number))) return false;
              return mask[inner.reduce((flat, x, a) => flat * (grid.shape[a] as number) + x, 0)] === 1;
            },
          );
        const wider = { shape: grid.shape.map((n) => n + 5), spacing: grid.spacing };
        const moved = found(padded(first), padded(second), wider, kind);
        if (moved === null) throw new Error("no distances");
        numbers(moved).forEach((value, i) => {
          expectClose(value, numbers(distances)[i] as number, 1e-9);
        });
      }),
      { numRuns: 150 },
    );
  });

  test("Dice and IoU are functions of one another, symmetric, 1 for equal masks", () => {
    fc.assert(
      fc.property(scenes, ({ first, second }) => {
        const { dice, iou } = overlapOf(first, second);
        if (dice === null || iou === null) return;
        expectClose(dice, (2 * iou) / (1 + iou), 1e-12);
        expect(overlapOf(second, first).dice).toBe(dice);
        if (first.some((voxel) => voxel === 1)) expect(overlapOf(first, first)).toMatchObject({ dice: 1, iou: 1 });
      }),
    );
  });

  test("masks that do not fit the grid are a fault of the caller", () => {
    const mask = new Uint8Array(6);
    expect(() => surfaceDistances(mask, mask, { shape: [2, 4], spacing: [1, 1] }, "voxel-boundary")).toThrow(
      RangeError,
    );
    expect(() => surfaceDistances(mask, mask, { shape: [6], spacing: [1] }, "voxel-boundary")).toThrow(RangeError);
    expect(() => surfaceDistances(mask, mask, { shape: [2, 3], spacing: [1, 0] }, "voxel-boundary")).toThrow(
      RangeError,
    );
    expect(() => overlapOf(mask, new Uint8Array(5))).toThrow(RangeError);
    expect(cropped([mask], [2, 3])).toBeNull();
  });
});

describe("lesions", () => {
  const grid: Grid = { shape: [6, 10], spacing: [1, 1] };
  const truth = Uint8Array.from([
    ...[1, 1, 0, 0, 0, 0, 0, 1, 1, 0],
    ...[1, 1, 0, 0, 0, 0, 0, 1, 1, 0],
    ...[0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ...[1, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  ]);
  const prediction = Uint8Array.from([
    ...[0, 1, 1, 1, 1, 1, 1, 1, 0, 0],
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 0, 0, 1, 1, 0, 0, 0, 0],
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  ]);

  test("one component may find two lesions; what touches none is a false alarm; rows do not wrap around", () => {
    expect(lesionCounts(truth, prediction, grid)).toEqual({ lesions: 4, detected: 3, predicted: 3, falseAlarms: 1 });
    expect(lesionCounts(truth, prediction, grid, { connectivity: "faces" })).toEqual({
      lesions: 5,
      detected: 3,
      predicted: 3,
      falseAlarms: 1,
    });
  });

  test("a wanted share of the lesion", () => {
    const options = { connectivity: "faces", leastShare: 0.25 } as const;
    expect(lesionCounts(truth, prediction, grid, options).detected).toBe(3);
    expect(lesionCounts(truth, prediction, grid, { ...options, leastShare: 0.26 }).detected).toBe(1);
  });

  test("three axes: voxels that touch in a corner, or lie on both ends of a row", () => {
    const cube: Grid = { shape: [2, 2, 3], spacing: [1, 1, 1] };
    const mask = Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    expect(lesionCounts(mask, mask, cube)).toEqual({ lesions: 1, detected: 1, predicted: 1, falseAlarms: 0 });
    expect(lesionCounts(mask, mask, cube, { connectivity: "faces" }).lesions).toBe(2);
    const ends = Uint8Array.from([0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(lesionCounts(ends, ends, cube).lesions).toBe(2);
  });

  test("the components are those of brute force, for either connectivity", () => {
    fc.assert(
      fc.property(scenes, fc.constantFrom("faces", "corners"), ({ grid, first, second }, connectivity) => {
        const groups = (mask: Uint8Array): number[][] => {
          const left = new Set([...mask.keys()].filter((i) => mask[i] === 1));
          const all: number[][] = [];
          for (const seed of [...left]) {
            if (!left.delete(seed)) continue;
            const group = [seed];
            for (let i = 0; i < group.length; i++) {
              const here = coordinates(group[i] as number, grid.shape);
              for (const other of [...left]) {
                const steps = coordinates(other, grid.shape).map((x, a) => Math.abs(x - (here[a] as number)));
                const touches = connectivity === "faces" ? sum(steps) === 1 : Math.max(...steps) === 1;
                if (touches && left.delete(other)) group.push(other);
              }
            }
            all.push(group);
          }
          return all;
        };
        const [lesions, predicted] = [groups(first), groups(second)];
        expect(lesionCounts(first, second, grid, { connectivity })).toEqual({
          lesions: lesions.length,
          detected: lesions.filter((lesion) => lesion.some((i) => second[i] === 1)).length,
          predicted: predicted.length,
          falseAlarms: predicted.filter((component) => component.every((i) => first[i] === 0)).length,
        });
      }),
    );
  });

  test("nothing anywhere", () => {
    const empty = new Uint8Array(60);
    expect(lesionCounts(empty, empty, grid)).toEqual({ lesions: 0, detected: 0, predicted: 0, falseAlarms: 0 });
    expect(lesionCounts(truth, empty, grid)).toMatchObject({ lesions: 4, detected: 0, predicted: 0 });
  });
});
