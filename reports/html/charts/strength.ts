import { element, type Markup, text } from "../../common/xml.js";
import { axes, drawing, type Frame, pathThrough, scale, type Tick } from "./axes.js";
import { coordinate, marker, type SeriesStyle } from "./style.js";

export interface StrengthPoint {
  readonly strength: number;
  readonly value: number;
  /** null where there is no interval, as at strength 0 of a share that is 0 by definition. */
  readonly interval: { readonly lower: number; readonly upper: number } | null;
}

export interface StrengthSeries {
  readonly style: SeriesStyle;
  readonly points: readonly StrengthPoint[];
}

export interface StrengthChart {
  /** What it shows, for readers who cannot see it. */
  readonly label: string;
  readonly series: readonly StrengthSeries[];
  readonly xTicks: readonly Tick[];
  readonly xTitle: string;
  readonly yDomain: readonly [number, number];
  readonly yTicks: readonly Tick[];
  readonly yTitle: string;
  /** A horizontal line to read against, such as the overall clean AUC. */
  readonly reference: Tick | null;
  readonly small: boolean;
}

const LARGE: Frame = { width: 400, height: 270, left: 50, right: 12, top: 10, bottom: 42 };
const SMALL: Frame = { width: 280, height: 200, left: 48, right: 10, top: 8, bottom: 40 };
/** Markers of several series at one strength stand this far apart, so that their intervals can be told apart. */
const DODGE = 2.6;

/** A metric against the strength of an attack: one line per series, a vertical bar for each interval. */
export function strengthChart(chart: StrengthChart): Markup {
  const frame = chart.small ? SMALL : LARGE;
  const { width, height, left, right, top, bottom } = frame;
  const strongest = Math.max(...chart.xTicks.map((tick) => tick.value));
  const x = scale([0, strongest], [left + 10, width - right - 10]);
  const y = scale(chart.yDomain, [height - bottom, top]);
  const within = (value: number) => Math.min(Math.max(value, chart.yDomain[0]), chart.yDomain[1]);

  const drawn = chart.series.map(({ style, points }, index) => {
    const shift = (index - (chart.series.length - 1) / 2) * DODGE;
    const dodge = (point: StrengthPoint) => (isCommonOrigin(chart.series, point) ? 0 : shift);
    const at = (point: StrengthPoint) => [x.at(point.strength) + dodge(point), y.at(within(point.value))] as const;
    const bars = points.flatMap((point) => {
      if (point.interval === null || (index > 0 && isCommonOrigin(chart.series, point))) return [];
      const [px] = at(point);
      const [from, to] = [y.at(within(point.interval.lower)), y.at(within(point.interval.upper))];
      return [
        element("path", {
          class: `bar ${style.className}`,
          d: `M${coordinate(px)},${coordinate(from)}V${coordinate(to)}`,
        }),
      ];
    });
    return {
      bars,
      line: element("path", { class: `line ${style.className}`, d: pathThrough(points.map(at)) }),
      marks: points.map((point) => marker(style, ...at(point))),
    };
  });

  return drawing(
    frame,
    chart.label,
    ...axes(frame, x, y, { x: chart.xTicks, y: chart.yTicks }, { x: chart.xTitle, y: chart.yTitle }),
    ...referenceLine(frame, y, chart.reference),
    ...drawn.flatMap(({ bars }) => bars),
    ...drawn.map(({ line }) => line),
    ...drawn.flatMap(({ marks }) => marks),
  );
}

/** True for the point at strength 0 where all series start from the same value: one bar is drawn for all of them. */
function isCommonOrigin(series: readonly StrengthSeries[], point: StrengthPoint): boolean {
  return (
    point.strength === 0 && series.every(({ points }) => points[0]?.strength === 0 && points[0].value === point.value)
  );
}

function referenceLine(frame: Frame, y: { at(value: number): number }, reference: Tick | null): Markup[] {
  if (reference === null) return [];
  const at = coordinate(y.at(reference.value));
  const line = element("path", { class: "reference", d: `M${frame.left},${at}H${frame.width - frame.right}` });
  if (reference.label === "") return [line];
  return [
    line,
    element(
      "text",
      { class: "aside", x: frame.width - frame.right - 2, y: at - 4, "text-anchor": "end" },
      text(reference.label),
    ),
  ];
}
