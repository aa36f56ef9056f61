import type { ProtocolView } from "../../src/core/record.js";

/**
 * Attributes of patients and images that regulators name, and the words by which a subgrouping or its column is known
 * to be about one. A name counts where one of its parts (split at anything but letters) is such a word.
 */
export const ATTRIBUTES = {
  sex: ["sex", "gender"],
  age: ["age", "ages", "agegroup", "ageband"],
  race: ["race", "races"],
  ethnicity: ["ethnicity", "ethnic", "hispanic"],
  severity: ["severity", "stage", "grade", "acuity"],
  site: ["site", "sites", "hospital", "center", "centre", "institution", "clinic", "country", "region"],
  equipment: ["equipment", "device", "scanner", "manufacturer", "vendor", "detector", "modality", "machine", "camera"],
  acquisition: ["view", "position", "projection", "protocol", "sequence", "kernel", "kvp", "orientation"],
  crossed: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Attribute = keyof typeof ATTRIBUTES;

/** The families of subgroups about an attribute; crossed families are about `crossed` alone. */
export function familiesAbout(protocol: Pick<ProtocolView, "subgroups">, attribute: Attribute): ReadonlySet<string> {
  const about = Object.entries(protocol.subgroups).filter(([name, definition]) => {
    const { cross, column } = (definition ?? {}) as { readonly cross?: unknown; readonly column?: unknown };
    if (cross !== undefined) return attribute === "crossed";
    return isNamed(name, attribute) || (typeof column === "string" && isNamed(column, attribute));
  });
  return new Set(about.map(([name]) => name));
}

function isNamed(name: string, attribute: Attribute): boolean {
  const words: readonly string[] = ATTRIBUTES[attribute];
  const parts = name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z]+/);
  return parts.some((part) => words.includes(part));
}
