import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pdf from "../../reports/pdf.js";
import { printPage } from "../../reports/pdf/print.js";
import { findChromium } from "../../src/core/chromium.js";
import { StepwedgeError } from "../../src/core/errors.js";
import { fakeRecord } from "../support/fake-record.js";

const chromium = findChromium(process.env);
const printed = chromium === null ? describe.skip : describe;
if (chromium === null) console.warn("no Chromium: nothing is printed as PDF (set CHROMIUM_PATH)");

printed("report.pdf", () => {
  const record = fakeRecord();
  let file: Buffer;

  beforeAll(async () => {
    file = Buffer.from((await pdf.render(record)) as Uint8Array);
  }, 120_000);

  test("is a tagged PDF in the report's language, with a title and an outline", () => {
    const text = file.toString("latin1");
    expect(text.startsWith("%PDF-")).toBe(true);
    expect(text.trimEnd().endsWith("%%EOF")).toBe(true);
    expect(text).toMatch(/\/MarkInfo\s*<<\s*\/Type \/MarkInfo\s*\/Marked true|\/Marked true/);
    expect(text).toMatch(/\/StructTreeRoot/);
    expect(text).toMatch(/\/Lang \(en\)/);
    expect(text).toMatch(/\/Outlines/);
    expect(text).toMatch(/\/Title/);
  });

  test("is dated by the record, not by the clock: the same record gives the same bytes", async () => {
    const stamp = record.provenance.finishedAt.replace(/\D/g, "").slice(0, 14);
    const text = file.toString("latin1");
    expect(text).toContain(`/CreationDate (D:${stamp}+00'00')`);
    expect(text).toContain(`/ModDate (D:${stamp}+00'00')`);
    const again = Buffer.from((await pdf.render(structuredClone(record))) as Uint8Array);
    expect(again.equals(file)).toBe(true);
  }, 120_000);
});

describe("without a browser that works", () => {
  const before = process.env.CHROMIUM_PATH;
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-pdf-test-"));
  afterAll(() => {
    if (before === undefined) delete process.env.CHROMIUM_PATH;
    else process.env.CHROMIUM_PATH = before;
    rmSync(folder, { recursive: true });
  });

  test("printing says what is needed", async () => {
    process.env.CHROMIUM_PATH = join(folder, "none");
    await expect(printPage("<p>", new Date(0))).rejects.toThrow(/Chromium or Chrome, and none is installed/);
    await expect(printPage("<p>", new Date(0))).rejects.toBeInstanceOf(StepwedgeError);
  });

  test("a program that prints nothing is named, with what it said", async () => {
    const program = join(folder, "chromium");
    writeFileSync(program, "#!/bin/sh\necho no display >&2\nexit 3\n", { mode: 0o755 });
    process.env.CHROMIUM_PATH = program;
    await expect(printPage("<p>", new Date(0))).rejects.toThrow(/did not print: no display/);
  });
});
