import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import html from "../../reports/html.js";
import { isClean } from "../../src/core/condition.js";
import { subgroupKey } from "../../src/core/finding.js";
import { estimateText, intervalText } from "../../reports/common/format.js";
import { fakeRecord } from "../support/fake-record.js";
import { poisonedRecord } from "../support/poisoned-record.js";

const CHROMIUM = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
const isInstalled = existsSync(CHROMIUM);
const described = isInstalled ? describe : describe.skip;
if (!isInstalled) console.warn(`no Chromium at ${CHROMIUM}: the report is not opened in a browser (set CHROMIUM_PATH)`);

described("report.html in Chromium", () => {
  const record = fakeRecord();
  let browser: Browser;
  let folder: string;
  let url: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "stepwedge-report-"));
    writeFileSync(join(folder, "report.html"), await html.render(record));
    url = pathToFileURL(join(folder, "report.html")).href;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Options {
    readonly width?: number;
    readonly javaScriptEnabled?: boolean;
    readonly colorScheme?: "light" | "dark";
    readonly bypassCSP?: boolean;
    readonly media?: "screen" | "print";
    /** Another page than the usual one. */
    readonly of?: string;
  }

  async function open({ width = 1280, media = "screen", of = url, ...rest }: Options = {}) {
    const context = await browser.newContext({ ...rest, viewport: { width, height: 900 } });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("dialog", (dialog) => complaints.push(dialog.message()));
    page.on("request", (request) => {
      if (request.url() !== of && !request.url().startsWith("data:")) complaints.push(`asked for ${request.url()}`);
    });
    await page.addInitScript(
      "addEventListener('securitypolicyviolation', (event) => console.error('blocked', event.violatedDirective, event.sample))",
    );
    await page.emulateMedia({ media });
    await page.goto(of);
    return { page, complaints, close: () => context.close() };
  }

  test.each<Options>([
    { javaScriptEnabled: true },
    { javaScriptEnabled: false },
    { colorScheme: "dark" },
    { media: "print" },
  ])("nothing is blocked, asked for or complained about: %j", async (options) => {
    const { page, complaints, close } = await open(options);
    expect(await page.locator("h1").textContent()).toBe("Chest X-ray pneumonia classifier 1.4");
    expect(await page.locator("#perturbations img").count()).toBe(4);
    const weight = await page.evaluate<string>("getComputedStyle(document.querySelector('h1')).fontWeight");
    expect(Number(weight)).toBeGreaterThan(600); // the style sheet was allowed
    const isLive = options.javaScriptEnabled !== false && options.media !== "print";
    expect(await page.locator("#explorer-panel").isVisible()).toBe(isLive);
    expect(await page.locator("#explorer-locked table").first().isVisible()).toBe(!isLive);
    if (isLive) await page.locator("#explorer-slider").press("ArrowLeft");
    expect(complaints).toEqual([]);
    await close();
  });

  test("the policy does block what is not ours", async () => {
    const { page, complaints, close } = await open();
    await page
      .evaluate("document.body.append(Object.assign(document.createElement('script'), { text: 'window.ran = 1' }))")
      .catch(() => {});
    expect(await page.evaluate("window.ran")).toBeUndefined();
    await expect(page.evaluate("document.body.innerHTML = '<p>x</p>'")).rejects.toThrow(/TrustedHTML/);
    expect(complaints.join()).toContain("blocked");
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
    const file = join(folder, "long.html");
    writeFileSync(file, await html.render(JSON.parse(text)));
    const { page, close } = await open({ width, of: pathToFileURL(file).href });
    const overflow = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
    expect(overflow).toBeLessThanOrEqual(0);
    await close();
  });

  test.each([
    ["a script and a handler", "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'>"],
    ["ends of our own blocks", "</script></style><script>window.ran = 1</script><!--"],
    ["templates and marks of direction", "{{title}} {{{style}}} \u202eright to left \u2066 \u0634\u062e\u0635"],
    ["ten kilobytes", `${"x".repeat(10_000)}</script>`],
  ])("hostile names are text, and stay within 400 px: %s", async (_, word) => {
    const file = join(folder, "hostile.html");
    writeFileSync(file, await html.render(poisonedRecord(word)));
    const { page, complaints, close } = await open({ width: 400, of: pathToFileURL(file).href });
    await page.locator("#explorer-slider").press("ArrowRight");
    expect(await page.evaluate("window.ran")).toBeUndefined();
    expect(await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    expect(await page.locator("h1").textContent()).toBe(word);
    expect(await page.locator("#explorer-returns").textContent()).toContain(word.slice(0, 30));
    expect(await page.evaluate("document.querySelectorAll('script').length")).toBe(2);
    expect(complaints).toEqual([]);
    await close();
  });

  describe("the explorer", () => {
    const cellsOf = (page: Page, table: string) =>
      page
        .locator(`${table} tbody tr:not(.heading)`)
        .evaluateAll((rows) =>
          rows.map((row) => Array.from(row.querySelectorAll("td"), (cell) => (cell.textContent ?? "").trim())),
        );

    test("at the locked point says what the findings say, to every digit shown", async () => {
      const { page, close } = await open();
      const live = await cellsOf(page, "#explorer-live");
      expect(live).toEqual(await cellsOf(page, "#explorer-locked-1-1"));
      const groups = record.explorer?.groups ?? [];
      expect(live).toHaveLength(groups.length);
      const columns = { sensitivity: 4, specificity: 6, ppv: 8, npv: 9 };
      groups.forEach(({ family, subgroup }, index) => {
        for (const [metric, column] of Object.entries(columns)) {
          const finding = record.findings.findings.find(
            (one) =>
              one.audit === "discrimination" &&
              one.metric === metric &&
              one.family === family &&
              subgroupKey(one.subgroup) === subgroupKey(subgroup) &&
              isClean(one.condition),
          );
          expect(live[index]?.[column]).toBe(`${estimateText(finding)}${intervalText(finding) ?? ""}`);
        }
      });
      const atPrevalence = record.findings.findings.find(({ metric }) => metric === "ppv-at-prevalence");
      await page.locator("#explorer-prevalence").fill("2");
      const [all = []] = await cellsOf(page, "#explorer-live");
      expect(all[8]).toBe(`${estimateText(atPrevalence)}${intervalText(atPrevalence)}`);
      await close();
    });

    test("follows the keyboard, says where it is, and finds the way back", async () => {
      const { page, complaints, close } = await open();
      const caption = page.locator("#explorer-live-caption");
      const status = page.locator("#explorer-status");
      const before = await cellsOf(page, "#explorer-live");
      await page.locator("#explorer-slider").focus();
      await page.keyboard.press("ArrowLeft");
      await page.keyboard.press("ArrowLeft");
      expect(await caption.textContent()).toContain("exploration, no finding");
      expect(await page.locator("#explorer-state").textContent()).toContain("no finding");
      const after = await cellsOf(page, "#explorer-live");
      expect(Number(after[0]?.[0])).toBeGreaterThan(Number(before[0]?.[0]));
      await expectText(status, /exploration, no finding. All patients: sensitivity \d+\.\d%/);
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.textContent")).toBe("Back to the locked point screening");
      await page.keyboard.press("Enter");
      expect(await cellsOf(page, "#explorer-live")).toEqual(before);
      await expectText(status, /Back at the locked point/);

      await page.locator("#explorer-sensitivity").focus();
      await page.keyboard.type("95");
      await page.keyboard.press("Enter");
      const asked = await cellsOf(page, "#explorer-live");
      expect(Number.parseFloat(asked[0]?.[4] ?? "")).toBeGreaterThanOrEqual(95);
      await page.locator("#explorer-slider").press("ArrowRight");
      const higher = await cellsOf(page, "#explorer-live");
      expect(Number.parseFloat(higher[0]?.[4] ?? "")).toBeLessThan(95);

      await page.locator("#explorer-specificity").fill("200");
      await page.keyboard.press("Enter");
      await expectText(status, /No threshold of the grid has a specificity of 200%/);
      await page.locator("#explorer-condition").selectOption({ index: 1 });
      expect(await caption.textContent()).toContain("jpeg");
      expect(complaints).toEqual([]);
      await close();
    });

    async function expectText(where: Locator, wanted: RegExp): Promise<void> {
      for (let tries = 0; tries < 40 && !wanted.test((await where.textContent()) ?? ""); tries++) {
        await where.page().waitForTimeout(50);
      }
      expect(await where.textContent()).toMatch(wanted);
    }
  });

  test("a table is put in order by its headings, and back, from the keyboard", async () => {
    const { page, close } = await open();
    const table = page.locator("#results-1-1");
    const column = async () =>
      (await table.locator("tbody:nth-of-type(3) tr:not(.heading) td:nth-of-type(2)").allTextContents()).map((text) =>
        Number.parseFloat(text),
      );
    const before = await column();
    const button = table.locator("thead button").nth(2);
    await button.focus();
    await page.keyboard.press("Enter");
    expect(await table.locator("th[aria-sort]").getAttribute("aria-sort")).toBe("ascending");
    const numbers = before.filter((value) => !Number.isNaN(value));
    expect((await column()).slice(0, numbers.length)).toEqual(numbers.toSorted((a, b) => a - b));
    await page.keyboard.press("Enter");
    expect((await column())[0]).toBe(Math.max(...numbers));
    await page.keyboard.press("Enter");
    expect(await table.locator("th[aria-sort]").count()).toBe(0);
    expect(await column()).toEqual(before);
    await close();
  });

  test("findings are filtered by words, and their number is said; on paper all are shown", async () => {
    const { page, close } = await open();
    const rows = page.locator("#findings-grids tbody tr");
    const all = await rows.count();
    await page.locator("#findings-filter").fill("sensitivity clean");
    const count = page.locator("#findings-filter-count");
    await count.filter({ hasText: /rows shown/ }).waitFor();
    const shown = await page.locator("#findings-grids tbody tr:not([hidden])").count();
    expect(await count.textContent()).toBe(`${shown} of ${all} rows shown`);
    expect(shown).toBeGreaterThan(0);
    expect(shown).toBeLessThan(all / 2);
    await page.emulateMedia({ media: "print" });
    expect(await rows.last().isVisible()).toBe(true);
    await close();
  });

  test.each<Options>([
    { width: 1280 },
    { width: 1280, colorScheme: "dark" },
    { width: 1280, media: "print" },
    { width: 768 },
    { width: 400, colorScheme: "dark" },
  ])(
    "axe finds nothing, contrast included: %j",
    async (options) => {
      const { page, close } = await open({ ...options, bypassCSP: true });
      if (options.media !== "print") await page.locator("#explorer-slider").press("ArrowLeft");
      // Every fold is opened; of the grids, which are all alike, three are looked at.
      await page.evaluate(`
        document.querySelectorAll("#findings-grids > details:nth-of-type(n + 4)").forEach((one) => one.remove());
        document.querySelectorAll("details").forEach((one) => { one.open = true; });`);
      await page.evaluate(axe.source);
      const rules = JSON.stringify({ "target-size": { enabled: options.media !== "print" } });
      const found = await page.evaluate<string[]>(`axe
        .run({ resultTypes: ["violations"], rules: ${rules}, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
        .then(({ violations }) => violations.flatMap(({ id, nodes }) =>
          nodes.slice(0, 3).map(({ html, failureSummary }) => [id, html.slice(0, 200), failureSummary].join(" "))))`);
      expect(found).toEqual([]);
      await close();
    },
    120_000,
  );

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
