import fc from "fast-check";
import { canonicalJson } from "../../src/core/hash.js";
import { differences } from "../../src/protocol/difference.js";

test("names what differs by the ids of entries, and says what there was before and after", () => {
  const before = { gates: [{ id: "A", atLeast: 0.8 }, { id: "B" }], seed: 1, data: { "a b": 1 } };
  const after = { gates: [{ id: "C" }, { id: "A", atLeast: 0.6 }], seed: 1, data: { "a b": 2 }, title: "T" };
  expect(differences(before, after)).toEqual([
    { path: 'data["a b"]', before: "1", after: "2" },
    { path: "gates[A].atLeast", before: "0.8", after: "0.6" },
    { path: "gates[B]", before: '{"id":"B"}', after: null },
    { path: "gates[C]", before: null, after: '{"id":"C"}' },
    { path: "title", before: null, after: '"T"' },
  ]);
});

test("another order of entries is a difference; entries that share an id are compared by place", () => {
  expect(differences({ a: [{ id: "x" }, { id: "y" }] }, { a: [{ id: "y" }, { id: "x" }] })).toEqual([
    { path: "a (order)", before: '["x","y"]', after: '["y","x"]' },
  ]);
  expect(differences({ a: [{ id: "x" }, { id: "x", v: 1 }] }, { a: [{ id: "x" }, { id: "x", v: 2 }] })).toEqual([
    { path: "a[1].v", before: "1", after: "2" },
  ]);
  expect(differences({ bins: [0, 18] }, { bins: [0, 20] })).toEqual([
    { path: "bins", before: "[0,18]", after: "[0,20]" },
  ]);
});

test("there is a difference exactly where the canonical texts differ", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      expect(differences(a, a)).toEqual([]);
      expect(differences({ v: a }, { v: b }).length > 0).toBe(canonicalJson(a) !== canonicalJson(b));
    }),
  );
});

test("entries that differ in their ids alone, or in type, do not pass for the same", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ id: fc.string(), v: fc.nat(3) })),
      fc.array(fc.record({ id: fc.string(), v: fc.nat(3) })),
      (a, b) => {
        expect(differences({ a }, { a: b }).length > 0).toBe(canonicalJson(a) !== canonicalJson(b));
      },
    ),
  );
});
