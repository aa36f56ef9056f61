import { checkMasks, cropped, type Grid, stridesOf } from "./grid.js";

/** Which voxels hang together: those that share a face (with two axes an edge), or a corner at least. */
export type Connectivity = "faces" | "corners";

/** How a prediction finds the separate objects of a reference mask. */
export interface LesionCounts {
  /** Connected components of the reference. */
  readonly lesions: number;
  /** Lesions of which the prediction holds at least the wanted share of voxels. */
  readonly detected: number;
  /** Connected components of the prediction. */
  readonly predicted: number;
  /** Components of the prediction that touch no lesion. */
  readonly falseAlarms: number;
}

/**
 * Counts lesions, found ones and false alarms. One component of the prediction may find several lesions, and several
 * components may find one. Over cases, Σ detected/Σ lesions is the sensitivity by lesion; lesions of one patient depend on
 * one another.
 * @param reference 0 outside, anything else inside
 * @param leastShare share of a lesion's voxels that must be predicted, in (0, 1]; any voxel suffices by default
 */
export function lesionCounts(
  reference: Uint8Array,
  prediction: Uint8Array,
  grid: Grid,
  options: { readonly connectivity?: Connectivity; readonly leastShare?: number } = {},
): LesionCounts {
  checkMasks(grid, reference, prediction);
  const crop = cropped([reference, prediction], grid.shape);
  if (crop === null) return { lesions: 0, detected: 0, predicted: 0, falseAlarms: 0 };
  const [truth, found] = crop.masks as [Uint8Array, Uint8Array];
  const lesions = components(truth, crop.shape, options.connectivity ?? "corners");
  const predicted = components(found, crop.shape, options.connectivity ?? "corners");
  const sizes = new Uint32Array(lesions.count + 1);
  const covered = new Uint32Array(lesions.count + 1);
  const touches = new Uint8Array(predicted.count + 1);
  for (let i = 0; i < truth.length; i++) {
    const lesion = lesions.labels[i] as number;
    if (lesion === 0) continue;
    sizes[lesion] = (sizes[lesion] as number) + 1;
    if (found[i] === 0) continue;
    covered[lesion] = (covered[lesion] as number) + 1;
    touches[predicted.labels[i] as number] = 1;
  }
  let detected = 0;
  for (let lesion = 1; lesion <= lesions.count; lesion++) {
    const share = (covered[lesion] as number) / (sizes[lesion] as number);
    if (share > 0 && share >= (options.leastShare ?? 0)) detected++;
  }
  let touching = 0;
  for (const touched of touches) touching += touched;
  return { lesions: lesions.count, detected, predicted: predicted.count, falseAlarms: predicted.count - touching };
}

/** Voxels numbered by component, from 1; 0 is background. Flood fill from each voxel that has no number yet. */
function components(
  mask: Uint8Array,
  shape: readonly number[],
  connectivity: Connectivity,
): { readonly labels: Int32Array; readonly count: number } {
  const offsets = neighbourOffsets(stridesOf(shape), connectivity);
  const labels = new Int32Array(mask.length);
  const stack = new Int32Array(mask.length);
  let count = 0;
  for (let seed = 0; seed < mask.length; seed++) {
    if (mask[seed] === 0 || labels[seed] !== 0) continue;
    labels[seed] = ++count;
    let top = 0;
    stack[top++] = seed;
    while (top > 0) {
      const at = stack[--top] as number;
      for (const offset of offsets) {
        const next = at + offset;
        if (mask[next] !== 1 || labels[next] !== 0) continue;
        labels[next] = count;
        stack[top++] = next;
      }
    }
  }
  return { labels, count };
}

/** Where the neighbours lie in memory; the masks' empty rim keeps the steps from wrapping around. */
function neighbourOffsets(strides: readonly number[], connectivity: Connectivity): number[] {
  if (connectivity === "faces") return strides.flatMap((stride) => [-stride, stride]);
  const sums = strides.reduce<number[]>(
    (offsets, stride) => offsets.flatMap((offset) => [offset - stride, offset, offset + stride]),
    [0],
  );
  return sums.filter((offset) => offset !== 0);
}
