/** A start tag of a page or an XML file. */
export interface Tag {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const TAG = /<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+(?:="[^"<]*")?)*)\s*(\/?)>/g;
const ATTRIBUTE = /([\w:-]+)(?:="([^"]*)")?/g;

/**
 * All start tags. Enough of a reader for markup of our own making: quoted attributes, no comments, no CDATA. Text
 * that opens a tag which this reader does not know as one is an error.
 */
export function tagsOf(markup: string): Tag[] {
  const rest = markup.replace(/^<\?xml [^>]*\?>/, "").replace(/^<!DOCTYPE html>/, "");
  if (/</.test(rest.replace(TAG, ""))) throw new Error(`a stray "<": ${excerpt(rest.replace(TAG, ""))}`);
  return [...rest.matchAll(TAG)]
    .filter(([, closing]) => closing === "")
    .map(([, , name = "", attributes = ""]) => ({ name, attributes: attributesOf(attributes) }));
}

/** Throws unless every element is closed where it should be, and there is exactly one root. */
export function expectWellFormed(xml: string): void {
  const open: string[] = [];
  let roots = 0;
  for (const [, closing, name = "", , empty] of xml.replace(/^<\?xml [^>]*\?>/, "").matchAll(TAG)) {
    if (closing === "/") {
      const expected = open.pop();
      if (expected !== name) throw new Error(`</${name}> closes <${expected ?? "nothing"}>`);
    } else {
      if (open.length === 0) roots++;
      if (empty !== "/") open.push(name);
    }
  }
  if (open.length > 0 || roots !== 1) throw new Error(`${roots} roots, left open: ${open.join(", ")}`);
  tagsOf(xml);
}

/** Text with its entities read. */
export function decoded(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' };
  return text.replace(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (whole, entity: string) => {
    if (/^#x/i.test(entity)) return String.fromCodePoint(Number.parseInt(entity.slice(2), 16));
    if (entity.startsWith("#")) return String.fromCodePoint(Number(entity.slice(1)));
    return named[entity] ?? whole;
  });
}

/** The page with its style, its script and its blocks of data emptied. */
export function withoutCode(html: string): string {
  return html.replace(/(<(style|script)\b[^>]*>)[\s\S]*?(<\/\2>)/g, "$1$3");
}

/** The text that a reader of the page sees, without tags and style. */
export function visibleText(html: string): string {
  return decoded(withoutCode(html).replace(TAG, " ")).replace(/\s+/g, " ");
}

function attributesOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(ATTRIBUTE)].map(([, name = "", value = ""]) => [name, decoded(value)]));
}

function excerpt(text: string): string {
  const at = text.indexOf("<");
  return text.slice(Math.max(0, at - 40), at + 40);
}
