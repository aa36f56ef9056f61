import { availableParallelism } from "node:os";
import * as ort from "onnxruntime-node";
import type { ImageGeometry } from "../../src/core/pixels.js";
import { imageSize } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";
import { openPool } from "../../src/models/onnx/pool.js";

const BATCH = 32;

/** A model file as bare onnxruntime-node is to run it: the input's and the output's name, and the images' size. */
export interface BareModel {
  readonly path: string;
  readonly input: string;
  readonly output: string;
  readonly geometry: ImageGeometry;
}

function randomImages(geometry: ImageGeometry): Float32Array {
  const batch = new Float32Array(BATCH * imageSize(geometry));
  const random = randomFrom("bench");
  for (let index = 0; index < batch.length; index++) batch[index] = random.integer(geometry.maxValue + 1);
  return batch;
}

/** Seconds for so many forward passes of one session with all threads, called from this thread. */
export async function oneSessionSeconds({ path, input, output, geometry }: BareModel, passes: number): Promise<number> {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: availableParallelism() });
  const scaled = randomImages(geometry).map((value) => value / geometry.maxValue);
  const tensor = new ort.Tensor("float32", scaled, [BATCH, geometry.channels, geometry.height, geometry.width]);
  const run = () => session.run({ [input]: tensor }, [output]);
  await run();
  const started = performance.now();
  for (let done = 0; done < passes; done += BATCH) await run();
  const seconds = (performance.now() - started) / 1000;
  await session.release();
  return seconds;
}

/** Seconds for so many forward passes of one single-threaded session per core, in worker threads. */
export async function sessionPerCoreSeconds({ path, output, geometry }: BareModel, passes: number): Promise<number> {
  const input = { range: [0, 1] as const, mean: [0], std: [1] };
  const pool = await openPool(
    {
      path,
      threads: 1,
      providers: ["cpu"],
      classes: ["bare"],
      activation: "none",
      input,
      constants: {},
      output: { name: output, select: { bare: 0 } },
    },
    availableParallelism(),
  );
  const batch = randomImages(geometry);
  await Promise.all(Array.from({ length: pool.size }, () => pool.run(batch, BATCH, geometry)));
  const started = performance.now();
  await Promise.all(Array.from({ length: Math.ceil(passes / BATCH) }, () => pool.run(batch, BATCH, geometry)));
  const seconds = (performance.now() - started) / 1000;
  await pool.close();
  return seconds;
}
