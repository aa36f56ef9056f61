/*
 * Images per second of processor time of every defense's `apply` at its default parameters, on one thread: gray images of 160 × 160 pixels
 * and colour images of 128 × 128, as the shared studies have them, smooth with some noise. Learned
 * defenses are trained for a moment first: what they have learnt does not change how long they take. Defenses that need a
 * file are left out.
 *
 *   npm run build && node dist/bench/defenses.js [id ...]
 */
import type { Defense, DefenseTarget } from "../src/core/defense.js";
import type { Fitted } from "../src/core/fitted.js";
import { createBatch, type PixelBatch } from "../src/core/pixels.js";
import { loadPlugins } from "../src/core/plugins.js";
import { randomFrom } from "../src/core/random.js";

const BATCH = 16;
const SECONDS = 1;
const GEOMETRIES = [
  { channels: 1, height: 160, width: 160, maxValue: 255 },
  { channels: 3, height: 128, width: 128, maxValue: 255 },
  { channels: 1, height: 160, width: 160, maxValue: 65535 },
] as const;

function images(geometry: (typeof GEOMETRIES)[number]): PixelBatch {
  const batch = createBatch(geometry, BATCH);
  const random = randomFrom("bench", "defenses");
  batch.data.forEach((_, i) => {
    const [x, y] = [i % geometry.width, Math.floor(i / geometry.width)];
    const value = 0.5 + 0.3 * Math.sin(x / 17) * Math.cos(y / 23) + 0.02 * random.normal();
    batch.data[i] = Math.round(value * geometry.maxValue);
  });
  return batch;
}

/** Trainings of a moment. */
const SHORT = { "guided-denoiser": { steps: 1, guideSteps: 1 }, comdefend: { steps: 1 } } as const;

/** Answers of a model that always wavers: a benchmark needs no better. */
function target(queries: number): DefenseTarget {
  let queriesUsed = 0;
  return {
    get queriesUsed() {
      return queriesUsed;
    },
    get queriesLeft() {
      return queries - queriesUsed;
    },
    async predictImages({ count }) {
      queriesUsed += count;
      return { count, classes: ["toy"], values: new Float64Array(count).fill(0.5) };
    },
  };
}

async function train(defense: Defense, batch: PixelBatch, parameters: Record<string, unknown>): Promise<Fitted | null> {
  if (defense.fit === undefined) return null;
  const { channels, height, width, maxValue, count } = batch;
  return defense.fit(
    {
      images: batch,
      labels: Uint8Array.from({ length: count }, (_, i) => i % 2),
      patients: Int32Array.from({ length: count }, (_, i) => i),
      classIndex: 0,
      threshold: 0.5,
    },
    {
      parameters,
      geometry: { channels, height, width, maxValue },
      target: target(8),
      random: randomFrom("bench", "fit"),
      progress: () => {},
      file: noFile,
    },
  );
}

function noFile(parameter: string): never {
  throw new Error(`no file for ${parameter}`);
}

const wanted = process.argv.slice(2);
const names = GEOMETRIES.map(
  (one) => `${one.channels} x ${one.height} x ${one.width}, ${Math.log2(one.maxValue + 1)} bits`,
);
process.stdout.write(`${"images per second".padEnd(20)}${names.map((name) => name.padStart(26)).join("")}\n`);
for (const [id, defense] of await loadPlugins("defenses")) {
  if (defense.meta.files !== undefined) continue;
  if (wanted.length > 0 && !wanted.includes(id)) continue;
  const rates: string[] = [];
  for (const geometry of GEOMETRIES) {
    const batch = images(geometry);
    const parameters = defense.meta.parameters.parse(SHORT[id as keyof typeof SHORT] ?? {});
    const context = {
      parameters,
      fitted: await train(defense, batch, parameters),
      randomOf: (image: number) => randomFrom("bench", image),
      file: noFile,
    };
    await defense.apply(batch, context);
    let done = 0;
    const started = process.cpuUsage();
    let seconds = 0;
    while (seconds < SECONDS) {
      await defense.apply(batch, context);
      done += BATCH;
      const { user, system } = process.cpuUsage(started);
      seconds = (user + system) / 1e6;
    }
    rates.push((done / seconds).toFixed(0));
  }
  process.stdout.write(`${id.padEnd(20)}${rates.map((rate) => rate.padStart(26)).join("")}\n`);
}
