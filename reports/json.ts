import { findingsText } from "../src/core/record.js";
import { defineReport } from "../src/core/report.js";

/** The findings as they are, at full double precision, for programs. */
export default defineReport({
  id: "json",
  title: "Findings as JSON",
  file: "findings.json",
  render: ({ findings }) => findingsText(findings),
});
