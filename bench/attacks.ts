/*
 * Images per second of each attack's `apply`, for all attacks that need neither a search nor the model: what scoring pays
 * for a condition besides the forward passes. One channel of 160 × 160 pixels, in this process on one core, at severity 3
 * or ε = 4/255; the median of five runs, in processor time, so that other work on the machine counts little.
 *
 *   npm run build && node dist/bench/attacks.js
 */
import type { ApplyContext, Attack, Strength } from "../src/core/attack.js";
import { createBatch } from "../src/core/pixels.js";
import { loadPlugins } from "../src/core/plugins.js";
import { randomFrom } from "../src/core/random.js";

const IMAGES = 32;
const RUNS = 5;
const GEOMETRY = { channels: 1, height: 160, width: 160, maxValue: 255 };

const batch = createBatch(GEOMETRY, IMAGES);
const random = randomFrom("bench");
for (let index = 0; index < batch.data.length; index++) {
  batch.data[index] = Math.min(255, Math.floor((index % 160) + 60 * random.uniform()));
}

function strengthOf({ meta }: Attack): Strength {
  const norm = meta.norms[0];
  if (meta.strengths.includes("severity") || norm === undefined) return { kind: "severity", level: 3 };
  const epsilon = norm === "linf" ? 4 / 255 : 1;
  return { kind: "epsilon", norm, epsilon, stored: epsilon * GEOMETRY.maxValue };
}

async function imagesPerSecond(attack: Attack): Promise<number> {
  const context: ApplyContext<Record<string, unknown>> = {
    parameters: attack.meta.parameters.parse({}),
    strength: strengthOf(attack),
    objective: attack.meta.objectives?.[0] ?? null,
    geometry: GEOMETRY,
    fitted: null,
    oracle: null,
    randomOf: (image) => randomFrom("bench", image),
    file: (parameter) => {
      throw new Error(`no file was given for ${parameter}`);
    },
  };
  await attack.apply(batch, context);
  const seconds: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const started = process.cpuUsage();
    await attack.apply(batch, context);
    const used = process.cpuUsage(started);
    seconds.push((used.user + used.system) / 1e6);
  }
  seconds.sort((a, b) => a - b);
  return IMAGES / (seconds[Math.floor(RUNS / 2)] as number);
}

for (const [id, attack] of await loadPlugins("attacks")) {
  if (attack.fit !== undefined || attack.meta.perImage !== undefined || attack.meta.files !== undefined) continue;
  process.stdout.write(
    `${id.padEnd(24)}${Math.round(await imagesPerSecond(attack))
      .toString()
      .padStart(7)} images/s\n`,
  );
}
