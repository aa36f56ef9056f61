import type { Curve } from "../../../src/core/finding.js";
import { decimal } from "../../common/format.js";
import { element, type Markup } from "../../common/xml.js";
import { axes, drawing, type Frame, pathThrough, roundDomain, roundTicks, scale } from "./axes.js";
import type { SeriesStyle } from "./style.js";

const FRAME: Frame = { width: 320, height: 260, left: 52, right: 10, top: 8, bottom: 42 };

type Point = readonly [x: number, y: number];

/**
 * Net benefit against threshold probability: the model with its pointwise interval, treating all (which may fall below the
 * drawing and is cut there), and treating nobody, which is 0 throughout.
 */
export function decisionChart(
  label: string,
  curve: Curve,
  styles: { readonly model: SeriesStyle; readonly all: SeriesStyle },
): Markup {
  const { width, height, left, right, top, bottom } = FRAME;
  const all = curve.references?.["treat-all"] ?? [];
  const steps = 5;
  const lowest = Math.min(0, ...curve.y, ...curve.lower);
  const highest = Math.max(0.01, ...curve.y, ...curve.upper, ...all);
  const domain = roundDomain(Math.max(lowest, -highest), highest, steps);
  const x = scale([0, Math.max(...curve.x)], [left, width - right]);
  const y = scale(domain, [height - bottom, top]);
  const digits = domain[1] - domain[0] < 0.25 ? 2 : 1;
  const at = ([px, py]: Point): Point => [x.at(px), y.at(py)];
  const along = (values: readonly number[]) => curve.x.map((px, i): Point => [px, values[i] ?? Number.NaN]);
  const path = (values: readonly number[]) => pathThrough(cutBelow(along(values), domain[0]).map(at));
  const clipped = (values: readonly number[]) => along(values.map((value) => Math.max(domain[0], value)));
  return drawing(
    FRAME,
    label,
    ...axes(
      FRAME,
      x,
      y,
      {
        x: roundTicks(x.domain, steps, (value) => decimal(value, 1)),
        y: roundTicks(domain, steps, (value) => decimal(value, digits)),
      },
      { x: "Threshold probability", y: "Net benefit" },
    ),
    element("path", {
      class: "reference",
      d: pathThrough([
        [x.at(0), y.at(0)],
        [x.at(x.domain[1]), y.at(0)],
      ]),
    }),
    element("path", {
      class: `band ${styles.model.className}`,
      d: `${pathThrough([...clipped(curve.upper), ...clipped(curve.lower).reverse()].map(at))}Z`,
    }),
    element("path", { class: `line ${styles.all.className}`, d: path(all) }),
    element("path", { class: `line ${styles.model.className}`, d: path(curve.y) }),
  );
}

/** A falling line up to where it leaves the drawing at the bottom. */
function cutBelow(points: readonly Point[], lowest: number): Point[] {
  const kept: Point[] = [];
  for (const point of points) {
    const before = kept.at(-1);
    if (point[1] >= lowest) {
      kept.push(point);
      continue;
    }
    if (before !== undefined) {
      const share = (before[1] - lowest) / (before[1] - point[1]);
      kept.push([before[0] + share * (point[0] - before[0]), lowest]);
    }
    break;
  }
  return kept;
}
