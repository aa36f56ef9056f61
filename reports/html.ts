import { defineReport } from "../src/core/report.js";
import { renderPage } from "./html/page.js";

/**
 * The report for people: one self-contained page, complete without JavaScript and without network, made to be read
 * on a screen, on a telephone and on paper. Its sections live in `html/sections/`, one file and one template each.
 */
export default defineReport({
  id: "html",
  title: "HTML page",
  file: "report.html",
  render: (record) => renderPage(record),
});
