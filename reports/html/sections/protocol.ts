import { decimal, integer } from "../../common/format.js";
import { defineSection } from "../section.js";
import { checksView, PLAN_STATEMENTS, statementsView } from "../statements.js";

/** What was fixed before the run, and whether it stayed so. */
export default defineSection({
  id: "protocol",
  title: "Protocol, fixed before the run",
  order: 25,
  view: ({ record }) => {
    const { protocol, findings } = record;
    return {
      sha256: findings.protocolSha256,
      seed: String(protocol.seed),
      level: decimal(protocol.confidence * 100, 0),
      gates: integer(protocol.gates.length),
      deviations: findings.deviations.map(({ title }) => title),
      checks: checksView(record, [
        "criteria-declared",
        "criteria-before-run",
        "criteria-on-limits",
        "multiplicity",
        "operating-points",
        "detectable-differences",
        "deviations-recorded",
      ]),
      statements: statementsView(record, PLAN_STATEMENTS),
    };
  },
});
