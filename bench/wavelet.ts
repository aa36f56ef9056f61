/*
 * The wavelet transform against PyWavelets' C: db4, 3 levels, an image of 1024 × 1024, forward and inverse, in one run.
 *
 *   npm run build && node dist/bench/wavelet.js
 *
 * Both sides are single-threaded and are timed by the CPU time of their process, which other programs disturb less than
 * wall time; ours therefore includes Node's compiler and collector threads. Rounds alternate. PyWavelets is called through
 * a Python that has it (Debian: python3-pywt); without one, ours is measured alone.
 */
import { spawnSync } from "node:child_process";
import { randomFrom } from "../src/core/random.js";
import type { BoundaryMode } from "../src/wavelet/boundary.js";
import { Wavelet2d } from "../src/wavelet/dwt2d.js";
import { filterBank } from "../src/wavelet/filters.js";

const SIDE = 1024;
const LEVELS = 3;
const WAVELET = "db4";
const WARM_UP = 8;
const REPEATS = 15;
const ROUNDS = 3;
const MODES = ["periodization", "symmetric"] as const satisfies readonly BoundaryMode[];
const TYPES = { float64: Float64Array, float32: Float32Array } as const;
type TypeName = keyof typeof TYPES;

/** Milliseconds of each repeat. */
interface Times {
  readonly forward: readonly number[];
  readonly inverse: readonly number[];
}

const PYTHON = `
import json, sys, time
import numpy, pywt
side, levels, wavelet, mode, kind, warm_up, repeats = sys.argv[1:]
image = numpy.random.default_rng(1).normal(size=(int(side), int(side))).astype(kind)
forward, inverse = [], []
for repeat in range(int(warm_up) + int(repeats)):
    a = time.process_time()
    coefficients = pywt.wavedec2(image, wavelet, mode, int(levels))
    b = time.process_time()
    pywt.waverec2(coefficients, wavelet, mode)
    c = time.process_time()
    if repeat >= int(warm_up):
        forward.append(1000 * (b - a))
        inverse.append(1000 * (c - b))
print(json.dumps({"forward": forward, "inverse": inverse, "version": pywt.__version__}))
`;

const random = randomFrom("bench");
const noise = Float64Array.from({ length: SIDE * SIDE }, () => random.normal());

function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function ours(mode: BoundaryMode, type: TypeName): Times {
  const image = TYPES[type].from(noise);
  const back = new TYPES[type](image.length);
  const plan = new Wavelet2d(SIDE, SIDE, LEVELS, filterBank(WAVELET), mode);
  const coefficients = plan.createCoefficients();
  const forward: number[] = [];
  const inverse: number[] = [];
  for (let repeat = 0; repeat < WARM_UP + REPEATS; repeat++) {
    const a = cpuMilliseconds();
    plan.forward(image, coefficients);
    const b = cpuMilliseconds();
    plan.inverse(coefficients, back);
    const c = cpuMilliseconds();
    if (repeat < WARM_UP) continue;
    forward.push(b - a);
    inverse.push(c - b);
  }
  return { forward, inverse };
}

function theirs(python: string, mode: BoundaryMode, type: TypeName): Times {
  const settings = [SIDE, LEVELS, WAVELET, mode, type, WARM_UP, REPEATS].map(String);
  const { stdout } = spawnSync(python, ["-c", PYTHON, ...settings], { encoding: "utf8" });
  return JSON.parse(stdout) as Times;
}

/** A Python that has PyWavelets, and its version. */
function findPyWavelets(): { readonly python: string; readonly version: string } | null {
  for (const python of ["python3", "/usr/bin/python3", "python"]) {
    const found = spawnSync(python, ["-c", "import numpy, pywt; print(pywt.__version__)"], { encoding: "utf8" });
    if (found.status === 0) return { python, version: found.stdout.trim() };
  }
  return null;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const peer = findPyWavelets();
process.stdout.write(
  `${WAVELET}, ${LEVELS} levels, ${SIDE} x ${SIDE}: median CPU milliseconds of ${ROUNDS * REPEATS}, Node ${process.version}, ` +
    `${peer === null ? "no PyWavelets here, comparison skipped" : `PyWavelets ${peer.version}`}\n`,
);
process.stdout.write("mode           samples  direction   ours   PyWavelets   PyWavelets / ours\n");
for (const mode of MODES) {
  for (const type of Object.keys(TYPES) as TypeName[]) {
    const own: Times[] = [];
    const other: Times[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      own.push(ours(mode, type));
      if (peer !== null) other.push(theirs(peer.python, mode, type));
    }
    for (const direction of ["forward", "inverse"] as const) {
      const a = median(own.flatMap((times) => times[direction]));
      const b = median(other.flatMap((times) => times[direction]));
      const cells = [mode, type, direction, a.toFixed(2), b.toFixed(2), (b / a).toFixed(2)];
      const shown = peer === null ? cells.slice(0, 4) : cells;
      process.stdout.write(`${shown.map((cell, i) => cell.padEnd([15, 9, 12, 7, 13, 0][i] ?? 0)).join("")}\n`);
    }
  }
}
