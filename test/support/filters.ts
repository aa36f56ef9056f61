import type { Defense } from "../../src/core/defense.js";
import type { PixelBatch } from "../../src/core/pixels.js";
import { defenseContext } from "./contexts.js";
import { reference } from "./reference.js";

interface ReferenceImage {
  readonly rows: number;
  readonly columns: number;
  readonly maxValue: number;
  readonly values: readonly number[];
}

/** Images and what scipy and scikit-image make of them; `totalVariation` and `nonLocalMeans` on the scale 0 … 1. */
export interface FilterReference {
  readonly gray: ReferenceImage;
  readonly deep: ReferenceImage;
  readonly colour: ReferenceImage;
  readonly median: readonly { readonly image: "gray" | "deep"; readonly size: number; readonly values: number[] }[];
  readonly totalVariation: readonly {
    readonly weight: number;
    readonly iterations: number;
    readonly tolerance: number;
    readonly values: number[];
  }[];
  readonly nonLocalMeans: {
    readonly sigma: number;
    readonly gray: readonly {
      readonly patch: number;
      readonly distance: number;
      readonly strength: number;
      readonly values: number[];
    }[];
    readonly colour: {
      readonly patch: number;
      readonly distance: number;
      readonly h: number;
      readonly sigma: number;
      readonly values: number[];
    };
  };
}

export const filterReference = reference<FilterReference>("defenses-python.json");

export function referenceBatch(name: "gray" | "deep" | "colour"): PixelBatch {
  const { rows, columns, maxValue, values } = filterReference[name];
  const channels = values.length / (rows * columns);
  return { data: Float32Array.from(values), count: 1, channels, height: rows, width: columns, maxValue };
}

/** One image, of plain numbers by row. */
export function grayImage(rows: readonly (readonly number[])[], maxValue = 255): PixelBatch {
  const data = Float32Array.from(rows.flat());
  return { data, count: 1, channels: 1, height: rows.length, width: data.length / rows.length, maxValue };
}

/** What a defense makes of a batch. */
export async function defended(
  defense: Defense,
  batch: PixelBatch,
  parameters: Record<string, unknown> = {},
): Promise<Float32Array> {
  return (await defense.apply(batch, defenseContext(defense, { parameters }))).data;
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    // NaN must not pass.
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
