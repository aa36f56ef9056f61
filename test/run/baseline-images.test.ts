import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Findings } from "../../src/core/record.js";
import { loadProtocol } from "../../src/protocol/load.js";
import { bless } from "../../src/run/baseline.js";
import { compareRecords } from "../../src/run/compare.js";
import { runAudit } from "../../src/run/run.js";
import { smallStudy } from "../support/small-study.js";

const GATES = `gates:
  - { id: clean, metric: auc, against: baseline, noWorseThan: 0.3 }
  - { id: noise, metric: auc, against: baseline, noWorseThan: 0.3, condition: { attack: random-sign } }
  - { id: searched, metric: sensitivity, against: baseline, noWorseThan: 0.9, condition: { attack: wavelet-universal } }
baseline: { path: base }
privacy: { minimumCell: 0 }
`;

/** A model that is asked, images, attacks: a successor that looks at the images the other way round. */
describe("a record of images against a baseline", () => {
  let folder: string;
  let findings: Findings;
  let inverted: Findings;

  beforeAll(async () => {
    const study = await smallStudy();
    folder = study.folder;
    const run = async (out: string) =>
      runAudit({ protocol: await loadProtocol(study.protocol), out: join(folder, out), threads: 1 });
    await run("old");
    await bless({ out: join(folder, "old"), as: join(folder, "base"), now: () => new Date(0) });
    study.writeProtocol((yaml) => yaml.replace(/gates:\n.*\n/, GATES));
    findings = await run("same");
    // One image of the evaluation split is replaced by another one.
    writeFileSync(join(study.images, "s30.png"), readFileSync(join(study.images, "s31.png")));
    study.writeProtocol((yaml) =>
      yaml
        .replace(/gates:\n.*\n/, GATES)
        .replace("  classes: [finding]", "  classes: [finding]\n  input: { range: [1, 0] }"),
    );
    inverted = await run("inverted");
  }, 120_000);

  test("the same model passes clean and under the same attacks, image by image", () => {
    expect(findings.baseline?.samples).toMatchObject({ common: 40, imagesChecked: true, otherImage: 0 });
    expect(findings.gates.map(({ id, verdict }) => [id, verdict])).toEqual([
      ["clean", "pass"],
      ["noise", "pass"],
      ["searched", "pass"],
    ]);
    expect(findings.deviations.filter(({ id }) => id.startsWith("baseline"))).toEqual([]);
  });

  test("a model that has turned around fails, and the image that was replaced is no common sample", () => {
    expect(inverted.baseline?.samples).toMatchObject({ common: 39, otherImage: 1, onlyHere: 0, onlyThere: 0 });
    expect(inverted.gates[0]?.verdict).toBe("fail");
    expect(inverted.deviations.map(({ id }) => id)).toContain("baseline-samples");
  });

  test("compare says which model, data and protocol differ, and compares every condition", async () => {
    const { comparison } = await compareRecords({ before: join(folder, "base"), after: join(folder, "inverted") });
    const changed = comparison.differences.map(({ kind, what }) => `${kind} ${what}`);
    expect(changed).toEqual(expect.arrayContaining(["data all images", "protocol model.input.range"]));
    expect(changed.some((one) => one.startsWith("model"))).toBe(false);
    expect(comparison.verdict).toBe("fail");
    const attacks = new Set(comparison.findings.map(({ condition }) => condition.attack));
    expect([...attacks].sort()).toEqual(["none", "random-sign", "wavelet-universal"]);
    expect(
      comparison.changes.find(({ finding }) => finding.startsWith("comparison/auc-advantage/finding/all/clean")),
    ).toMatchObject({
      direction: "worse",
    });
  });
});
