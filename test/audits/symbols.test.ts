import audit from "../../audits/symbols.js";
import { CLEAN, type Condition, isClean } from "../../src/core/condition.js";
import type { Finding } from "../../src/core/finding.js";
import { randomFrom } from "../../src/core/random.js";
import { studyOf } from "../support/study.js";

const NOISE: Condition = { ...CLEAN, attack: "random-sign", epsilon: 4 / 255 };

/** Sentences of two tokens: the class, and a second word of which a share says the sex. */
function language({ telling, seed, changed = 0 }: { telling: number; seed: string; changed?: number }): Finding[] {
  const random = randomFrom(seed);
  const count = 300;
  const sex = Array.from({ length: count }, (_, i) => (i % 2 === 0 ? "F" : "M"));
  const reference = Array.from({ length: count }, () => random.integer(3));
  const second = sex.map((one) => (random.uniform() < telling ? (one === "F" ? 0 : 1) : random.integer(2)));
  const noisy = reference.map((one, i) => (i < changed * count ? 9 : one));
  const columns: Readonly<Record<string, readonly number[]>> = {
    reference,
    "sentence-length": sex.map(() => 2),
    "token-0": reference,
    "token-1": second,
  };
  const study = studyOf({
    labels: sex.map(() => 1),
    conditions: [CLEAN, NOISE].map((condition) => ({ condition, scores: sex.map(() => 1) })),
    families: { sex },
  });
  const outcomes = {
    ids: ["sentence-consistency", "sentence-length", "reference"] as const,
    recorded: ["token-0", "token-1"],
    unit: "tokens",
    of: (condition: Condition, _: string, id: string) =>
      Float64Array.from(id === "token-0" && !isClean(condition) ? noisy : (columns[id] ?? [])),
  };
  return audit.evaluate({ ...study, task: "symbols", outcomes }, { parameters: {}, level: 0.95, seed: 1 });
}
function find(findings: readonly Finding[], metric: string): Finding {
  const found = findings.find((one) => one.metric === metric && Object.keys(one.subgroup).length === 0);
  if (found === undefined) throw new Error(`no ${metric}`);
  return found;
}

test("a language that encodes sex is caught, and one that does not is not", () => {
  const telling = find(language({ telling: 0.6, seed: "telling" }), "sentence-group-information");
  expect(telling.tests?.[0]?.p).toBeLessThan(0.005);
  expect(telling.interval?.lower).toBeGreaterThan(0.05);
  expect(telling.unit).toBe("bit");
  const nulls = Array.from({ length: 8 }, (_, i) =>
    find(language({ telling: 0, seed: `null ${i}` }), "sentence-group-information"),
  );
  expect(nulls.filter((one) => (one.tests?.[0]?.p ?? 1) < 0.05).length).toBeLessThan(3);
  for (const one of nulls) expect(one.estimate).toBeLessThan(0.03);
});

test("sentences that hold the class say all of it, and are pure", () => {
  const findings = language({ telling: 0, seed: "class" });
  expect(find(findings, "sentence-class-information").estimate).toBeCloseTo(Math.log2(3), 1);
  expect(find(findings, "sentence-purity").estimate).toBe(1);
  expect(find(findings, "sentence-class-information").details).toMatchObject({ "distinct-sentences": 6, classes: 3 });
});

test("a token of two that changes in a tenth of the cases takes a twentieth of the stability", () => {
  const findings = language({ telling: 0, seed: "noise", changed: 0.1 });
  expect(find(findings, "sentence-changed").estimate).toBeCloseTo(0.1, 12);
  expect(find(findings, "sentence-stability").estimate).toBeCloseTo(0.95, 12);
});
