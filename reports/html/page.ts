import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import Handlebars from "handlebars";
import type { AuditRecord } from "../../src/core/record.js";
import { instant } from "../common/format.js";
import { principalObservations } from "../common/observations.js";
import { StudyView } from "../common/study.js";
import { masthead } from "./masthead.js";
import {
  type Extent,
  fairCap,
  fullExtent,
  LEAST_FOR_FINDINGS,
  MOST_BYTES,
  narrowed,
  narrowedNote,
  prioritiesOf,
  shrunk,
} from "./room.js";
import { pageScript } from "./script.js";
import type { Section } from "./section.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const TEMPLATES = join(HERE, "templates");

/**
 * Renders the page: every section's view through its template, then all of them through `templates/page.hbs`.
 * The style sheet and the script are inlined; the policy allows these two by their hashes, images from `data:`, and nothing
 * else. Without the script the page is complete.
 */
export async function renderPage(record: AuditRecord): Promise<string> {
  const study = new StudyView(record);
  const templates = loadTemplates();
  const style = loadStyle();
  const sections = await renderSections(study, templates, Buffer.byteLength(style));
  const script = pageScript(sections.some(({ body }) => body.includes('id="explorer-data"')));
  return templates.render("page", {
    masthead: masthead(record),
    title: record.protocol.title,
    policy: contentSecurityPolicy(style, script),
    style,
    script,
    sections: sections.map((section, index) => ({ ...section, number: index + 1 })),
    stepwedge: record.provenance.stepwedge,
    finished: instant(record.provenance.finishedAt),
  });
}

interface Rendered {
  readonly id: string;
  readonly title: string;
  /** What was left out to keep the page small; null where nothing was. */
  readonly note: string | null;
  readonly body: string;
}

/** Head, contents, frame and script of the page. */
const FRAME_BYTES = 50_000;
/** Classes × groups up to which sections are rendered whole before they are weighed. */
const FEW_CELLS = 150;

/**
 * All sections, within the page's room. Sections that do not narrow come first; those that do are weighed, whole or by their
 * first class, and share what is left evenly, those that need less taking no more; the list of findings takes the rest.
 */
async function renderSections(
  study: StudyView,
  templates: Templates,
  styleBytes: number,
): Promise<readonly Rendered[]> {
  const observations = principalObservations(study);
  const priorities = prioritiesOf(study);
  const full = fullExtent(study);
  const sections = await loadSections();
  const done = new Map<string, Rendered>();
  const render = async (section: Section, shown: StudyView, room: number): Promise<number> => {
    const linked = new Set(
      [...done.values()].flatMap(({ body }) => [...body.matchAll(/href="#([^"]+)"/g)].map(([, to]) => to as string)),
    );
    const view = await section.view({ record: study.record, study: shown, observations, room, linked });
    done.delete(section.id);
    if (view === null) return 0;
    const { id, title } = section;
    const body = templates.render(id, view);
    done.set(id, { id, title, note: narrowedNote(shown, study), body });
    return Buffer.byteLength(body);
  };

  const list = sections.find(({ id }) => id === "all-findings");
  let used = FRAME_BYTES + styleBytes;
  for (const section of sections) {
    if (section !== list && section.narrows === undefined) used += await render(section, study, Infinity);
  }
  const narrowing = sections.filter(({ narrows }) => narrows !== undefined);
  const isLarge = full.classes * Math.max(1, full.groups) > FEW_CELLS;
  const first: Extent = { classes: isLarge ? 1 : full.classes, groups: full.groups };
  const weighed: { readonly section: Section; readonly size: number; readonly share: number }[] = [];
  for (const section of narrowing) {
    const size = await render(section, narrowed(study, first, priorities), Infinity);
    weighed.push({ section, size: (size * full.classes) / first.classes, share: section.narrows ?? 1 });
  }
  const cap = fairCap(weighed, MOST_BYTES - used - LEAST_FOR_FINDINGS);
  for (const { section, share, size: whole } of weighed) {
    if (cap === Infinity && !isLarge) {
      used += whole;
      continue;
    }
    const room = share * cap;
    const classes = Math.max(1, Math.floor(full.classes * Math.min(1, room / whole)));
    let extent: Extent | null = { ...full, classes };
    let size: number;
    do {
      size = await render(section, narrowed(study, extent, priorities), room);
      extent = shrunk(extent, room / size);
    } while (extent !== null && size > room);
    used += size;
  }
  if (list !== undefined) {
    const left = MOST_BYTES - used;
    let room = left;
    for (let tries = 0; tries < 6; tries++) {
      const size = await render(list, study, room);
      if (size <= left) break;
      room *= (0.97 * left) / size;
    }
  }
  return sections.flatMap(({ id }) => done.get(id) ?? []);
}

/** Files of `styles/`, in the order in which later rules may overrule earlier ones. */
const STYLES = ["base", "layout", "masthead", "summary", "tables", "charts", "lists", "controls", "screens", "print"];

export function loadStyle(): string {
  return STYLES.map((name) => readFileSync(join(HERE, "styles", `${name}.css`), "utf8").trim()).join("\n");
}

/** Blocks of data are not run and need no leave. No code of ours makes markup out of text: trusted types are not needed. */
export function contentSecurityPolicy(style: string, script: string): string {
  const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

/** All sections, in their order. */
export async function loadSections(): Promise<readonly Section[]> {
  const folder = join(HERE, "sections");
  const files = readdirSync(folder).filter((name) => /\.(ts|js)$/.test(name) && !name.endsWith(".d.ts"));
  const sections: Section[] = [];
  for (const file of files.sort()) {
    const module = (await import(pathToFileURL(join(folder, file)).href)) as { default: Section };
    sections.push(module.default);
  }
  return sections.sort((a, b) => a.order - b.order);
}

export interface Templates {
  render(name: string, view: object): string;
}

/**
 * The templates of `templates/`, with those of `templates/partials/` at their disposal. Handlebars escapes whatever
 * `{{ }}` shows; `{{{ }}}` stands only where markup of our own charts and sections is put in. Strict: a name that the
 * view lacks is an error, not a gap on the page.
 * @param further folders with templates of another page
 */
export function loadTemplates(...further: readonly string[]): Templates {
  const engine = Handlebars.create();
  const options: CompileOptions = { strict: true, preventIndent: true, explicitPartialContext: false };
  for (const file of templateFiles(join(TEMPLATES, "partials")))
    engine.registerPartial(basename(file, ".hbs"), engine.compile(readFileSync(file, "utf8"), options));
  const compiled = new Map(
    [TEMPLATES, ...further]
      .flatMap(templateFiles)
      .map((file) => [basename(file, ".hbs"), engine.compile<object>(readFileSync(file, "utf8"), options)]),
  );
  return {
    render(name, view) {
      const template = compiled.get(name);
      if (template === undefined) throw new Error(`there is no template ${name}.hbs`);
      return template(view);
    },
  };
}

function templateFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".hbs"))
    .sort()
    .map((name) => join(folder, name));
}
