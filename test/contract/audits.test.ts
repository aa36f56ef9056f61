import type { Audit, Study } from "../../src/core/audit.js";
import { CLEAN, type Condition } from "../../src/core/condition.js";
import { OUTCOMES, type OutcomeDescription } from "../../src/core/outcome.js";
import { loadPlugins } from "../../src/core/plugins.js";
import { randomFrom } from "../../src/core/random.js";
import { suppressSmallCells } from "../../src/run/suppress.js";
import { CLASS, expectSound, studyOf, withClasses } from "../support/study.js";

const contextOf = (audit: Audit) => ({ parameters: audit.meta.parameters?.parse({}) ?? {}, level: 0.95, seed: 1 });
const everything = (audit: Audit, one: Study) => [
  ...(audit.overall?.(one, contextOf(audit)) ?? []),
  ...audit.evaluate(one, contextOf(audit)),
];
const KEBAB = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const audits = await loadPlugins("audits");

/** A study with everything that spoils one: repeated patients, missing labels and scores, a tiny and an empty-handed group. */
function study(clustered: boolean, degenerate = false) {
  const random = randomFrom(4, "contract");
  const rows = Array.from({ length: 240 }, (_, row) => row);
  const labels = rows.map((row) => (degenerate ? 0 : row % 37 === 0 ? -1 : (row >> 1) % 2));
  const scores = (shift: number) =>
    rows.map((row) => (row % 41 === 0 ? Number.NaN : Math.max(0, labels[row] as number) + shift + random.normal()));
  const attack: Condition = { attack: "searched", epsilon: 0.01, norm: "linf", defense: "none" };
  return withEmbeddings({
    labels,
    ...(clustered ? { patients: rows.map((row) => row >> 1) } : {}),
    families: {
      sex: rows.map((row) => ((row >> 1) % 3 === 0 ? "M" : "F")),
      site: rows.map((row) => (row < 3 ? "unknown" : `site-${row % 3}`)),
    },
    threshold: 0.5,
    comparators: { predecessor: rows.map((row) => Math.sin(row * row) + (labels[row] as number)) },
    conditions: [
      { condition: CLEAN, scores: scores(0) },
      { condition: { ...CLEAN, defense: "jpeg" }, scores: scores(0.1) },
      { condition: attack, scores: scores(0.6) },
      { condition: { ...attack, defense: "jpeg", adaptive: true }, scores: scores(0.5) },
      { condition: { ...attack, attack: "random-sign" }, scores: scores(0.1) },
      ...[1, 3].map((severity) => ({
        condition: { ...CLEAN, attack: "blur", severity },
        scores: scores(0.1 * severity),
      })),
      {
        condition: { ...attack, attack: "asking" },
        scores: scores(0.6),
        measures: {
          "search.queries": rows.map((row) => 20 + row),
          "search.queries-to-success": rows.map((row) => (row % 3 === 0 ? Number.NaN : 20 + row)),
          "search.least-distance": rows.map((row) => (row % 3 === 0 ? Number.NaN : 0.01)),
        },
      },
    ],
    attackKnowledge: { searched: "scores", asking: "scores", "random-sign": "none", blur: "none" },
  });
}

/** The study with embeddings of both splits, whose tuning split is made up like the evaluation split. */
function withEmbeddings(columns: Parameters<typeof studyOf>[0]): Study {
  const made = studyOf(columns);
  const random = randomFrom(5, "contract embeddings");
  const vectors = () => Float32Array.from({ length: made.count * 3 }, () => random.normal());
  const { count, patients, subgroups } = made;
  return {
    ...made,
    tuning: { ...made.tuning, count, patients, subgroups, labels: made.labels, scores: () => new Float64Array(count) },
    embeddings: { width: 3, tuning: vectors(), evaluation: vectors() },
  };
}

/** The same study of the three tasks; the several classes are the one, one that is its neighbour, and one too rare to judge. */
function studies(clustered: boolean, degenerate = false): Study[] {
  const binary = study(clustered, degenerate);
  const first = [...binary.labels(CLASS)];
  const second = first.map((label) => (label === -1 ? -1 : 1 - label));
  const rare = first.map((label, row) => (label === -1 ? -1 : row === 4 ? 1 : 0));
  const scores = (turn: number) => (condition: Condition) =>
    [...binary.scores(condition, CLASS)].map((score, row) => turn * score + (row % 7) / 10);
  return [
    binary,
    withClasses(binary, "multilabel", {
      [CLASS]: { labels: first, scores: scores(1) },
      neighbour: { labels: second.map((label, row) => (row % 5 === 0 ? -1 : label)), scores: scores(-1) },
      rare: { labels: rare, scores: scores(0.1) },
    }),
    withClasses(binary, "multiclass", {
      [CLASS]: { labels: first.map((label, row) => (row === 4 ? 0 : label)), scores: scores(1) },
      neighbour: { labels: second.map((label, row) => (row === 4 ? 0 : label)), scores: scores(-1) },
      rare: { labels: rare, scores: scores(0.1) },
    }),
  ];
}

/** The study as one of another task: with outcomes, some of them undefined, and tokens beside them. */
function withOutcomes(one: Study): Study {
  const tokens = ["token-0", "token-1"];
  const of = (condition: Condition, name: string, id: string) => {
    const scores = one.scores(condition, name);
    // Samples that are alike in a class stay so.
    const varies = name === CLASS ? 1 : 0;
    const { binary, range } = (OUTCOMES.find((outcome) => outcome.id === id) as OutcomeDescription | undefined) ?? {};
    return scores.map((score, row) => {
      const value = Math.abs(score) + (varies * (row % 5)) / 10;
      if (tokens.includes(id)) return Math.floor(value * 2);
      if (varies === 1 && row % 29 === 0) return Number.NaN;
      if (binary === true) return Math.round(value) % 2;
      return range?.[1] === 1 ? value % 1 : value;
    });
  };
  // One of each kind: all of them would take minutes.
  const ids = [
    "dice",
    "hd95",
    "missed",
    "objects",
    "lesion-sensitivity-pooled",
    "bias",
    "reference",
    "sentence-length",
  ] as const;
  return {
    ...one,
    conditions: one.conditions.slice(0, 3),
    task: "segmentation",
    outcomes: { ids, recorded: tokens, unit: "mm", of },
  };
}

/** What the audit can be asked about. */
function studiesFor({ meta }: Audit, clustered: boolean, degenerate = false): Study[] {
  const all = studies(clustered, degenerate);
  return meta.needs.includes("outcomes") ? [withOutcomes(all[0] as Study)] : all;
}

/** The study with the class withheld at two sites; `exchanged`: a positive of the one and a negative of the other change places. */
function withheldAtTwoSites(exchanged: boolean): Study {
  const whole = study(false);
  const labels = whole.labels(CLASS);
  const at = (name: string) =>
    whole.subgroups.find((group) => group.values.site === name)?.members ?? new Uint32Array(0);
  const leaves = at("site-0").find((row) => labels[row] === 1);
  const comes = at("site-1").find((row) => labels[row] === 0);
  const withheld = { members: false, classes: new Set([CLASS]) };
  const place = (row: number) => (!exchanged ? row : row === leaves ? comes : row === comes ? leaves : row) as number;
  const embeddings = whole.embeddings as NonNullable<Study["embeddings"]>;
  // The labels are what is withheld: the two look alike, so that who is where makes no difference to their embeddings.
  for (const row of [leaves, comes]) embeddings.evaluation.fill(1, 3 * (row as number), 3 * (row as number) + 3);
  return {
    ...whole,
    embeddings,
    subgroups: whole.subgroups.map((group) =>
      group.values.site === "site-0" || group.values.site === "site-1"
        ? { ...group, withheld, members: group.members.map(place).sort() }
        : group,
    ),
  };
}

/** The same with a second class that is shown everywhere: averages over classes may not tell of the one that is not. */
function secondClassShown(one: Study, task: Study["task"]): Study {
  const labels = one.labels(CLASS);
  // Every sample of the two sites is alike in the second class, so that who is where makes no difference to it.
  const sites = one.subgroups.filter(({ withheld }) => withheld !== undefined).flatMap(({ members }) => [...members]);
  const alike = new Set(sites);
  const others = labels.map((_, row) => (alike.has(row) ? 1 : row % 2));
  const scores = Float64Array.from(labels, (_, row) => (alike.has(row) ? 0.5 : (row % 17) / 17));
  return {
    ...one,
    task,
    classes: [CLASS, "other"],
    conditions: one.conditions.slice(0, 2),
    labels: (name) => (name === CLASS ? labels : others),
    scores: (condition, name) => (name === CLASS ? one.scores(condition, CLASS) : scores),
    measures: () => null,
    subgroups: one.subgroups.map((group) =>
      group.withheld === undefined || task === "multilabel"
        ? group
        : { ...group, withheld: { members: false, classes: new Set([CLASS, "other"]) } },
    ),
  };
}

describe.each([...audits])("audit %s", (id: string, audit: Audit) => {
  const metrics = audit.meta.metrics.map((metric) => metric.id);

  test("its metadata is complete", () => {
    expect(audit.meta.id).toBe(id);
    for (const text of [audit.meta.title, audit.meta.why]) expect(text).toMatch(/\w/);
    expect(audit.meta.references.length).toBeGreaterThan(0);
    expect(new Set(metrics).size).toBe(metrics.length);
    for (const metric of audit.meta.metrics) {
      expect(metric.id).toMatch(KEBAB);
      expect(metric.title).toMatch(/\w/);
      expect(metric.unit).not.toBe("");
      expect(metric.description.length).toBeGreaterThan(80); // what it is, how it is computed, its source, its limits
    }
  });

  test.each([true, false])(
    "its findings are sound: unique ids, declared metrics, reasons (clustered: %s)",
    (clustered) => {
      const byTask = studiesFor(audit, clustered).map((one) => everything(audit, one));
      expect(byTask.flat().length).toBeGreaterThan(0);
      for (const findings of byTask) {
        expectSound(findings, metrics);
        for (const finding of findings) {
          expect(finding.id.startsWith(`${id}/${finding.metric}/`)).toBe(true);
          expect(finding.audit).toBe(id);
        }
        expect(JSON.parse(JSON.stringify(findings))).toEqual(findings); // JSON has no NaN and no Infinity
      }
    },
  );

  test("it is a pure function of the study", () => {
    const found = (index: number) => everything(audit, studiesFor(audit, true)[index] as Study);
    const index = audit.meta.needs.includes("outcomes") || found(0).length > 0 ? 0 : 1;
    expect(JSON.stringify(found(index))).toBe(JSON.stringify(found(index)));
  });

  test.each([
    ["one class", (one: Study) => one],
    ["several labels", (one: Study) => secondClassShown(one, "multilabel")],
    ["classes that exclude one another", (one: Study) => secondClassShown(one, "multiclass")],
  ])("nothing that it finds tells what is withheld of a group: %s", (_, change) => {
    const published = [false, true].map((exchanged) => {
      const changed = change(withheldAtTwoSites(exchanged));
      const one = audit.meta.needs.includes("outcomes") ? withOutcomes(changed) : changed;
      return suppressSmallCells(everything(audit, one), one, 10);
    });
    expect(published[1]).toEqual(published[0]);
    expect(published[0]?.some(({ status }) => status === "suppressed")).toBe(
      published[0]?.some(({ class: name, subgroup }) => name !== null && subgroup.site === "site-0"),
    );
  });

  test("a study with one class only ends in reasons, not in errors", () => {
    for (const one of studiesFor(audit, true, true)) expectSound(everything(audit, one), metrics);
  });
});
