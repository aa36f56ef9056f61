import { received, StepwedgeError } from "../core/errors.js";
import { type Place, whereIs } from "./place.js";
import type { AttackEntry, Protocol } from "./schema.js";

/**
 * The attack's ε as fractions of the display window, whatever unit it was written in. One form for one meaning: two
 * protocols that mean the same have the same hash.
 * @throws StepwedgeError where the window's size in that unit is not known
 */
export function inWindowUnits(entry: AttackEntry, index: number, protocol: Protocol, place: Place): AttackEntry {
  const { unit, ...rest } = entry as AttackEntry & { readonly unit?: "window" | "stored" | "hu" };
  if (unit === undefined || unit === "window" || rest.epsilon === undefined) return rest;
  const window = windowIn(unit, protocol);
  const where = whereIs(place, ["attacks", index, "unit"]);
  if (window === null) {
    const remedies = {
      stored: "Set data.bits to the depth of the device (8, 12 or 16): the window is all its stored values.",
      hu: "Set model.input.range to the window in Hounsfield units, such as [-1024, 1024].",
    };
    throw new StepwedgeError(`"${unit}" needs the size of the display window`, { where, remedy: remedies[unit] });
  }
  const epsilon = rest.epsilon.map((value) => value / window);
  const tooLarge = rest.norm === "linf" ? rest.epsilon.find((value) => value > window) : undefined;
  if (tooLarge !== undefined) {
    throw new StepwedgeError(`ε is larger than the display window of ${window}; received ${received(tooLarge)}`, {
      where: whereIs(place, ["attacks", index, "epsilon"]),
      remedy: "Give ε in the unit that `unit` names, or leave `unit` out for fractions of the window.",
    });
  }
  return { ...rest, epsilon };
}

/** How many stored values above the lowest, or how many Hounsfield units, the display window spans. */
function windowIn(unit: "stored" | "hu", { data, model }: Protocol): number | null {
  if (unit === "stored") return data.bits === undefined ? null : 2 ** data.bits - 1;
  const range = (model.input as { readonly range?: readonly [number, number] } | undefined)?.range;
  // The default range [0, 1] says nothing of Hounsfield units.
  return range === undefined || range[1] - range[0] <= 1 ? null : range[1] - range[0];
}
