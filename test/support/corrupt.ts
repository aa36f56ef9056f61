import type { Attack } from "../../src/core/attack.js";
import { createBatch, type ImageGeometry, type PixelBatch } from "../../src/core/pixels.js";
import { projectCandidates } from "../../src/image/budget.js";
import { applyContext } from "./contexts.js";

/** What a corruption returns at a severity, before the base clips and rounds it. */
export async function corrupt(
  attack: Attack,
  batch: PixelBatch,
  level: number,
  parameters: Record<string, unknown> = {},
): Promise<PixelBatch> {
  return attack.apply(batch, applyContext(attack, batch, { kind: "severity", level }, { parameters }));
}

/** The same as the base hands it on: whole stored values within the display window. */
export async function corruptAndStore(
  attack: Attack,
  batch: PixelBatch,
  level: number,
  parameters: Record<string, unknown> = {},
): Promise<PixelBatch> {
  const candidates = await corrupt(attack, batch, level, parameters);
  return projectCandidates(batch, candidates, { kind: "severity", level }, createBatch(batch, batch.count));
}

/** Images of one value. */
export function constantImages(geometry: ImageGeometry, count: number, value: number): PixelBatch {
  const batch = createBatch(geometry, count);
  batch.data.fill(value);
  return batch;
}

/** An image from a function of column, row and channel. */
export function paint(geometry: ImageGeometry, value: (x: number, y: number, channel: number) => number): PixelBatch {
  const batch = createBatch(geometry, 1);
  const { width, height } = geometry;
  for (let i = 0; i < batch.data.length; i++) {
    batch.data[i] = value(i % width, Math.floor(i / width) % height, Math.floor(i / (width * height)));
  }
  return batch;
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum / values.length;
}

/** Population variance. */
export function variance(values: ArrayLike<number>): number {
  const centre = mean(values);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += ((values[i] as number) - centre) ** 2;
  return sum / values.length;
}
