import fc from "fast-check";
import { align, aligned, type Samples } from "../../src/run/alignment.js";

const samples = (ids: readonly string[], change: Partial<Samples["roster"]> = {}, digests: string[] | null = null) => ({
  roster: {
    ids,
    patients: Int32Array.from(ids.keys()),
    labels: { a: Int8Array.from(ids, () => 1) },
    ...change,
  },
  digests,
});

test("samples are found by id, whatever their order, and counted on both sides", () => {
  const found = align(samples(["s1", "s2", "s3"]), samples(["s3", "x", "s1"]));
  expect([...found.rows]).toEqual([2, -1, 0]);
  expect(found).toMatchObject({ common: 2, onlyHere: 1, onlyThere: 1, otherImage: 0, imagesChecked: false });
  expect([...aligned(Float64Array.of(0.3, 9, 0.1), found.rows)]).toEqual([0.1, Number.NaN, 0.3]);
});

test("one id with another image is another sample; an image that could not be read decides nothing", () => {
  const here = samples(["a", "b", "c"], {}, ["11", "22", "00"]);
  const found = align(here, samples(["a", "b", "c"], {}, ["11", "2f", "33"]));
  expect([...found.rows]).toEqual([0, -1, 2]);
  expect(found).toMatchObject({ common: 2, otherImage: 1, onlyHere: 0, onlyThere: 0, imagesChecked: true });
});

test("labels that were changed are counted by class, and lose no sample", () => {
  const here = samples(["a", "b"], { labels: { x: Int8Array.of(1, 0), y: Int8Array.of(1, 1) } });
  const there = samples(["b", "a"], {
    labels: { x: Int8Array.of(1, 1), y: Int8Array.of(1, 1), z: Int8Array.of(0, 0) },
  });
  expect(align(here, there)).toMatchObject({ common: 2, relabelled: { x: 1 } });
});

test("patients who were split or joined are noticed; other codes for the same patients are not", () => {
  const there = samples(["a", "b", "c", "d"], { patients: Int32Array.of(7, 7, 3, 1) });
  const same = samples(["a", "b", "c", "d"], { patients: Int32Array.of(0, 0, 1, 2) });
  expect(align(same, there).regrouped).toBe(0);
  expect(align(samples(["a", "b", "c", "d"]), there).regrouped).toBe(2);
  const joined = samples(["a", "b", "c", "d"], { patients: Int32Array.of(0, 0, 1, 1) });
  expect(align(joined, there).regrouped).toBe(2);
});

test("whatever the ids: every common row points to its own id, and the counts add up", () => {
  const ids = fc.uniqueArray(fc.constantFrom(..."abcdefghij"));
  fc.assert(
    fc.property(ids, ids, (here, there) => {
      const found = align(samples(here), samples(there));
      found.rows.forEach((row, index) => {
        expect(row === -1 ? there.includes(here[index] as string) : there[row] !== here[index]).toBe(false);
      });
      expect(found.common + found.onlyHere).toBe(here.length);
      expect(found.common + found.onlyThere).toBe(there.length);
    }),
  );
});
