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
import { pageScript } from "./script.js";
import type { PageContext, Section } from "./section.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const TEMPLATES = join(HERE, "templates");

/**
 * Renders the page: every section's view through its template, then all of them through `templates/page.hbs`.
 * The style sheet and the script are inlined; the policy allows these two by their hashes, images from `data:`, and nothing
 * else. Without the script the page is complete.
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
  const script = pageScript(sections.some(({ body }) => body.includes('id="explorer-data"')));
  return templates.render("page", {
    masthead: masthead(record),
    title: record.protocol.title,
    policy: contentSecurityPolicy(style, script),
    style,
    script,
    sections,
    stepwedge: record.provenance.stepwedge,
    finished: instant(record.provenance.finishedAt),
  });
}

/** Files of `styles/`, in the order in which later rules may overrule earlier ones. */
const STYLES = ["base", "layout", "masthead", "summary", "tables", "charts", "lists", "controls", "screens", "print"];

function loadStyle(): string {
  return STYLES.map((name) => readFileSync(join(HERE, "styles", `${name}.css`), "utf8").trim()).join("\n");
}

/** Blocks of data are not run and need no leave. No code of ours makes markup out of text: trusted types are not needed. */
function contentSecurityPolicy(style: string, script: string): string {
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

interface Templates {
  render(name: string, view: object): string;
}

/**
 * The templates of `templates/`, with those of `templates/partials/` at their disposal. Handlebars escapes whatever
 * `{{ }}` shows; `{{{ }}}` stands only where markup of our own charts and sections is put in. Strict: a name that the
 * view lacks is an error, not a gap on the page.
 */
function loadTemplates(): Templates {
  const engine = Handlebars.create();
  const options: CompileOptions = { strict: true, preventIndent: true, explicitPartialContext: false };
  for (const file of templateFiles(join(TEMPLATES, "partials")))
    engine.registerPartial(basename(file, ".hbs"), engine.compile(readFileSync(file, "utf8"), options));
  const compiled = new Map(
    templateFiles(TEMPLATES).map((file) => [
      basename(file, ".hbs"),
      engine.compile<object>(readFileSync(file, "utf8"), options),
    ]),
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
