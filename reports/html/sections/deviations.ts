import { lockText, relockReasons } from "../../common/lock.js";
import { defineSection } from "../section.js";

/**
 * Whether the criteria were fixed beforehand, departures from what a reader may take for granted, and the checks that the
 * model passed or failed before the run.
 */
export default defineSection({
  id: "deviations",
  title: "Deviations and preflight",
  order: 120,
  view: ({ record }) => ({
    lock: lockText(record),
    relocks: relockReasons(record),
    deviations: record.findings.deviations.map(({ title, detail }) => ({ title, detail })),
    checks: record.findings.preflight.map(({ title, detail, passed }) => ({
      title,
      detail,
      tone: passed ? "pass" : "fail",
      word: passed ? "passed" : "failed",
    })),
  }),
});
