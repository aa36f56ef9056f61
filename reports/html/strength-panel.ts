import { metricValue } from "../common/format.js";
import { attackTitle, metricTitle } from "../common/names.js";
import type { LegendEntry, Panel } from "./blocks.js";
import type { Tick } from "./charts/axes.js";
import { type StrengthPoint, strengthChart } from "./charts/strength.js";
import { type SeriesStyle, swatch } from "./charts/style.js";
import { type StrengthGroup, strengthAxis, stylesOf } from "./strengths.js";

/** One line of a panel: its name is for readers who cannot see the colours. */
export interface PanelLine {
  readonly name: string;
  readonly style: SeriesStyle;
  readonly points: readonly StrengthPoint[];
}

export interface StrengthPanelOptions {
  readonly title: string;
  readonly subtitle: string | null;
  readonly metric: string;
  readonly lines: readonly PanelLine[];
  readonly group: StrengthGroup;
  readonly values: { readonly domain: readonly [number, number]; readonly ticks: readonly Tick[] };
  readonly reference?: Tick | null;
  readonly small?: boolean;
}

/** A chart of one metric against strength, with its words. */
export function strengthPanel(options: StrengthPanelOptions): Panel {
  const { title, subtitle, metric, lines, group, values, reference = null, small = false } = options;
  const axis = strengthAxis(group);
  const chart = strengthChart({
    label: `${metricTitle(metric)} against strength, ${title}: ${lines.map((line) => lineWords(metric, line)).join("; ")}`,
    series: lines.filter(({ points }) => points.length > 0),
    xTicks: axis.ticks,
    xTitle: small ? axis.title.replace(" of the display window", "") : axis.title,
    yDomain: values.domain,
    yTicks: values.ticks,
    yTitle: metricTitle(metric),
    reference,
    small,
  });
  return { title, subtitle, chart, legend: [] };
}

function lineWords(metric: string, { name, points }: PanelLine): string {
  const last = points.at(-1);
  return last === undefined ? `${name} not estimable` : `${name} ends at ${metricValue(metric, last.value)}`;
}

/** Names attacks and controls with their line styles. */
export function strengthLegend(group: StrengthGroup): LegendEntry[] {
  return withStyles(group).map(({ series, style }) => ({
    swatch: swatch(style),
    label: attackTitle(series),
    detail: series.searched ? null : "control",
  }));
}

/** The series of a group, each with the style that it has in every chart. */
export function withStyles(group: StrengthGroup) {
  const styles = stylesOf(group.series);
  return group.series.flatMap((series, index) => {
    const style = styles[index];
    return style === undefined ? [] : [{ series, style }];
  });
}
