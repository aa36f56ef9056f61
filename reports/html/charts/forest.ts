import { element, type Markup, text } from "../../common/xml.js";
import { roundDomain, roundTicks, type Tick } from "./axes.js";
import { coordinate, type SeriesStyle, seriesStyle } from "./style.js";

/**
 * The drawn column of a forest plot. Each row of the table gets a strip whose horizontal positions are percentages
 * of its width: strips grow and shrink with the column while lines and markers keep their size.
 */
export interface ForestScale {
  readonly domain: readonly [number, number];
  readonly ticks: readonly Tick[];
  /** A value that every row is read against: the overall estimate, or zero for differences. */
  readonly reference: number | null;
}

export interface ForestValue {
  readonly estimate: number;
  readonly lower: number;
  readonly upper: number;
}

const HEIGHT = 26;
/** Room at both ends, in percent, for markers and tick labels at the ends of the domain. */
const MARGIN = 5;

/** A scale that holds all the intervals, the reference, and `include`. */
export function forestScale(
  values: readonly ForestValue[],
  reference: number | null,
  include: readonly number[],
  label: (value: number) => string,
): ForestScale {
  const extremes = [...values.flatMap(({ lower, upper, estimate }) => [lower, upper, estimate]), ...include];
  if (reference !== null) extremes.push(reference);
  const domain = roundDomain(Math.min(...extremes), Math.max(...extremes), 5);
  return { domain, ticks: roundTicks(domain, 5, label), reference };
}

/** One row: a square at the estimate on a bar for the interval. Values outside the scale are cut at its ends. */
export function forestStrip(scale: ForestScale, value: ForestValue, style: SeriesStyle = seriesStyle(0)): Markup {
  const y = HEIGHT / 2;
  const at = (position: number) => `${percentAt(scale, position)}%`;
  return strip(
    HEIGHT,
    ...gridLines(scale, HEIGHT),
    element("line", { class: `interval ${style.className}`, x1: at(value.lower), x2: at(value.upper), y1: y, y2: y }),
    ...[value.lower, value.upper].map((end) =>
      element("line", { class: `interval ${style.className}`, x1: at(end), x2: at(end), y1: y - 4, y2: y + 4 }),
    ),
    element("rect", {
      class: `mark ${style.className}`,
      x: at(value.estimate),
      y: y - 4.5,
      width: 9,
      height: 9,
      transform: "translate(-4.5 0)",
    }),
  );
}

/** A row without a number: the grid alone, so that the reference line runs through. */
export function forestBlank(scale: ForestScale): Markup {
  return strip(HEIGHT, ...gridLines(scale, HEIGHT));
}

/** The axis below the rows. */
export function forestAxis(scale: ForestScale): Markup {
  const labels = scale.ticks.flatMap(({ value, label }) => {
    const x = `${percentAt(scale, value)}%`;
    return [
      element("line", { class: "tick", x1: x, x2: x, y1: 0, y2: 4 }),
      element("text", { x, y: 16, "text-anchor": "middle" }, text(label)),
    ];
  });
  return strip(
    20,
    element("line", { class: "axis", x1: `${MARGIN}%`, x2: `${100 - MARGIN}%`, y1: 0.5, y2: 0.5 }),
    ...labels,
  );
}

function gridLines(scale: ForestScale, height: number): Markup[] {
  const vertical = (value: number, className: string) => {
    const x = `${percentAt(scale, value)}%`;
    return element("line", { class: className, x1: x, x2: x, y1: 0, y2: height });
  };
  const lines = scale.ticks.map(({ value }) => vertical(value, "grid"));
  if (scale.reference !== null) lines.push(vertical(scale.reference, "reference"));
  return lines;
}

function strip(height: number, ...children: readonly Markup[]): Markup {
  return element("svg", { class: "strip", width: "100%", height, "aria-hidden": "true" }, ...children);
}

function percentAt(scale: ForestScale, value: number): number {
  const [from, to] = scale.domain;
  const share = Math.min(Math.max((value - from) / (to - from || 1), 0), 1);
  return coordinate(MARGIN + share * (100 - 2 * MARGIN));
}
