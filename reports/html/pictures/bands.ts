import type { AuditRecord, ProtocolView } from "../../../src/core/record.js";
import { type Coefficients2d, energy, ORIENTATIONS, Wavelet2d } from "../../../src/wavelet/dwt2d.js";
import { filterBank, WAVELET_NAMES, type WaveletName } from "../../../src/wavelet/filters.js";

export interface BandShare {
  /** "1 horizontal": level 1 is the finest; "approximation" is what is left below the coarsest. */
  readonly label: string;
  /** Share of the picture's energy, in [0, 1]. */
  readonly share: number;
}

export interface Reading {
  readonly wavelet: WaveletName;
  readonly levels: number;
}

/** The wavelet in which an attack worked, where the protocol says so; haar at 3 levels otherwise. */
export function readingOf(protocol: ProtocolView, attack: string): Reading {
  const entry = protocol.attacks.find((candidate) => candidate.id === attack);
  const wavelet = WAVELET_NAMES.find((name) => name === entry?.wavelet) ?? "haar";
  const levels = typeof entry?.levels === "number" && Number.isInteger(entry.levels) ? entry.levels : 3;
  return { wavelet, levels: Math.min(Math.max(levels, 1), 6) };
}

/** Where the energy of a perturbation lies: by level, finest first, and orientation; all channels together. */
export function bandShares({ shape, data }: AuditRecord["perturbations"][string], reading: Reading): BandShare[] {
  const [channels = 1, rows = 1, columns = 1] = shape;
  const plan = new Wavelet2d(rows, columns, reading.levels, filterBank(reading.wavelet));
  const coefficients = plan.createCoefficients();
  const energies = new Map<string, number>();
  for (let channel = 0; channel < channels; channel++) {
    plan.forward(data.subarray(channel * rows * columns, (channel + 1) * rows * columns), coefficients);
    for (const [label, value] of bandEnergies(coefficients, reading.levels))
      energies.set(label, (energies.get(label) ?? 0) + value);
  }
  const total = [...energies.values()].reduce((sum, value) => sum + value, 0);
  return [...energies].map(([label, value]) => ({ label, share: total === 0 ? 0 : value / total }));
}

function bandEnergies({ approximation, details }: Coefficients2d, levels: number): [string, number][] {
  const bands = details.flatMap((level, index) =>
    ORIENTATIONS.map((orientation): [string, number] => [
      `${levels - index} ${orientation}`,
      energy(level[orientation].values),
    ]),
  );
  const finestFirst = bands.sort(([a], [b]) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  return [...finestFirst, ["approximation", energy(approximation.values)]];
}
