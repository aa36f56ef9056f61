import { principalObservations } from "../../reports/common/observations.js";
import { StudyView } from "../../reports/common/study.js";
import { fakeRecord } from "../support/fake-record.js";
import type { FakeStudyOptions } from "../support/fake-study.js";

function observe(options: FakeStudyOptions = {}) {
  return principalObservations(new StudyView(fakeRecord(options)));
}

describe("principal observations", () => {
  const planted = observe();

  test("a shortcut learner's gap between views comes first, with both groups, counts and intervals", () => {
    const [first] = planted;
    expect(first?.severity).toBe("major");
    expect(first?.title).toBe("AUC is lower on view = AP than on view = PA");
    expect(first?.text).toMatch(/AUC is 0\.8\d\d \(95% CI 0\.\d{3}–0\.\d{3}; n = \d+: \d+ positive/);
    expect(first?.text).toMatch(/on view = AP against 0\.9\d\d .* on view = PA: difference 0\.1\d\d \(95% CI 0\.0/);
    expect(first?.text).toContain("The overall AUC");
    expect(first?.contrast?.groups).toHaveLength(3);
  });

  test("an attack that AUC does not show is told beside the control's effect", () => {
    const blind = planted.find((one) => one.text.includes("An audit that looks at AUC alone would miss it."));
    expect(blind?.severity).toBe("major");
    expect(blind?.title).toContain("wavelet-universal (operating-point)");
    expect(blind?.text).toMatch(/changes \d\d\.\d% \(95% CI .*\) of 360 decisions at the locked threshold/);
    expect(blind?.text).toContain("The control random-sign of the same size");
    expect(blind?.text).toContain("excess over it is");
    const ranking = planted.find((one) => one.title.startsWith("wavelet-universal (ranking) lowers AUC"));
    expect(ranking?.text).not.toContain("AUC alone");
  });

  test("a defense that does not stop an attacker who knows of it is named", () => {
    expect(planted.map((one) => one.title)).toContain("jpeg does not stop an attacker who knows of it");
  });

  test("open gates, silent groups and deviations are told", () => {
    const titles = planted.map((one) => one.title).join("\n");
    expect(titles).toContain("Gate REQ-002 is inconclusive, which is not a pass");
    expect(titles).toContain("No AUC could be given for 2 groups");
    expect(titles).toContain("1 deviation recorded");
  });

  test("they are ordered by severity, and each names findings that exist", () => {
    const order = planted.map((one) => ["major", "moderate", "note"].indexOf(one.severity));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    const known = new Set(fakeRecord().findings.findings.map((one) => one.id));
    for (const id of planted.flatMap((one) => one.evidence)) expect(known).toContain(id);
  });

  test("where no weakness was planted, no gap between views is told and no attack is called an effect", () => {
    const titles = observe({ shortcut: false, harmful: false }).map((one) => one.title);
    expect(titles.filter((title) => title.startsWith("AUC is lower on view"))).toEqual([]);
    expect(titles.filter((title) => /overturns|lowers AUC|does not stop/.test(title))).toEqual([]);
    expect(titles.join("\n")).toContain(
      "No effect of wavelet-universal (ranking) beyond chance and plain noise was seen",
    );
  });

  test("questions that were not asked are told as such", () => {
    const silence = observe({ attacked: false, grouped: false }).find((one) => one.title.includes("did not examine"));
    expect(silence?.text).toContain("No subgroups were declared");
    expect(silence?.text).toContain("robustness was not examined");
  });

  test("with several classes, each observation of a result says which class it is about", () => {
    const several = observe({ classes: ["pneumonia", "effusion"], attacked: false });
    for (const one of several.filter((other) => other.contrast !== null))
      expect(one.title).toMatch(/for (pneumonia|effusion)/);
  });
});
