import { type Attributes, element, type Markup } from "../../common/xml.js";

/**
 * How series are told apart: each has a colour (of a palette that colour-blind readers can separate, after Okabe and
 * Ito, darkened to 3:1 against paper), a dash and a marker, so that a gray print loses nothing. Colours live in
 * report.css; here are the shapes.
 */
export interface SeriesStyle {
  /** Style class that sets the colour and the dash. */
  readonly className: string;
  readonly marker: MarkerShape;
}

type MarkerShape = "disc" | "square" | "triangle" | "diamond" | "wedge" | "cross";

const SEARCHED: readonly MarkerShape[] = ["disc", "square", "triangle", "diamond", "wedge", "cross"];
const CONTROLS: readonly MarkerShape[] = ["cross", "wedge", "diamond"];

/** How many groups can share one chart and still be told apart. */
export const SERIES_STYLES = SEARCHED.length;

/** Style of the n-th group or attack. */
export function seriesStyle(index: number): SeriesStyle {
  const place = index % SEARCHED.length;
  return { className: `s${place}`, marker: SEARCHED[place] ?? "disc" };
}

/** Style of the n-th control: gray, dotted. */
export function controlStyle(index: number): SeriesStyle {
  const place = index % CONTROLS.length;
  return { className: `c${place}`, marker: CONTROLS[place] ?? "cross" };
}

/** A marker about 7 units wide, centred on (x, y). */
export function marker(style: SeriesStyle, x: number, y: number): Markup {
  const at = (dx: number, dy: number) => `${coordinate(x + dx)},${coordinate(y + dy)}`;
  const polygon = (points: readonly string[]) =>
    element("polygon", { class: `mark ${style.className}`, points: points.join(" ") });
  switch (style.marker) {
    case "disc":
      return element("circle", { class: `mark ${style.className}`, cx: coordinate(x), cy: coordinate(y), r: 3.2 });
    case "square":
      return polygon([at(-3, -3), at(3, -3), at(3, 3), at(-3, 3)]);
    case "triangle":
      return polygon([at(0, -4), at(3.8, 3), at(-3.8, 3)]);
    case "wedge":
      return polygon([at(0, 4), at(3.8, -3), at(-3.8, -3)]);
    case "diamond":
      return polygon([at(0, -4.2), at(4.2, 0), at(0, 4.2), at(-4.2, 0)]);
    case "cross":
      return element("path", {
        class: `stroke ${style.className}`,
        d: `M${at(-3, -3)}L${at(3, 3)}M${at(-3, 3)}L${at(3, -3)}`,
      });
  }
}

/** A piece of line with its marker, for a legend. */
export function swatch(style: SeriesStyle): Markup {
  const attributes: Attributes = {
    class: "swatch",
    viewBox: "0 0 30 12",
    width: 30,
    height: 12,
    "aria-hidden": "true",
  };
  const line = element("path", { class: `line ${style.className}`, d: "M0,6H30" });
  return element("svg", attributes, line, marker(style, 15, 6));
}

/** One decimal is finer than any screen; more only makes the file longer. */
export function coordinate(value: number): number {
  return Math.round(value * 10) / 10;
}
