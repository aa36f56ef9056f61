/*
 * Breaks files in 10,000 ways per format and watches the readers: in child processes, under a watch on time and memory.
 *
 *   npm run build && node dist/bench/fuzz.js [how many per format] [format …]
 *
 * A file must be read or refused by a StepwedgeError that blames it. A fault is: any other error, an end of the process, more than 5
 * seconds for one file, more than 2 GB of memory, a part of an image that passes for a whole one, an image that is not of the
 * size that it states. Faults are printed with their number, which makes the same file again:
 *
 *   node dist/bench/fuzz.js file png 1234 > broken.png
 *
 * Ends with code 1 where there was one.
 */
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type FuzzTarget, fuzzCase, fuzzOnce, TARGETS } from "./fuzz/targets.js";

const LONGEST_MS = 5000;
const MOST_BYTES = 2 * 2 ** 30;

type Message =
  | { readonly kind: "start"; readonly index: number }
  | { readonly kind: "end"; readonly outcome: "read" | "refused"; readonly ms: number }
  | { readonly kind: "fault"; readonly words: string };

interface Tally {
  read: number;
  refused: number;
  slowest: number;
  mostBytes: number;
  readonly faults: string[];
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === "child") await child(rest);
else if (mode === "file") await file(rest);
else await parent(Number(mode ?? 10_000), rest);

function targetOf(name: string | undefined): FuzzTarget {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined)
    throw new Error(`no format "${name}"; there are ${TARGETS.map((one) => one.name).join(", ")}`);
  return target;
}

async function child([name, from, to]: readonly string[]): Promise<void> {
  // Waits until it is written: a queue would be lost with the process.
  const send = (message: Message) => new Promise((resolve) => process.send?.(message, resolve));
  const target = targetOf(name);
  const seeds = await target.seeds();
  for (let index = Number(from); index < Number(to); index++) {
    await send({ kind: "start", index });
    const started = performance.now();
    try {
      const outcome = await fuzzOnce(target, seeds, index);
      await send({ kind: "end", outcome, ms: performance.now() - started });
    } catch (error) {
      await send({ kind: "fault", words: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
    }
  }
  process.disconnect();
}

async function file([name, index]: readonly string[]): Promise<void> {
  const target = targetOf(name);
  process.stdout.write(fuzzCase(target, await target.seeds(), Number(index)).bytes);
}

async function parent(count: number, names: readonly string[]): Promise<void> {
  process.stdout.write("format    read  refused  faults  slowest ms  most MB\n");
  let faults = 0;
  for (const target of names.length === 0 ? TARGETS : names.map(targetOf)) {
    const tally: Tally = { read: 0, refused: 0, slowest: 0, mostBytes: 0, faults: [] };
    // A child that dies or is ended is followed by another that goes on behind the file at fault.
    for (let next = 0; next < count; ) next = await watch(target.name, next, count, tally);
    const cells = [
      tally.read,
      tally.refused,
      tally.faults.length,
      Math.round(tally.slowest),
      Math.round(tally.mostBytes / 2 ** 20),
    ];
    const widths = [6, 9, 8, 12, 9];
    process.stdout.write(
      `${target.name.padEnd(8)}${cells.map((cell, at) => String(cell).padStart(widths[at] as number)).join("")}\n`,
    );
    for (const fault of tally.faults.slice(0, 20)) process.stdout.write(`  ${fault}\n`);
    faults += tally.faults.length;
  }
  if (faults > 0) process.exitCode = 1;
}

/** Runs one child; the number of the file that the next one begins with. */
function watch(name: string, from: number, to: number, tally: Tally): Promise<number> {
  return new Promise((resolve) => {
    const process = fork(fileURLToPath(import.meta.url), ["child", name, String(from), String(to)]);
    let current = from;
    let since = performance.now();
    let ended: string | null = null;
    const end = (why: string): void => {
      if (ended !== null) return;
      ended = why;
      process.kill("SIGKILL");
    };
    const timer = setInterval(() => {
      const bytes = peakBytes(process.pid);
      if (bytes > MOST_BYTES) end(`${Math.round(bytes / 2 ** 20)} MB of memory`);
      else if (bytes > tally.mostBytes) tally.mostBytes = bytes;
      if (performance.now() - since > LONGEST_MS) end(`more than ${LONGEST_MS} ms`);
    }, 20);
    process.on("message", (message: Message) => {
      since = performance.now();
      if (message.kind === "start") current = message.index;
      else if (message.kind === "fault") tally.faults.push(`${current}: ${message.words}`);
      else {
        tally[message.outcome]++;
        if (message.ms > tally.slowest) tally.slowest = message.ms;
      }
    });
    // Unlike "exit", "disconnect" comes after the last message.
    const left = new Promise<void>((gone) => process.once("disconnect", gone));
    process.once("exit", async (code, signal) => {
      clearInterval(timer);
      await left;
      if (code === 0) {
        resolve(to);
        return;
      }
      tally.faults.push(`${current}: ${ended ?? `the process ended (${signal ?? `code ${code}`})`}`);
      resolve(current + 1);
    });
  });
}

/** The most memory that a process has had, where the system says it (Linux). */
function peakBytes(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return 1024 * Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
