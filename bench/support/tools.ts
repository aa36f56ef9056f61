import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomFrom } from "../../src/core/random.js";
import type { LabelledScores } from "../../src/stats/auc.js";

/** Scores of n samples in random order of classes, positives higher by one standard deviation, a patient per sample. */
export function binormal(n: number, seed: number, prevalence = 0.5): LabelledScores {
  const random = randomFrom("bench", "binormal", seed);
  const scores = new Float64Array(n);
  const labels = new Uint8Array(n);
  const patients = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    labels[i] = random.uniform() < prevalence ? 1 : 0;
    scores[i] = random.normal() + (labels[i] as number);
    patients[i] = i;
  }
  return { scores, labels, patients, clustered: false };
}

/** Numbers by name that another tool printed, or null where it is not installed. */
export type Printed = Readonly<Record<string, number>> | null;

/**
 * Runs a script of another tool on scores and labels, handed over as raw doubles and bytes in the folder that is its last
 * argument (`scores.bin`, `labels.bin`). The script prints lines of `name value`; it times itself, so that neither the
 * start of the interpreter nor reading the files counts.
 */
export function runTool(command: readonly string[], script: string, data: LabelledScores): Printed {
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-bench-"));
  try {
    writeFileSync(join(folder, "scores.bin"), data.scores);
    writeFileSync(join(folder, "labels.bin"), data.labels);
    writeFileSync(join(folder, "script"), script);
    const [program = "", ...options] = command;
    const ran = spawnSync(program, [...options, join(folder, "script"), folder], { encoding: "utf8" });
    if (ran.status !== 0) return null;
    return Object.fromEntries(
      ran.stdout
        .split("\n")
        .map((line) => line.trim().split(/\s+/))
        .filter((words) => words.length === 2 && words.every((word) => word !== ""))
        .map(([name = "", value = ""]) => [name, Number(value)]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The Pythons in which Debian's python3-sklearn may be found. */
export const PYTHONS = ["/usr/bin/python3", "python3"] as const;

export function median(values: readonly number[]): number {
  const ascending = [...values].sort((a, b) => a - b);
  const middle = ascending.length >> 1;
  const upper = ascending[middle] ?? Number.NaN;
  return ascending.length % 2 === 1 ? upper : ((ascending[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Seconds of wall time and of processor time (all threads of this process), and what the work returned. */
export function timed<T>(work: () => T): { seconds: number; processor: number; result: T } {
  const before = process.cpuUsage();
  const started = performance.now();
  const result = work();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { seconds, processor: (user + system) / 1e6, result };
}
