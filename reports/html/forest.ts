import type { Finding } from "../../src/core/finding.js";
import {
  countsShort,
  estimateText,
  intervalText,
  isMeasured,
  levelText,
  metricValue,
  statusWords,
} from "../common/format.js";
import type { Markup } from "../common/xml.js";
import { explain } from "./blocks.js";
import { type ForestValue, forestAxis, forestBlank, forestScale, forestStrip } from "./charts/forest.js";

/** What the partial `forest` shows: a table whose third column is drawn. */
export interface Forest {
  readonly id: string;
  readonly caption: string;
  readonly note: string | null;
  /** Heading of the numbers, such as "AUC (95% CI)". */
  readonly measure: string;
  /** Heading of the counts. */
  readonly counts: string;
  /** "95% CI"; empty where no row has an interval. */
  readonly level: string;
  readonly bodies: readonly { readonly heading: string | null; readonly rows: readonly ForestRow[] }[];
  readonly axis: Markup;
}

interface ForestRow {
  readonly label: string;
  readonly counts: string;
  readonly strip: Markup;
  readonly estimate: string;
  readonly interval: string | null;
  readonly muted: boolean;
  readonly title: string | null;
}

export interface ForestInput {
  readonly label: string;
  readonly finding: Finding | undefined;
}

export interface ForestOptions {
  readonly id: string;
  readonly caption: string;
  readonly note?: string | null;
  readonly measure: string;
  /** Heading of the counts; default: images, positive and negative ones. */
  readonly counts?: string;
  readonly bodies: readonly { readonly heading: string | null; readonly rows: readonly ForestInput[] }[];
  readonly reference: number | null;
  /** Values that the scale must hold even where no row reaches them. */
  readonly include?: readonly number[];
}

/** Builds the plot; null where no row has a number to draw. */
export function forest(options: ForestOptions): Forest | null {
  const { id, caption, note = null, measure, reference, include = [] } = options;
  const measured = options.bodies.flatMap(({ rows }) => rows.map(({ finding }) => finding).filter(isMeasured));
  const metric = measured[0]?.metric;
  if (metric === undefined) return null;
  const plain = (value: number) => metricValue(metric, value).replace(/ ?(%|pp)$/, "");
  const scale = forestScale(measured.map(drawn), reference, include, (value) => shortTick(plain(value)));
  const bodies = options.bodies
    .filter(({ rows }) => rows.length > 0)
    .map(({ heading, rows }) => ({
      heading,
      rows: rows.map(({ label, finding }) => ({
        label,
        counts: counts(finding),
        strip: isMeasured(finding) ? forestStrip(scale, drawn(finding)) : forestBlank(scale),
        estimate: finding === undefined ? "not examined" : estimateText(finding),
        interval: isMeasured(finding) ? intervalText(finding) : (finding?.reason ?? null),
        muted: !isMeasured(finding),
        title: finding === undefined ? statusWords("not-applicable") : explain(finding),
      })),
    }));
  const level = measured.find((finding) => finding.interval !== null)?.interval?.level;
  return {
    id,
    caption,
    note,
    measure,
    counts: options.counts ?? "n (+ / −)",
    level: level === undefined ? "" : levelText(level),
    bodies,
    axis: forestAxis(scale),
  };
}

function drawn(finding: Finding & { readonly estimate: number }): ForestValue {
  const { estimate, interval } = finding;
  return { estimate, lower: interval?.lower ?? estimate, upper: interval?.upper ?? estimate };
}

function counts(finding: Finding | undefined): string {
  if (finding === undefined) return "";
  return countsShort(finding);
}

/** Ticks need no more decimals than they use: "0.800" → "0.8". */
function shortTick(label: string): string {
  return label.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}
