import { element, type Markup, text } from "../../common/xml.js";
import { coordinate } from "./style.js";

/** A plot area: outer size, and the frame that the data fills, in user units (1 unit is about 1 px on a screen). */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A linear map from data to user units. */
export interface Scale {
  readonly domain: readonly [number, number];
  at(value: number): number;
}

export function scale(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [from, to] = domain;
  const [start, end] = range;
  const span = to - from || 1;
  return { domain, at: (value) => start + ((value - from) / span) * (end - start) };
}

export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** Round ticks (1, 2 or 5 times a power of ten) that cover a domain with about the wanted number of steps. */
export function roundTicks(domain: readonly [number, number], steps: number, label: (value: number) => string): Tick[] {
  const step = roundStep((domain[1] - domain[0]) / steps);
  const first = Math.ceil(domain[0] / step - 1e-9);
  const last = Math.floor(domain[1] / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => {
    const value = (first + index) * step;
    return { value, label: label(value) };
  });
}

/** The domain widened to whole steps, so that the outermost ticks stand at its ends. */
export function roundDomain(lowest: number, highest: number, steps: number): [number, number] {
  const step = roundStep((highest - lowest) / steps || 0.1);
  return [Math.floor(lowest / step + 1e-9) * step, Math.ceil(highest / step - 1e-9) * step];
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-9)));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** Grid lines, tick labels and axis titles. */
export function axes(
  frame: Frame,
  x: Scale,
  y: Scale,
  ticks: { readonly x: readonly Tick[]; readonly y: readonly Tick[] },
  titles: { readonly x: string; readonly y: string },
): Markup[] {
  const { left, right, top, bottom, width, height } = frame;
  const baseline = height - bottom;
  const horizontal = ticks.y.flatMap(({ value, label }) => {
    const at = coordinate(y.at(value));
    return [
      element("path", { class: "grid", d: `M${left},${at}H${width - right}` }),
      element("text", { x: left - 6, y: coordinate(at + 3.5), "text-anchor": "end" }, text(label)),
    ];
  });
  const vertical = ticks.x.flatMap(({ value, label }) => {
    const at = coordinate(x.at(value));
    return [
      element("path", { class: "tick", d: `M${at},${baseline}v4` }),
      element("text", { x: at, y: baseline + 16, "text-anchor": "middle" }, text(label)),
    ];
  });
  const middle = coordinate((top + baseline) / 2);
  return [
    ...horizontal,
    ...vertical,
    element("path", { class: "axis", d: `M${left},${top}V${baseline}H${width - right}` }),
    element(
      "text",
      { class: "title", x: coordinate((left + width - right) / 2), y: height - 6, "text-anchor": "middle" },
      text(titles.x),
    ),
    element(
      "text",
      { class: "title", "text-anchor": "middle", transform: `translate(11 ${middle}) rotate(-90)` },
      text(titles.y),
    ),
  ];
}

/** The whole drawing; `label` tells readers who cannot see it what it shows. */
export function drawing(frame: Frame, label: string, ...children: readonly Markup[]): Markup {
  const { width, height } = frame;
  return element(
    "svg",
    { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label },
    ...children,
  );
}

/** A polyline through points, as path data. */
export function pathThrough(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${coordinate(x)},${coordinate(y)}`).join("");
}
