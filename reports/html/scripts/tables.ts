/// <reference lib="dom" />

/** A column's value by which rows are put in order: the first number of a cell, or its words. */
export function sortValue(text: string): number | string {
  const found = /^\s*[>≈]?\s*([−-]?[\d,]*\.?\d+)/.exec(text);
  if (found === null) return text.trim().toLowerCase();
  return Number((found[1] as string).replaceAll(",", "").replace("−", "-"));
}

/** Numbers before words (a status is no number), each in its order. @param direction 1 rising, −1 falling */
export function compareValues(a: number | string, b: number | string, direction: 1 | -1): number {
  if (typeof a === "number" && typeof b === "number") return direction * (a - b);
  if (typeof a === "number") return -1;
  if (typeof b === "number") return 1;
  return direction * (a < b ? -1 : a > b ? 1 : 0);
}

/** Whether every word of a query occurs in a text, whatever the case. */
export function matches(text: string, query: string): boolean {
  const lower = text.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}

/**
 * Lets readers sort tables by their columns: each heading of a `data-sortable` table becomes a button, `aria-sort` says the
 * order, and a third press brings the record's order back. Rows stay within their body, below its heading. Runs in the browser.
 */
export function startSorting(): void {
  for (const table of document.querySelectorAll<HTMLTableElement>("table[data-sortable]")) {
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
    const before = [...table.tBodies].map((body) => [...body.rows]);
    if (before.every((rows) => rows.length < 3)) continue;
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      const arrow = document.createElement("span");
      arrow.className = "arrow";
      arrow.setAttribute("aria-hidden", "true");
      button.append(arrow);
      head.append(button);
      button.addEventListener("click", () => {
        const order = head.getAttribute("aria-sort");
        const next = order === "ascending" ? "descending" : order === "descending" ? null : "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        if (next !== null) head.setAttribute("aria-sort", next);
        const direction = next === "descending" ? -1 : 1;
        before.forEach((rows, index) => {
          const fixed = rows.filter((row) => row.classList.contains("heading"));
          const rest = rows.filter((row) => !row.classList.contains("heading"));
          if (next !== null) {
            const values = new Map(rest.map((row) => [row, sortValue(row.cells[column]?.textContent ?? "")]));
            const of = (row: HTMLTableRowElement) => values.get(row) ?? "";
            rest.sort((a, b) => compareValues(of(a), of(b), direction));
          }
          table.tBodies[index]?.append(...fixed, ...rest);
        });
      });
    });
  }
}

/**
 * Lets readers filter: a field that names its region by `data-filters` hides the rows there of which not every word of the query
 * is in the row, its group, the table's headings or the title of its fold; folds with no such row are hidden, too. The count is said. Runs in the
 * browser.
 */
export function startFilters(): void {
  for (const field of document.querySelectorAll<HTMLInputElement>("input[data-filters]")) {
    const region = document.getElementById(field.dataset.filters ?? "");
    const count = document.getElementById(`${field.id}-count`);
    if (region === null || count === null) continue;
    const folds = [...region.querySelectorAll("details")];
    const open = new Map<HTMLDetailsElement, boolean>();
    const rows = [...region.querySelectorAll<HTMLTableRowElement>("tbody tr:not(.heading)")].map((row) => {
      const title = row.closest("details")?.querySelector("summary")?.textContent ?? "";
      const group = row.closest("tbody")?.querySelector("tr.heading")?.textContent ?? "";
      const heads = row.closest("table")?.tHead?.textContent ?? "";
      return { row, text: [title, group, heads, row.textContent].join(" ") };
    });
    let timer = 0;
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => {
        const query = field.value.trim();
        let shown = 0;
        for (const { row, text } of rows) {
          const isShown = query === "" || matches(text, query);
          row.hidden = !isShown;
          if (isShown) shown++;
        }
        for (const fold of folds) {
          const isEmpty = fold.querySelector("tbody tr:not([hidden])") === null;
          fold.hidden = isEmpty;
          if (!open.has(fold)) open.set(fold, fold.open);
          fold.open = query === "" ? open.get(fold) === true : !isEmpty && shown <= 60;
        }
        if (query === "") open.clear();
        count.textContent = query === "" ? "" : `${shown} of ${rows.length} rows shown`;
      }, 150);
    });
    const box = field.closest<HTMLElement>("[hidden]");
    if (box !== null) box.hidden = false;
  }
}
