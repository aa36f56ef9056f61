import fc from "fast-check";
import { randomFrom } from "../../src/core/random.js";
import { areaUnderCurve, type LabelledScores } from "../../src/stats/auc.js";
import {
  averageOfShares,
  type ClassArea,
  macroAuc,
  microAuc,
  prevalenceWeightedAuc,
} from "../../src/stats/averages.js";
import { type Estimate, intervalOf, type Result } from "../../src/stats/estimate.js";
import { variance } from "../../src/stats/influence.js";
import { labelRanking } from "../../src/stats/label-ranking.js";
import {
  balancedAccuracy,
  classCounts,
  handTill,
  type MulticlassScores,
  multiclassAccuracy,
  oneVersusRest,
} from "../../src/stats/multiclass.js";
import { proportion } from "../../src/stats/proportion.js";
import { expectClose, reference } from "../support/reference.js";

const { multiclass, multilabel } = reference<{
  expected: {
    sklearn: {
      multiclass: {
        y: number[];
        proba: number[][];
        ovr_macro: number;
        ovr_weighted: number;
        ovo_macro_hand_till: number;
        ovo_weighted: number;
      };
      multilabel: {
        y: number[][];
        score: number[][];
        per_label_auc: number[];
        per_label_ap: number[];
        macro: number;
        micro: number;
        weighted: number;
        lrap: number;
        label_ranking_loss: number;
      };
    };
  };
}>("ranking_multiclass_multilabel.json").expected.sklearn;

function estimated<E extends Estimate>(result: Result<E>): E {
  if (result.status !== "estimated") throw new Error(result.reason);
  return result;
}

/** Rows of the reference's three classes. */
function mutuallyExclusive(
  patientOf: (row: number) => number = (row) => row,
  weights?: Float64Array,
): MulticlassScores {
  return {
    scores: [0, 1, 2].map((c) => Float64Array.from(multiclass.proba, (row) => row[c] as number)),
    classes: Uint16Array.from(multiclass.y),
    patients: Int32Array.from(multiclass.y, (_, row) => patientOf(row)),
    clustered: patientOf(1) !== 1,
    weights: weights ?? null,
  };
}

const ALL = [0, 1, 2];
const areasOf = (data: MulticlassScores): ClassArea[] =>
  ALL.map((c) => {
    const one = oneVersusRest(data, c);
    return { data: one, area: estimated(areaUnderCurve(one)) };
  });
const countsOf = (data: MulticlassScores) => ({ n: data.classes.length, patients: new Set(data.patients).size });

const STATISTICS: Readonly<Record<string, (data: MulticlassScores) => Estimate>> = {
  macro: (data) => macroAuc(areasOf(data), countsOf(data), data.clustered),
  weighted: (data) => prevalenceWeightedAuc(areasOf(data), countsOf(data), data.clustered),
  micro: (data) => estimated(microAuc(ALL.map((c) => oneVersusRest(data, c)))),
  "Hand and Till": (data) => estimated(handTill(data, ALL)),
  "Hand and Till by prevalence": (data) => estimated(handTill(data, ALL, "prevalence")),
  accuracy: (data) => estimated(multiclassAccuracy(data)),
  "balanced accuracy": (data) => estimated(balancedAccuracy(data, ALL)),
};

describe("numbers of scikit-learn", () => {
  test("mutually exclusive classes", () => {
    const data = mutuallyExclusive();
    const value = (name: string) => STATISTICS[name]?.(data).value;
    expectClose(value("macro"), multiclass.ovr_macro);
    expectClose(value("weighted"), multiclass.ovr_weighted);
    expectClose(value("Hand and Till"), multiclass.ovo_macro_hand_till);
    expectClose(value("Hand and Till by prevalence"), multiclass.ovo_weighted);
  });

  test("several labels a sample", () => {
    const classes: LabelledScores[] = [0, 1, 2, 3].map((c) => ({
      scores: Float64Array.from(multilabel.score, (row) => row[c] as number),
      labels: Uint8Array.from(multilabel.y, (row) => row[c] as number),
      patients: Int32Array.from(multilabel.y.keys()),
      clustered: false,
    }));
    const areas = classes.map((data) => ({ data, area: estimated(areaUnderCurve(data)) }));
    const counts = { n: 80, patients: 80 };
    areas.forEach(({ area }, c) => {
      expectClose(area.value, multilabel.per_label_auc[c] as number);
    });
    expectClose(macroAuc(areas, counts, false).value, multilabel.macro);
    expectClose(prevalenceWeightedAuc(areas, counts, false).value, multilabel.weighted);
    expectClose(estimated(microAuc(classes)).value, multilabel.micro);
    const ranking = labelRanking({
      scores: classes.map(({ scores }) => scores),
      labels: classes.map(({ labels }) => Int8Array.from(labels)),
      patients: Int32Array.from(multilabel.y.keys()),
    });
    expectClose(estimated(ranking.averagePrecision).value, multilabel.lrap);
    expectClose(estimated(ranking.loss).value, multilabel.label_ranking_loss);
  });
});

describe.each(Object.keys(STATISTICS))("the error of %s", (name) => {
  const statistic = STATISTICS[name] as (data: MulticlassScores) => Estimate;

  test.each([
    ["one sample a patient", (row: number) => row],
    ["two samples a patient", (row: number) => row >> 1],
    ["patients of several classes", (row: number) => row % 20],
  ])("is the derivative by the samples' weights: %s", (_, patientOf) => {
    const ordered = reordered(patientOf);
    const estimate = statistic(ordered);
    const derivative = new Map<number, number>();
    const step = 1e-5;
    ordered.patients.forEach((patient, i) => {
      const at = (change: number) => {
        const weights = new Float64Array(ordered.patients.length).fill(1);
        weights[i] = 1 + change;
        return statistic({ ...ordered, weights }).value;
      };
      derivative.set(patient, (derivative.get(patient) ?? 0) + (at(step) - at(-step)) / (2 * step));
    });
    const patients = derivative.size;
    const squares = [...derivative.values()].reduce((sum, one) => sum + one * one, 0);
    const jackknife = Math.sqrt((squares * patients) / (patients - 1));
    // The finite-sample factors are those of the classes, the smallest of which has 12 samples here.
    expect(estimate.standardError / jackknife).toBeGreaterThan(0.999);
    expect(estimate.standardError / jackknife).toBeLessThan(1.06);
  });

  test("weights that are all alike change nothing, a common factor next to nothing", () => {
    const plain = statistic(mutuallyExclusive());
    const alike = statistic(mutuallyExclusive(undefined, new Float64Array(60).fill(3)));
    expect([alike.value, alike.standardError]).toEqual([plain.value, plain.standardError]);
    const random = randomFrom(3, "weights");
    const weights = Float64Array.from({ length: 60 }, () => 0.2 + random.uniform());
    const once = statistic(mutuallyExclusive(undefined, weights));
    const scaled = statistic(
      mutuallyExclusive(
        undefined,
        weights.map((weight) => 7.3 * weight),
      ),
    );
    expect(once.value).not.toBe(plain.value);
    expectClose(scaled.value, once.value);
    expectClose(scaled.standardError, once.standardError);
  });

  test("the interval lies in [0, 1] and holds the estimate", () => {
    for (const level of [0.5, 0.95, 0.999]) {
      const estimate = statistic(mutuallyExclusive());
      const { lower, upper } = intervalOf(estimate, level);
      expect(lower >= 0 && lower < estimate.value && estimate.value < upper && upper <= 1).toBe(true);
    }
  });
});

/** The reference's rows in the order of other patients. */
function reordered(patientOf: (row: number) => number): MulticlassScores {
  const rows = [...multiclass.y.keys()].sort((a, b) => patientOf(a) - patientOf(b) || a - b);
  return {
    scores: ALL.map((c) => Float64Array.from(rows, (row) => multiclass.proba[row]?.[c] as number)),
    classes: Uint16Array.from(rows, (row) => multiclass.y[row] as number),
    patients: Int32Array.from(rows, patientOf),
    clustered: true,
  };
}

describe("Hand and Till's area", () => {
  test("of two classes with complementary scores is the AUC, with DeLong's variance", () => {
    const score = Float64Array.from(multiclass.proba, (row) => row[0] as number);
    const data: MulticlassScores = {
      scores: [score, score.map((one) => 1 - one)],
      classes: Uint16Array.from(multiclass.y, (one) => (one === 0 ? 0 : 1)),
      patients: Int32Array.from(multiclass.y.keys()),
      clustered: false,
    };
    const both = estimated(handTill(data, [0, 1]));
    const auc = estimated(areaUnderCurve(oneVersusRest(data, 0)));
    expectClose(both.value, auc.value);
    expectClose(both.standardError, auc.standardError);
  });

  test("is what its definition says, pair by pair, with ties and weights", () => {
    const random = randomFrom(4, "pairs");
    const plain = mutuallyExclusive();
    const weights = Float64Array.from(plain.classes, () => 0.5 + random.uniform());
    const tied = plain.scores.map((column) => column.map((score) => Math.round(score * 5) / 5));
    const area = (i: number, j: number) => {
      const rows = [...plain.classes.keys()].filter((row) => plain.classes[row] === i || plain.classes[row] === j);
      const one = areaUnderCurve({
        scores: Float64Array.from(rows, (row) => tied[i]?.[row] as number),
        labels: Uint8Array.from(rows, (row) => (plain.classes[row] === i ? 1 : 0)),
        patients: Int32Array.from(rows),
        clustered: false,
        weights: Float64Array.from(rows, (row) => weights[row] as number),
      });
      return estimated(one).value;
    };
    const pairs = [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const;
    const mean = pairs.reduce((sum, [i, j]) => sum + (area(i, j) + area(j, i)) / 6, 0);
    expectClose(estimated(handTill({ ...plain, scores: tied, weights }, ALL)).value, mean);
  });

  test("of separated classes is 1, with an interval of some width below it", () => {
    const classes = Uint16Array.from({ length: 30 }, (_, i) => i % 3);
    const data: MulticlassScores = {
      scores: ALL.map((c) => Float64Array.from(classes, (own, i) => (own === c ? 0.9 : 0.1) + i / 1000)),
      classes,
      patients: Int32Array.from(classes.keys()),
      clustered: false,
    };
    const area = estimated(handTill(data, ALL));
    const { lower, upper, method } = intervalOf(area, 0.95);
    expect([area.value, upper, method]).toEqual([1, 1, "square-and-add-average"]);
    expect(lower).toBeGreaterThan(0.7);
    expect(lower).toBeLessThan(0.95);
    const macro = STATISTICS.macro?.(data) as Estimate;
    expect(intervalOf(macro, 0.95).lower).toBeLessThan(0.97);
  });

  test("does not see the scores of samples of classes that are left out", () => {
    const data = mutuallyExclusive();
    const shifted = data.scores.map((column) => column.map((score, i) => (data.classes[i] === 2 ? Infinity : score)));
    const one = estimated(handTill(data, [0, 1]));
    const other = estimated(handTill({ ...data, scores: shifted }, [0, 1]));
    expect([other.value, other.standardError]).toEqual([one.value, one.standardError]);
  });

  test("needs two classes", () => {
    expect(handTill(mutuallyExclusive(), [1])).toMatchObject({
      status: "not-estimable",
      reason: expect.stringMatching(/^1 classes with at least two samples/),
    });
  });
});

describe("averages", () => {
  test("of one class are the class's area with its interval", () => {
    const [first] = areasOf(mutuallyExclusive((row) => row >> 1));
    const { area } = first as ClassArea;
    const one = macroAuc([first as ClassArea], { n: 60, patients: 30 }, true);
    expectClose(one.value, area.value);
    // The factor of the mixed product is a geometric mean: 1 % of a part of the variance.
    expectClose(one.standardError, area.standardError, 2e-3);
    const [apart] = areasOf(mutuallyExclusive());
    const alone = macroAuc([apart as ClassArea], { n: 60, patients: 60 }, false);
    expectClose(alone.standardError, (apart as ClassArea).area.standardError);
  });

  test("of independent shares have the variance of independent shares", () => {
    const share = (outcomes: number[], first: number) =>
      estimated(
        proportion(
          Uint8Array.from(outcomes),
          Int32Array.from(outcomes, (_, i) => first + i),
          false,
        ),
      );
    const [a, b] = [share([1, 0, 1, 1, 0], 0), share([1, 1, 1, 0, 1, 1, 1], 5)];
    const terms = [a, b].map((estimate) => ({ weight: 0.5, estimate }));
    const mean = averageOfShares(terms, { n: 12, patients: 12 });
    expectClose(mean.standardError ** 2, (variance(a.error) + variance(b.error)) / 4);
    const [ofA, ofB, own] = [a.limits(1.96), b.limits(1.96), mean.limits(1.96)];
    expectClose(own.lower, mean.value - Math.hypot(a.value - ofA.lower, b.value - ofB.lower) / 2);
    expectClose(own.upper, mean.value + Math.hypot(ofA.upper - a.value, ofB.upper - b.value) / 2);
  });

  test("micro: the pairs of a sample count as one patient", () => {
    const data = mutuallyExclusive();
    const micro = estimated(microAuc(ALL.map((c) => oneVersusRest(data, c))));
    expect(micro).toMatchObject({ n: 180, patients: 60, method: "obuchowski-logit" });
  });

  test.each([
    ["as they are", (score: number) => score],
    ["with ties within and across classes", (score: number) => Math.round(score * 6) / 6],
    ["with infinities", (score: number) => (score > 0.7 ? Infinity : score < 0.05 ? -Infinity : score)],
  ])("micro is the area of the one long column: scores %s", (_, change) => {
    const random = randomFrom(6, "long");
    const data = reordered((row) => row % 20);
    const weights = Float64Array.from(data.classes, () => 0.5 + random.uniform());
    for (const given of [null, weights]) {
      const classes = ALL.map((c) => {
        const one = oneVersusRest({ ...data, weights: given }, c);
        return { ...one, scores: one.scores.map(change) };
      });
      const pairs = classes.flatMap(({ scores, labels, patients }, c) =>
        [...scores].map((score, i) => ({ score, label: labels[i] as number, patient: patients[i] as number, c, i })),
      );
      pairs.sort((a, b) => a.patient - b.patient);
      const long = areaUnderCurve({
        scores: Float64Array.from(pairs, ({ score }) => score),
        labels: Uint8Array.from(pairs, ({ label }) => label),
        patients: Int32Array.from(pairs, ({ patient }) => patient),
        clustered: true,
        weights: given === null ? null : Float64Array.from(pairs, ({ i }) => given[i] as number),
      });
      const [merged, whole] = [estimated(microAuc(classes)), estimated(long)];
      expectClose(merged.value, whole.value);
      expectClose(merged.standardError, whole.standardError);
    }
  });

  test("micro of too few pairs says so", () => {
    const data = mutuallyExclusive();
    const one = oneVersusRest(data, 0);
    const none = { ...one, labels: new Uint8Array(60) };
    expect(microAuc([none, none])).toMatchObject({
      reason: "0 positive pairs among 120 of a sample and a class: AUC needs at least two of each kind",
    });
    expect(microAuc([{ ...one, patients: new Int32Array(60) }])).toMatchObject({
      reason: expect.stringMatching(/^all positive pairs come from one patient: /),
    });
    const separated = estimated(microAuc([{ ...one, scores: Float64Array.from(one.labels) }]));
    expect(separated).toMatchObject({ value: 1, method: "newcombe-patients" });
    expect(separated.limits(1.96).lower).toBeLessThan(0.99);
  });

  test("class counts", () => {
    const { samples, patients } = classCounts(reordered((row) => row % 20));
    const own = (c: number) => [...multiclass.y.keys()].filter((row) => multiclass.y[row] === c);
    expect([...samples]).toEqual(ALL.map((c) => own(c).length));
    expect([...patients]).toEqual(ALL.map((c) => new Set(own(c).map((row) => row % 20)).size));
  });
});

test("a sample's ranking leaves out labels that are missing", () => {
  const of = (labels: number[], scores: number[]) =>
    labelRanking({
      labels: labels.map((label) => Int8Array.of(label, 1)),
      scores: scores.map((score) => Float64Array.of(score, 1)),
      patients: Int32Array.of(0, 1),
    });
  // The second sample's labels are all true: precision 1, loss 0.
  const whole = of([1, 0, 0], [0.5, 0.9, 0.1]);
  const missing = of([1, -1, 0], [0.5, 0.9, 0.1]);
  expect(estimated(whole.averagePrecision).value).toBe(0.75);
  expect(estimated(whole.loss).value).toBe(0.25);
  expect(estimated(missing.averagePrecision).value).toBe(1);
  expect(estimated(missing.loss).value).toBe(0);
});

test("the order of the rows does not matter", () => {
  const rows = fc.shuffledSubarray([...multiclass.y.keys()], { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(rows, (order) => {
      const data: MulticlassScores = {
        scores: ALL.map((c) => Float64Array.from(order, (row) => multiclass.proba[row]?.[c] as number)),
        classes: Uint16Array.from(order, (row) => multiclass.y[row] as number),
        patients: Int32Array.from(order.keys()),
        clustered: false,
      };
      for (const statistic of Object.values(STATISTICS)) {
        const [one, other] = [statistic(data), statistic(mutuallyExclusive())];
        expectClose(one.value, other.value, 1e-12);
        expectClose(one.standardError, other.standardError);
      }
    }),
    { numRuns: 20 },
  );
});
