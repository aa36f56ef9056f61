/// <reference lib="dom" />
import type { ThresholdCounts } from "../../../src/core/explorer.js";
import { percent } from "../../common/format.js";
import { type ExplorerCell, cellsOf } from "../explorer/cells.js";
import { type Payload, type PayloadClass, unpackedGroup } from "../explorer/payload.js";
import { decisionsAt } from "../explorer/rates.js";
import { nearestPlace, placeOf, thresholdText } from "../explorer/search.js";

/**
 * Brings the operating-point explorer to life: takes the first static table as the pattern of a live one, shows the controls,
 * and lets the table follow them. Runs in the reader's browser; without it the static tables stay as they are.
 */
export function startExplorer(): void {
  const panel = document.getElementById("explorer-panel");
  const source = document.getElementById("explorer-data");
  const locked = document.getElementById("explorer-locked");
  const pattern = locked?.querySelector(".table-wrap");
  if (panel === null || source === null || locked == null || pattern == null) return;
  const { z, classes } = JSON.parse(source.textContent ?? "") as Payload;
  const field = (name: string) => document.getElementById(`explorer-${name}`);
  const input = (name: string) => field(name) as HTMLInputElement;
  const [threshold, slider, prevalence] = [input("threshold"), input("slider"), input("prevalence")];
  const classSelect = field("class") as HTMLSelectElement | null;
  const conditionSelect = field("condition") as HTMLSelectElement | null;
  const [state, status, returns, marks] = [field("state"), field("status"), field("returns"), field("marks")];
  const live = pattern.cloneNode(true) as HTMLElement;
  live.setAttribute("aria-labelledby", "explorer-live-caption");
  const table = live.querySelector("table") as HTMLTableElement;
  table.id = "explorer-live";
  const caption = table.caption as HTMLTableCaptionElement;
  caption.id = "explorer-live-caption";
  const heading = caption.querySelector("span") ?? caption;
  panel.append(live);
  const rows = [...table.querySelectorAll("tbody tr:not(.heading)")] as HTMLTableRowElement[];

  const known = new Map<string, readonly (ThresholdCounts | null)[]>();
  const current = (): PayloadClass => classes[Number(classSelect?.value ?? 0)] as PayloadClass;
  const groups = () => {
    const key = `${classSelect?.value ?? 0} ${conditionSelect?.value ?? 0}`;
    const packed = current().tables[Number(conditionSelect?.value ?? 0)] ?? [];
    const made = known.get(key) ?? packed.map((group) => (group === null ? null : unpackedGroup(group)));
    known.set(key, made);
    return made;
  };
  let place = 0;
  let timer = 0;

  const show = (message = "") => {
    const { name, points, thresholds } = current();
    const at = thresholds[place] as number;
    const share = Number(prevalence.value) / 100;
    const stated = prevalence.value !== "" && share > 0 && share < 1 ? share : null;
    prevalence.setAttribute("aria-invalid", String(prevalence.value !== "" && stated === null));
    rows.forEach((row, index) => {
      cellsOf(groups(), index, place, stated, z).forEach((cell, column) => {
        fill(row.cells[column + 1] as HTMLTableCellElement, cell);
      });
    });
    threshold.value = thresholdText(at);
    slider.max = String(thresholds.length - 1);
    slider.value = String(thresholds.length - 1 - place);
    slider.setAttribute("aria-valuetext", `threshold ${thresholdText(at)}`);
    const point = points.find((one) => one.place === place);
    const condition = conditionSelect?.selectedOptions[0]?.textContent ?? "clean";
    const where = point === undefined ? "exploration, no finding" : `the locked operating point ${point.name}`;
    const of = classes.length > 1 ? ` about ${name}` : "";
    heading.textContent = `Decisions${of} at threshold ${thresholdText(at)}, ${condition}: ${where}`;
    if (state !== null) {
      const tag = document.createElement("span");
      tag.className = point === undefined ? "tag open" : "tag is-note";
      tag.textContent = point === undefined ? "Exploration" : "Locked";
      const text = point === undefined ? " Not a locked point, and no finding." : ` The operating point ${point.name}.`;
      state.replaceChildren(tag, text);
    }
    clearTimeout(timer);
    // Only where the reader comes to rest is said aloud.
    timer = window.setTimeout(() => {
      if (status !== null)
        status.textContent = `${message}${message === "" ? "" : ". "}${heading.textContent}. ${spoken()}`;
    }, 400);
  };

  /** All patients in words. */
  const spoken = () => {
    const [everybody] = groups();
    if (everybody == null) return "";
    const { sensitivity, specificity } = decisionsAt(everybody, place);
    const of = (rate: { readonly value: number } | null) => (rate === null ? "not estimable" : percent(rate.value));
    return `All patients: sensitivity ${of(sensitivity)}, specificity ${of(specificity)}.`;
  };

  const go = (to: number, message = "") => {
    place = Math.max(0, Math.min(current().thresholds.length - 1, to));
    show(message);
  };

  const fill = (cell: HTMLTableCellElement, { text, sub }: ExplorerCell) => {
    if (cell.textContent === text + (sub ?? "")) return;
    cell.classList.toggle("muted", !/^[−\d]/.test(text));
    cell.replaceChildren(text);
    if (sub === null) return;
    const small = document.createElement("small");
    small.textContent = sub;
    cell.append(small);
  };

  /** A button and a mark for every locked point of the class. */
  const showPoints = () => {
    const { points, thresholds } = current();
    returns?.replaceChildren(
      ...points.map((point) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = `Back to the locked point ${point.name}`;
        button.addEventListener("click", () => go(point.place, "Back at the locked point"));
        return button;
      }),
    );
    marks?.replaceChildren(
      ...points.map((point) => {
        const mark = document.createElement("span");
        mark.textContent = `▲ ${point.name}`;
        mark.style.setProperty("--at", String(1 - point.place / Math.max(1, thresholds.length - 1)));
        return mark;
      }),
    );
  };

  const ask = (name: "sensitivity" | "specificity") => {
    const asked = input(name);
    asked.addEventListener("change", () => {
      const [everybody] = groups();
      const share = Number(asked.value) / 100;
      if (asked.value === "" || everybody == null) return;
      const found = share >= 0 && share <= 1 ? placeOf(everybody, name, share) : -1;
      asked.setAttribute("aria-invalid", String(found === -1));
      if (found === -1) show(`No threshold of the grid has a ${name} of ${asked.value}%`);
      else go(found, `A ${name} of at least ${asked.value}% in all patients`);
    });
  };
  ask("sensitivity");
  ask("specificity");
  slider.addEventListener("input", () => go(current().thresholds.length - 1 - Number(slider.value)));
  threshold.addEventListener("change", () => {
    if (threshold.value !== "")
      go(nearestPlace(current().thresholds, Number(threshold.value)), "The nearest of the grid");
  });
  prevalence.addEventListener("input", () => show());
  conditionSelect?.addEventListener("change", () => show());
  classSelect?.addEventListener("change", () => {
    showPoints();
    go(current().points[0]?.place ?? 0);
  });

  showPoints();
  place = current().points[0]?.place ?? 0;
  show();
  locked.classList.add("on-paper");
  panel.hidden = false;
  panel.parentElement?.querySelectorAll("[data-live]").forEach((one) => {
    (one as HTMLElement).hidden = false;
  });
}
