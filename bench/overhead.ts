/*
 * Harness overhead: wall time of a whole audit (clean and four more conditions, reports included) divided by the time
 * of the bare forward passes of as many images, both in this process and on as many threads.
 *
 *   npm run build && node dist/bench/overhead.js
 *
 * The bare passes are timed in both ways that onnxruntime-node offers: one session with all threads, called from this
 * thread, and one single-threaded session per core in worker threads. The faster one counts.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../src/core/version.js";
import { protocolHash, validateProtocol } from "../src/protocol/load.js";
import { runAudit } from "../src/run/run.js";
import { oneSessionSeconds, sessionPerCoreSeconds } from "./support/bare.js";

const REPEATS = 3;
const shared = join(PACKAGE_ROOT, "..", "shared", "data");
const path = join(shared, "models", "cxr.onnx");
if (!existsSync(path)) {
  process.stdout.write("overhead: skipped, the shared chest X-ray study is not here\n");
  process.exit(0);
}

const protocol = await validateProtocol({
  version: 1,
  title: "Overhead",
  model: { adapter: "onnx", path, classes: ["pneumonia"], output: { name: "prob", select: { pneumonia: 0 } } },
  data: {
    adapter: "table",
    path: join(shared, "cxr-nih-160", "manifest.csv"),
    image: "path",
    patient: "patient_id",
    labels: { pneumonia: { column: "label", positive: "pneumonia" } },
    split: { column: "split", tuning: "val", evaluation: ["train", "test"] },
    allowPatientOverlap: true,
  },
  subgroups: { sex: { column: "sex" }, view: { column: "view" } },
  attacks: [
    { id: "random-sign", epsilon: "4/255" },
    { id: "gaussian-noise", epsilon: "4/255" },
  ],
  defenses: [{ id: "jpeg" }],
  operatingPoints: [{ id: "locked", threshold: 0.579 }],
});
const loaded = { protocol, sha256: protocolHash(protocol), baseFolder: PACKAGE_ROOT, name: "bench" };

async function auditSeconds(): Promise<{ seconds: number; passes: number }> {
  const out = mkdtempSync(join(tmpdir(), "stepwedge-bench-"));
  const started = performance.now();
  const findings = await runAudit({ protocol: loaded, out });
  const seconds = (performance.now() - started) / 1000;
  rmSync(out, { recursive: true });
  return { seconds, passes: Object.values(findings.queries).reduce((total, count) => total + count, 0) };
}

const bare = {
  path,
  input: "image",
  output: "prob",
  geometry: { channels: 1, height: 160, width: 160, maxValue: 255 },
};

process.stdout.write("audit s   passes   bare, one session s   bare, session per core s   ratio to the faster\n");
const ratios: number[] = [];
for (let repeat = 0; repeat < REPEATS; repeat++) {
  const { seconds, passes } = await auditSeconds();
  const one = await oneSessionSeconds(bare, passes);
  const perCore = await sessionPerCoreSeconds(bare, passes);
  ratios.push(seconds / Math.min(one, perCore));
  const cells = [
    seconds.toFixed(2),
    String(passes),
    one.toFixed(2),
    perCore.toFixed(2),
    (ratios.at(-1) ?? 0).toFixed(3),
  ];
  process.stdout.write(`${cells.map((cell, index) => cell.padEnd([10, 9, 22, 27, 0][index] ?? 0)).join("")}\n`);
}
ratios.sort((a, b) => a - b);
process.stdout.write(`median ratio ${(ratios[Math.floor(REPEATS / 2)] ?? 0).toFixed(3)}\n`);
