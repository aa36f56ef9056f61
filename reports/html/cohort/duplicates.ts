import type { DuplicateCounts, DuplicatePair, Duplicates } from "../../../src/core/record.js";
import { integer, listed } from "../../common/format.js";
import { dataName } from "../../common/names.js";
import { type Cell, column, table, textCell } from "../blocks.js";

/** Pairs of one file, and pairs that look alike, by where they are. */
export function duplicateTable({ distance, exact, near }: Duplicates) {
  const row = (name: string, counts: DuplicateCounts) => ({
    header: textCell(name),
    cells: [
      countCell(counts.pairs, counts.complete),
      countCell(counts.withinTuning, counts.complete),
      countCell(counts.withinEvaluation, counts.complete),
      warned(counts.acrossSplits, counts.complete),
      counts.acrossPatients === null
        ? textCell("not known", { muted: true, title: "the protocol names no patient column" })
        : warned(counts.acrossPatients, counts.complete),
      warned(counts.disagreeing, counts.complete),
    ],
  });
  return table({
    id: "duplicates",
    caption: "Pairs of images",
    note: `Same file: equal SHA-256 of the bytes. Look alike: other files whose perceptual hashes differ in at most ${distance} of 64 bits of outlines and ${2 * distance} of 64 bits of detail; candidates, which somebody must look at. Crops and flips are not found.`,
    columns: [
      column("Pairs"),
      column("All", true),
      column("Within tuning", true),
      column("Within evaluation", true),
      column("Across the splits", true),
      column("Of two patients", true),
      column("Labelled otherwise", true),
    ],
    bodies: [{ heading: null, rows: [row("Same file", exact), row("Look alike", near)] }],
  });
}

function countCell(count: number, complete: boolean, options: Partial<Cell> = {}): Cell {
  return textCell(`${complete ? "" : "at least "}${integer(count)}`, options);
}

/** A number that should be 0. */
function warned(count: number, complete: boolean): Cell {
  return countCell(count, complete, count > 0 ? { tone: "open" } : {});
}

/** Some of the pairs; null where there is none. */
export function exampleTable({ examples }: Duplicates) {
  if (examples.length === 0) return null;
  return table({
    id: "duplicate-pairs",
    caption: "Some pairs of images",
    folded: "Some of these pairs, by the hashes of their samples' ids",
    note: "Samples are named by the first 12 digits of the SHA-256 of their ids.",
    columns: [column("Samples"), column("Kind"), column("Splits"), column("Patients"), column("Labelled otherwise")],
    bodies: [{ heading: null, rows: examples.map(exampleRow) }],
  });
}

function exampleRow({ disagreeing, distance, kind, samePatient, samples, splits }: DuplicatePair) {
  return {
    header: textCell(samples.join(" ")),
    cells: [
      textCell(kind === "exact" ? "same file" : `look alike (${distance} of 128 bits differ)`),
      textCell(splits[0] === splits[1] ? `both ${splits[0]}` : splits.join(", ")),
      textCell(samePatient === null ? "not known" : samePatient ? "one" : "two"),
      textCell(disagreeing.length === 0 ? "no" : listed(disagreeing.map(dataName))),
    ],
  };
}
