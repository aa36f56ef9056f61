import { readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { AS_STORED } from "../../core/data.js";
import { findPlugin } from "../../core/plugins.js";
import { previewTable, type TablePreview } from "../../data/table/preview.js";
import { guessTable, type TableGuess } from "./guess.js";

/** Attributes that a protocol may divide by, or that tell patients apart; by their DICOM keywords. */
const ATTRIBUTES = ["PatientID", "PatientSex", "PatientAge", "Manufacturer", "ViewPosition", "Modality"] as const;

const WINDOW_WIDTH = "WindowWidth";

/** Columns that a table of labels may have its rows by, and the data source's name of each. */
const KEYS: readonly { readonly pattern: RegExp; readonly left: string }[] = [
  { pattern: /^sop_?instance_?uid$/i, left: "SOPInstanceUID" },
  { pattern: /^(image_?)?(path|file|filename|filepath)$/i, left: "path" },
  { pattern: /^study_?instance_?uid$/i, left: "StudyInstanceUID" },
  { pattern: /^patient_?id$/i, left: "PatientID" },
];

export interface DicomGuess {
  readonly guess: TableGuess;
  readonly labels: { readonly file: string; readonly left: string; readonly right: string } | null;
  readonly windows: boolean;
  /** Whether no two files have one SOP Instance UID. */
  readonly unique: boolean;
  /** Whether every file names its patient. */
  readonly patients: boolean;
}

/**
 * Looks at the headers of a folder of DICOM files, and at a table in it that may hold their labels.
 * @throws StepwedgeError where there are no such files
 */
export async function guessDicom(folder: string, rows: number): Promise<DicomGuess> {
  const source = await findPlugin("data", "dicom");
  const table = await source.open(source.meta.parameters.parse({ path: basename(resolve(folder)) }), {
    baseFolder: dirname(resolve(folder)),
    seed: 1,
    columns: ["id", ...ATTRIBUTES, WINDOW_WIDTH],
    numbers: [],
    imageColumn: null,
    pixels: AS_STORED,
    frameColumn: null,
    eachFrame: false,
  });
  const column = (name: string): readonly string[] => table.columns.get(name) ?? [];
  const own: TablePreview = {
    names: ["id", ...ATTRIBUTES],
    rows: table.count,
    columns: ["id", ...ATTRIBUTES].map(column),
  };
  const facts = {
    windows: column(WINDOW_WIDTH).every((cell) => cell !== ""),
    unique: new Set(column("id")).size === table.count,
    patients: column("PatientID").every((cell) => cell !== ""),
  };
  const labels = await labelTable(folder, rows);
  if (labels === null) return { guess: { ...guessTable(own), labels: [] }, labels: null, ...facts };
  // Rows of the table are not in the files' order: only what stands in its columns counts, not beside what.
  const { file, left, preview, right } = labels;
  const names = preview.names.filter((name) => name !== right && !own.names.includes(name));
  const further: TablePreview = {
    names,
    rows: preview.rows,
    columns: names.map((name) => preview.columns[preview.names.indexOf(name)] ?? []),
  };
  const [ofFiles, ofTable] = [guessTable(own), guessTable(further)];
  const known = new Set(ofFiles.attributes.map(({ name }) => name));
  return {
    guess: {
      ...ofFiles,
      labels: ofTable.labels,
      split: ofTable.split,
      attributes: [...ofFiles.attributes, ...ofTable.attributes.filter(({ name }) => !known.has(name))],
    },
    labels: { file, left, right },
    ...facts,
  };
}

async function labelTable(folder: string, rows: number) {
  for (const name of readdirSync(folder)
    .filter((entry) => /\.(csv|tsv)$/i.test(entry))
    .sort()) {
    const file = join(folder, name);
    const preview = await previewTable(file, rows);
    for (const { left, pattern } of KEYS) {
      const right = preview.names.find((column) => pattern.test(column));
      if (right !== undefined && preview.rows > 0) return { file, left, right, preview };
    }
  }
  return null;
}
