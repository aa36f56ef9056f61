import type { Random } from "../../core/random.js";
import { type Anatomy, clearLung } from "./anatomy.js";

/** A round opacity in the lung, in the patient's coordinates. */
export interface Nodule {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** Density added at its centre. */
  readonly contrast: number;
}

/** How visible nodules are: the mean density that a nodule adds at its centre. */
export const NODULE_CONTRAST = 0.175;

/** Draws a nodule somewhere in the free lung; in the middle of a lung should 200 draws miss it. */
export function drawNodule(random: Random, patient: Anatomy): Nodule {
  const radius = 0.062 + 0.028 * random.uniform();
  const contrast = NODULE_CONTRAST * (0.75 + 0.5 * random.uniform());
  for (let attempt = 0; attempt < 200; attempt++) {
    const x = 1.6 * random.uniform() - 0.8;
    const y = 1.6 * random.uniform() - 0.9;
    if (clearLung(patient, x, y) > 0.9) return { x, y, radius, contrast };
  }
  return { x: -0.45, y: 0, radius, contrast };
}

/** Density that the nodule adds at a point: the chord of a sphere, with a rim that fades. */
export function noduleDensity(nodule: Nodule, x: number, y: number): number {
  const dx = x - nodule.x;
  const dy = y - nodule.y;
  const ratio = (dx * dx + dy * dy) / (nodule.radius * nodule.radius);
  return ratio > 4 ? 0 : nodule.contrast * Math.exp(-ratio * ratio);
}
