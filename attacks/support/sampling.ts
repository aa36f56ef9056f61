import type { Calibration } from "../../src/core/attack.js";
import { createBatch, imageSize, type PixelBatch } from "../../src/core/pixels.js";
import type { Random } from "../../src/core/random.js";

/** Copies the images at `indices` into `out`, in that order. */
export function gatherImages(images: PixelBatch, indices: Uint32Array, out: PixelBatch): PixelBatch {
  const size = imageSize(images);
  indices.forEach((from, to) => {
    out.data.set(images.data.subarray(from * size, (from + 1) * size), to * size);
    if (images.subjects !== undefined) out.subjects?.set(images.subjects.subarray(from, from + 1), to);
  });
  return out;
}

/** The labels at `indices`. */
export function gatherLabels(labels: Uint8Array, indices: Uint32Array): Uint8Array {
  return Uint8Array.from(indices, (index) => labels[index] as number);
}

/** The calibration's images at `indices`, in that order. */
export function gatherCalibration(calibration: Calibration, indices: Uint32Array): Calibration {
  return {
    ...calibration,
    images: gatherImages(calibration.images, indices, createBatch(calibration.images, indices.length)),
    labels: gatherLabels(calibration.labels, indices),
    patients: Int32Array.from(indices, (index) => calibration.patients[index] as number),
  };
}

/** At most `count` of the calibration images, drawn at random. */
export function drawCalibration(calibration: Calibration, count: number, random: Random): Calibration {
  if (calibration.images.count <= count) return calibration;
  return gatherCalibration(calibration, random.permutation(calibration.images.count).subarray(0, count));
}

/** Two parts of a calibration set that share no patient. */
export interface PatientSplit {
  readonly learning: Calibration;
  /** Images of other patients; null where there are too few patients to hold any back. */
  readonly confirmation: Calibration | null;
}

/**
 * Holds back the images of a `share` of the patients, drawn at random, apart for patients with and without a positive
 * image, so that both parts hold both classes as the whole does. Where a part would lack a class that the other has,
 * nothing is held back.
 */
export function holdBackPatients(calibration: Calibration, share: number, random: Random): PatientSplit {
  const { labels, patients } = calibration;
  const affected = new Set(patients.filter((_, image) => labels[image] === 1));
  const everybody = [...new Set(patients)];
  const heldBack = new Set<number>();
  for (const positive of [true, false]) {
    const stratum = everybody.filter((patient) => affected.has(patient) === positive);
    const drawn = random.permutation(stratum.length).subarray(0, Math.round(share * stratum.length));
    for (const index of drawn) heldBack.add(stratum[index] as number);
  }
  const rows = (held: boolean) =>
    Uint32Array.from([...patients.keys()].filter((image) => heldBack.has(patients[image] as number) === held));
  const [learning, confirmation] = [
    gatherCalibration(calibration, rows(false)),
    gatherCalibration(calibration, rows(true)),
  ];
  const classes = new Set(labels).size;
  const whole = [learning, confirmation].every(
    (part) => part.images.count > 0 && new Set(part.labels).size === classes,
  );
  return whole ? { learning, confirmation } : { learning: calibration, confirmation: null };
}

/**
 * Draws minibatches without replacement: every image comes once before any comes again. `balanced` takes the two
 * classes in turn, each in a random order of its own.
 */
export function minibatches(labels: Uint8Array, balanced: boolean, random: Random): (count: number) => Uint32Array {
  const all = Array.from(labels.keys());
  const strata = balanced ? [0, 1].map((label) => all.filter((image) => labels[image] === label)) : [all];
  const streams = strata.map((stratum) => endlessly(stratum, random));
  return (count) => Uint32Array.from({ length: count }, (_, k) => (streams[k % streams.length] as () => number)());
}

function endlessly(members: readonly number[], random: Random): () => number {
  let order: Uint32Array = new Uint32Array(0);
  let next = 0;
  return () => {
    if (next === order.length) {
      order = random.permutation(members.length);
      next = 0;
    }
    return members[order[next++] as number] as number;
  };
}
