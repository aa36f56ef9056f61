import { defineSection } from "../section.js";

/** Departures from what a reader may take for granted, and the checks that the model passed or failed beforehand. */
export default defineSection({
  id: "deviations",
  title: "Deviations and preflight",
  order: 120,
  view: ({ record }) => ({
    deviations: record.findings.deviations.map(({ title, detail }) => ({ title, detail })),
    checks: record.findings.preflight.map(({ title, detail, passed }) => ({
      title,
      detail,
      tone: passed ? "pass" : "fail",
      word: passed ? "passed" : "failed",
    })),
  }),
});
