// Exact nearest neighbours: all of N × D random embeddings among themselves, k = 20, by float32 products and a second look in double
// precision; and one by one, on a part. node dist/bench/neighbours.js [N] [D]
import { availableParallelism } from "node:os";
import { randomFrom } from "../src/core/random.js";
import { nearestOfMany } from "../src/retrieval/nearest.js";
import { measured, nearestNeighbours } from "../src/stats/neighbours.js";

const [count = 20_000, width = 1024] = process.argv.slice(2).map(Number);
const K = 20;
const PART = 200;

const random = randomFrom("bench neighbours");
const set = { count, width, values: new Float32Array(count * width) };
for (let at = 0; at < set.values.length; at++) set.values[at] = random.uniform() - 0.5;
const references = measured(set);

const seconds = (since: number) => (performance.now() - since) / 1000;
const show = (what: string, queries: number, time: number) =>
  console.log(
    `${what}: ${time.toFixed(1)} s, ${((queries * count * width) / time / 1e9).toFixed(2)} G multiplications a second`,
  );

let started = performance.now();
const part = { count: PART, width, values: set.values.subarray(0, PART * width) };
const one = nearestNeighbours(part, references, { k: K, metric: "cosine" });
show(`${PART} among ${count} × ${width}, one by one, one thread`, PART, seconds(started));

started = performance.now();
const threads = availableParallelism();
const many = await nearestOfMany(set, references, { k: K, metric: "cosine", threads });
show(`${count} among ${count} × ${width}, by products, ${threads} threads`, count, seconds(started));
const same = one.indices.every((index, at) => index === many.indices[at] && one.values[at] === many.values[at]);
console.log(same ? "the same neighbours and values" : "DIFFERENT");
console.log(`largest resident memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
if (!same) process.exitCode = 1;
