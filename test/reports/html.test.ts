import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { STATEMENTS } from "../../reports/common/statements.js";
import { findingAnchor, gateAnchor, requirementAnchor } from "../../reports/common/study.js";
import { loadSections } from "../../reports/html/page.js";
import html from "../../reports/html.js";
import { decimal, estimateText, intervalText } from "../../reports/common/format.js";
import { isClean } from "../../src/core/condition.js";
import type { Finding } from "../../src/core/finding.js";
import { sha256 } from "../../src/core/hash.js";
import { type AuditRecord, findingsText } from "../../src/core/record.js";
import { builtInFile } from "../../src/protocol/requirements.js";
import { fakeRecord, traced } from "../support/fake-record.js";
import { poisonedRecord } from "../support/poisoned-record.js";
import { tagsOf, visibleText, withoutCode } from "../support/markup.js";

const FOLDER = join("reports", "html");
const record = fakeRecord();
const page = await html.render(record);
const tags = tagsOf(withoutCode(page));
const shown = visibleText(page);
const small = fakeRecord({ attacked: false });
const smallPage = await html.render(small);

/** The text of one section of the page. */
function section(id: string, of = page): string {
  const from = of.indexOf(`<section id="${id}"`);
  return visibleText(of.slice(from, of.indexOf("</section>", from)));
}

describe("one self-contained file", () => {
  test("nothing is loaded: every reference is an anchor of the page or data", () => {
    const references = tags.flatMap(({ attributes: { src, href } }) => [src, href]).filter((one) => one !== undefined);
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) expect(reference).toMatch(/^#|^data:image\/png;base64,/);
    expect(page.replace(/xmlns="[^"]*"/g, "")).not.toMatch(/https?:\/\/|url\(|@import|\bimport\(|fetch\(/);
  });

  test("the policy allows the one style and the one script by their hashes, pictures from data, and nothing else", () => {
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? "";
    const script = /<script>([\s\S]*?)<\/script>/.exec(page)?.[1] ?? "";
    const [hash, ofScript] = [style, script].map((text) => createHash("sha256").update(text).digest("base64"));
    const policy = tags.find((tag) => tag.attributes["http-equiv"] === "Content-Security-Policy")?.attributes.content;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src 'sha256-${hash}'`);
    expect(policy).toContain(`script-src 'sha256-${ofScript}'`);
    expect(policy).toContain("require-trusted-types-for 'script'; trusted-types 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
    const scripts = tags.filter(({ name }) => name === "script").map(({ attributes }) => attributes.type ?? "run");
    expect(scripts).toEqual(["application/json", "run"]);
    expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/);
    expect(tags.filter((tag) => "style" in tag.attributes || "onclick" in tag.attributes)).toEqual([]);
  });

  test("it stays below 1 MB for three families and 42 conditions, and is the same when it is made again", async () => {
    expect(Buffer.byteLength(page)).toBeLessThan(1e6);
    expect(await html.render(record)).toBe(page);
  });

  test("the only clock reading is the record's; other days are those of the sources traced", () => {
    const days = new Set(shown.match(/\b20\d\d-\d\d-\d\d\b/g));
    const sources = record.findings.requirements ?? [];
    for (const { date, retrieved } of sources) for (const day of [date ?? "", retrieved]) days.delete(day);
    expect([...days]).toEqual(["2026-11-23"]);
  });
});

describe("gaps between groups", () => {
  const text = section("gaps");
  const all = record.findings.findings.filter(({ condition }) => isClean(condition));
  const one = (metric: string, group?: string) =>
    all.find((finding) => finding.metric === metric && (group === undefined || finding.id.includes(group)));

  test("each group's difference from the rest, with its adjusted test, what could be found, and the conclusion", () => {
    const difference = one("auc-difference-rest", "view=AP");
    expect(difference?.details?.assessment).toBe("different");
    expect(text).toContain(inCell(difference));
    expect(text).toContain(decimal(difference?.details?.["minimum-detectable"] as number));
    const { size } = difference?.tests?.[0]?.adjusted ?? {};
    expect(text).toContain(`Benjamini–Hochberg, ${size} tests in the family`);
    const conclusions = all
      .filter(({ metric }) => metric === "auc-difference-rest")
      .map(({ details }) => details?.assessment);
    expect(conclusions).toContain("inconclusive");
    expect(text).toContain("inconclusive");
  });

  test("gaps with their bias taken off, equalised odds, and why there is no permutation test", () => {
    const gap = one("auc-gap", "/age/");
    expect(text).toContain(`${decimal(gap?.details?.["bias-corrected"] as number)}`);
    expect(text).toContain(inCell(one("equalized-odds-gap", "/sex/")));
    const why = one("auc-gap", "/view/")?.details?.["permutation-test"];
    expect(why).toMatch(/no patient could be dealt/);
    expect(page).toContain(`title="${why}"`);
  });

  test("under- and overdiagnosis, ratios and areas across groups", () => {
    for (const [metric, group] of [
      ["underdiagnosis-rate", "view=AP"],
      ["overdiagnosis-rate-difference-rest", "view=AP"],
      ["fpr-ratio", "view=PA"],
      ["equalized-odds-ratio", "/view/"],
      ["bpsn-auc", "view=AP"],
      ["xauc", "view=AP"],
    ] as const) {
      const finding = one(metric, group);
      expect(finding?.status).toBe("measured");
      expect([metric, text.includes(inCell(finding))]).toEqual([metric, true]);
    }
  });

  test("the lower an area across groups, the darker: the darkest cell holds the smallest number of its matrix", () => {
    const matrix = /<table id="cross-1-matrix-3"[^>]*>[\s\S]*?<\/table>/.exec(page)?.[0] ?? "";
    const cells = [...matrix.matchAll(/shade-(\d)"[^>]*>\s*([\d.]+)/g)].map(([, shade, value]) => [
      Number(shade),
      Number(value),
    ]);
    expect(cells).toHaveLength(4);
    const byValue = cells.toSorted(([, a = 0], [, b = 0]) => a - b).map(([shade = 0]) => shade);
    expect(byValue).toEqual(byValue.toSorted((a, b) => b - a));
    expect([byValue[0], byValue.at(-1)]).toEqual([5, 1]);
  });

  test("without groups there is no such section", async () => {
    expect(await html.render(fakeRecord({ attacked: false, grouped: false }))).not.toContain('<section id="gaps"');
  });

  /** Estimate and interval as a cell shows them. */
  function inCell(finding: Finding | undefined): string {
    return `${estimateText(finding)} ${intervalText(finding)}`;
  }
});

describe("averages over classes", () => {
  test("stand in one table where there are several classes, and nowhere else", async () => {
    expect(page).not.toContain('id="averages"');
    const several = fakeRecord({ attacked: false, classes: ["pneumonia", "effusion"] });
    const text = section("averages", await html.render(several));
    const mean = several.findings.findings.find(({ metric, family }) => metric === "auc-macro" && family === null);
    expect(mean).toMatchObject({ status: "measured", class: null });
    expect(text).toContain(Number(mean?.estimate).toFixed(3));
    expect(text).toMatch(/Mean AUC.*Weighted AUC.*Pooled AUC/);
  });
});

test("average precision stands beside the prevalence, and the range of the partial area is said", () => {
  const text = section("discrimination");
  expect(text).toContain("Average precision and partial AUC of pneumonia");
  expect(text).toContain("specificity 0.900 to 1.000; 0.500 is chance");
  const precision = record.findings.findings.find(({ metric }) => metric === "average-precision");
  expect(text).toContain(`${(Number(precision?.details?.prevalence) * 100).toFixed(1)}%`);
});

describe("decisions, their worth, and other models", () => {
  const finding = (metric: string) => record.findings.findings.find((one) => one.metric === metric);

  test("likelihood ratios and predictive values at the stated prevalence stand by operating point", () => {
    const text = section("discrimination");
    expect(text).toContain("PPV at 2.0%");
    expect(text).toContain(`${(Number(finding("ppv-at-prevalence")?.estimate) * 100).toFixed(1)}%`);
    expect(text).toContain(Number(finding("likelihood-ratio-positive")?.estimate).toFixed(3));
  });

  test("the decision curve has a chart for all and for each group, with treating all", () => {
    const from = page.indexOf('<section id="decision-curve"');
    const markup = page.slice(from, page.indexOf("</section>", from));
    const curves = record.findings.findings.filter((one) => one.curve?.kind === "decision" && isClean(one.condition));
    expect(markup.split('<svg class="chart"').length - 1).toBe(curves.length);
    const text = visibleText(markup);
    expect(text).toContain("one hit is worth 9 false alarms");
    expect(text).toContain(Number(finding("net-benefit")?.estimate).toFixed(3));
    expect(text).toContain("Treating all");
  });

  test("another model stands beside the audited one, with what can be concluded", () => {
    const text = section("comparison");
    expect(text).toContain("Against predecessor");
    expect(text).toMatch(/AUC 0\.\d{3} 0\.\d{3} 0\.\d{3} 0\.\d{3}–0\.\d{3} p < 0\.001 adj\./);
    expect(text).toMatch(/Sensitivity at screening .* better/);
  });

  test("every operating point shows the seal of its threshold", () => {
    for (const { sha256 } of record.findings.operatingPoints) expect(section("method")).toContain(sha256.slice(0, 12));
  });
});

describe("structure", () => {
  test("ids are unique, and every link leads to one", () => {
    const ids = tags.flatMap((tag) => tag.attributes.id ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    const known = new Set(ids);
    for (const { attributes } of tags)
      if (attributes.href !== undefined) expect(known).toContain(attributes.href.slice(1));
    for (const { attributes } of tags)
      if (attributes["aria-labelledby"] !== undefined) expect(known).toContain(attributes["aria-labelledby"]);
  });

  test("every finding of a small record has an address of its own; of a large one, clean findings and what is cited", () => {
    const missing = (of: AuditRecord, on: string) => {
      const ids = new Set(tagsOf(withoutCode(on)).flatMap((tag) => tag.attributes.id ?? []));
      return of.findings.findings.filter((finding) => !ids.has(findingAnchor(finding.id)));
    };
    expect(missing(small, smallPage)).toEqual([]);
    const left = missing(record, page);
    expect(left.length).toBeGreaterThan(0);
    const cited = new Set(record.findings.gates.flatMap((gate) => gate.findings));
    expect(left.filter((finding) => cited.has(finding.id) || isClean(finding.condition))).toEqual([]);
    expect(section("all-findings")).toContain(
      `${left.length.toLocaleString("en")} findings stand in findings.json alone`,
    );
  });

  test("tables have captions and scoped headings; pictures and charts have words", () => {
    const count = (name: string) => tags.filter((tag) => tag.name === name).length;
    expect(count("caption")).toBe(count("table"));
    for (const tag of tags.filter(({ name }) => name === "th"))
      expect(tag.attributes.scope).toMatch(/^(col|row|rowgroup)$/);
    for (const tag of tags.filter(({ name }) => name === "img")) expect(tag.attributes.alt).toMatch(/\w/);
    for (const { attributes } of tags.filter(({ name }) => name === "svg"))
      expect(attributes["aria-hidden"] === "true" || /\w/.test(attributes["aria-label"] ?? "")).toBe(true);
    expect(tags.filter(({ name }) => name === "main")).toHaveLength(1);
    expect(tags.filter(({ name }) => name === "h1")).toHaveLength(1);
  });

  test("sections are files: each has a template, an order of its own, and no template is left over", async () => {
    const sections = await loadSections();
    const files = readdirSync(join(FOLDER, "sections")).map((file) => file.replace(/\.ts$/, ""));
    expect(sections.map(({ id }) => id).sort()).toEqual(files.sort());
    expect(new Set(sections.map(({ order }) => order)).size).toBe(sections.length);
    const templates = readdirSync(join(FOLDER, "templates")).filter((file) => file.endsWith(".hbs"));
    expect(templates.sort()).toEqual([...files, "page"].map((name) => `${name}.hbs`).sort());
  });

  test("unescaped output stands only where markup of our own is put in", () => {
    const folder = join(FOLDER, "templates");
    const raw = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".hbs"))
      .flatMap((file) => readFileSync(join(folder, file), "utf8").match(/\{\{\{[^}]*\}\}\}|\{\{&[^}]*\}\}/g) ?? []);
    expect([...new Set(raw)].sort()).toEqual(
      ["axis", "bands", "body", "chart", "data", "script", "strip", "style", "swatch"].map((name) => `{{{${name}}}}`),
    );
  });
});

describe("the first page", () => {
  const first = (of: string) => of.slice(of.indexOf('<section id="summary"'), of.indexOf('id="summary-gates"'));
  const open = visibleText(first(page));
  const rows = (record.findings.requirements ?? []).flatMap((source) =>
    source.requirements.map((row) => ({ ...row, anchor: requirementAnchor(source.id, row.id) })),
  );

  test("says that nobody has approved it, before anything else, and leads to the blank block", () => {
    expect(open.indexOf("NOT APPROVED – not signed.")).toBeLessThan(open.indexOf("Failed"));
    expect(first(page)).toContain('href="#approval"');
    const from = page.indexOf('id="approval"');
    const block = page.slice(from, page.indexOf("</div>", from));
    expect(visibleText(block)).toContain("NOT APPROVED – not signed");
    expect(block.match(/<td><\/td>/g)).toHaveLength(12);
    expect(visibleText(block)).toContain(sha256(findingsText(record.findings)));
  });

  test("lists every failed and inconclusive gate with a link to it, and no other", () => {
    for (const { id, verdict } of record.findings.gates)
      expect([id, first(page).includes(`href="#${gateAnchor(id)}"`)]).toEqual([id, verdict !== "pass"]);
    expect(open).toContain("1 acceptance criterion, which is not a pass:");
  });

  test("lists every unmet and inconclusive requirement with a link to its row, and their number in words", () => {
    const listed = rows.filter(({ state }) => state === "unmet" || state === "inconclusive");
    expect(listed.length).toBeGreaterThan(20);
    for (const { anchor, state, title } of rows) {
      const isListed = state === "unmet" || state === "inconclusive";
      expect([title, first(page).includes(`href="#${anchor}"`)]).toEqual([title, isListed]);
    }
    const unmet = rows.filter(({ state }) => state === "unmet").length;
    expect(open).toMatch(new RegExp(`Unmet ${unmet} requirements:`));
    expect(open).toContain("Not stated by the author");
  });

  test("of a record that has no gate, no intended use and no matrix says so, in words", async () => {
    const { requirements, ...findings } = small.findings;
    const bare = {
      ...small,
      protocol: { ...small.protocol, intendedUse: null, gates: [] },
      findings: { ...findings, gates: [] },
    };
    const text = section("summary", await html.render(bare));
    expect(requirements).toBeDefined();
    expect(text).toContain("The intended use is not stated.");
    expect(text).toContain("No acceptance criterion was declared.");
    expect(text).toContain("Requirements were not traced");
  });
});

describe("traceability", () => {
  const text = section("traceability");

  test("shows every row with its state and reason, drafts as such, and claims no conformity", () => {
    expect(text).toContain("supports, does not establish, conformity");
    for (const source of record.findings.requirements ?? []) {
      expect(text).toContain(source.sha256.slice(0, 12));
      if (source.status === "draft") expect(text).toContain(`${source.short} (draft)`);
      for (const row of source.requirements) {
        expect(text).toContain(row.requirement);
        expect(text).toContain(row.reason);
        if (row.evidenceSha256 !== null) expect(text).toContain(row.evidenceSha256.slice(0, 12));
      }
    }
    expect(text).not.toMatch(/\bcompliant\b/i);
    for (const word of ["Met", "Evidence present", "Unmet", "Inconclusive"]) expect(text).toContain(word);
  });

  test("rows from secondary sources and from memory are marked, and users' words are shown as text", async () => {
    const secondary = { ...builtInFile("iso-24027"), path: null, notApplicable: {} };
    const hostile = {
      ...builtInFile("gmlp"),
      path: "<b>.yaml",
      notApplicable: { "GMLP-10": "<script>alert(1)</script>" },
    };
    const markup = await html.render(traced(small, [secondary, hostile]));
    const shown = section("traceability", markup);
    expect(shown).toContain("from memory, not confirmed");
    expect(shown).toContain("The protocol says: <script>alert(1)</script>");
    expect(markup).not.toContain("<script>alert");
  });
});

describe("what the author states", () => {
  test("is shown as stated; what is not stated is named, nowhere left out", async () => {
    const none = ["statements", "data-provenance", "protocol", "limitations"].map((id) => section(id)).join(" ");
    for (const { title } of Object.values(STATEMENTS)) expect(none).toContain(title.toLowerCase());
    expect(section("identification")).toContain("not stated: name, version, manufacturer and identifier");
    const submission = { device: { name: "Reader X" }, monitoring: ["Monthly.", "By site."], sites: "Hospital <A>" };
    const markup = await html.render({ ...small, protocol: { ...small.protocol, submission } });
    expect(section("statements", markup)).toContain("Monitoring after release Monthly. By site.");
    expect(section("statements", markup)).not.toContain("monitoring after release");
    expect(section("data-provenance", markup)).toContain("Hospital <A>");
    expect(section("identification", markup)).toContain(
      "name Reader X; not stated: version, manufacturer and identifier",
    );
  });

  test("the protocol section says whether criteria were fixed before the run, and what was departed from", async () => {
    expect(section("protocol")).toContain("One patient is in both tuning and evaluation");
    const deviations = [{ id: "protocol-changed", title: "The protocol was changed after scoring", detail: "d" }];
    const changed = await html.render({ ...small, findings: { ...small.findings, deviations } });
    expect(section("protocol", changed)).toMatch(/missing The protocol with its criteria was fixed before/);
  });
});

describe("what it says", () => {
  test("the verdict, and every gate with its criterion and verdict, stand in the summary", () => {
    const summary = section("summary");
    expect(shown).toContain("FAIL Of 4 acceptance criteria: 2 met, 1 failed, 1 inconclusive.");
    for (const gate of record.findings.gates) expect(summary).toContain(`${gate.id} ${gate.title}`);
    expect(summary).toMatch(/REQ-003.* Upper limit of AUC gap ≤ 0\.050 \(over view; clean\) 0\.\d{3} Fail/);
    const table = summary.slice(summary.indexOf("Acceptance criteria, fixed before the run"));
    expect(table.match(/\bInconclusive\b/g)?.length).toBe(1);
  });

  test("a record whose gates are inconclusive is not called a pass", async () => {
    const open = { ...record, findings: { ...record.findings, verdict: "inconclusive" as const } };
    expect(visibleText(await html.render(open))).toContain("The evidence does not decide. Inconclusive is not a pass.");
  });

  test("the shortcut learner cannot be missed: first observation, key number, plot", () => {
    const summary = section("summary");
    expect(summary.indexOf("AUC is lower on view = AP than on view = PA")).toBeLessThan(
      summary.indexOf("overturns decisions"),
    );
    expect(summary).toMatch(
      /Largest difference in AUC 0\.1\d\d 95% CI 0\.\d{3}–0\.\d{3} view = PA minus view = AP, clean images/,
    );
    expect(page.slice(0, page.indexOf('id="gates"'))).toContain('id="observation-1-plot"');
  });

  test("both objectives stand side by side with decisions, AUC and the controls", () => {
    const robustness = section("robustness");
    for (const word of [
      "wavelet-universal (operating-point)",
      "wavelet-universal (ranking)",
      "gaussian-noise control",
      "random-sign control",
    ])
      expect(robustness).toContain(word);
    expect(robustness).toMatch(/Decisions changed … beyond control Sensitivity drop Specificity drop AUC AUC drop/);
    expect(robustness).toContain("found with 74,800 queries");
  });

  test("gaps under attack stand with their tests, the size of the family, and what the defense gives back", () => {
    const text = section("gaps-under-attack");
    expect(text).toMatch(/p (=|<) 0\.\d+ adj\./);
    expect(text).toMatch(/Benjamini–Hochberg, \d+ tests in the family/);
    expect(text).toContain("To whom jpeg gives AUC back");
    expect(text).toContain("difference in differences");
  });

  test("a suppressed group shows its status and no count anywhere", () => {
    const small = record.findings.groups.find((group) => group.subgroup.age === "unknown");
    expect(small?.n).toBeNull();
    // And the smallest other group of the family, from which it could be computed.
    expect(section("data")).toContain("80-120 hidden hidden");
    expect(section("data")).toContain("unknown hidden hidden hidden suppressed");
    expect(section("discrimination")).toContain("unknown hidden suppressed");
    expect(section("not-estimable")).toContain("age = unknown");
  });

  test("samples without a score are told with what they could change; without any, that there is none", async () => {
    expect(section("data")).toContain("Every labelled evaluation sample has a score.");
    const incomplete = fakeRecord({ incomplete: true });
    const text = section("data", await html.render(incomplete));
    const find = (metric: string) =>
      incomplete.findings.findings.find((one) => one.metric === metric && one.subgroup.view === "AP");
    const [auc, worst, best] = ["auc", "auc-worst-case", "auc-best-case"].map((metric) => find(metric)?.estimate ?? 0);
    expect(worst).toBeLessThan(auc as number);
    const [shown, low, high] = [auc, worst, best].map((value) => value?.toFixed(3));
    expect(text).toContain(`${shown} ${low} – ${high}`);
  });

  test("duplicates are counted, and their samples named by hashes alone", async () => {
    expect(section("data")).toContain("Same file 3 1 1 1 2 1");
    expect(section("data")).toContain("3f2a9c0b1d4e a81c55de9012");
    const base = fakeRecord();
    const duplicates = { ...base.findings.duplicates, unchecked: "not checked: the table holds scores and no images" };
    const scores = { ...base, findings: { ...base.findings, duplicates } };
    expect(section("data", await html.render(scores))).toContain("Duplicates were not checked: the table holds scores");
  });

  test("where nothing can be estimated it says so and draws nothing", async () => {
    const silent = await html.render(fakeRecord({ labelled: false }));
    expect(section("discrimination", silent)).toContain("AUC is not estimable in any group.");
    expect(section("summary", silent)).toContain("not estimable");
    expect(silent).not.toContain('class="chart"');
  });

  test("sections without content are left out, and the contents follow", async () => {
    const scores = await html.render(fakeRecord({ attacked: false }));
    expect(scores).not.toMatch(/id="(robustness|defenses)"|href="#(robustness|defenses)"/);
    expect(section("summary", scores)).toContain("robustness was not examined");
  });

  test("it supports, and does not establish, conformity; it calls nothing fair or safe", () => {
    expect(shown).toContain("This report supports, does not establish, conformity.");
    const claims = shown.replaceAll(/"[^"]*"/g, "");
    expect(claims).not.toMatch(/\bfair\b|\bsafe\b/i);
  });

  test("the approval block is empty", () => {
    const block = page.slice(
      page.indexOf('class="approval"'),
      page.indexOf("</table>", page.indexOf('class="approval"')),
    );
    expect(block.match(/<td><\/td>/g)).toHaveLength(12);
  });
});

describe("hostile strings are shown as text", () => {
  const HOSTILE = [
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "{{record}} {{{body}}} {{> page}}",
    "\u202eright to left",
    '" onmouseover="alert(1)',
    "x".repeat(10_000),
  ];

  test.each(HOSTILE.map((word) => [word.slice(0, 40), word]))("%s", async (_, word) => {
    const text = await html.render(poisonedRecord(word));
    const found = tagsOf(withoutCode(text));
    expect(found.filter(({ name }) => name === "script")).toHaveLength(2);
    expect(found.filter(({ name }) => name === "style")).toHaveLength(1);
    expect(text.match(/<\/script>/g)).toHaveLength(2);
    expect(found.filter((tag) => Object.keys(tag.attributes).some((name) => name.startsWith("on")))).toEqual([]);
    expect(text.match(/<\/style>/g)).toHaveLength(1);
    expect(visibleText(text)).toContain(word.slice(0, 60).replace(/\s+/g, " "));
  });
});

describe("colours", () => {
  const css = readFileSync(join(FOLDER, "styles", "base.css"), "utf8");
  const [light = "", dark = ""] = css.split("@media screen and (prefers-color-scheme: dark)");

  test.each([
    ["light", light],
    ["dark", dark],
  ])("text reaches 4.5 : 1 and drawings 3 : 1 in %s", (_, block) => {
    const colour = (name: string) => new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(block)?.[1] ?? "";
    for (const text of ["ink", "muted", "accent"])
      for (const ground of ["paper", "tint"])
        expect(contrast(colour(text), colour(ground))).toBeGreaterThanOrEqual(4.5);
    for (const verdict of ["pass", "fail", "open"])
      expect(contrast(colour(verdict), colour(`${verdict}-tint`))).toBeGreaterThanOrEqual(4.5);
    for (const line of ["s0", "s1", "s2", "s3", "s4", "s5", "control", "rule-strong"])
      expect(contrast(colour(line), colour("paper"))).toBeGreaterThanOrEqual(line === "rule-strong" ? 2.5 : 3);
  });

  /** WCAG 2.2's contrast ratio of two colours. */
  function contrast(a: string, b: string): number {
    const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  }

  function luminance(hex: string): number {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
      const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
});
