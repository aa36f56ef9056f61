import type { TablePreview } from "../../data/table/preview.js";

/** What a table's columns most likely are. Every guess is a line of the protocol that its reader can correct. */
export interface TableGuess {
  readonly names: readonly string[];
  readonly rows: number;
  readonly id: string | null;
  readonly image: string | null;
  readonly patient: string | null;
  readonly split: SplitGuess | null;
  readonly labels: readonly LabelGuess[];
  readonly attributes: readonly AttributeGuess[];
  /** Columns that may hold scores of a model. */
  readonly scores: readonly string[];
}

export interface SplitGuess {
  readonly column: string;
  readonly values: readonly string[];
  /** null where no value looks like it. */
  readonly tuning: string | null;
  readonly evaluation: string | null;
}

export interface LabelGuess {
  /** The class's name. */
  readonly name: string;
  readonly column: string;
  /** For columns of words: which means positive; null for columns of 0 and 1. */
  readonly words: { readonly positive: string; readonly negative: string } | null;
}

export interface AttributeGuess {
  /** The subgrouping's name. */
  readonly name: string;
  readonly column: string;
  readonly bins: readonly number[] | null;
}

interface ColumnView {
  readonly name: string;
  readonly cells: readonly string[];
  /** Different cells, without the missing ones, in order of appearance. */
  readonly values: readonly string[];
}

const MISSING = /^(|na|n\/a|nan|none|null|unknown)$/i;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const DICOM_AGE = /^\d{3}[DWMY]$/;

const ID = /^((sample|image|img|study|scan|row)_?)?(id|uid|name)$|^(image|img)_?index$/i;
const IMAGE = /^(image|img|file|path|filename|filepath|image_?(path|file|name))$/i;
const IMAGE_FILE = /\.(png|jpe?g)$/i;
const PATIENT = /^(patient|subject|person|participant|case|pat)([_ ]?(id|name|number|no|key))?$/i;
const SPLIT = /^(split|fold|partition|subset|set|phase)$/i;
const TUNING = /^(val|valid|validation|dev|tun(e|ing)|calib(ration)?)$/i;
const EVALUATION = /^(test|testing|eval|evaluation|holdout|hold-out)$/i;
const LABEL = /^(label|target|class|diagnosis|outcome|y|y_true|ground_?truth|gt|disease|finding|malignan(t|cy))$/i;
const NEGATIVE = /^(0|not?|non|neg(ative)?|normal|healthy|benign|control|absent|false|without)([^a-z].*)?$/i;
const SCORE =
  /^(p|prob|proba|probability|score|pred|prediction|y_?(pred|prob|score|hat))([_.].*)?$|[_.](prob|score|pred)$/i;

/** Attributes that audits divide by, by the words that their columns are called by. */
const ATTRIBUTES: readonly { readonly name: string; readonly pattern: RegExp }[] = [
  { name: "sex", pattern: /^(sex|gender|patient_?(sex|gender))$/i },
  { name: "age", pattern: /^(patient_?)?age([_ ]?(years?|yrs?))?$/i },
  { name: "age-group", pattern: /^age[_ ]?(band|group|bin|category)$/i },
  { name: "race", pattern: /^race$/i },
  { name: "ethnicity", pattern: /^ethnic(ity|_group)?$/i },
  { name: "skin-type", pattern: /^(skin_?(type|tone)|fitzpatrick.*)$/i },
  { name: "view", pattern: /^(view(_?position)?|projection)$/i },
  { name: "site", pattern: /^(site|hospital|cent(er|re)|institution|clinic)(_?id)?$/i },
  { name: "scanner", pattern: /^(scanner|manufacturer|vendor|device|modality|machine)(_?(id|name|model))?$/i },
  { name: "country", pattern: /^(country|region)$/i },
];

const AGE_BINS = [0, 18, 40, 60, 80, 120] as const;

/** More values than this make no subgroups that anybody reads. */
const MOST_GROUPS = 20;

/** Guesses from names and cells; nothing is read twice, and no column gets two parts. */
export function guessTable(preview: TablePreview): TableGuess {
  const views = preview.names.map((name, index) => viewOf(name, preview.columns[index] ?? []));
  const taken = new Set<string>();
  const take = (view: ColumnView | undefined): ColumnView | null => {
    if (view !== undefined) taken.add(view.name);
    return view ?? null;
  };
  const find = (fits: (view: ColumnView) => boolean) => take(views.find((view) => !taken.has(view.name) && fits(view)));

  const image = find((view) => isMostly(view, IMAGE_FILE)) ?? find((view) => IMAGE.test(view.name));
  const patient = find((view) => PATIENT.test(view.name));
  const id = find((view) => ID.test(view.name) && isUnique(view)) ?? find(isUnique) ?? image;
  const split = find((view) => SPLIT.test(view.name) && view.values.length <= 6);
  const attributes = ATTRIBUTES.flatMap(({ name, pattern }) => {
    const view = find((candidate) => pattern.test(candidate.name) && isAttribute(candidate, name));
    return view === null
      ? []
      : [{ name, column: view.name, bins: name === "age" && isNumeric(view) ? AGE_BINS : null }];
  });
  const free = views.filter((view) => !taken.has(view.name));
  return {
    names: preview.names,
    rows: preview.rows,
    id: id?.name ?? null,
    image: image?.name ?? null,
    patient: patient?.name ?? null,
    split: split === null ? null : splitOf(split),
    labels: guessLabels(free),
    attributes: withoutAgeGroups(attributes),
    scores: free.filter((view) => SCORE.test(view.name) && isScore(view)).map((view) => view.name),
  };
}

function viewOf(name: string, cells: readonly string[]): ColumnView {
  return { name, cells, values: [...new Set(cells.map((cell) => cell.trim()))].filter((cell) => !MISSING.test(cell)) };
}

function isMostly(view: ColumnView, pattern: RegExp): boolean {
  return view.cells.length > 0 && view.cells.filter((cell) => pattern.test(cell)).length > view.cells.length / 2;
}

function isUnique(view: ColumnView): boolean {
  return view.cells.length > 0 && view.values.length === view.cells.length;
}

function isNumeric(view: ColumnView): boolean {
  return view.values.length > 0 && view.values.every((value) => NUMBER.test(value) || DICOM_AGE.test(value));
}

function isAttribute(view: ColumnView, name: string): boolean {
  if (view.values.length < 2) return false;
  return (name === "age" && isNumeric(view)) || view.values.length <= MOST_GROUPS;
}

function isScore(view: ColumnView): boolean {
  const inside = (value: string) => NUMBER.test(value) && Number(value) >= 0 && Number(value) <= 1;
  return view.values.length > 2 && view.cells.every((cell) => inside(cell.trim()));
}

function splitOf(view: ColumnView): SplitGuess {
  return {
    column: view.name,
    values: view.values,
    tuning: view.values.find((value) => TUNING.test(value)) ?? null,
    evaluation: view.values.find((value) => EVALUATION.test(value)) ?? null,
  };
}

/** A column that is called like a label, where there is one; else every column of 0 and 1. */
function guessLabels(views: readonly ColumnView[]): LabelGuess[] {
  const named = views.find((view) => LABEL.test(view.name) && view.values.length === 2);
  if (named !== undefined) return [isBinary(named) ? numberLabel(named) : wordLabel(named)];
  return views.filter(isBinary).map(numberLabel);
}

function isBinary(view: ColumnView): boolean {
  const kinds = view.values.map((value) => (value === "1.0" ? "1" : value === "0.0" ? "0" : value));
  return kinds.length === 2 && kinds.includes("0") && kinds.includes("1");
}

/** `y_Edema` and `label_edema` are columns of the class edema. */
function numberLabel(view: ColumnView): LabelGuess {
  return { name: view.name.replace(/^(y|label|target|gt)[_.](?=.)/i, ""), column: view.name, words: null };
}

/** Of two words, the one that does not deny is positive; where both or neither do, the rarer one. */
function wordLabel(view: ColumnView): LabelGuess {
  const [first = "", second = ""] = view.values;
  const count = (value: string) => view.cells.filter((cell) => cell.trim() === value).length;
  const denied = [first, second].filter((value) => NEGATIVE.test(value));
  const negative = denied.length === 1 ? (denied[0] ?? first) : count(first) < count(second) ? second : first;
  const positive = negative === first ? second : first;
  return { name: positive, column: view.name, words: { positive, negative } };
}

/** Ages in years make the age groups of the table superfluous. */
function withoutAgeGroups(attributes: readonly AttributeGuess[]): AttributeGuess[] {
  const hasYears = attributes.some((attribute) => attribute.bins !== null);
  return attributes.filter((attribute) => !(hasYears && attribute.name === "age-group"));
}
