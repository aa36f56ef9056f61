/*
 * A whole audit of a large table of scores by the built command line: 14 labels, patients with several images, eight subgroupings
 * and one crossed one (40 groups), seven audits, the HTML report. The table is drawn with a fixed seed and written to a temporary folder first.
 *
 *   npm run build && node dist/bench/large-audit.js [rows]
 *
 * Prints wall time, processor time and the peak of resident memory. On a machine that does other things too, processor time is
 * the one to read. STEPWEDGE_THREADS says how many threads audit, as always; 0.2 KB of disk are needed a row.
 */
import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomFrom } from "../src/core/random.js";
import { PACKAGE_ROOT } from "../src/core/version.js";

const ROWS = Number(process.argv[2] ?? 1_000_000);
const LABELS = 14;
/** Of the shares of positives: from one label to the next. */
const PREVALENCE = { first: 0.02, step: 0.03 };
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  sex: ["F", "M"],
  age: ["0-20", "20-40", "40-60", "60-80", "80-"],
  race: ["a", "b", "c", "d", "e"],
  site: ["s1", "s2", "s3", "s4", "s5", "s6"],
  scanner: ["A", "B", "C", "D"],
  view: ["AP", "PA", "LAT"],
  insurance: ["x", "y", "z"],
  bmi: ["1", "2", "3", "4"],
};
const labels = Array.from({ length: LABELS }, (_, label) => label);

function protocol(table: string): string {
  const mapped = (letter: string) => labels.map((label) => `c${label}: ${letter}${label}`).join(", ");
  const groups = Object.keys(ATTRIBUTES).map((name) => `${name}: { column: ${name} }`);
  return `version: 1
title: A large table
model: { adapter: scores, task: multilabel, columns: { ${mapped("p")} } }
data: { adapter: table, path: ${table}, patient: patient, labels: { ${mapped("y")} }, split: { tuning: 0 } }
subgroups: { ${groups.join(", ")}, sex-by-scanner: { cross: [sex, scanner] } }
operatingPoints: [{ id: half, threshold: 0.3 }]
audits: [discrimination, calibration, fairness, underdiagnosis, cross-group, averages, rejections]
reports: [html, json]
`;
}

/** Six patients to ten rows; scores that tell ill from healthy, a little shifted from what they mean. */
async function writeTable(file: string): Promise<void> {
  const random = randomFrom("large-audit", 1);
  const out = createWriteStream(file, { highWaterMark: 1 << 22 });
  const header = ["id", "patient", ...labels.map((l) => `y${l}`), ...labels.map((l) => `p${l}`)];
  out.write(`${[...header, ...Object.keys(ATTRIBUTES)].join(",")}\n`);
  let patient = 0;
  let lines: string[] = [];
  for (let row = 0; row < ROWS; row++) {
    if (random.uniform() < 0.6) patient++;
    const outcomes: number[] = [];
    const scores: string[] = [];
    for (const label of labels) {
      const outcome = random.uniform() < PREVALENCE.first + PREVALENCE.step * label ? 1 : 0;
      const noise = random.uniform() + random.uniform() + random.uniform() - 1.5;
      outcomes.push(outcome);
      scores.push((1 / (1 + Math.exp(2 - 1.5 * outcome - 2 * noise))).toFixed(7));
    }
    const attributes = Object.values(ATTRIBUTES).map((values) => values[random.integer(values.length)]);
    lines.push(`i${row},P${patient},${outcomes.join(",")},${scores.join(",")},${attributes.join(",")}\n`);
    if (lines.length < 5000 && row + 1 < ROWS) continue;
    if (!out.write(lines.join(""))) await once(out, "drain");
    lines = [];
  }
  out.end();
  await once(out, "finish");
}

interface Used {
  readonly seconds: number;
  readonly processor: number;
  readonly megabytes: number;
}

/** Written by the command line's process as it ends, since a child's use of the machine is not told to its parent. */
const TELL = `process.on("exit", () => {
  const { maxRSS, systemCPUTime, userCPUTime } = process.resourceUsage();
  require("node:fs").writeFileSync(process.env.STEPWEDGE_BENCH_USED, JSON.stringify({ maxRSS, cpu: (systemCPUTime + userCPUTime) / 1e6 }));
});`;

async function audit(folder: string): Promise<Used> {
  const tell = join(folder, "tell.cjs");
  const told = join(folder, "used.json");
  writeFileSync(tell, TELL);
  const cli = join(PACKAGE_ROOT, "dist", "src", "cli", "main.js");
  const started = performance.now();
  const child = spawn(
    process.execPath,
    ["--require", tell, cli, "run", join(folder, "audit.yaml"), "--out", join(folder, "out")],
    { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, STEPWEDGE_BENCH_USED: told } },
  );
  const [code] = (await once(child, "exit")) as [number | null];
  const seconds = (performance.now() - started) / 1000;
  // 3: the verdict of a protocol without gates.
  if ((code !== 0 && code !== 3) || !existsSync(told)) throw new Error(`the audit ended with code ${code}`);
  const { maxRSS, cpu } = JSON.parse(readFileSync(told, "utf8")) as { readonly maxRSS: number; readonly cpu: number };
  return { seconds, processor: cpu, megabytes: maxRSS / 1024 };
}

const folder = mkdtempSync(join(tmpdir(), "stepwedge-bench-"));
try {
  await writeTable(join(folder, "table.csv"));
  writeFileSync(join(folder, "audit.yaml"), protocol("table.csv"));
  const { seconds, processor, megabytes } = await audit(folder);
  process.stdout.write(
    `${ROWS} rows: ${seconds.toFixed(1)} s, ${processor.toFixed(1)} s of processor, ${megabytes.toFixed(0)} MB at the most\n`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
