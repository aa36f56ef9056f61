/**
 * Intensity inhomogeneity of magnetic resonance (a receive coil whose sensitivity varies): the image is multiplied by a
 * smooth field 1 + t·b(x, y), b a random sum of products of Legendre polynomials of total degree 1 … `order`, scaled to a
 * largest absolute value of 1. All channels share the field.
 *
 * Severity 1–5: t = 0.1, 0.2, 0.3, 0.4, 0.5, that is inhomogeneity of 20, 40, 60, 80 and 100 % in the count of the
 * BrainWeb phantom, whose levels are 20 and 40 %. It knows nothing of the model and asks nothing of it.
 */
import { z } from "zod";
import { defineAttack } from "../src/core/attack.js";
import type { ImageGeometry } from "../src/core/pixels.js";
import type { Random } from "../src/core/random.js";
import { legendre } from "./support/legendre.js";
import { atSeverity, CORRUPTION, mapImages } from "./support/severity.js";

/** Largest departure of the field from 1. */
const DEPARTURE = [0.1, 0.2, 0.3, 0.4, 0.5] as const;

export default defineAttack({
  meta: {
    ...CORRUPTION,
    id: "bias-field",
    title: "Bias field",
    summary: "Brightens one part of the image and darkens another smoothly, as an uneven receive coil does.",
    domain: "acquisition",
    parameters: z.strictObject({
      order: z.int().min(1).max(8).default(3).describe("Highest total degree of the field's polynomials."),
    }),
    references: [
      "Sled, Zijdenbos and Evans, A nonparametric method for automatic correction of intensity nonuniformity in MRI data, IEEE Trans. Medical Imaging 17(1), 1998",
      "Cocosco et al., BrainWeb: online interface to a 3D MRI simulated brain database, NeuroImage 5(4), 1997",
    ],
  },

  apply(batch, { strength, parameters, geometry, randomOf }) {
    const departure = atSeverity(DEPARTURE, strength);
    const draw = fieldSource(geometry, parameters.order);
    return mapImages(batch, (source, target, image) => {
      const field = draw(randomOf(image));
      for (let i = 0, place = 0; i < source.length; i++, place++) {
        if (place === field.length) place = 0;
        target[i] = (source[i] as number) * (1 + departure * (field[place] as number));
      }
    });
  },
});

/** Random fields of one geometry, each of largest absolute value 1, in a buffer that the next one overwrites. */
function fieldSource({ height, width }: ImageGeometry, order: number): (random: Random) => Float32Array {
  const columns = legendre(width, order);
  const rows = legendre(height, order);
  const field = new Float32Array(height * width);
  return (random) => {
    // Σ cᵢⱼ Pᵢ(x) Pⱼ(y) with 1 ≤ i + j ≤ order.
    const coefficients = rows.map((_, j) => Float64Array.from({ length: order + 1 - j }, () => random.normal()));
    (coefficients[0] as Float64Array)[0] = 0;
    const weights = new Float64Array(order + 1);
    let largest = 0;
    for (let y = 0, at = 0; y < height; y++) {
      weights.fill(0);
      for (let j = 0; j <= order; j++) {
        const vertical = rows[j]?.[y] as number;
        coefficients[j]?.forEach((value, i) => {
          weights[i] = (weights[i] as number) + vertical * value;
        });
      }
      for (let x = 0; x < width; x++, at++) {
        let sum = 0;
        for (let i = 0; i <= order; i++) sum += (weights[i] as number) * ((columns[i] as Float64Array)[x] as number);
        field[at] = sum;
        largest = Math.max(largest, Math.abs(sum));
      }
    }
    if (largest > 0) for (let at = 0; at < field.length; at++) field[at] = (field[at] as number) / largest;
    return field;
  };
}
