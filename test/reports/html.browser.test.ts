import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import html from "../../reports/html.js";
import { fakeRecord } from "../support/fake-record.js";

const CHROMIUM = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
const isInstalled = existsSync(CHROMIUM);
const described = isInstalled ? describe : describe.skip;
if (!isInstalled) console.warn(`no Chromium at ${CHROMIUM}: the report is not opened in a browser (set CHROMIUM_PATH)`);

described("report.html in Chromium", () => {
  let browser: Browser;
  let folder: string;
  let url: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "stepwedge-report-"));
    writeFileSync(join(folder, "report.html"), await html.render(fakeRecord()));
    url = pathToFileURL(join(folder, "report.html")).href;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(options: { width?: number; javaScriptEnabled?: boolean; colorScheme?: "light" | "dark" } = {}) {
    const { width = 1280, ...rest } = options;
    const context = await browser.newContext({ ...rest, viewport: { width, height: 900 } });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (request.url() !== url && !request.url().startsWith("data:")) complaints.push(`asked for ${request.url()}`);
    });
    await page.goto(url);
    return { page, complaints, close: () => context.close() };
  }

  test.each([true, false])("nothing is blocked, asked for or complained about (JavaScript: %s)", async (enabled) => {
    const { page, complaints, close } = await open({ javaScriptEnabled: enabled });
    expect(await page.locator("h1").textContent()).toBe("Chest X-ray pneumonia classifier 1.4");
    expect(await page.locator("#perturbations img").count()).toBe(4);
    const weight = await page.evaluate<string>("getComputedStyle(document.querySelector('h1')).fontWeight");
    expect(Number(weight)).toBeGreaterThan(600); // the style sheet was allowed
    expect(complaints).toEqual([]);
    await close();
  });

  test.each([400, 768, 1280])("at %d px nothing sticks out of the page", async (width) => {
    const { page, close } = await open({ width });
    const overflow = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
    expect(overflow).toBeLessThanOrEqual(0);
    await close();
  });

  test.each([400, 1280])("names of any length stay within %d px", async (width) => {
    const long = "x".repeat(10_000);
    const text = JSON.stringify({ ...fakeRecord({ attacked: false }), perturbations: {} })
      .replaceAll('"AP"', JSON.stringify(long))
      .replaceAll('"view"', JSON.stringify(`view ${long}`))
      .replaceAll('"pneumonia"', JSON.stringify(`class ${long}`));
    const { page, close } = await open({ width });
    await page.setContent(await html.render(JSON.parse(text)));
    const overflow = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
    expect(overflow).toBeLessThanOrEqual(0);
    await close();
  });

  test("a link to a finding opens the folded table that holds it", async () => {
    const { page, close } = await open();
    await page.locator(".observations .evidence a").first().click();
    const target = page.locator("td:target");
    expect(await target.count()).toBe(1);
    expect(await target.isVisible()).toBe(true);
    await close();
  });

  test("on paper every folded table is shown, and the contents are not", async () => {
    const { page, close } = await open();
    await page.emulateMedia({ media: "print" });
    const heights = await page
      .locator("details > .table-wrap")
      .evaluateAll((all) => all.map((one) => one.clientHeight));
    expect(heights.length).toBeGreaterThan(10);
    expect(Math.min(...heights)).toBeGreaterThan(20);
    expect(await page.locator("nav.contents").isVisible()).toBe(false);
    await close();
  });

  test("what is open and the blank approval block are on the first sheet of A4, and at 400 px near the top", async () => {
    // 210 × 297 mm less the margins of the style sheet, at 96 dpi.
    const sheet = await open({ width: 688 });
    await sheet.page.emulateMedia({ media: "print" });
    for (const selector of [".open-points", "#approval"]) {
      const box = await sheet.page.locator(selector).boundingBox();
      expect((box?.y ?? Infinity) + (box?.height ?? 0)).toBeLessThan(1009);
    }
    await sheet.close();
    const phone = await open({ width: 400 });
    const line = phone.page.locator(".masthead a", { hasText: "NOT APPROVED – not signed." });
    expect((await line.boundingBox())?.y).toBeLessThan(900);
    await line.click();
    expect(await phone.page.locator(".open-points").isVisible()).toBe(true);
    await phone.close();
  });

  test("dark follows the reader's setting", async () => {
    const { page, close } = await open({ colorScheme: "dark" });
    const ground = await page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
    expect(ground).toBe("rgb(16, 22, 28)");
    await close();
  });
});
