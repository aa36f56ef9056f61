import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { renderComparisonPage } from "../../reports/comparison/page.js";
import { fakeComparison } from "../support/fake-comparison.js";

const CHROMIUM = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
const isInstalled = existsSync(CHROMIUM);
const described = isInstalled ? describe : describe.skip;
if (!isInstalled)
  console.warn(`no Chromium at ${CHROMIUM}: comparison.html is not opened in a browser (set CHROMIUM_PATH)`);

described("comparison.html in Chromium", () => {
  let browser: Browser;
  let folder: string;
  let url: string;
  const axe = readFileSync(createRequire(join(process.cwd(), "package.json")).resolve("axe-core/axe.min.js"), "utf8");

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "stepwedge-comparison-"));
    const regression = [
      {
        id: "REG-001",
        title: "No worse than 1.3",
        verdict: "inconclusive",
        against: "baseline",
        limit: -0.02,
        observed: -0.03,
        findings: ["comparison/auc-advantage/pneumonia/all/clean/vs-predecessor"],
        reason: "The interval reaches across.",
      },
    ] as const;
    writeFileSync(
      join(folder, "comparison.html"),
      await renderComparisonPage(fakeComparison({}, { verdict: "inconclusive", regression })),
    );
    url = pathToFileURL(join(folder, "comparison.html")).href;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    [1280, "light"],
    [768, "dark"],
    [400, "light"],
  ] as const)("at %d px, %s: nothing sticks out, nothing is blocked, axe finds nothing", async (width, colorScheme) => {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("request", (request) => {
      if (request.url() !== url) complaints.push(`asked for ${request.url()}`);
    });
    await page.goto(url);
    expect(complaints).toEqual([]);
    expect(await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    // Everything that is folded is looked at, too.
    await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
    await page.evaluate(axe);
    const faults = await page.evaluate<string[]>(
      "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes[0].html))",
    );
    expect(faults).toEqual([]);
    await context.close();
  });
});
