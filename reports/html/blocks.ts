import type { Finding, Interval } from "../../src/core/finding.js";
import { countsText, estimateText, intervalText, isMeasured, levelText, methodText } from "../common/format.js";
import { shortTest } from "../common/tests.js";
import type { Markup } from "../common/xml.js";

/** The shapes that the shared partials show: tables, figures and their legends. */

export interface Cell {
  readonly text: string;
  /** A second, smaller line, such as the interval. */
  readonly sub: string | null;
  /** True where the text is a status and not a number. */
  readonly muted: boolean;
  /** Shown on hover: counts, method, reason. */
  readonly title: string | null;
  /** Anchor on this page, such as the finding in the appendix. */
  readonly href: string | null;
  /** Style class of a verdict or a severity; null for plain cells. */
  readonly tone: string | null;
  /** True in columns of numbers, which are aligned to the right. */
  readonly numeric: boolean;
  /** Lightness of the cell's ground, 1 (palest) to 5, for matrices; null for none. The number stands in the cell anyway. */
  readonly shade: number | null;
  /** How the interval was made: the table gathers the methods of its cells in its note. */
  readonly interval: Interval | null;
}

export interface Row {
  readonly header: Cell;
  readonly cells: readonly Cell[];
}

export interface Table {
  readonly id: string;
  readonly caption: string;
  /** What a reader must know to read it: methods, units, abbreviations. */
  readonly note: string | null;
  readonly columns: readonly { readonly label: string; readonly numeric: boolean }[];
  readonly bodies: readonly { readonly heading: string | null; readonly span: number; readonly rows: readonly Row[] }[];
  /** The line that opens it, where it is long enough to be folded away on a screen. */
  readonly folded: string | null;
}

export interface LegendEntry {
  readonly swatch: Markup;
  readonly label: string;
  readonly detail: string | null;
}

export interface Figure {
  readonly id: string;
  readonly caption: string;
  readonly note: string | null;
  readonly legend: readonly LegendEntry[];
  readonly panels: readonly Panel[];
  /** Style class that sets the panels' smallest width. */
  readonly size: "wide" | "medium" | "small";
}

export interface Panel {
  readonly title: string;
  readonly subtitle: string | null;
  readonly chart: Markup;
  readonly legend: readonly LegendEntry[];
}

export function textCell(text: string, options: Partial<Cell> = {}): Cell {
  return {
    text,
    sub: null,
    muted: false,
    title: null,
    href: null,
    tone: null,
    shade: null,
    numeric: false,
    interval: null,
    ...options,
  };
}

/**
 * A finding in a table: estimate over interval, or the status in words; what there is to know of it on hover. Its
 * counts stand there too, unless the table has them in a column, a heading or its caption (`counted`).
 */
export function findingCell(finding: Finding | undefined, counted = false): Cell {
  if (finding === undefined) return textCell("—", { muted: true, title: "not examined" });
  const hover = [counted ? null : countsText(finding), finding.reason].filter((part) => part !== null);
  return textCell(estimateText(finding), {
    sub: intervalText(finding),
    muted: !isMeasured(finding),
    title: hover.length === 0 ? null : hover.join(". "),
    interval: finding.interval,
  });
}

/** A finding with its test of no difference under the interval. */
export function testedCell(finding: Finding | undefined): Cell {
  const cell = findingCell(finding);
  const test = shortTest(finding);
  return test === null ? cell : { ...cell, sub: [cell.sub, test].filter((part) => part !== null).join("; ") };
}

/** Counts, interval method and reason of a finding, on one line. */
export function explain(finding: Finding): string {
  const parts = [countsText(finding)];
  if (finding.interval !== null)
    parts.push(`${levelText(finding.interval.level)}, ${methodText(finding.interval.method)}`);
  if (finding.reason !== null) parts.push(finding.reason);
  return parts.join(". ");
}

/** A table of one or several bodies; `folded` names it where it starts closed on a screen. */
export function table(
  options: Omit<Table, "bodies" | "note" | "folded"> & {
    readonly bodies: readonly { readonly heading: string | null; readonly rows: readonly Row[] }[];
    readonly note?: string | null;
    readonly folded?: string | null;
  },
): Table {
  const { bodies, note = null, folded = null, ...rest } = options;
  const span = rest.columns.length;
  const aligned = (row: Row): Row => ({
    ...row,
    cells: row.cells.map((cell, index) => ({ ...cell, numeric: rest.columns[index + 1]?.numeric ?? false })),
  });
  return {
    ...rest,
    note: [note, methodsNote(bodies.flatMap(({ rows }) => rows))].filter((part) => part !== null).join(" ") || null,
    folded,
    bodies: bodies
      .filter((body) => body.rows.length > 0)
      .map(({ heading, rows }) => ({ heading, span, rows: rows.map(aligned) })),
  };
}

/** "Intervals: 95% CI, Wilson score; DeLong." of the table's cells; null where none has an interval. */
function methodsNote(rows: readonly Row[]): string | null {
  const intervals = rows.flatMap(({ cells }) => cells.flatMap(({ interval }) => interval ?? []));
  const [first] = intervals;
  if (first === undefined) return null;
  const methods = new Set(intervals.map(({ method }) => methodText(method)));
  return `Intervals: ${levelText(first.level)}, ${[...methods].join("; ")}.`;
}

export function column(label: string, numeric = false): Table["columns"][number] {
  return { label, numeric };
}
