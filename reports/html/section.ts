import type { AuditRecord } from "../../src/core/record.js";
import type { Observation } from "../common/observations.js";
import type { StudyView } from "../common/study.js";

/** What a section may look at. */
export interface PageContext {
  readonly record: AuditRecord;
  readonly study: StudyView;
  readonly observations: readonly Observation[];
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
  /** What the template shows; null where the record has nothing for this section, which is then left out. */
  view(context: PageContext): object | null | Promise<object | null>;
}

/** Declares a section. Its file exports the result as default. */
export function defineSection(section: Section): Section {
  return section;
}
