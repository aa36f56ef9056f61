import type { Random } from "../../core/random.js";
import { type Anatomy, clearLung, density } from "./anatomy.js";
import { type Nodule, noduleDensity } from "./nodule.js";
import { acquire, type Scanner } from "./scanner.js";

/** How the patient stood, breathed and was exposed this time: what differs between two images of one patient. */
interface Pose {
  readonly shiftX: number;
  readonly shiftY: number;
  /** Radians. */
  readonly tilt: number;
  readonly scale: number;
  readonly exposure: number;
}

/** Renders one acquisition of a patient as stored values 0 … 255, row by row, side × side. */
export function renderImage(
  patient: Anatomy,
  nodule: Nodule | null,
  scanner: Scanner,
  side: number,
  random: Random,
): Uint8Array {
  const pose = drawPose(random.fork("pose"));
  const image = new Float32Array(side * side);
  overPixels(pose, side, (place, x, y) => {
    const added = nodule === null ? 0 : noduleDensity(nodule, x, y);
    image[place] = pose.exposure * (density(patient, x, y) + added);
  });
  return acquire(image, side, scanner, random.fork("noise"));
}

/** The lung that nothing lies in front of, by more than half: 1 inside, 0 outside, as `renderImage` shows it with the same stream. */
export function renderMask(patient: Anatomy, side: number, random: Random): Uint8Array {
  const mask = new Uint8Array(side * side);
  overPixels(drawPose(random.fork("pose")), side, (place, x, y) => {
    mask[place] = clearLung(patient, x, y) > 0.5 ? 1 : 0;
  });
  return mask;
}

/** Every pixel with the patient's point that it shows. */
function overPixels(pose: Pose, side: number, visit: (place: number, x: number, y: number) => void): void {
  const cosine = Math.cos(pose.tilt) * pose.scale;
  const sine = Math.sin(pose.tilt) * pose.scale;
  for (let row = 0; row < side; row++) {
    const v = (2 * row + 1) / side - 1 - pose.shiftY;
    for (let column = 0; column < side; column++) {
      const u = (2 * column + 1) / side - 1 - pose.shiftX;
      visit(row * side + column, cosine * u - sine * v, sine * u + cosine * v);
    }
  }
}

function drawPose(random: Random): Pose {
  const around = (centre: number, deviation: number) => centre + deviation * Math.min(2, Math.max(-2, random.normal()));
  return {
    shiftX: around(0, 0.025),
    shiftY: around(0, 0.025),
    tilt: around(0, 0.02),
    scale: around(1, 0.02),
    exposure: around(1, 0.03),
  };
}
