import { STATEMENT_KEYS } from "../../common/statements.js";
import { defineSection } from "../section.js";
import { DATA_STATEMENTS, LIMIT_STATEMENTS, PLAN_STATEMENTS, statementsView } from "../statements.js";

const ELSEWHERE = [...DATA_STATEMENTS, ...PLAN_STATEMENTS, ...LIMIT_STATEMENTS];

/** What only the people behind the device can say: users, oversight, monitoring, planned changes. Shown as stated. */
export default defineSection({
  id: "statements",
  title: "What the author states",
  order: 45,
  view: ({ record }) => ({
    statements: statementsView(
      record,
      STATEMENT_KEYS.filter((key) => !ELSEWHERE.includes(key)),
    ),
  }),
});
