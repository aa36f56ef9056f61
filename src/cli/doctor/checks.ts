import { findChromium } from "../../core/chromium.js";
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { loadPlugins, PLUGIN_FAMILIES } from "../../core/plugins.js";
import { PACKAGE_ROOT, VERSION } from "../../core/version.js";
import { loadSharp } from "../../image/sharp.js";

/** One thing that the machine must, should or may have. Only a required one can fail. */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly status: "ok" | "warn" | "fail";
  readonly detail: string;
  /** What to do about it; null where nothing need be done. */
  readonly remedy: string | null;
}

type Result = Omit<Check, "id" | "title">;

const GIB = 2 ** 30;

/** All checks, in the order in which a broken installation is best understood. */
export async function runChecks(): Promise<Check[]> {
  const checks: readonly (readonly [string, string, () => Result | Promise<Result>])[] = [
    ["node", "Node.js", () => checkNode(process.versions.node, requiredNode())],
    ["machine", "Machine", () => checkMachine(availableParallelism(), totalmem())],
    ["plugins", "Plug-ins", checkPlugins],
    ["onnxruntime", "onnxruntime-node", checkOnnxRuntime],
    ["sharp", "sharp", checkSharp],
    ["temporary-files", "Temporary files", () => checkWritable(tmpdir())],
    ["disk", "Free disk here", () => checkDisk(freeBytes(process.cwd()))],
    ["chromium", "Chromium", () => checkChromium(process.env)],
    ["tensorflow", "TensorFlow for Node", checkTensorflow],
  ];
  const results: Check[] = [];
  for (const [id, title, check] of checks) results.push({ id, title, ...(await guarded(check)) });
  return results;
}

/** A check that throws has failed: doctor must speak even where everything is broken. */
async function guarded(check: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await check();
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error), "Install stepwedge again.");
  }
}

function ok(detail: string): Result {
  return { status: "ok", detail, remedy: null };
}

function warn(detail: string, remedy: string): Result {
  return { status: "warn", detail, remedy };
}

function fail(detail: string, remedy: string): Result {
  return { status: "fail", detail, remedy };
}

/** @param required the least version, such as "20.9" */
export function checkNode(version: string, required: string): Result {
  const [least, own] = [required, version].map((text) => text.split(".").map(Number));
  const difference = (least ?? []).map((part, index) => (own?.[index] ?? 0) - part).find((part) => part !== 0) ?? 0;
  return difference < 0
    ? fail(`${version}; at least ${required} is needed`, `Install Node.js ${required} or newer.`)
    : ok(`${version} (at least ${required})`);
}

function requiredNode(): string {
  const { engines } = JSON.parse(readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8")) as {
    engines: { node: string };
  };
  return engines.node.replace(/^[^\d]*/, "");
}

export function checkMachine(cores: number, memoryBytes: number): Result {
  const gib = memoryBytes / GIB;
  const detail = `stepwedge ${VERSION} on ${process.platform} ${process.arch}, ${cores} cores, ${gib.toFixed(1)} GiB`;
  return gib < 2 ? warn(detail, "Audits of large images may need more than 2 GiB of memory.") : ok(detail);
}

async function checkPlugins(): Promise<Result> {
  const counts = await Promise.all(
    PLUGIN_FAMILIES.map(async (family) => `${(await loadPlugins(family)).size} ${family}`),
  );
  return ok(counts.join(", "));
}

async function checkOnnxRuntime(): Promise<Result> {
  try {
    const ort = await import("onnxruntime-node");
    const providers = ort.listSupportedBackends().filter((backend) => backend.bundled);
    return ok(`${ort.env.versions.node ?? "?"}, providers: ${providers.map((backend) => backend.name).join(", ")}`);
  } catch (error) {
    return fail(
      `cannot be loaded: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`,
      "Install it again on this platform (npm rebuild onnxruntime-node); ONNX models cannot be run without it.",
    );
  }
}

async function checkSharp(): Promise<Result> {
  const sharp = await loadSharp();
  if (sharp === null) {
    return warn(
      "its native library is missing; jimp decodes 8-bit images instead, more slowly",
      "Install without --omit=optional to read 16-bit images.",
    );
  }
  return ok(`${sharp.versions.sharp ?? "?"}, libvips ${sharp.versions.vips}`);
}

export function checkWritable(folder: string): Result {
  try {
    const probe = mkdtempSync(join(folder, "stepwedge-doctor-"));
    writeFileSync(join(probe, "probe"), "probe");
    rmSync(probe, { recursive: true });
    return ok(`${folder} can be written`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(`${folder} cannot be written: ${reason}`, "Set TMPDIR to a folder that can be written.");
  }
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

export function checkDisk(free: number): Result {
  const detail = `${(free / GIB).toFixed(1)} GiB`;
  return free < GIB ? warn(detail, "Records hold score tables, no images: make room for what you run.") : ok(detail);
}

/** Only for reports on paper. */
export function checkChromium(environment: NodeJS.ProcessEnv): Result {
  return ok(findChromium(environment) ?? "not found; only needed for reports as PDF (or set CHROMIUM_PATH)");
}

function checkTensorflow(): Result {
  const require = createRequire(join(PACKAGE_ROOT, "package.json"));
  const found = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"].find((name) => {
    try {
      require.resolve(name);
      return true;
    } catch {
      return false;
    }
  });
  return ok(found ?? "not installed; an optional accelerator");
}
