/** Text and tables in GitHub's Markdown, for every report that writes it. */

/** A table in GitHub's Markdown; every cell is escaped. */
export function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(" | ")} |`;
  return [line(headings), `|${headings.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

/** Text that Markdown and the HTML inside it leave alone: one line, with every active character escaped. */
export function escapeMarkdown(content: string): string {
  return content
    .replace(/\s+/g, " ")
    .replace(/[\\`*_[\]{}<>|#~$!]/g, "\\$&")
    .replace(/&/g, "&amp;")
    .replace(/https?:/gi, (scheme) => scheme.replace(":", "&#58;"));
}
