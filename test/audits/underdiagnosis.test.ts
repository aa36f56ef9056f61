import audit from "../../audits/underdiagnosis.js";
import { expectClose, type ReferenceInputs, reference } from "../support/reference.js";
import { CLASS, cleanStudy, findingById, POINT } from "../support/study.js";

interface Rates {
  readonly fnr: number;
  readonly fpr: number;
  readonly fnr_counts: readonly [number, number];
  readonly fnr_wilson95: readonly [number, number];
  readonly fpr_wilson95: readonly [number, number];
}
interface Expected {
  readonly inputs: Required<ReferenceInputs>;
  readonly expected: { readonly sklearn_statsmodels: { readonly "rates_at_0.5": Readonly<Record<string, Rates>> } };
}

const contextOf = (noFinding: string | null) => ({ parameters: { noFinding, margin: 0.05 }, level: 0.95, seed: 1 });
const id = (metric: string, group: string) => `underdiagnosis/${metric}/${CLASS}/${POINT}/group=${group}/clean`;

describe.each(["random_n50", "random_n500"])("%s: rates with Wilson's limits, as computed elsewhere", (name) => {
  const { inputs, expected } = reference<Expected>(`${name}.json`);
  const study = cleanStudy({
    labels: inputs.y,
    scores: inputs.score,
    families: { group: inputs.group },
    threshold: 0.5,
  });
  const disease = audit.evaluate(study, contextOf(null));
  const healthy = audit.evaluate(study, contextOf(CLASS));

  test.each(Object.entries(expected.sklearn_statsmodels["rates_at_0.5"]))("group %s", (group, rates) => {
    const under = findingById(disease, id("underdiagnosis-rate", group));
    expectClose(under.estimate ?? undefined, rates.fnr);
    expectClose(under.interval?.lower, rates.fnr_wilson95[0]);
    expectClose(under.interval?.upper, rates.fnr_wilson95[1]);
    expect(under.positives).toBe(rates.fnr_counts[1]);
    const over = findingById(disease, id("overdiagnosis-rate", group));
    expectClose(over.estimate ?? undefined, rates.fpr);
    expectClose(over.interval?.upper, rates.fpr_wilson95[1]);
    // Where the class means that nothing was found, calling it wrongly is what hides an illness.
    expectClose(findingById(healthy, id("underdiagnosis-rate", group)).estimate ?? undefined, rates.fpr);
    expectClose(findingById(healthy, id("overdiagnosis-rate", group)).estimate ?? undefined, rates.fnr);
  });

  test("differences from the rest carry tests and the least difference that would be found", () => {
    const found = findingById(disease, id("underdiagnosis-rate-difference-rest", "A"));
    expect(found.tests?.map(({ method }) => method)).toEqual(["inverted-interval", "tost"]);
    expect(found.details?.["minimum-detectable"]).toBeGreaterThan(0);
    const gap = disease.find((one) => one.metric === "underdiagnosis-rate-gap");
    const rates = Object.values(expected.sklearn_statsmodels["rates_at_0.5"]).map(({ fnr }) => fnr);
    expect(gap?.estimate).toBeCloseTo(Math.max(...rates) - Math.min(...rates), 12);
    expect(gap?.details?.worst).toBe(`group=${"ABC"[rates.indexOf(Math.max(...rates))]}`);
  });
});
