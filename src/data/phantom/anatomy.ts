import type { Random } from "../../core/random.js";

// Names of our own for what runs millions of times: in a sandbox such as jest's, each look-up of the global Math costs
// more than the arithmetic.
const { abs, atan2, cos, floor, max, min, PI, round, sqrt } = Math;

/**
 * The anatomy of one synthetic patient and the density that a frontal chest radiograph of it shows.
 *
 * Coordinates: x runs from -1 (image left, the patient's right) to 1, y from -1 (top) to 1 (bottom); lengths are in
 * these units, so 0.1 is 5 % of the image's width. Densities are display values: 0 is black (air), 1 is white (bone).
 * The shapes are drawn by hand after an ordinary PA film; they claim likeness, not anatomy.
 */
export interface Anatomy {
  /** Width and height of the thorax, 1 on average. */
  readonly breadth: number;
  readonly length: number;
  /** Height of the right and left diaphragm above their average, in units of y. */
  readonly domes: readonly [right: number, left: number];
  readonly heart: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly aorta: number;
  readonly ribs: {
    readonly spacing: number;
    readonly offset: number;
    readonly slope: number;
    readonly contrast: number;
  };
  readonly clavicles: readonly [right: number, left: number];
  /** Soft tissue over the lower lungs, 0 (none) to 1. */
  readonly breast: number;
  /** Vessels that fan out from each hilum: number of branches, phase and strength. */
  readonly vessels: readonly [right: Fan, left: Fan];
  /** Irregular lung markings on a lattice over the image, about standard normal. */
  readonly markings: Float32Array;
}

interface Fan {
  readonly branches: number;
  readonly phase: number;
  readonly strength: number;
}

/** Points per side of the lattice of lung markings. */
export const MARKINGS = 26;

/** Draws a patient. Women have soft tissue over the lower lungs; nothing else depends on the sex. */
export function drawAnatomy(random: Random, sex: "F" | "M"): Anatomy {
  const around = (centre: number, deviation: number) => centre + deviation * clamp(random.normal(), -2, 2);
  const fan = (): Fan => ({
    branches: 4 + random.integer(3),
    phase: 2 * PI * random.uniform(),
    strength: around(0.13, 0.025),
  });
  return {
    breadth: around(1, 0.035),
    length: around(1, 0.035),
    domes: [around(0, 0.025), around(0.06, 0.025)],
    heart: { x: around(0.17, 0.02), y: around(0.36, 0.02), width: around(0.36, 0.03), height: around(0.27, 0.02) },
    aorta: around(0.085, 0.012),
    ribs: {
      spacing: around(0.17, 0.008),
      offset: random.uniform(),
      slope: around(0.3, 0.04),
      contrast: around(0.085, 0.012),
    },
    clavicles: [around(-0.14, 0.05), around(-0.14, 0.05)],
    breast: sex === "F" ? clamp(around(0.6, 0.2), 0, 1) : 0,
    vessels: [fan(), fan()],
    markings: Float32Array.from({ length: MARKINGS * MARKINGS }, () => random.normal()),
  };
}

/** Transverse width of the heart over that of the chest, in percent (cardiothoracic ratio): of the shapes as drawn, whatever is seen of them. */
export function cardiothoracicRatio({ heart }: Anatomy): number {
  // The extent of an ellipse that is turned as `heartShadow` turns it; the chest reaches to 0.97 on either side.
  return (100 * sqrt(square(0.86 * heart.width) + square(0.51 * heart.height))) / 0.97;
}

/** Density of the patient at a point, 0 to about 1. */
export function density(patient: Anatomy, xImage: number, yImage: number): number {
  const x = xImage / patient.breadth;
  const y = yImage / patient.length;
  const a = abs(x);
  const side = x < 0 ? 0 : 1;
  const body = bodyMask(a, y);
  if (body === 0) return AIR;

  const heart = heartShadow(patient, x, y);
  const column = columnShadow(a, y);
  const aorta = step(patient.aorta - distance(x - 0.09, y + 0.27), 0.05);
  const lung = lungMask(patient, a, y, side) * (1 - heart) * (1 - column) * (1 - aorta);

  const belly = step(y - 0.45 - patient.domes[side] - 0.6 * square(a - 0.34), 0.35);
  const wall = 0.5 + 0.1 * square(square(a)) + 0.15 * belly;
  const centre = (1 - 0.75 * belly) * max(0.15 * heart, 0.2 * column, 0.16 * aorta);
  const tissue = wall + centre + spine(x, y) - trachea(x, y) - stomach(x, y, patient.domes[1]);
  const air = 0.4 - 0.8 * square(a - 0.45) - 0.06 * step(y - 0.1, 0.8);
  const bones = ribs(patient, a, y) * (0.3 + 0.7 * lung) + clavicle(patient, a, y, side);
  const soft = lung === 0 ? 0 : vessels(patient, x, y, side) + 0.022 * markings(patient.markings, xImage, yImage);
  return AIR + body * (tissue - lung * (air - soft) + bones + breast(patient, a, y) - AIR);
}

/** How much lung lies at a point with nothing in front of it, 0 to 1: where a nodule can be seen. */
export function clearLung(patient: Anatomy, xImage: number, yImage: number): number {
  const x = xImage / patient.breadth;
  const y = yImage / patient.length;
  const a = abs(x);
  return lungMask(patient, a, y, x < 0 ? 0 : 1) * (1 - heartShadow(patient, x, y)) * (1 - columnShadow(a, y));
}

const AIR = 0.03;

function bodyMask(a: number, y: number): number {
  const slope = max(0, a - 0.22);
  const shoulder = a < 0.22 ? -2 : -1.1 + slope * (0.95 - 0.5 * slope);
  const flank = step(a - 0.97 + 0.05 * square(y - 0.3), 0.05) * step(y + 0.25, 0.15);
  return step(y - shoulder, 0.06) * (1 - flank);
}

/** Lung field of one side: between mediastinum and ribs, from the apex to the dome of the diaphragm. */
function lungMask(patient: Anatomy, a: number, y: number, side: 0 | 1): number {
  const up = clamp((0.59 - y) / 1.45, 0, 1);
  const outer = 0.3 + 0.46 * sqrt(1 - up * up * up);
  const apex = -0.82 + 1.3 * square(a - 0.3);
  const base = 0.44 + patient.domes[side] + 1.5 * square(a - 0.34);
  return step(outer - a, 0.06) * step(a - 0.1, 0.08) * step(y - apex, 0.07) * step(base - y, 0.06);
}

/** Left ventricle, a tilted ellipse, and the right atrium, a smaller one that peeps out on the other side. */
function heartShadow({ heart }: Anatomy, x: number, y: number): number {
  const dx = x - heart.x;
  const dy = y - heart.y;
  if (dy < -0.45) return 0;
  const along = (0.86 * dx + 0.51 * dy) / heart.width;
  const across = (0.86 * dy - 0.51 * dx) / heart.height;
  const ventricle = step(1 - along * along - across * across, 0.5);
  const atrium = step(1 - square((x + 0.04) / 0.16) - square((dy + 0.06) / 0.26), 0.5);
  return max(ventricle, atrium);
}

/** Mediastinum: spine, great vessels and oesophagus seen as one column, wider at the top and at the bottom. */
function columnShadow(a: number, y: number): number {
  return step(0.105 + 0.07 * square(y + 0.1) - a, 0.07);
}

/** Posterior ribs run out and down from the spine; anterior ribs, fainter, come back down and end at the cartilage. */
function ribs({ ribs: { spacing, offset, slope, contrast } }: Anatomy, a: number, y: number): number {
  const u = (a - 0.06) / 0.72;
  if (u < 0 || u > 1.05 || y > 0.8 || y < -0.9) return 0;
  const cage = step(0.81 - a, 0.08) * step(y + 0.8 - 0.9 * square(a - 0.2), 0.12) * step(0.72 - y, 0.2);
  const arch = 0.24 * u * (1 - u);
  const posterior = band(y + arch - slope * u * u, spacing, offset, 0.036);
  const anterior = u < 0.3 ? 0 : band(y - 0.4 * (1 - u), spacing, offset + 0.45, 0.044) * step(u - 0.4, 0.2);
  return contrast * cage * (posterior + 0.55 * anterior);
}

/** Bands of the given half width that repeat along y: about 1 on a band, 0 between, with a slightly denser rim. */
function band(y: number, spacing: number, offset: number, halfWidth: number): number {
  const phase = y / spacing + offset;
  const ratio = square(((phase - round(phase)) * spacing) / halfWidth);
  return (0.8 + 0.2 * ratio) / (1 + square(square(ratio)));
}

function clavicle({ clavicles }: Anatomy, a: number, y: number, side: 0 | 1): number {
  const w = (a - 0.07) / 0.66;
  if (w < 0 || w > 1.3 || y > -0.4 || y < -1) return 0;
  const centre = -0.56 + clavicles[side] * w + 0.5 * w * (w - 0.5) * min(0, w - 1);
  const ratio = square((y - centre) / 0.045);
  return (0.17 * step(w - 0.03, 0.1) * step(1.2 - w, 0.2)) / (1 + ratio * ratio * ratio);
}

/** Vertebral bodies behind the mediastinum, with their discs. */
function spine(x: number, y: number): number {
  const body = step(0.075 - abs(x), 0.05);
  return body === 0 ? 0 : body * (0.02 + 0.02 * cos((2 * PI * y) / 0.135));
}

function trachea(x: number, y: number): number {
  return y > -0.2 ? 0 : (0.13 * step(-0.28 - y, 0.15)) / (1 + square(square((x + 0.01) / 0.045)));
}

/** The gas bubble under the left dome. */
function stomach(x: number, y: number, dome: number): number {
  if (y < 0.4) return 0;
  return 0.09 * step(1 - square((x - 0.4) / 0.19) - square((y - dome - 0.63) / 0.1), 1);
}

function breast(patient: Anatomy, a: number, y: number): number {
  if (patient.breast === 0 || y < -0.1) return 0;
  return 0.09 * patient.breast * step(1 - square((a - 0.48) / 0.36) - square((y - 0.33) / 0.33), 0.5);
}

/** A fan of branches that leave the hilum, double on their way, and thin out. */
function vessels(patient: Anatomy, x: number, y: number, side: 0 | 1): number {
  const { branches, phase, strength } = patient.vessels[side];
  const dx = x - (side === 0 ? -0.15 : 0.17);
  const dy = y - (side === 0 ? 0.02 : -0.03);
  const radius = distance(dx, dy);
  if (radius > 0.62) return 0;
  const angle = atan2(dy, dx);
  const trunk = max(0, cos(branches * angle + phase + 10 * radius * (0.62 - radius)));
  const twig = max(0, cos((2 * branches + 1) * angle - phase + 4 * radius));
  const near = square(1 - radius / 0.62);
  const hilum = 1.1 * step(0.16 - radius, 0.25);
  return (
    strength * (hilum + near * (1.1 * square(trunk * trunk) + 0.9 * square(square(twig)) * step(radius - 0.2, 0.2)))
  );
}

/** The lattice of markings between its points, bilinear. */
function markings(lattice: Float32Array, x: number, y: number): number {
  const column = clamp((0.5 * x + 0.5) * (MARKINGS - 1), 0, MARKINGS - 1.001);
  const row = clamp((0.5 * y + 0.5) * (MARKINGS - 1), 0, MARKINGS - 1.001);
  const left = floor(column);
  const top = floor(row);
  const corner = top * MARKINGS + left;
  const fx = column - left;
  const upper = (1 - fx) * (lattice[corner] ?? 0) + fx * (lattice[corner + 1] ?? 0);
  const lower = (1 - fx) * (lattice[corner + MARKINGS] ?? 0) + fx * (lattice[corner + MARKINGS + 1] ?? 0);
  return upper + (row - top) * (lower - upper);
}

/** A soft step of the given width around zero: 0 below it, 1 above it, a cubic in between. */
function step(position: number, width: number): number {
  const t = clamp(position / width + 0.5, 0, 1);
  return t * t * (3 - 2 * t);
}

/** √(x² + y²); Math.hypot is many times slower. */
function distance(x: number, y: number): number {
  return sqrt(x * x + y * y);
}

function square(value: number): number {
  return value * value;
}

function clamp(value: number, low: number, high: number): number {
  return min(high, max(low, value));
}
