import { randomFrom } from "../../src/core/random.js";
import { nearestOfMany } from "../../src/retrieval/nearest.js";
import { measured, nearestNeighbours, type VectorSet } from "../../src/stats/neighbours.js";

function clustered(count: number, width: number, seed: string, spread: number, shift = 0): VectorSet {
  const random = randomFrom(seed);
  const centres = Float32Array.from({ length: 5 * width }, () => random.normal() + shift);
  const values = Float32Array.from({ length: count * width }, (_, at) => {
    const centre = centres[(Math.floor(at / width) % 5) * width + (at % width)] as number;
    return centre + spread * random.normal();
  });
  return { count, width, values };
}

test.each([
  ["well apart", "cosine", 1, 0],
  ["well apart", "euclidean", 1, 0],
  // Distances between neighbours are below what float32 products can tell: the sieve must let them all through.
  ["in tight heaps", "cosine", 1e-5, 0],
  ["in tight heaps far from the origin", "euclidean", 1e-3, 300],
] as const)(
  "vectors %s, %s: the same neighbours and values, to the last bit, as one by one",
  async (_, metric, spread, shift) => {
    const references = measured(clustered(4110, 8, "references", spread, shift));
    const queries = clustered(2060, 8, "references", spread, shift);
    const found = await nearestOfMany(queries, references, { k: 7, metric, threads: 1 });
    expect(found).toEqual(nearestNeighbours(queries, references, { k: 7, metric }));
  },
);

test("equal vectors stand in the references' order, over all tiles", async () => {
  const references = measured({ count: 9000, width: 2, values: new Float32Array(18_000).fill(0.3) });
  const queries = { count: 3, width: 2, values: new Float32Array(6).fill(0.7) };
  for (const metric of ["cosine", "euclidean"] as const) {
    const { indices } = await nearestOfMany(queries, references, { k: 4, metric, threads: 1 });
    expect([...indices]).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
  }
});

test("the query's own group, and what is out of use, are passed over; too few leave gaps", async () => {
  const set = clustered(300, 6, "groups", 1);
  const group = Int32Array.from({ length: 300 }, (_, i) => i % 50);
  const use = Uint8Array.from({ length: 300 }, (_, i) => Number(i % 3 === 0));
  const options = { k: 9, metric: "cosine", groups: { queries: group, references: group }, use } as const;
  const found = await nearestOfMany(set, measured(set), { ...options, threads: 1 });
  expect(found).toEqual(nearestNeighbours(set, measured(set), options));
  const few = await nearestOfMany(set, measured(set), { ...options, k: 200, threads: 1 });
  expect(few.indices.at(-1)).toBe(-1);
  expect(few.values.at(-1)).toBeNaN();
});
