import { percent } from "../../common/format.js";
import { element, type Markup, text } from "../../common/xml.js";
import { coordinate } from "./style.js";

const ROW = 15;
const WIDTH = 230;
const LABELS = 92;
const VALUES = 44;

/** Horizontal bars of shares that sum to one, each with its number. */
export function shareBars(
  label: string,
  shares: readonly { readonly label: string; readonly share: number }[],
): Markup {
  const height = shares.length * ROW;
  const longest = Math.max(...shares.map(({ share }) => share), 1e-9);
  const rows = shares.flatMap(({ label: name, share }, index) => {
    const y = index * ROW;
    const width = coordinate((share / longest) * (WIDTH - LABELS - VALUES));
    return [
      element("text", { x: LABELS - 6, y: y + 11, "text-anchor": "end" }, text(name)),
      element("rect", { class: "mark s0", x: LABELS, y: y + 3, width: Math.max(width, 0.5), height: ROW - 5 }),
      element("text", { x: LABELS + width + 5, y: y + 11 }, text(percent(share))),
    ];
  });
  const attributes = { class: "chart bars", viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, height, role: "img" };
  return element("svg", { ...attributes, "aria-label": label }, ...rows);
}
