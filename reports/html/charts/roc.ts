import type { Curve } from "../../../src/core/finding.js";
import { decimal } from "../../common/format.js";
import { element, type Markup } from "../../common/xml.js";
import { axes, drawing, type Frame, pathThrough, roundTicks, scale } from "./axes.js";
import { marker, type SeriesStyle } from "./style.js";

export interface RocSeries {
  readonly style: SeriesStyle;
  readonly curve: Curve;
  /** Operating points on the curve, as 1 − specificity and sensitivity. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly withBand: boolean;
}

const FRAME: Frame = { width: 320, height: 310, left: 48, right: 10, top: 8, bottom: 42 };

/** ROC curves with their pointwise confidence bands, the line of chance, and a marker at each operating point. */
export function rocChart(label: string, series: readonly RocSeries[]): Markup {
  const { width, height, left, right, top, bottom } = FRAME;
  const x = scale([0, 1], [left, width - right]);
  const y = scale([0, 1], [height - bottom, top]);
  const ticks = roundTicks([0, 1], 5, (value) => decimal(value, 1));
  const point = (px: number, py: number) => [x.at(px), y.at(py)] as const;
  const along = (curve: Curve, values: readonly number[]) =>
    curve.x.map((value, index) => point(value, values[index] ?? Number.NaN)).filter(([, py]) => Number.isFinite(py));
  const bands = series
    .filter(({ withBand }) => withBand)
    .map(({ curve, style }, _, { length }) => {
      const outline = [...along(curve, curve.upper), ...along(curve, curve.lower).reverse()];
      return element("path", {
        class: `band ${length > 2 ? "faint " : ""}${style.className}`,
        d: `${pathThrough(simplified(outline))}Z`,
      });
    });
  const lines = series.map(({ curve, style }) =>
    element("path", { class: `line ${style.className}`, d: pathThrough(simplified(along(curve, curve.y))) }),
  );
  const marks = series.flatMap(({ points, style }) =>
    points.map(({ x: px, y: py }) => marker(style, x.at(px), y.at(py))),
  );
  return drawing(
    FRAME,
    label,
    ...axes(FRAME, x, y, { x: ticks, y: ticks }, { x: "1 − specificity", y: "Sensitivity" }),
    element("path", { class: "reference", d: pathThrough([point(0, 0), point(1, 1)]) }),
    ...bands,
    ...lines,
    ...marks,
  );
}

/** Leaves out points on a straight run between their neighbours: steps of a ROC curve repeat many times. */
function simplified(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  return points.filter((point, index) => {
    const before = points[index - 1];
    const after = points[index + 1];
    if (before === undefined || after === undefined) return true;
    const turn = (point[0] - before[0]) * (after[1] - before[1]) - (point[1] - before[1]) * (after[0] - before[0]);
    return Math.abs(turn) > 0.05;
  });
}
