import type { ApplyContext, Attack, Strength } from "../../src/core/attack.js";
import type { Defense, DefenseContext } from "../../src/core/defense.js";
import type { ImageGeometry } from "../../src/core/pixels.js";
import { randomFrom } from "../../src/core/random.js";

/** Stands where a plug-in would be told of a file. */
export function noFile(parameter: string): never {
  throw new Error(`no file was given for ${parameter}`);
}

/** ε as the base hands it to an attack. */
export function epsilonStrength(epsilon: number, { maxValue }: ImageGeometry, norm: "linf" | "l2" = "linf"): Strength {
  return { kind: "epsilon", norm, epsilon, stored: epsilon * maxValue };
}

/** What the base hands to an attack's `apply`: its default parameters and first objective, with the given changes. */
export function applyContext(
  attack: Attack,
  geometry: ImageGeometry,
  strength: Strength,
  changes: Partial<ApplyContext<Record<string, unknown>>> = {},
): ApplyContext<Record<string, unknown>> {
  const { channels, height, width, maxValue } = geometry;
  const { parameters, ...rest } = changes;
  return {
    parameters: attack.meta.parameters.parse(parameters ?? {}),
    strength,
    objective: attack.meta.objectives?.[0] ?? null,
    geometry: { channels, height, width, maxValue },
    fitted: null,
    oracle: null,
    randomOf: (image) => randomFrom("test", "image", image),
    file: noFile,
    ...rest,
  };
}

/** What the base hands to a defense's `apply`: its default parameters, with the given changes. */
export function defenseContext(
  defense: Defense,
  changes: Partial<DefenseContext<Record<string, unknown>>> = {},
): DefenseContext<Record<string, unknown>> {
  const { parameters, ...rest } = changes;
  return {
    parameters: defense.meta.parameters.parse(parameters ?? {}),
    fitted: null,
    randomOf: (image) => randomFrom("test", "image", image),
    file: noFile,
    ...rest,
  };
}
