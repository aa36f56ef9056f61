import type { StudyView } from "../common/study.js";
import { listed } from "../common/format.js";
import { dataName } from "../common/names.js";

/**
 * How a page stays below a megabyte whatever the record holds: sections about classes and groups are shown as many of them as
 * there is room for, those that acceptance criteria look at first, and say which; the rest stands in findings.json.
 */

/** Bytes of the whole page. */
export const MOST_BYTES = 960_000;
/** What the list of findings gets at least. */
export const LEAST_FOR_FINDINGS = 40_000;

/** How many classes and groups a section is shown. */
export interface Extent {
  readonly classes: number;
  readonly groups: number;
}

export function fullExtent({ classes, families }: Pick<StudyView, "classes" | "families">): Extent {
  return { classes: classes.length, groups: families.reduce((sum, { groups }) => sum + groups.length, 0) };
}

/** Fewer classes; where there is one, fewer groups: so many times fewer, and one at least; null where nothing is left to leave out. */
export function shrunk({ classes, groups }: Extent, ratio: number): Extent | null {
  const fewer = (count: number) => Math.max(1, Math.min(count - 1, Math.floor(count * ratio)));
  if (classes > 1) return { classes: fewer(classes), groups };
  return groups > 1 ? { classes, groups: fewer(groups) } : null;
}

/**
 * The largest cap such that sections, none larger than its share times the cap, fit into the room together; Infinity where all
 * fit as they are.
 */
export function fairCap(sections: readonly { readonly size: number; readonly share: number }[], room: number): number {
  if (sections.reduce((sum, { size }) => sum + size, 0) <= room) return Infinity;
  let left = Math.max(0, room);
  let shares = sections.reduce((sum, { share }) => sum + share, 0);
  for (const { size, share } of sections.toSorted((a, b) => a.size / a.share - b.size / b.share)) {
    if (size / share > left / shares) break;
    left -= size;
    shares -= share;
  }
  return left / shares;
}

/** Classes and families in the order in which they are kept: of failed and undecided gates, of other gates, all others. */
export interface Priorities {
  readonly classes: readonly string[];
  readonly families: readonly string[];
}

export function prioritiesOf(study: StudyView): Priorities {
  const rank = new Map<string, number>();
  const note = (key: string, value: number) => rank.set(key, Math.min(value, rank.get(key) ?? value));
  for (const gate of study.record.findings.gates) {
    for (const id of gate.findings) {
      const finding = study.byId(id);
      const value = gate.verdict === "pass" ? 1 : 0;
      if (finding?.class != null) note(`class ${finding.class}`, value);
      if (finding?.family != null) note(`family ${finding.family}`, value);
    }
  }
  const sorted = (kind: string, names: readonly string[]) =>
    names.toSorted((a, b) => (rank.get(`${kind} ${a}`) ?? 2) - (rank.get(`${kind} ${b}`) ?? 2));
  return {
    classes: sorted("class", study.classes),
    families: sorted(
      "family",
      study.families.map(({ name }) => name),
    ),
  };
}

/** The study with as many classes and groups, in the protocol's order; families are kept whole but for the last. */
export function narrowed(study: StudyView, { classes, groups }: Extent, priorities: Priorities): StudyView {
  const keptClasses = new Set(priorities.classes.slice(0, classes));
  const room = new Map<string, number>();
  let left = groups;
  for (const name of priorities.families) {
    const size = study.families.find((family) => family.name === name)?.groups.length ?? 0;
    if (left > 0) room.set(name, Math.min(size, left));
    left -= size;
  }
  return study.showing(
    study.classes.filter((name) => keptClasses.has(name)),
    study.families.flatMap((family) => {
      const size = room.get(family.name);
      return size === undefined ? [] : [{ ...family, groups: family.groups.slice(0, size) }];
    }),
  );
}

/** What a narrowed section says of itself; null where it shows everything. */
export function narrowedNote(shown: StudyView, whole: StudyView): string | null {
  const [part, all] = [fullExtent(shown), fullExtent(whole)];
  const parts: string[] = [];
  const names = (list: readonly string[]) => `${listed(list.slice(0, 6).map(dataName))}${list.length > 6 ? " …" : ""}`;
  if (part.classes < all.classes) parts.push(`${part.classes} of ${all.classes} classes (${names(shown.classes)})`);
  if (part.groups < all.groups) {
    parts.push(`${part.groups} of ${all.groups} groups (of ${names(shown.families.map(({ name }) => name))})`);
  }
  if (parts.length === 0) return null;
  return `To keep this page small, this section shows ${parts.join(" and ")}: what acceptance criteria look at comes first, then the order of the protocol. Everything else of it is in findings.json.`;
}
