import { renderComparisonMarkdown } from "../../reports/comparison/markdown.js";
import { renderComparisonPage } from "../../reports/comparison/page.js";
import type { Finding } from "../../src/core/finding.js";
import { comparisonSchema } from "../../src/run/comparison-schema.js";
import { fakeComparison } from "../support/fake-comparison.js";
import { tagsOf, visibleText, withoutCode } from "../support/markup.js";

const HOSTILE = '</style><script>alert(1)</script>{{title}}"><img src=x> \u202e';
const view = fakeComparison();
const page = await renderComparisonPage(view);

test("what got worse and better is listed with the group, and links to the difference itself", () => {
  const { changes, findings } = view.comparison;
  const byDirection = (direction: string) => changes.filter((one) => one.direction === direction).length;
  expect(byDirection("worse") + byDirection("better")).toBeGreaterThan(3);
  const text = visibleText(page);
  expect(text).toContain(`${byDirection("worse")} worse, ${byDirection("better")} better`);
  expect(text).toContain("the predecessor does not have it");
  expect(text).toContain("the criterion was changed");
  expect(text).toContain("350 samples in common");
  expect(text).toContain("4 whose image file is another one");
  const tags = tagsOf(withoutCode(page));
  const ids = new Set(tags.flatMap(({ attributes }) => attributes.id ?? []));
  const links = tags.flatMap(({ attributes }) => attributes.href ?? []);
  expect(links.length).toBeGreaterThan(10);
  for (const link of links) expect(ids).toContain(link.slice(1));
  expect(findings.length).toBeGreaterThan(20);
});

test("a comparison without criteria says that it is exploration; nothing says fair or safe", () => {
  const text = visibleText(page);
  expect(text).toContain("no criterion was fixed beforehand");
  expect(text).toContain("supports, does not establish, conformity");
  expect(text).not.toMatch(/\b(fair|safe)\b/i);
});

test("hostile names are text, in the page and in Markdown", async () => {
  const { comparison, record } = view;
  const hostile = {
    comparison: {
      ...comparison,
      modification: HOSTILE,
      after: { ...comparison.after, title: HOSTILE, name: HOSTILE },
      before: { ...comparison.before, name: HOSTILE },
      differences: [{ kind: "model", what: HOSTILE, before: HOSTILE, after: null } as const],
      notComparable: [{ what: HOSTILE, reason: HOSTILE }],
    },
    record,
  };
  const made = await renderComparisonPage(hostile);
  const tags = tagsOf(withoutCode(made));
  // The page's own, and none of what users wrote.
  expect(tags.filter(({ name }) => name === "script")).toHaveLength(1);
  expect(tags.map(({ name }) => name)).not.toContain("img");
  expect(made.split("<script>")).toHaveLength(2);
  const markdown = renderComparisonMarkdown(hostile);
  expect(markdown).not.toMatch(/(?<!\\)<(script|img|\/style)/);
});

test("a page of 14 classes, 40 groups and 12 conditions stays below a megabyte", async () => {
  const classes = Array.from({ length: 14 }, (_, index) => `class-${index}`);
  const groups = Array.from({ length: 40 }, (_, index) => `site-${index}`);
  const first = view.comparison.findings.find(
    ({ metric, status }) => metric === "auc-advantage" && status === "measured",
  );
  const rate = view.comparison.findings.find(
    ({ metric, status }) => metric === "sensitivity-advantage" && status === "measured",
  );
  const templates = [first, rate, rate && { ...rate, metric: "specificity-advantage" }].filter(
    (one) => one !== undefined,
  );
  const conditions = Array.from({ length: 12 }, (_, index) =>
    index === 0
      ? { attack: "none", epsilon: 0, defense: "none" }
      : { attack: `attack-${index}`, epsilon: 0.01, defense: "none" },
  );
  const findings = classes.flatMap((name) =>
    conditions.flatMap((condition) =>
      [null, ...groups].flatMap((group) =>
        templates.map(
          (one): Finding => ({
            ...(one as Finding),
            id: `comparison/${one.metric}/${name}/${group ?? "all"}/${condition.attack}/vs-baseline`,
            class: name,
            family: group === null ? null : "site",
            subgroup: group === null ? {} : { site: group },
            condition,
          }),
        ),
      ),
    ),
  );
  const { comparison, record } = view;
  const large = {
    comparison: {
      ...comparison,
      findings,
      changes: findings.map(({ id }) => ({ finding: id, direction: "worse", adjusted: true }) as const),
    },
    record: {
      ...record,
      protocol: { ...record.protocol, model: { ...record.protocol.model, classes } },
      findings: {
        ...record.findings,
        findings,
        groups: [],
        operatingPoints: classes.flatMap((name) =>
          record.findings.operatingPoints.slice(0, 1).map((point) => ({ ...point, class: name })),
        ),
      },
    },
  };
  const made = await renderComparisonPage(large);
  expect(made.length).toBeLessThan(1e6);
  const tags = tagsOf(withoutCode(made));
  const ids = new Set(tags.flatMap(({ attributes }) => attributes.id ?? []));
  for (const { attributes } of tags) if (attributes.href !== undefined) expect(ids).toContain(attributes.href.slice(1));
});

test("the schema holds the comparison", () => {
  expect(comparisonSchema.parse(view.comparison)).toEqual(view.comparison);
});
