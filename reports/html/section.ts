import type { AuditRecord } from "../../src/core/record.js";
import type { Observation } from "../common/observations.js";
import type { StudyView } from "../common/study.js";

/** What a section may look at. */
export interface PageContext {
  readonly record: AuditRecord;
  readonly study: StudyView;
  readonly observations: readonly Observation[];
  /** Bytes that the section should stay within, where it can choose what to leave out; Infinity where there is room. */
  readonly room: number;
  /** Anchors that the sections before link to. */
  readonly linked: ReadonlySet<string>;
}

/**
 * One section of the page. To add one, add two files: `sections/<id>.ts`, which exports a Section as default, and
 * `templates/<id>.hbs`, which shows what its `view` returns. There is no list to edit.
 */
export interface Section {
  /** Its anchor, and the names of its files. */
  readonly id: string;
  readonly title: string;
  /** Its place: sections are shown in ascending order, spaced by tens. */
  readonly order: number;
  /**
   * Whether it is about classes and groups one by one, as the study lists them. Of a large record it is then shown a study of
   * fewer of them, and the page says so (`room.ts`). The number is its share of the room, beside the others'.
   */
  readonly narrows?: number;
  /** What the template shows; null where the record has nothing for this section, which is then left out. */
  view(context: PageContext): object | null | Promise<object | null>;
}

/** Declares a section. Its file exports the result as default. */
export function defineSection(section: Section): Section {
  return section;
}
