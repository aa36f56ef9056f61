/** Text and attributes of XML, HTML and SVG. */

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Characters that XML 1.0 forbids even as references (section 2.2), lone surrogates among them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go.
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;

/** Text made safe for element content and quoted attributes; forbidden characters become U+FFFD. */
export function escapeXml(text: string): string {
  return text.replace(FORBIDDEN, "\ufffd").replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Markup that is known to be well formed: only `element` and `text` make it. */
export type Markup = string & { readonly __markup: unique symbol };

export function text(content: string): Markup {
  return escapeXml(content) as Markup;
}

/** An element; attributes without a value are left out. */
export function element(name: string, attributes: Attributes, ...children: readonly Markup[]): Markup {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const written = given.map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`).join("");
  const content = children.join("");
  return (content === "" ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`) as Markup;
}
