import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import { type Metric, measured, nearestNeighbours, type VectorSet } from "../../src/stats/neighbours.js";

function vectors(count: number, width: number, seed: number, levels = 0): VectorSet {
  const random = randomFrom("neighbours", seed);
  const draw = () => (levels === 0 ? random.normal() : random.integer(levels) - 1);
  return { count, width, values: Float32Array.from({ length: count * width }, draw) };
}

const row = ({ values, width }: VectorSet, index: number) => values.subarray(index * width, (index + 1) * width);

/** Every pair by itself, then a sort: what the tiles must come to. */
function byHand(
  queries: VectorSet,
  references: VectorSet,
  k: number,
  metric: Metric,
  keep = (_q: number, _r: number) => true,
) {
  return Array.from({ length: queries.count }, (_, q) => {
    const near = Array.from({ length: references.count }, (_, r) => {
      const [a, b] = [row(queries, q), row(references, r)];
      let [product, x, y, gap] = [0, 0, 0, 0];
      a.forEach((value, d) => {
        const other = b[d] as number;
        product += value * other;
        x += value * value;
        y += other * other;
        gap += (value - other) ** 2;
      });
      const value = metric === "cosine" ? (x * y === 0 ? 0 : product / Math.sqrt(x * y)) : Math.sqrt(gap);
      return { r, value };
    }).filter(({ r }) => keep(q, r));
    const sign = metric === "cosine" ? -1 : 1;
    return near.sort((a, b) => sign * (a.value - b.value) || a.r - b.r).slice(0, k);
  });
}

test.each(["cosine", "euclidean"] as const)("%s neighbours are those of a plain sort, whatever the sizes", (metric) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 90 }),
      fc.integer({ min: 1, max: 9 }),
      (n, m, k) => {
        const width = 1 + ((n * m) % 13);
        const [queries, references] = [vectors(n, width, n), vectors(m, width, m + 1000)];
        const found = nearestNeighbours(queries, measured(references), { k, metric });
        byHand(queries, references, k, metric).forEach((near, q) => {
          for (let rank = 0; rank < k; rank++) {
            expect(found.indices[q * k + rank]).toBe(near[rank]?.r ?? -1);
            if (near[rank] !== undefined)
              expect(found.values[q * k + rank]).toBeCloseTo((near[rank] as { value: number }).value, 9);
            else expect(found.values[q * k + rank]).toBeNaN();
          }
        });
      },
    ),
    { numRuns: 60 },
  );
});

test("of equally near references the first ones stand first, also over the edges of tiles", () => {
  const one = Float32Array.of(1, 2, -1, 0.5);
  const references = {
    count: 5000,
    width: 4,
    values: Float32Array.from({ length: 20_000 }, (_, i) => one[i % 4] as number),
  };
  const found = nearestNeighbours({ count: 1, width: 4, values: one }, measured(references), {
    k: 6,
    metric: "euclidean",
  });
  expect([...found.indices]).toEqual([0, 1, 2, 3, 4, 5]);
  expect([...found.values]).toEqual([0, 0, 0, 0, 0, 0]);
});

test("few distinct values make many ties: the order is that of the references", () => {
  const [queries, references] = [vectors(40, 3, 1, 3), vectors(300, 3, 2, 3)];
  const found = nearestNeighbours(queries, measured(references), { k: 30, metric: "euclidean" });
  byHand(queries, references, 30, "euclidean").forEach((near, q) => {
    expect([...found.indices.subarray(q * 30, (q + 1) * 30)]).toEqual(near.map(({ r }) => r));
  });
});

test("references of the query's own group, and those out of use, are never among the neighbours", () => {
  const set = vectors(120, 8, 3);
  const group = Int32Array.from({ length: 120 }, (_, i) => i % 40);
  const use = Uint8Array.from({ length: 120 }, (_, i) => Number(i % 5 !== 0));
  const groups = { queries: group, references: group };
  const found = nearestNeighbours(set, measured(set), { k: 10, metric: "cosine", groups, use });
  const expected = byHand(set, set, 10, "cosine", (q, r) => group[q] !== group[r] && use[r] === 1);
  expected.forEach((near, q) => {
    expect([...found.indices.subarray(q * 10, (q + 1) * 10)]).toEqual(near.map(({ r }) => r));
  });
});

test("a query's neighbours and their values do not depend on its company, to the last bit", () => {
  const [queries, references] = [vectors(37, 100, 4), vectors(501, 100, 5)];
  const set = measured(references);
  const together = nearestNeighbours(queries, set, { k: 7, metric: "cosine" });
  for (const q of [0, 1, 17, 36]) {
    const alone = nearestNeighbours({ count: 1, width: 100, values: row(queries, q) }, set, { k: 7, metric: "cosine" });
    expect([...alone.values]).toEqual([...together.values.subarray(q * 7, (q + 1) * 7)]);
    expect([...alone.indices]).toEqual([...together.indices.subarray(q * 7, (q + 1) * 7)]);
  }
});

test("a vector of zeros is as near to all by cosine, and at no distance from itself", () => {
  const set = { count: 3, width: 2, values: Float32Array.of(0, 0, 3, 4, -1, 0) };
  const cosine = nearestNeighbours(set, measured(set), { k: 3, metric: "cosine" });
  expect([...cosine.values.subarray(0, 3)]).toEqual([0, 0, 0]);
  expect([...cosine.indices.subarray(0, 3)]).toEqual([0, 1, 2]);
  expect([...nearestNeighbours(set, measured(set), { k: 1, metric: "euclidean" }).values]).toEqual([0, 0, 0]);
});
