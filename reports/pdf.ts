import { defineReport } from "../src/core/report.js";
import { renderPage } from "./html/page.js";
import { printPage } from "./pdf/print.js";

/**
 * The page on paper: report.html as an installed Chromium prints it, tagged for assistive technology and with an
 * outline. The same record and the same Chromium give the same bytes.
 */
export default defineReport({
  id: "pdf",
  title: "PDF, printed by an installed Chromium",
  file: "report.pdf",
  render: async (record) => printPage(await renderPage(record), new Date(record.provenance.finishedAt)),
});
