import type { Curve } from "../../../src/core/finding.js";
import { decimal } from "../../common/format.js";
import { element, type Markup } from "../../common/xml.js";
import { axes, drawing, type Frame, pathThrough, roundTicks, scale } from "./axes.js";
import { coordinate, marker, type SeriesStyle } from "./style.js";

export interface ReliabilitySeries {
  readonly style: SeriesStyle;
  readonly curve: Curve;
  /** Whether each point has its interval as a bar. */
  readonly withBars: boolean;
}

const FRAME: Frame = { width: 320, height: 310, left: 48, right: 10, top: 8, bottom: 42 };

/** Share of positives against mean probability, bin by bin; the diagonal is where they agree. */
export function reliabilityChart(label: string, series: readonly ReliabilitySeries[]): Markup {
  const { width, height, left, right, top, bottom } = FRAME;
  const x = scale([0, 1], [left, width - right]);
  const y = scale([0, 1], [height - bottom, top]);
  const ticks = roundTicks([0, 1], 5, (value) => decimal(value, 1));
  const points = ({ curve }: ReliabilitySeries) =>
    curve.x.map((px, i) => [x.at(px), y.at(curve.y[i] ?? Number.NaN)] as const);
  return drawing(
    FRAME,
    label,
    ...axes(FRAME, x, y, { x: ticks, y: ticks }, { x: "Mean probability", y: "Share of positives" }),
    element("path", {
      class: "reference",
      d: pathThrough([
        [x.at(0), y.at(0)],
        [x.at(1), y.at(1)],
      ]),
    }),
    ...series
      .filter(({ withBars }) => withBars)
      .flatMap(({ curve, style }) =>
        curve.x.map((px, i) => bar(x.at(px), y.at(curve.lower[i] ?? 0), y.at(curve.upper[i] ?? 1), style)),
      ),
    ...series.map((one) => element("path", { class: `line ${one.style.className}`, d: pathThrough(points(one)) })),
    ...series.flatMap((one) => points(one).map(([px, py]) => marker(one.style, px, py))),
  );
}

function bar(x: number, from: number, to: number, { className }: SeriesStyle): Markup {
  return element("path", {
    class: `stroke ${className}`,
    d: `M${coordinate(x)},${coordinate(from)}V${coordinate(to)}`,
  });
}
