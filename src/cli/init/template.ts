import type { LabelGuess, TableGuess } from "./guess.js";
import type { ModelFacts } from "./model.js";

/** All that is known when a protocol is drafted. Paths are relative to the protocol, with forward slashes. */
export interface Draft {
  /** Where the JSON Schema of audit.yaml lies. */
  readonly schema: string;
  readonly model: { readonly path: string; readonly facts: ModelFacts } | null;
  readonly table: { readonly path: string; readonly guess: TableGuess; readonly dicom?: DicomDraft } | null;
}

/** What more there is to say where the data are a folder of DICOM files. */
export interface DicomDraft {
  /** The table of labels found in it: relative to the protocol, and what its rows are known by. */
  readonly labels: { readonly path: string; readonly left: string; readonly right: string } | null;
  /** Whether every file that was looked at names a window of its own. */
  readonly windows: boolean;
  readonly unique: boolean;
  readonly patients: boolean;
}

/** Marks the lines that must be checked or filled in before the first run. */
export const TODO = "TODO:";

const PLACEHOLDER_LABEL: LabelGuess = { name: "disease", column: "label", words: null };

/** The text of a commented audit.yaml. It validates whatever was guessed; where the guesses are right it also runs. */
export function draftProtocol(draft: Draft): string {
  const labels = labelsOf(draft);
  const scores = scoreColumns(draft, labels);
  const blocks = [
    header(draft),
    scores === null ? modelBlock(draft, labels) : scoresBlock(scores),
    dataBlock(draft, labels, scores === null),
    subgroupsBlock(draft),
    scores === null ? attacksBlock() : [],
    operatingPointsBlock(),
    gatesBlock(draft, labels),
    ["reports: [html, json, junit]"],
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** The classes of the protocol: as guessed, or a placeholder. */
export function labelsOf({ table }: Draft): readonly LabelGuess[] {
  return table === null || table.guess.labels.length === 0 ? [PLACEHOLDER_LABEL] : table.guess.labels;
}

/**
 * Without a model, a table that holds a score for every class can be audited as it is: the column of each class. A
 * class's column is the one that bears its name; the only one there is serves the only class.
 */
function scoreColumns({ model, table }: Draft, labels: readonly LabelGuess[]): ReadonlyMap<string, string> | null {
  if (model !== null || table === null || table.guess.labels.length === 0) return null;
  const { scores } = table.guess;
  const columns = labels.map(({ name }) => {
    const named = scores.find((column) => column.toLowerCase().includes(name.toLowerCase()));
    return named ?? (labels.length === 1 && scores.length === 1 ? scores[0] : undefined);
  });
  if (columns.includes(undefined)) return null;
  return new Map(labels.map(({ name }, index) => [name, columns[index] ?? ""]));
}

/** A word as YAML: plain where that is safe, else in double quotes. */
export function yamlWord(text: string): string {
  const plain = /^[A-Za-z_.][A-Za-z0-9_./ -]*$/.test(text) && !/\s$/.test(text);
  const reserved = /^(true|false|null|yes|no|on|off|y|n|\.nan|\.inf|\.+)$/i.test(text);
  return plain && !reserved ? text : JSON.stringify(text);
}

function header({ schema, table }: Draft): string[] {
  const classes = table === null ? "" : ` (${table.guess.rows} rows of the table were looked at)`;
  return [
    `# yaml-language-server: $schema=${schema}`,
    `# Written by \`stepwedge init\`${classes}. Every guess is marked: check it, then fix the criteria before the run.`,
    "# `stepwedge run <this file> --dry-run` validates it and counts the work.",
    "version: 1",
    `title: Untitled audit # ${TODO} name the model and its version`,
    `# intendedUse: ${TODO} what the model is for, on whom, in one sentence`,
    "seed: 1 # the same seed gives the same findings",
  ];
}

function modelBlock({ model }: Draft, labels: readonly LabelGuess[]): string[] {
  const task = labels.length === 1 ? "binary" : "multilabel";
  if (model === null) {
    return [
      "model:",
      "  adapter: onnx",
      `  path: model.onnx # ${TODO} the model's file, relative to this one`,
      `  task: ${task} # binary | multiclass | multilabel`,
      `  activation: none # ${TODO} none if the outputs are probabilities, else sigmoid or softmax`,
      "  # output: { name: prob, select: { disease: 0 } } # which output, which column is which class",
      "  input:",
      `    range: [0, 1] # ${TODO} what black and white become before mean and std`,
      "    mean: 0",
      "    std: 1",
      "# Scores that the table already holds need no model:",
      "# model: { adapter: scores, columns: { disease: score } }",
    ];
  }
  const { facts, path } = model;
  return [
    "model:",
    `  adapter: ${facts.adapter}`,
    `  path: ${yamlWord(path)}`,
    `  task: ${task} # binary | multiclass | multilabel`,
    ...activationLines(facts, labels.length),
    ...outputLines(facts, labels),
    ...inputLines(facts),
  ];
}

function scoresBlock(columns: ReadonlyMap<string, string>): string[] {
  const entries = [...columns].map(([name, column]) => `${yamlWord(name)}: ${yamlWord(column)}`);
  return [
    "# Guess: the table holds the model's scores, so no model is run (and nothing can be attacked).",
    "model:",
    "  adapter: scores",
    `  columns: { ${entries.join(", ")} }`,
  ];
}

function activationLines(facts: ModelFacts, classes: number): string[] {
  const { bounded, head, output } = facts;
  if (head !== null) return [`  activation: none # the model ends in a ${head} already`];
  const guess = bounded === false ? ((output.columns ?? classes) > classes ? "softmax" : "sigmoid") : "none";
  const why =
    bounded === null
      ? `# ${TODO} none if "${output.name}" holds probabilities, else sigmoid or softmax`
      : bounded
        ? `# guess: "${output.name}" stayed within [0, 1] on trial images`
        : `# guess: "${output.name}" left [0, 1] on a trial image; sigmoid for independent classes, softmax for exclusive ones`;
  return [`  activation: ${guess} ${why}`];
}

function outputLines({ output, outputs }: ModelFacts, labels: readonly LabelGuess[]): string[] {
  const described = outputs.map(({ name, shape }) => `${name} [${shape.join(", ")}]`).join("; ");
  const select = selection(output.columns, labels);
  if (outputs.length === 1 && select === null && output.columns === labels.length) return [];
  const parts = [`name: ${yamlWord(output.name)}`, ...(select === null ? [] : [`select: { ${select} }`])];
  const guess = select === null ? "" : ` # ${TODO} check which column is which class`;
  const tooFew =
    output.columns !== null && output.columns < labels.length
      ? [
          `  # ${TODO} "${output.name}" gives ${output.columns} for ${labels.length} classes: keep the labels that it scores`,
        ]
      : [];
  return [`  # Outputs of the file: ${described}.`, ...tooFew, `  output: { ${parts.join(", ")} }${guess}`];
}

/** Which column is which class, where the file has more columns than the protocol has classes. */
function selection(columns: number | null, labels: readonly LabelGuess[]): string | null {
  if (columns === null || columns <= labels.length) return null;
  // Two columns for one class are "not" and "yes", in this order, in nearly every export.
  const first = columns === 2 && labels.length === 1 ? 1 : 0;
  return labels.map(({ name }, index) => `${yamlWord(name)}: ${first + index}`).join(", ");
}

function inputLines({ input }: ModelFacts): string[] {
  const open = [
    ...(input.width === null ? [`    width: 224 # ${TODO} the file leaves it open`] : []),
    ...(input.height === null ? [`    height: 224 # ${TODO} the file leaves it open`] : []),
    ...(input.channels === null ? [`    channels: 3 # ${TODO} the file leaves it open`] : []),
  ];
  return [
    `  # Input of the file: ${input.name} [${input.shape.join(", ")}].`,
    "  input:",
    ...open,
    ...(input.layout === null ? [] : [`    layout: ${input.layout}`]),
    `    range: [0, 1] # ${TODO} check what black and white become before mean and std`,
    "    mean: 0",
    "    std: 1",
  ];
}

function dicomBlock(path: string, guess: TableGuess, dicom: DicomDraft, labels: readonly LabelGuess[]): string[] {
  const {
    left,
    path: table,
    right,
  } = dicom.labels ?? { path: "labels.csv", left: "SOPInstanceUID", right: "SOPInstanceUID" };
  const on = left === right ? yamlWord(left) : `{ left: ${yamlWord(left)}, right: ${yamlWord(right)} }`;
  return [
    "data:",
    "  adapter: dicom",
    `  path: ${yamlWord(path)}`,
    ...(dicom.unique
      ? []
      : ["  id: path # several files have one SOP Instance UID; paths stand in the record in clear"]),
    dicom.patients
      ? "  patient: PatientID # a pseudonym: set the environment variable STEPWEDGE_PSEUDONYM_KEY to a secret of yours"
      : `  # patient: PatientID # ${TODO} not all files name their patient: give the table a column that does`,
    dicom.labels === null
      ? `  table: { path: labels.csv, on: SOPInstanceUID } # ${TODO} a table of labels: DICOM files hold none`
      : `  table: { path: ${yamlWord(table)}, on: ${on} } # guess: the table of labels in the folder`,
    dicom.windows
      ? `  window: file # ${TODO} the files' own windows; or { center: 40, width: 400 }, { range: [-1000, 1000] }, full, stored`
      : `  window: full # ${TODO} not all files name a window; or { center: 40, width: 400 }, { range: [-1000, 1000] }, stored`,
    "  frames: middle # of files with several frames; or each: every frame a sample",
    "  unreadable: reject # files that cannot be read stay in the report, counted by group; or fail",
    ...labelLines(labels, guess.labels.length > 0),
    ...splitLines(guess),
  ];
}

function dataBlock({ table }: Draft, labels: readonly LabelGuess[], needsImages: boolean): string[] {
  const guess = table?.guess ?? null;
  if (table?.dicom !== undefined) return dicomBlock(table.path, table.guess, table.dicom, labels);
  const image = guess?.image ?? null;
  return [
    "data:",
    "  adapter: table",
    table === null
      ? `  path: manifest.csv # ${TODO} a CSV or TSV file with one row per sample`
      : `  path: ${yamlWord(table.path)}`,
    guess !== null && guess.id !== null
      ? `  id: ${yamlWord(guess.id)}`
      : `  id: id # ${TODO} the column with each sample's own id`,
    ...(needsImages
      ? [
          image === null
            ? `  image: image # ${TODO} the column with the image's path, relative to the table`
            : `  image: ${yamlWord(image)}`,
        ]
      : []),
    guess !== null && guess.patient !== null
      ? `  patient: ${yamlWord(guess.patient)}`
      : "  # patient: patient_id # strongly advised: intervals allow for repeated patients, splits keep them apart",
    ...labelLines(labels, guess !== null && guess.labels.length > 0),
    ...splitLines(guess),
  ];
}

function labelLines(labels: readonly LabelGuess[], guessed: boolean): string[] {
  const entries = labels.map(({ name, column, words }) => {
    const value =
      words === null
        ? yamlWord(column)
        : `{ column: ${yamlWord(column)}, positive: ${yamlWord(words.positive)}, negative: ${yamlWord(words.negative)} }`;
    return `    ${yamlWord(name)}: ${value}`;
  });
  const note = guessed ? "# guess: check which value is positive" : `# ${TODO} class: column with 1, 0 or nothing`;
  return [`  labels: ${note}`, ...entries];
}

function splitLines(guess: TableGuess | null): string[] {
  const split = guess?.split ?? null;
  const seeded =
    "  split: { tuning: 0.3 } # a seeded draw of patients; or { column: split, tuning: val, evaluation: test }";
  if (split === null) return [seeded];
  if (split.tuning === null || split.evaluation === null) {
    const values = split.values.map((value) => JSON.stringify(value)).join(", ");
    return [
      `  # Column ${JSON.stringify(split.column)} holds ${values}: not both a tuning and an evaluation split.`,
      seeded,
    ];
  }
  const { column, tuning, evaluation } = split;
  return [`  split: { column: ${yamlWord(column)}, tuning: ${yamlWord(tuning)}, evaluation: ${yamlWord(evaluation)} }`];
}

function subgroupsBlock({ table }: Draft): string[] {
  const attributes = table?.guess.attributes ?? [];
  if (attributes.length === 0) {
    return [
      `# ${table === null ? "" : "No column looks like an attribute. "}Groups that are compared, for example:`,
      "# subgroups:",
      "#   sex: { column: sex }",
      "#   age: { column: age, bins: [0, 18, 40, 60, 80, 120] }",
      "#   sex-by-age: { cross: [sex, age] }",
    ];
  }
  const [first, second] = attributes;
  const crossing =
    first === undefined || second === undefined
      ? []
      : [`  # ${first.name}-by-${second.name}: { cross: [${first.name}, ${second.name}] } # groups may get small`];
  return [
    "# Groups that are compared. A missing attribute is a group of its own, called unknown.",
    "subgroups:",
    ...attributes.map(({ name, column, bins }) => {
      const edges = bins === null ? "" : `, bins: [${bins.join(", ")}]`;
      return `  ${name}: { column: ${yamlWord(column)}${edges} }`;
    }),
    ...crossing,
  ];
}

function attacksBlock(): string[] {
  return [
    "# ε is a fraction of the display window: 4/255 is four grey levels at 8 bits.",
    "attacks:",
    "  - id: wavelet-universal # one faint texture for all images, found by asking the model",
    "    epsilon: [2/255, 4/255]",
    "    objective: [operating-point, ranking]",
    "    queries: 10000 # at most, for each search: 2 objectives × 2 ε, without and inside the defense",
    "  - id: random-sign # the control: noise of the same size",
    "    epsilon: [2/255, 4/255]",
    "defenses:",
    "  - id: jpeg",
    "    quality: 75",
  ];
}

function operatingPointsBlock(): string[] {
  return [
    `# Thresholds, chosen on the tuning split and then frozen. ${TODO} those that the device uses`,
    "operatingPoints:",
    "  - id: screening",
    "    sensitivity: 0.9",
  ];
}

function gatesBlock({ table }: Draft, labels: readonly LabelGuess[]): string[] {
  const family = table?.guess.attributes[0]?.name;
  const className = labels.length === 1 ? [] : ["    # class: one of the labels; without it every class must pass"];
  const gap = [
    "  - id: REQ-002",
    "    title: No large difference between groups",
    "    metric: auc-gap",
    `    subgroups: [${family ?? "sex"}]`,
    "    bound: upper",
    "    atMost: 0.15",
  ];
  return [
    `# Acceptance criteria, held against the limits of intervals. ${TODO} set your own before the first run`,
    "gates:",
    "  - id: REQ-001",
    "    title: Discrimination on clean images",
    "    metric: auc",
    ...className,
    "    bound: lower # lower | upper limit of the interval, or estimate",
    "    atLeast: 0.80",
    ...(family === undefined ? gap.map((line) => `  # ${line.slice(2)}`) : gap),
  ];
}
