import { readFileSync } from "node:fs";
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from "yaml";
import { StepwedgeError } from "../core/errors.js";
import type { Path, Place } from "./place.js";

/** An audit.yaml as a plain value, with the line of each of its parts. */
export interface ProtocolSource {
  readonly value: unknown;
  readonly place: Place;
  /** The line, from 1, on which a part stands, or else the nearest part that holds it. */
  readonly line: (path: Path) => number;
}

/** More uses of anchors than this are no protocol but an attempt to exhaust the memory. */
const MOST_ALIASES = 100;

/**
 * Reads a protocol's file.
 * @throws StepwedgeError where it cannot be opened.
 */
export function readProtocolText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new StepwedgeError("cannot be read: there is no such file, or it may not be opened", {
      where: file,
      remedy: "Check the path; `stepwedge init` writes a first audit.yaml.",
      cause,
    });
  }
}

/**
 * Parses YAML 1.2. Only plain data is accepted: no tags of programming languages, no keys that are lists or mappings.
 * @param file what messages call the source
 * @throws StepwedgeError with the line of the first fault.
 */
export function parseProtocolText(text: string, file: string): ProtocolSource {
  const lines = new LineCounter();
  const document = parseGuarded(text, lines, file);
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    throw new StepwedgeError(`is not valid YAML: ${plainMessage(fault.message)}`, {
      where: `${file}, line ${line}, column ${col}`,
      remedy: REMEDIES[fault.code] ?? "Mend the YAML there; indentation is by spaces.",
    });
  }
  checkKeys(document, lines, file);
  const line = (path: Path) => lineOf(document, lines, path);
  const place: Place = (path) => `${file}, line ${line(path)}`;
  try {
    return { value: document.toJS({ maxAliasCount: MOST_ALIASES }) as unknown, place, line };
  } catch (cause) {
    throw new StepwedgeError(`is not valid YAML: ${cause instanceof Error ? cause.message : String(cause)}`, {
      where: `${file}, line ${firstAlias(document, lines)}`,
      remedy: "Write the values out, without anchors (&) and aliases (*).",
      cause,
    });
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: "Remove one of the two, or rename it.",
  MULTIPLE_DOCS: "Keep one protocol per file: remove the line `---` and what follows it.",
  TAB_AS_INDENT: "Replace the tab by spaces.",
  TAG_RESOLVE_FAILED: "Remove the tag (the word that begins with !).",
};

/** The parser recurses into nested lists; a file made of brackets alone would exhaust the stack. */
function parseGuarded(text: string, lines: LineCounter, file: string): Document.Parsed {
  try {
    return parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  } catch (cause) {
    throw new StepwedgeError("is not valid YAML: it cannot be parsed, most likely because it is nested too deeply", {
      where: `${file}, line 1`,
      remedy: "`stepwedge init` writes a commented example.",
      cause,
    });
  }
}

/** The library's first line, without the position (it is said before) and the advice for programmers. */
function plainMessage(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, "").replace(/; please use .*$/, "");
}

function checkKeys(document: Document.Parsed, lines: LineCounter, file: string): void {
  visit(document, {
    Pair(_, pair) {
      if (isScalar(pair.key)) return;
      const start = isNode(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
      throw new StepwedgeError("is not valid YAML: a key must be a word", {
        where: `${file}, line ${lines.linePos(start).line}`,
        remedy: "Write `key: value`; lists and mappings cannot be keys.",
      });
    },
  });
}

/** The line of the key or list entry that a path leads to; where it leads nowhere, of the last part that exists. */
function lineOf(document: Document.Parsed, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents;
  let start = document.contents?.range[0] ?? 0;
  for (const step of path) {
    const next = stepInto(node, step);
    if (next === null) break;
    start = next.start ?? start;
    node = next.node;
  }
  return lines.linePos(start).line;
}

function stepInto(node: unknown, step: string | number): { readonly node: unknown; readonly start?: number } | null {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
    if (pair === undefined) return null;
    return { node: pair.value, ...startOf(pair.key as Node) };
  }
  if (!isSeq(node)) return null;
  const item = node.items[Number(step)];
  return item === undefined ? null : { node: item, ...(isNode(item) ? startOf(item) : {}) };
}

function startOf(node: Node): { readonly start?: number } {
  return node.range ? { start: node.range[0] } : {};
}

function firstAlias(document: Document.Parsed, lines: LineCounter): number {
  let start = 0;
  visit(document, {
    Alias(_, alias) {
      start = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return lines.linePos(start).line;
}
