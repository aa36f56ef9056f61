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
import type { PageContext, Section } from "./section.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const TEMPLATES = join(HERE, "templates");

/**
 * Renders the page: every section's view through its template, then all of them through `templates/page.hbs`.
 * The style sheet is inlined; the policy allows that one style by its hash, images from `data:`, and nothing else.
 */
export async function renderPage(record: AuditRecord): Promise<string> {
  const study = new StudyView(record);
  const context: PageContext = { record, study, observations: principalObservations(study) };
  const templates = loadTemplates();
  const sections: { id: string; title: string; number: number; body: string }[] = [];
  for (const section of await loadSections()) {
    const view = await section.view(context);
    if (view === null) continue;
    const body = templates.render(section.id, view);
    sections.push({ id: section.id, title: section.title, number: sections.length + 1, body });
  }
  const style = loadStyle();
  return templates.render("page", {
    masthead: masthead(record),
    title: record.protocol.title,
    policy: contentSecurityPolicy(style),
    style,
    sections,
    stepwedge: record.provenance.stepwedge,
    finished: instant(record.provenance.finishedAt),
  });
}

/** Files of `styles/`, in the order in which later rules may overrule earlier ones. */
const STYLES = ["base", "layout", "masthead", "summary", "tables", "charts", "lists", "screens", "print"];

export function loadStyle(): string {
  return STYLES.map((name) => readFileSync(join(HERE, "styles", `${name}.css`), "utf8").trim()).join("\n");
}

export function contentSecurityPolicy(style: string): string {
  const hash = createHash("sha256").update(style).digest("base64");
  return `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'`;
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
