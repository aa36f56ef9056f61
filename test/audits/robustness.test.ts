import audit from "../../audits/robustness.js";
import type { Study } from "../../src/core/audit.js";
import { CLEAN, type Condition } from "../../src/core/condition.js";
import { randomFrom } from "../../src/core/random.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";
import { CLASS, expectSound, findingById, POINT, studyOf } from "../support/study.js";

const CONTEXT = { parameters: {}, level: 0.95, seed: 1 };
const METRICS = audit.meta.metrics.map((metric) => metric.id);
const ATTACK: Condition = { attack: "searched", epsilon: 8 / 255, norm: "linf", defense: "none" };
const CONTROL: Condition = { ...ATTACK, attack: "random-sign" };
const JPEG: Condition = { ...CLEAN, defense: "jpeg" };

describe("paired drops as other tools have them", () => {
  interface Paired {
    inputs: Required<ReferenceInputs>;
    expected: {
      pROC: { paired_score_score2: { diff: number; ci95_diff: [number, number] } };
      FDA_doAUCcluster: { paired: { diff_abs: number; var: number } };
    };
  }

  test("paired DeLong of pROC", () => {
    const { inputs, expected } = reference<Paired>("random_n500.json");
    const [drop] = audit.evaluate(twoConditions(inputs, undefined), CONTEXT);
    expectClose(drop?.estimate as number, expected.pROC.paired_score_score2.diff);
    expectClose(drop?.interval?.lower, expected.pROC.paired_score_score2.ci95_diff[0]);
    expectClose(drop?.interval?.upper, expected.pROC.paired_score_score2.ci95_diff[1]);
    expect(drop?.interval?.method).toBe("paired-delong");
  });

  test("paired Obuchowski of the FDA's script", () => {
    const { inputs, expected } = reference<Paired>("clustered.json");
    const [drop] = audit.evaluate(twoConditions(inputs, inputs.patient), CONTEXT);
    const wanted = expected.FDA_doAUCcluster.paired;
    expectClose(drop?.estimate as number, wanted.diff_abs);
    const width = (drop?.interval?.upper as number) - (drop?.interval?.lower as number);
    expectClose((width / 2 / 1.959963984540054) ** 2, wanted.var);
    expect(drop?.interval?.method).toBe("paired-obuchowski");
  });

  function twoConditions(inputs: Required<ReferenceInputs>, patients: readonly number[] | undefined): Study {
    return studyOf({
      labels: inputs.y,
      conditions: [
        { condition: CLEAN, scores: inputs.score },
        { condition: ATTACK, scores: inputs.score2 },
      ],
      ...(patients === undefined ? {} : { patients }),
    });
  }
});

/** Two samples a patient; a common shift under the attack, a small blur under the control, and more harm to group b. */
function attackedStudy(change: (row: number, random: () => number) => { attack: number; control: number }): Study {
  const random = randomFrom(21, "robustness");
  const noise = () => random.normal();
  const rows = Array.from({ length: 400 }, (_, row) => row);
  const labels = rows.map((row) => (row >> 1) % 2);
  const clean = rows.map((row) => 2 * (labels[row] as number) + noise());
  const changes = rows.map((row) => change(row, noise));
  const plus = (of: (one: { attack: number; control: number }) => number) =>
    rows.map((row) => (clean[row] as number) + of(changes[row] as { attack: number; control: number }));
  return studyOf({
    labels,
    patients: rows.map((row) => row >> 1),
    families: { site: rows.map((row) => ((row >> 2) % 2 === 0 ? "a" : "b")) },
    threshold: 1,
    conditions: [
      { condition: CLEAN, scores: clean },
      { condition: JPEG, scores: clean },
      { condition: ATTACK, scores: plus((one) => one.attack) },
      { condition: CONTROL, scores: plus((one) => one.control) },
      { condition: { ...CONTROL, epsilon: 4 / 255 }, scores: clean },
      { condition: { ...ATTACK, defense: "jpeg", adaptive: true }, scores: plus((one) => one.attack) },
    ],
    attackKnowledge: { searched: "scores", "random-sign": "none" },
  });
}

describe("a perturbation that shifts all scores together", () => {
  const findings = audit.evaluate(
    attackedStudy(() => ({ attack: 1.5, control: 0 })),
    CONTEXT,
  );
  const key = "searched@0.0314";

  test("ids are unique, metrics declared, intervals around estimates", () => expectSound(findings, METRICS));

  test("leaves the area alone, and the finding says why its interval has no width", () => {
    const drop = findingById(findings, `robustness/auc-drop/${CLASS}/all/${key}`);
    expect(drop).toMatchObject({ estimate: 0, interval: { lower: 0, upper: 0 } });
    expect(drop.reason).toMatch(/no sample changed its rank/);
  });

  test("turns decisions: specificity falls, sensitivity rises, and the fooling rate counts both", () => {
    const at = (metric: string) => findingById(findings, `robustness/${metric}/${CLASS}/${POINT}/all/${key}`);
    expect(at("specificity-drop").interval?.lower).toBeGreaterThan(0.3);
    expect(at("sensitivity-drop").interval?.upper).toBeLessThan(0);
    const expected =
      0.5 * (at("specificity-drop").estimate as number) - 0.5 * (at("sensitivity-drop").estimate as number);
    expectClose(at("fooling-rate").estimate as number, expected);
    expect(at("fooling-rate").interval?.method).toBe("wilson-effective-n");
  });

  test("exceeds its control of the same size, which is named", () => {
    const excess = findingById(findings, `robustness/fooling-excess/${CLASS}/${POINT}/all/${key}/vs-random-sign`);
    const fooled = findingById(findings, `robustness/fooling-rate/${CLASS}/${POINT}/all/${key}`);
    expectClose(excess.estimate as number, fooled.estimate as number);
    expect(excess.interval?.lower).toBeGreaterThan(0);
    expect(excess.details).toEqual({ control: "random-sign" });
  });

  test("has controls only of its own epsilon and defense, and controls have none", () => {
    const excesses = findings
      .filter((finding) => finding.metric === "fooling-excess")
      .map((finding) => finding.condition);
    expect(new Set(excesses)).toEqual(new Set([ATTACK]));
  });

  test("a defense that changes nothing drops nothing, with room for what was not seen", () => {
    const drop = findingById(
      findings,
      `robustness/sensitivity-drop/${CLASS}/${POINT}/all/clean+jpeg`.replace("clean", "none"),
    );
    expect(drop.estimate).toBe(0);
    expect(drop.interval?.upper).toBeGreaterThan(0);
    expect(drop.interval?.upper).toBeLessThan(0.1);
  });
});

describe("a perturbation that mixes the scores of one group", () => {
  const change = (row: number, noise: () => number) => ({
    attack: (row >> 2) % 2 === 0 ? 0 : 4 * noise(),
    control: 0.05 * noise(),
  });
  const findings = audit.evaluate(attackedStudy(change), CONTEXT);
  const key = "searched@0.0314";

  test("lowers the area, beyond its control", () => {
    expect(findingById(findings, `robustness/auc-drop/${CLASS}/all/${key}`).interval?.lower).toBeGreaterThan(0.05);
    const excess = findingById(findings, `robustness/auc-drop-excess/${CLASS}/all/${key}/vs-random-sign`);
    expect(excess.interval?.lower).toBeGreaterThan(0.05);
    expect(excess.details).toEqual({ control: "random-sign" });
  });

  test("opens a gap between the groups' drops and names the one that loses", () => {
    const gap = findingById(findings, `robustness/auc-drop-gap/${CLASS}/site/${key}`);
    const ofB = findingById(findings, `robustness/auc-drop/${CLASS}/site=b/${key}`);
    expect(gap.details).toMatchObject({ worst: "site=b", best: "site=a" });
    expectClose(gap.estimate as number, ofB.estimate as number); // group a loses nothing
    expect(gap.interval?.lower).toBeGreaterThan(0);
    expect(gap.interval?.method).toBe("obuchowski-difference-of-drops");
  });

  test("the control opens none", () => {
    const gap = findingById(findings, `robustness/auc-drop-gap/${CLASS}/site/random-sign@0.0314`);
    expect(gap.interval?.lower).toBe(0);
  });
});

test("samples that an attack leaves without a score are left out of both sides and counted", () => {
  const scores = [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9];
  const study = studyOf({
    labels: [0, 0, 0, 1, 0, 1, 1, 1],
    threshold: 0.5,
    conditions: [
      { condition: CLEAN, scores },
      { condition: ATTACK, scores: scores.map((score, row) => (row === 3 ? Number.NaN : 1 - score)) },
    ],
  });
  const findings = audit.evaluate(study, CONTEXT);
  const drop = findingById(findings, `robustness/auc-drop/${CLASS}/all/searched@0.0314`);
  expect(drop).toMatchObject({ n: 7, estimate: 1, reason: "1 labelled sample has no score and is left out" });
  expect(drop.interval?.method).toBe("square-and-add-newcombe");
  expect(drop.interval?.lower).toBeLessThan(1);
});
