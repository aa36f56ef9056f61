import type { Finding } from "../../src/core/finding.js";
import { randomFrom } from "../../src/core/random.js";
import type { GateEntry } from "../../src/protocol/schema.js";
import { evaluateGates, overallVerdict } from "../../src/run/gates.js";
import { findingOf } from "../../src/stats/finding.js";
import { proportion } from "../../src/stats/proportion.js";

const finding = (change: Partial<Finding>): Finding => ({
  id: "discrimination/auc/effusion/all/clean",
  audit: "discrimination",
  metric: "auc",
  class: "effusion",
  subgroup: {},
  family: null,
  condition: { attack: "none", epsilon: 0, defense: "none" },
  operatingPoint: null,
  unit: "1",
  estimate: 0.85,
  interval: { lower: 0.8, upper: 0.9, level: 0.95, method: "delong" },
  n: 100,
  positives: 40,
  negatives: 60,
  patients: 100,
  status: "measured",
  reason: null,
  ...change,
});
const gate = (change: Partial<GateEntry>): GateEntry =>
  ({ id: "G", title: "G", metric: "auc", bound: "lower", ...change }) as GateEntry;
const verdictOf = (entry: Partial<GateEntry>, ...findings: Finding[]) =>
  evaluateGates([gate(entry)], findings)[0]?.verdict;

describe("a gate on an interval's limit", () => {
  const whole = finding({});
  test.each([
    ["lower", { atLeast: 0.8 }, "pass"],
    ["lower", { atLeast: 0.81 }, "inconclusive"],
    ["lower", { atLeast: 0.9 }, "inconclusive"],
    ["lower", { atLeast: 0.91 }, "fail"],
    ["upper", { atMost: 0.9 }, "pass"],
    ["upper", { atMost: 0.89 }, "inconclusive"],
    ["upper", { atMost: 0.79 }, "fail"],
    ["estimate", { atLeast: 0.85 }, "pass"],
    ["estimate", { atLeast: 0.86 }, "fail"],
    ["estimate", { atMost: 0.84 }, "fail"],
  ] as const)("%s %o is %s for 0.85 (0.80 to 0.90)", (bound, limit, expected) => {
    expect(verdictOf({ bound, ...limit }, whole)).toBe(expected);
  });

  test("reports the number that was held against the limit", () => {
    expect(evaluateGates([gate({ bound: "upper", atMost: 0.95 })], [whole])[0]?.observed).toBe(0.9);
  });
});

describe("a gate that names groups", () => {
  const women = finding({ id: "f", family: "sex", subgroup: { sex: "F" } });
  const men = finding({
    id: "m",
    family: "sex",
    subgroup: { sex: "M" },
    interval: { lower: 0.7, upper: 0.75, level: 0.95, method: "delong" },
  });

  test("takes the worst of them", () => {
    const [result] = evaluateGates([gate({ subgroups: ["sex"], atLeast: 0.8 })], [women, men]);
    expect(result).toMatchObject({ verdict: "fail", observed: 0.7, findings: ["f", "m"] });
  });

  test("fails for a family that does not exist, even beside one that does", () => {
    expect(verdictOf({ subgroups: ["race"], atLeast: 0.5 }, women, men)).toBe("fail");
    expect(verdictOf({ subgroups: ["sex", "race"], atLeast: 0.5 }, women, men)).toBe("fail");
  });

  test("fails for a group that does not exist, and finds the one that does", () => {
    expect(verdictOf({ subgroup: { sex: "X" }, atLeast: 0.5 }, women, men)).toBe("fail");
    expect(verdictOf({ subgroup: { sex: "F" }, atLeast: 0.8 }, women, men)).toBe("pass");
  });

  test("finds a crossed group whatever the order of its attributes", () => {
    const crossed = finding({ family: "sex-by-age", subgroup: { sex: "F", age: "40-60" } });
    expect(verdictOf({ subgroup: { age: "40-60", sex: "F" }, atLeast: 0.8 }, crossed)).toBe("pass");
  });

  test("does not take the whole set for a group, nor a group for the whole set", () => {
    expect(verdictOf({ atLeast: 0.8 }, men)).toBe("fail");
    expect(verdictOf({ subgroups: ["sex"], atLeast: 0.8 }, finding({}))).toBe("fail");
  });

  test.each(["not-estimable", "suppressed", "error"] as const)("is inconclusive where a group is %s", (status) => {
    const silent = finding({
      family: "sex",
      subgroup: { sex: "U" },
      status,
      estimate: null,
      interval: null,
      reason: "why",
    });
    expect(verdictOf({ subgroups: ["sex"], atLeast: 0.5 }, women, silent)).toBe("inconclusive");
  });

  test("is inconclusive where a max–min gap had to leave groups out", () => {
    const gap = (left: string) =>
      finding({
        metric: "auc-gap",
        family: "sex",
        interval: { lower: 0, upper: 0.05, level: 0.95, method: "m" },
        details: { "groups-left-out": left },
      });
    const entry = { metric: "auc-gap", subgroups: ["sex"], bound: "upper" as const, atMost: 0.1 };
    expect(verdictOf(entry, gap(""))).toBe("pass");
    expect(verdictOf(entry, gap("sex=U"))).toBe("inconclusive");
  });
});

describe("a gate that names a condition", () => {
  const attacked = finding({
    condition: {
      attack: "wavelet-universal",
      epsilon: 4 / 255,
      norm: "linf",
      objective: "ranking",
      defense: "jpeg",
      adaptive: false,
    },
  });
  const condition = (change: object) => ({
    condition: { attack: "wavelet-universal", defense: "none", ...change },
    atLeast: 0.5,
  });

  test("means clean where it names none", () => {
    expect(verdictOf({ atLeast: 0.5 }, attacked)).toBe("fail");
  });

  test("matches attack, defense, ε, objective and adaptivity", () => {
    expect(verdictOf(condition({ defense: "jpeg", epsilon: 4 / 255 }), attacked)).toBe("pass");
    expect(verdictOf(condition({ defense: "jpeg", epsilon: 2 / 255 }), attacked)).toBe("fail");
    expect(verdictOf(condition({}), attacked)).toBe("fail");
    expect(verdictOf(condition({ defense: "jpeg", objective: "operating-point" }), attacked)).toBe("fail");
    expect(verdictOf(condition({ defense: "jpeg", adaptive: true }), attacked)).toBe("fail");
  });
});

test("fail beats inconclusive beats pass, and no gates pass nothing", () => {
  const of = (...verdicts: ("pass" | "fail" | "inconclusive")[]) =>
    overallVerdict(
      verdicts.map((verdict) => ({ id: "", title: "", verdict, limit: 0, observed: null, findings: [], reason: "" })),
    );
  expect([of("pass", "pass"), of("pass", "inconclusive"), of("inconclusive", "fail"), of()]).toEqual([
    "pass",
    "inconclusive",
    "fail",
    "inconclusive",
  ]);
});

describe("failing among many findings", () => {
  /** A share among 200 samples, as an audit would find it: its interval is known at every level. */
  const share = (successes: number, group: string): Finding => {
    const outcomes = Uint8Array.from({ length: 200 }, (_, i) => (i < successes ? 1 : 0));
    const result = proportion(outcomes, Int32Array.from(outcomes.keys()), false);
    const { condition } = finding({});
    const subject = { audit: "a", metric: "auc", class: "c", operatingPoint: null, subgroup: { g: group } };
    const counts = { n: 200, positives: 100, negatives: 100, patients: 200 };
    return findingOf({ ...subject, family: "g", condition }, result, { counts, unscored: 0 }, 0.95);
  };
  const ofGroups: Partial<GateEntry> = { subgroups: ["g"], atLeast: 0.8 };

  test("one finding alone fails where its interval does", () => {
    const [result] = evaluateGates([gate(ofGroups)], [share(148, "a")]); // 0.74: its upper limit is 0.796
    expect(result?.verdict).toBe("fail");
    // The score test: (0.74 − 0.8) / √(0.8 · 0.2 / 200) = −2.1213, one-sided p = 0.01695.
    expect(result?.test?.p).toBeCloseTo(0.016947, 5);
    expect(result?.test?.adjusted).toMatchObject({ method: "holm", size: 1 });
  });

  test("among twenty the same finding is inconclusive, and a gross one still fails", () => {
    const others = Array.from({ length: 19 }, (_, i) => share(165, `o${i}`));
    const [softened] = evaluateGates([gate(ofGroups)], [share(148, "a"), ...others]);
    expect(softened?.verdict).toBe("inconclusive");
    expect(softened?.reason).toContain("20 findings");
    expect(softened?.test?.adjusted?.p).toBeCloseTo(20 * 0.016947, 4);
    expect(evaluateGates([gate(ofGroups)], [share(110, "a"), ...others])[0]?.verdict).toBe("fail");
  });

  test("all gates of a protocol are one family", () => {
    const names = ["a", "b", "c", "d"];
    const gates = names.map((id) => gate({ id, subgroup: { g: id }, atLeast: 0.8 }));
    const found = names.map((id) => share(id === "a" ? 148 : 162, id));
    const verdicts = (count: number) =>
      evaluateGates(gates.slice(0, count), found).map(({ verdict, test }) => [verdict, test?.adjusted?.size]);
    expect(verdicts(2)[0]).toEqual(["fail", 2]); // 2 · 0.0169 is below 0.05
    expect(verdicts(4)[0]).toEqual(["inconclusive", 4]); // 4 · 0.0169 is not
  });

  test("passing needs no adjustment", () => {
    const many = Array.from({ length: 30 }, (_, i) => share(190, `o${i}`));
    expect(evaluateGates([gate(ofGroups)], many)[0]?.verdict).toBe("pass");
  });

  test("models on the very limit fail no more often than 5 % of the time, however many groups are looked at", () => {
    const random = randomFrom(3, "gates");
    let failures = 0;
    for (let study = 0; study < 400; study++) {
      const groups = Array.from({ length: 10 }, (_, i) => {
        let successes = 0;
        for (let sample = 0; sample < 200; sample++) if (random.uniform() < 0.8) successes++;
        return share(successes, `g${i}`);
      });
      if (evaluateGates([gate(ofGroups)], groups)[0]?.verdict === "fail") failures++;
    }
    expect(failures).toBeLessThanOrEqual(33); // at most 20 are expected; 33 is three standard deviations above
  });
});

test("an inconclusive gate says how many samples would settle it", () => {
  // ±0.05 around 0.85: se 0.02551; to leave 0.81 takes (1.96 + 0.84) se' = 0.04, so n · (2.8016 · 0.02551 / 0.04)² = 3.19 n.
  const [result] = evaluateGates([gate({ atLeast: 0.81 })], [finding({})]);
  expect(result?.reason).toContain("about 320 samples like these 100 would pass it with 80 % power");
  const [short] = evaluateGates([gate({ atLeast: 0.86 })], [finding({})]);
  // 0.86 − 0.85 = 0.01: (2.8016 · 0.02551 / 0.01)² = 51.1, and 5110 samples rounded up to two figures.
  expect(short?.reason).toContain(
    "the estimate itself does not meet the limit: about 5200 samples like these 100 would fail it",
  );
});
