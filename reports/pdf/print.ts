import { execFile } from "node:child_process";
import { accessSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { findChromium } from "../../src/core/chromium.js";
import { ExitCode, StepwedgeError } from "../../src/core/errors.js";

const run = promisify(execFile);

/** Milliseconds after which a browser that does not answer is ended. */
const PATIENCE = 180_000;

/**
 * Prints a page by an installed Chromium, in a folder of its own which is removed afterwards, without network.
 * @param html the page, complete in itself.
 * @param date what the file's dates say: a record's one clock reading, so that printing again gives the same bytes.
 * @returns the PDF, tagged and with an outline.
 * @throws StepwedgeError where there is no Chromium, or it prints nothing.
 */
export async function printPage(html: string, date: Date): Promise<Uint8Array> {
  const chromium = findChromium(process.env);
  if (chromium === null) {
    throw new StepwedgeError("needs Chromium or Chrome, and none is installed", {
      where: "the report's format pdf",
      remedy:
        "Install one, name it by the environment variable CHROMIUM_PATH, or print report.html from any browser instead.",
      exitCode: ExitCode.incomplete,
    });
  }
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-print-"));
  try {
    const page = join(folder, "report.html");
    const pdf = join(folder, "report.pdf");
    writeFileSync(page, html);
    await print(chromium, folder, page, pdf);
    return withDates(readFileSync(pdf), date);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function print(chromium: string, folder: string, page: string, pdf: string): Promise<void> {
  const options = [
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    // Nothing on the page asks for anything; should the browser itself, it finds nobody.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    // Chromium refuses to run as root inside its sandbox; containers run as root.
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    `--user-data-dir=${join(folder, "profile")}`,
    "--no-pdf-header-footer",
    "--export-tagged-pdf",
    "--generate-pdf-document-outline",
    `--print-to-pdf=${pdf}`,
  ];
  try {
    await run(chromium, [...options, pathToFileURL(page).href], { timeout: PATIENCE, killSignal: "SIGKILL" });
    accessSync(pdf);
  } catch (cause) {
    throw new StepwedgeError(`did not print: ${lastLine(cause)}`, {
      where: chromium,
      remedy: "Try `chromium --headless --print-to-pdf` by hand, or print report.html from a browser.",
      exitCode: ExitCode.incomplete,
      cause,
    });
  }
}

function lastLine(error: unknown): string {
  const { killed, stderr, message } = error as { killed?: boolean; stderr?: string; message: string };
  if (killed === true) return `no answer within ${PATIENCE / 1000} s`;
  return (stderr ?? "").trim().split("\n").at(-1) || message;
}

/** The file with its dates of creation and change replaced in place; everything in it keeps its offset. */
function withDates(pdf: Buffer, date: Date): Uint8Array {
  const stamp = `D:${date.toISOString().replace(/\D/g, "").slice(0, 14)}+00'00'`;
  for (const key of ["CreationDate", "ModDate"]) {
    const mark = `/${key} (`;
    const at = pdf.indexOf(mark);
    if (at < 0 || pdf[at + mark.length + stamp.length] !== ")".charCodeAt(0)) continue;
    pdf.write(stamp, at + mark.length, "latin1");
  }
  return pdf;
}
