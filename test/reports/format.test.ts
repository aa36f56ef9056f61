import {
  decimal,
  epsilonText,
  estimateText,
  inSentence,
  integer,
  intervalText,
  listed,
  methodText,
  metricRange,
  metricValue,
  range,
} from "../../reports/common/format.js";
import { conditionTitle, dataName, groupTitle, metricTitle } from "../../reports/common/names.js";
import { fakeRecord } from "../support/fake-record.js";

describe("numbers as reports write them", () => {
  test("AUC has three decimals, shares one decimal of a percent, differences of shares percentage points", () => {
    expect(metricValue("auc", 0.8184)).toBe("0.818");
    expect(metricValue("auc-gap", 0.1494)).toBe("0.149");
    expect(metricValue("sensitivity", 0.4722)).toBe("47.2%");
    expect(metricValue("sensitivity-drop", -0.0651)).toBe("−6.5 pp");
    expect(metricValue("fooling-rate", 1)).toBe("100.0%");
    expect(metricValue("fooling-excess", 0.2)).toBe("20.0 pp");
    expect(metricValue("auc-drop-excess", 0.2)).toBe("0.200");
    expect(metricValue("brier", 0.12345)).toBe("0.123");
    expect(metricValue("median-minimal-epsilon", 3.456 / 255)).toBe("3.46/255");
    expect(metricValue("median-minimal-epsilon", 10 / 255)).toBe("10/255");
    expect(metricValue("median-queries", 1234.5)).toBe("1,235");
    expect(metricValue("corruption-error", 0.25)).toBe("25.0%");
    expect(metricValue("fooling-rate-gap", 0.25)).toBe("25.0 pp");
  });

  test("a value that rounds to zero has no sign", () => {
    expect(decimal(-0.0004)).toBe("0.000");
    expect(decimal(-0.0006)).toBe("−0.001");
  });

  test("a range has an en dash, and words where a limit is negative", () => {
    expect(metricRange("auc", { lower: 0.763, upper: 0.873 })).toBe("0.763–0.873");
    expect(metricRange("sensitivity", { lower: 0.4, upper: 0.5 })).toBe("40.0–50.0%");
    expect(metricRange("auc-difference", { lower: -0.012, upper: 0.034 })).toBe("−0.012 to 0.034");
    expect(range("1", "2")).toBe("1–2");
  });

  test("ε is written as readers of 8-bit images know it", () => {
    expect(epsilonText(4 / 255)).toBe("4/255");
    expect(epsilonText(0.02)).toBe("0.0200");
  });

  test("whole numbers and lists read as prose", () => {
    expect(integer(1234567)).toBe("1,234,567");
    expect(integer(999)).toBe("999");
    expect(listed([])).toBe("");
    expect(listed(["a", "b", "c"])).toBe("a, b and c");
  });

  test("interval methods are read part by part, and unknown ones keep their name", () => {
    expect(methodText("delong")).toBe("DeLong");
    expect(methodText("wilson-effective-n")).toBe("Wilson score, effective sample size");
    expect(methodText("bonferroni-obuchowski-difference-of-drops")).toBe(
      "Bonferroni over pairs of groups, Obuchowski (clustered by patient), difference of drops",
    );
    expect(methodText("brookmeyer-crowley-log-log")).toBe("Brookmeyer and Crowley (log-log)");
    expect(methodText("martian")).toBe("martian");
  });

  test("a finding without a number shows its status, never a blank", () => {
    const silent = fakeRecord({ attacked: false }).findings.findings.find((one) => one.status !== "measured");
    expect(silent).toBeDefined();
    expect(estimateText(silent)).toBe("suppressed");
    expect(intervalText(silent)).toBeNull();
    expect(inSentence(silent)).toBe("suppressed");
    expect(estimateText(undefined)).toBe("not examined");
  });
});

describe("names", () => {
  test("metrics, groups and conditions have titles", () => {
    expect(metricTitle("auc-drop")).toBe("AUC drop");
    expect(metricTitle("calibration-slope")).toBe("Calibration slope");
    expect(groupTitle({})).toBe("All patients");
    expect(groupTitle({ sex: "F", age: "40-60" })).toBe("sex = F, age = 40-60");
    expect(conditionTitle({ attack: "none", epsilon: 0, defense: "none" })).toBe("clean");
    expect(
      conditionTitle({ attack: "a", objective: "o", epsilon: 8 / 255, norm: "linf", defense: "d", adaptive: true }),
    ).toBe("a (o), ε = 8/255, d, adaptive attacker");
    expect(conditionTitle({ attack: "blur", epsilon: 0, severity: 3, defense: "none" })).toBe("blur, severity 3");
  });

  test("a name that could turn the text's direction is isolated; a long one is cut", () => {
    expect(dataName("AP")).toBe("AP");
    expect(dataName("\u202eevil")).toBe("\u2068\u202eevil\u2069");
    expect(dataName("x".repeat(10_000))).toHaveLength(120);
  });
});
