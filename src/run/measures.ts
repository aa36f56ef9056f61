import { imageSize, type PixelBatch } from "../core/pixels.js";
import { MEASURES, type Measure } from "../core/measures.js";
import type { AttackSummary } from "../core/record.js";
import { SSIM_WINDOW, ssim } from "../image/quality.js";
import { ApproximationShare } from "../wavelet/approximation-share.js";
import { WAVELET_NAMES, type WaveletName } from "../wavelet/filters.js";
import type { StoredFit } from "./artifact.js";
import type { PlannedAttack, PlannedCondition } from "./plan.js";
import type { Sheet } from "./sheet.js";
import type { AttackedImages } from "./transform.js";

/** Wavelet analysis and SSIM of an image cost as much as a small model: the first images stand for all. */
const ANALYSED_IMAGES = 64;

/** Where an attack has no wavelet of its own, its energy is read in this one. */
const READING = { wavelet: "haar", levels: 3 } as const;

/**
 * The numbers of MEASURES for each image, in that order; low-band energy and SSIM are NaN beyond the first images of the
 * split. `firstRow` is the batch's first row in the split.
 */
export function measurePerturbation(
  attack: PlannedAttack,
  originals: PixelBatch,
  attacked: AttackedImages,
  firstRow: number,
  effort: SearchEffort | null,
): Float64Array {
  const { linf, l2 } = attacked.sizes;
  const analysed = Math.max(0, Math.min(ANALYSED_IMAGES - firstRow, originals.count));
  const low = lowBandShares(attack, originals, attacked.images, analysed);
  const similar = similarities(originals, attacked.images, analysed);
  const out = new Float64Array(originals.count * MEASURES.length).fill(Number.NaN);
  for (let image = 0; image < originals.count; image++) {
    const row = [linf[image], l2[image], low[image], similar[image], ...(effort === null ? [] : effort.of(image))];
    row.forEach((value, column) => {
      out[image * MEASURES.length + column] = value ?? Number.NaN;
    });
  }
  return out;
}

/** What a search about every image of a batch cost, and whether it got there: the last three of MEASURES. */
export interface SearchEffort {
  of(image: number): readonly [queries: number, queriesToSuccess: number, leastDistance: number];
}

/** Structural similarity of the first `count` images; none where the images are smaller than its window. */
function similarities(originals: PixelBatch, perturbed: PixelBatch, count: number): number[] {
  if (Math.min(originals.height, originals.width) < SSIM_WINDOW) return [];
  const size = imageSize(originals);
  return Array.from({ length: count }, (_, image) =>
    ssim(
      originals.data.subarray(image * size, (image + 1) * size),
      perturbed.data.subarray(image * size, (image + 1) * size),
      originals,
    ),
  );
}

/** The share of each perturbation's energy in the approximation band, for the first `count` images of a batch. */
function lowBandShares(attack: PlannedAttack, originals: PixelBatch, perturbed: PixelBatch, count: number): number[] {
  if (count === 0) return [];
  const size = imageSize(originals);
  const { wavelet, levels } = attack.parameters as { wavelet?: WaveletName; levels?: number };
  const known = wavelet !== undefined && (WAVELET_NAMES as readonly string[]).includes(wavelet);
  const share = new ApproximationShare(originals, known ? wavelet : READING.wavelet, levels ?? READING.levels);
  const difference = new Float32Array(size);
  return Array.from({ length: count }, (_, image) => {
    for (let i = 0; i < size; i++) {
      difference[i] = (perturbed.data[image * size + i] as number) - (originals.data[image * size + i] as number);
    }
    return share.of(difference);
  });
}

/** What an attacked condition's sheet and fit say of the attack, all images together. */
export function summariseAttack(
  planned: PlannedCondition,
  sheet: Sheet,
  fit: StoredFit | null,
  pixels: number,
): AttackSummary {
  const column = (name: Measure) => known([...sheet.column(name)]);
  const l2 = column("perturbation.l2");
  const low = column("perturbation.low-band-energy");
  const asked = column("search.queries");
  // PSNR with the display window as peak: −10 log10(mean squared difference). Unmoved images have none.
  const psnr = l2.filter((value) => value > 0).map((value) => -10 * Math.log10(value ** 2 / pixels));
  return {
    condition: planned.condition,
    queries:
      (fit === null ? 0 : fit.queries.search + fit.queries.surrogate) + asked.reduce((sum, value) => sum + value, 0),
    numbers: fit?.fitted.numbers ?? {},
    maxLinf: largest(column("perturbation.linf")),
    maxL2: largest(l2),
    meanPsnr: mean(psnr),
    meanSsim: mean(column("perturbation.ssim")),
    lowBandEnergy: mean(low),
    artifactSha256: fit?.sha256 ?? null,
  };
}

function known(values: readonly number[]): number[] {
  return values.filter((value) => !Number.isNaN(value));
}

function largest(values: readonly number[]): number {
  return values.reduce((kept, value) => Math.max(kept, value), 0);
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
