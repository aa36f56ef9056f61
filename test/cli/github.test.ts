import { annotations, stepSummary } from "../../src/cli/gate/github.js";
import type { GateResult } from "../../src/core/finding.js";
import { fakeRecord } from "../support/fake-record.js";

const gate = (index: number, verdict: GateResult["verdict"], more: Partial<GateResult> = {}): GateResult => ({
  id: `REQ-${index}`,
  title: `Criterion ${index}`,
  verdict,
  limit: 0.8,
  observed: 0.7,
  findings: [],
  reason: "the lower limit is below",
  ...more,
});
const many = (count: number, verdict: GateResult["verdict"]) =>
  Array.from({ length: count }, (_, index) => gate(index, verdict));

describe("annotations", () => {
  test("a failed gate is an error, an inconclusive one a warning, a passed one nothing", () => {
    expect(annotations([gate(1, "pass"), gate(2, "inconclusive"), gate(3, "fail")])).toEqual([
      "::error title=REQ-3 fail::Criterion 3: the lower limit is below",
      "::warning title=REQ-2 inconclusive::Criterion 2: the lower limit is below",
    ]);
  });

  test("no gate is lost to the limit of ten of a kind", () => {
    expect(annotations(many(10, "fail"))).toHaveLength(10);
    const lines = annotations([...many(14, "fail"), ...many(11, "inconclusive")]);
    expect(lines.filter((line) => line.startsWith("::error "))).toHaveLength(10);
    expect(lines.filter((line) => line.startsWith("::warning "))).toHaveLength(10);
    expect(lines[9]).toBe("::error title=5 more gates fail::REQ-9, REQ-10, REQ-11, REQ-12, REQ-13");
  });

  test("text cannot begin a command or a property of its own", () => {
    const hostile = gate(1, "fail", { id: "a,file=x::y", title: "50%\n::set-output name=x::1" });
    const place = () => ({ file: "odd, name:1.yaml", line: 7 });
    const [line] = annotations([hostile], place);
    expect(line).toBe(
      "::error file=odd%2C name%3A1.yaml,line=7,title=a%2Cfile=x%3A%3Ay fail::50%25%0A::set-output name=x::1: the lower limit is below",
    );
  });
});

describe("the step's summary", () => {
  const { findings } = fakeRecord();

  test("begins with the verdict, and shows what did not pass first", () => {
    const text = stepSummary("A study", findings);
    expect(text.split("\n")[0]).toBe("## A study: FAIL");
    const verdicts = text.split("\n").flatMap((line) => /\| (PASS|FAIL|INCONCLUSIVE)/.exec(line)?.[1] ?? []);
    expect(verdicts).toEqual(["FAIL", "INCONCLUSIVE", "PASS", "PASS"]);
  });

  test("says where nothing was tested", () => {
    const text = stepSummary("A study", { ...findings, verdict: "inconclusive", gates: [] });
    expect(text).toContain("INCONCLUSIVE (not a pass)");
    expect(text).toContain("No gates: nothing was tested");
  });

  test("stays under GitHub's limit, and counts what it leaves out", () => {
    const gates = many(5000, "fail").map((one) => ({ ...one, reason: "é".repeat(500) }));
    const text = stepSummary("A study", { ...findings, gates });
    expect(Buffer.byteLength(text)).toBeLessThan(1024 * 1024);
    const shown = text.split("\n").filter((line) => line.startsWith("| REQ")).length;
    expect(shown).toBeGreaterThan(500);
    expect(text).toContain(`${5000 - shown} more gates are not shown here`);
  });

  test("text is neither markup, nor a mention, nor a link", () => {
    const gates = [gate(1, "fail", { title: "<img src=x> @everyone [a](https://b) | c" })];
    const text = stepSummary("A study", { ...findings, gates });
    expect(text).toContain("\\<img src=x\\> \\@everyone \\[a\\](https&#58;//b) \\| c");
  });
});
