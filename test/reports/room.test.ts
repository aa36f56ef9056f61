import html from "../../reports/html.js";
import { anchorOf, findingAnchor, StudyView } from "../../reports/common/study.js";
import { fairCap, narrowed, narrowedNote, prioritiesOf, shrunk } from "../../reports/html/room.js";
import { largeRecord } from "../support/large-record.js";
import { tagsOf, visibleText, withoutCode } from "../support/markup.js";

describe("the room of a page", () => {
  test("is shared evenly by what sections weigh, and those that need less take no more", () => {
    const of = (...sizes: number[]) => sizes.map((size) => ({ size, share: 1 }));
    expect(fairCap(of(10, 20, 30), 60)).toBe(Infinity);
    expect(fairCap(of(10, 20, 100), 60)).toBe(30);
    expect(fairCap(of(10, 90, 100), 60)).toBe(25);
    expect(
      fairCap(
        [
          { size: 100, share: 3 },
          { size: 100, share: 1 },
        ],
        80,
      ),
    ).toBe(20);
  });

  test("classes are left out before groups, down to one of each", () => {
    expect(shrunk({ classes: 14, groups: 41 }, 0.5)).toEqual({ classes: 7, groups: 41 });
    expect(shrunk({ classes: 2, groups: 41 }, 0.99)).toEqual({ classes: 1, groups: 41 });
    expect(shrunk({ classes: 1, groups: 41 }, 0.9)).toEqual({ classes: 1, groups: 36 });
    expect(shrunk({ classes: 1, groups: 2 }, 0.01)).toEqual({ classes: 1, groups: 1 });
    expect(shrunk({ classes: 1, groups: 1 }, 0.5)).toBeNull();
  });
});

describe("14 classes × 41 groups × 12 conditions", () => {
  const record = largeRecord();
  let page = "";
  let seconds = 0;

  beforeAll(async () => {
    const start = performance.now();
    page = await html.render(record);
    seconds = (performance.now() - start) / 1000;
  }, 300_000);

  test("make a page below a megabyte, in bounded time", () => {
    expect(record.findings.findings.length).toBeGreaterThan(300_000);
    expect(record.findings.groups).toHaveLength(42);
    expect(Buffer.byteLength(page)).toBeLessThan(1_000_000);
    // A few seconds on a machine with nothing else to do.
    expect(seconds).toBeLessThan(120);
  });

  test("sections say what they show of how much, and where the rest is", () => {
    const text = visibleText(page);
    expect(text).toMatch(/this section shows 1 of 14 classes \(pneumonia\)/);
    expect(text).toMatch(/Everything else of it is in findings\.json/);
    expect(text).toContain("All classes: all patients, clean images");
    for (const name of record.protocol.model.classes) expect(text).toContain(name);
  });

  test("every link leads to a finding that is shown, and gates' findings of one record have an address", () => {
    const tags = tagsOf(withoutCode(page));
    const ids = tags.flatMap(({ attributes }) => attributes.id ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    const known = new Set(ids);
    const broken = tags.flatMap(({ attributes: { href } }) =>
      href?.startsWith("#") && !known.has(href.slice(1)) ? [href] : [],
    );
    expect(broken).toEqual([]);
    const cited = record.findings.gates.flatMap((gate) => gate.findings);
    expect(cited.filter((id) => !known.has(findingAnchor(id)))).toEqual([]);
  });

  test("what failed gates look at is kept first, and the rest stays in the protocol's order", () => {
    const study = new StudyView(record);
    const gates = record.findings.gates.map((gate, index) => ({
      ...gate,
      verdict: index === 0 ? ("fail" as const) : ("pass" as const),
      findings:
        index === 0
          ? record.findings.findings
              .filter((one) => one.class === "finding 9" && one.family === "site-3")
              .slice(0, 1)
              .map(({ id }) => id)
          : [],
    }));
    const judged = new StudyView({ ...record, findings: { ...record.findings, gates } });
    const shown = narrowed(judged, { classes: 2, groups: 6 }, prioritiesOf(judged));
    expect(shown.classes).toEqual(["pneumonia", "finding 9"]);
    expect(shown.families.map(({ groups, name }) => [name, groups.length])).toEqual([
      ["sex", 2],
      ["site-3", 4],
    ]);
    expect(narrowedNote(shown, judged)).toContain(
      "2 of 14 classes (pneumonia and finding 9) and 6 of 41 groups (of sex and site-3)",
    );
    expect(narrowedNote(study, study)).toBeNull();
    const [first] = record.findings.findings;
    if (first !== undefined) expect(anchorOf(first)).toBe(findingAnchor(first.id));
  });
});
