import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StepwedgeError } from "../../src/core/errors.js";
import { loadProtocol } from "../../src/protocol/load.js";

/** A protocol that is right; each case below breaks it in one place. */
const GOOD = `version: 1
title: T
model:
  adapter: onnx
  path: m.onnx
  classes: [a]
data:
  adapter: table
  path: t.csv
  image: path
  labels: { a: a }
subgroups:
  sex: { column: sex }
  age: { column: age, bins: [0, 40, 120] }
  both: { cross: [sex, age] }
attacks:
  - id: random-sign
    epsilon: 4/255
operatingPoints:
  - { id: op, sensitivity: 0.9 }
gates:
  - id: G1
    metric: auc
    bound: lower
    atLeast: 0.8
`;

const folder = mkdtempSync(join(tmpdir(), "stepwedge-protocol-"));
const file = join(folder, "audit.yaml");
afterAll(() => rmSync(folder, { recursive: true }));

function load(text: string, overrides: readonly string[] = []) {
  writeFileSync(file, text);
  return loadProtocol(file, overrides);
}

/** GOOD with one piece replaced. */
function broken(from: string, to: string): string {
  if (!GOOD.includes(from)) throw new Error(`the good protocol has no ${JSON.stringify(from)}`);
  return GOOD.replace(from, to);
}

async function faultOf(text: string, overrides: readonly string[] = []): Promise<StepwedgeError> {
  const fault: unknown = await load(text, overrides).catch((error: unknown) => error);
  if (fault instanceof StepwedgeError) return fault;
  throw new Error(`expected a StepwedgeError, got ${String(fault)}`);
}

test("a right protocol is completed with every default", async () => {
  const { protocol, baseFolder, name } = await load(GOOD);
  expect(protocol.seed).toBe(1);
  expect(protocol.confidence).toBe(0.95);
  expect(protocol.data.id).toBe("id");
  expect(protocol.data.split).toEqual({ tuning: 0.3 });
  expect(protocol.attacks[0]).toEqual({ id: "random-sign", epsilon: [4 / 255], norm: "linf" });
  expect(protocol.gates[0]?.title).toBe("G1");
  expect(protocol.intendedUse).toBeNull();
  expect(protocol.audits).toContainEqual({
    id: "discrimination",
    partialAuc: { specificity: [0.9, 1] },
    proportions: "wilson",
  });
  expect([baseFolder, name]).toEqual([folder, file]);
});

test("the fingerprint is of the meaning, not of the writing", async () => {
  const plain = await load(GOOD);
  const otherWriting = broken("title: T", '# a comment\n"title": "T"\nseed: 1').replace("4/255", `[${4 / 255}]`);
  expect((await load(otherWriting)).sha256).toBe(plain.sha256);
  expect((await load(broken("4/255", "5/255"))).sha256).not.toBe(plain.sha256);
});

// Each row: what is broken, the text, the line and field, the message, the remedy.
const FAULTS: readonly (readonly [string, string, string, RegExp, RegExp])[] = [
  [
    "unknown key at the top",
    `${GOOD}operatingPoint: []\n`,
    "line 26, operatingPoint",
    /unknown key "operatingPoint"/,
    /Did you mean "operatingPoints"/,
  ],
  [
    "unknown key of the model",
    broken("path: m.onnx", "path: m.onnx\n  activaton: none"),
    "line 6, model.activaton",
    /unknown key/,
    /"activation"/,
  ],
  [
    "unknown key of the model's input",
    broken("path: m.onnx", "path: m.onnx\n  input: { widht: 3 }"),
    "line 6, model.input.widht",
    /unknown key/,
    /"width"/,
  ],
  [
    "unknown key of the data",
    broken("image: path", "image: path\n  patients: p"),
    "line 11, data.patients",
    /unknown key/,
    /"patient"/,
  ],
  [
    "unknown key of a label",
    broken("{ a: a }", "{ a: { column: a, postive: x } }"),
    "line 11, data.labels.a.postive",
    /unknown key/,
    /"positive"/,
  ],
  [
    "unknown key of the split",
    broken("image: path", "image: path\n  split: { column: s, tunning: v }"),
    "line 11, data.split.tunning",
    /unknown key/,
    /"tuning"/,
  ],
  [
    "unknown key of a subgroup",
    broken("column: sex", "column: sex, bin: [1, 2]"),
    "line 13, subgroups.sex.bin",
    /unknown key/,
    /"bins"/,
  ],
  [
    "unknown key of an attack",
    broken("epsilon: 4/255", "epsilon: 4/255\n    epsilons: 3"),
    "line 19, attacks[0].epsilons",
    /unknown key/,
    /"epsilon"/,
  ],
  [
    "unknown key of an operating point",
    broken("sensitivity", "sensitvity"),
    "line 20, operatingPoints[0].sensitvity",
    /unknown key/,
    /"sensitivity"/,
  ],
  [
    "unknown key of a gate",
    broken("bound: lower", "bound: lower\n    atleast: 3"),
    "line 25, gates[0].atleast",
    /unknown key/,
    /"atLeast"/,
  ],
  [
    "unknown key of a gate's condition",
    broken("bound: lower", "bound: lower\n    condition: { atack: x }"),
    "line 25, gates[0].condition.atack",
    /unknown key/,
    /"attack"/,
  ],
  [
    "unknown key of privacy",
    `${GOOD}privacy: { minimumcell: 3 }\n`,
    "line 26, privacy.minimumcell",
    /unknown key/,
    /"minimumCell"/,
  ],
  ["a key called __proto__", `${GOOD}__proto__: { x: 1 }\n`, "line 26, __proto__", /unknown key/, /Known here/],
  ["another version", broken("version: 1", "version: 2"), "line 1, version", /must be 1; received 2/, /Write 1/],
  [
    "a quoted version",
    broken("version: 1", 'version: "1"'),
    "line 1, version",
    /must be 1; received "1"/,
    /without quotes/,
  ],
  ["no title", broken("title: T\n", ""), "line 1, title", /is missing/, /Add "title": text/],
  [
    "a title that is a number",
    broken("title: T", "title: 3"),
    "line 2, title",
    /must be text; received 3/,
    /in quotes/,
  ],
  ["no model", GOOD.replace(/model:[\s\S]*?data:/, "data:"), "line 1, model", /is missing/, /Add "model": a mapping/],
  ["an empty model", GOOD.replace(/model:[\s\S]*?data:/, "model:\ndata:"), "line 3, model", /is empty/, /Fill it in/],
  ["no adapter", broken("  adapter: onnx\n", ""), "line 3, model.adapter", /is missing/, /onnx/],
  [
    "an unknown adapter",
    broken("adapter: onnx", "adapter: onxx"),
    "line 4, model.adapter",
    /unknown model adapter "onxx"/,
    /Did you mean "onnx"/,
  ],
  [
    "an unknown data source",
    broken("adapter: table", "adapter: tabel"),
    "line 8, data.adapter",
    /unknown data source "tabel"/,
    /"table"/,
  ],
  ["no labels", broken("  labels: { a: a }\n", ""), "line 7, data.labels", /is missing/, /a mapping/],
  [
    "labels as a list",
    broken("{ a: a }", "[a]"),
    "line 11, data.labels",
    /must be a mapping; received \["a"\]/,
    /key: value/,
  ],
  [
    "a label that is a number",
    broken("{ a: a }", "{ a: 3 }"),
    "line 11, data.labels.a",
    /must be text or a mapping; received 3/,
    /text/,
  ],
  ["no image column", broken("  image: path\n", ""), "line 7, data.image", /is missing/, /image: <column>/],
  ["a class without labels", broken("[a]", "[a, b]"), "line 6, model.classes[1]", /"b" has no labels/, /data.labels/],
  ["a class that appears twice", broken("[a]", "[a, a]"), "line 6, model.classes[1]", /"a" appears twice/, /once/],
  [
    "a label of no class",
    broken("{ a: a }", "{ a: a, c: c }"),
    "line 11, data.labels.c",
    /unknown class "c"/,
    /Known: a/,
  ],
  [
    "one split for both",
    broken("image: path", "image: path\n  split: { column: s, tuning: x, evaluation: x }"),
    "line 11, data.split.evaluation",
    /both the tuning and the evaluation/,
    /another/,
  ],
  [
    "an unknown attack",
    broken("random-sign", "random-sing"),
    "line 17, attacks[0].id",
    /unknown attack "random-sing"/,
    /Did you mean "random-sign"/,
  ],
  [
    "an attack as a word",
    broken("- id: random-sign\n    epsilon: 4/255", "- random-sign"),
    "line 17, attacks[0]",
    /must be a mapping; received "random-sign"/,
    /- id: random-sign/,
  ],
  [
    "attacks as a mapping",
    broken("- id: random-sign\n    epsilon: 4/255", "random-sign: { epsilon: 4/255 }"),
    "line 16, attacks",
    /must be a list; received/,
    /- /,
  ],
  [
    "ε = 0",
    broken("4/255", "0"),
    "line 18, attacks[0].epsilon",
    /greater than 0; received 0/,
    /fraction of the display window/,
  ],
  ["ε = 2", broken("4/255", "2"), "line 18, attacks[0].epsilon", /at most 1.*received 2/, /4\/255/],
  ["ε = 4/0", broken("4/255", "4/0"), "line 18, attacks[0].epsilon", /finite.*received "4\/0"/, /4\/255/],
  ["ε = -1", broken("4/255", "-1"), "line 18, attacks[0].epsilon", /greater than 0; received -1/, /4\/255/],
  ["ε among others = 0", broken("4/255", "[1/255, 0]"), "line 18, attacks[0].epsilon[1]", /received 0/, /4\/255/],
  [
    "ε that is a word",
    broken("4/255", "big"),
    "line 18, attacks[0].epsilon",
    /quotient such as "4\/255"; received "big"/,
    /./,
  ],
  ["ε that is infinite", broken("4/255", ".inf"), "line 18, attacks[0].epsilon", /received Infinity/, /number/],
  ["no ε in the list", broken("4/255", "[]"), "line 18, attacks[0].epsilon", /at least 1 entry; received \[\]/, /list/],
  [
    "no strength",
    broken("    epsilon: 4/255\n", ""),
    "line 17, attacks[0]",
    /"random-sign" has no strength/,
    /Add epsilon/,
  ],
  [
    "an unknown norm",
    broken("epsilon: 4/255", "epsilon: 4/255\n    norm: l1"),
    "line 19, attacks[0].norm",
    /must be linf or l2; received "l1"/,
    /./,
  ],
  [
    "severity 7",
    broken("id: random-sign\n    epsilon: 4/255", "id: gaussian-noise\n    severity: [1, 7]"),
    "line 18, attacks[0].severity[1]",
    /at most 5; received 7/,
    /./,
  ],
  [
    "an unknown defense",
    `${GOOD}defenses: [{ id: jpg }]\n`,
    "line 26, defenses[0].id",
    /unknown defense "jpg"/,
    /"jpeg"/,
  ],
  [
    "both limits",
    broken("atLeast: 0.8", "atLeast: 0.8\n    atMost: 1"),
    "line 22, gates[0]",
    /exactly one of atLeast, atMost and noWorseThan; received/,
    /atLeast \| atMost/,
  ],
  [
    "no limit",
    broken("    atLeast: 0.8\n", ""),
    "line 22, gates[0]",
    /exactly one of atLeast, atMost and noWorseThan/,
    /atLeast \| atMost/,
  ],
  ["no bound", broken("    bound: lower\n", ""), "line 22, gates[0].bound", /is missing/, /lower, upper or estimate/],
  [
    "an unknown metric",
    broken("metric: auc", "metric: aucc"),
    "line 23, gates[0].metric",
    /unknown metric "aucc"/,
    /Did you mean "auc"/,
  ],
  [
    "a prevalence of an unknown class",
    broken("operatingPoints:\n", "audits:\n  - { id: decisions, prevalence: { z: 0.02 } }\noperatingPoints:\n"),
    "line 20, audits[0].prevalence.z",
    /unknown class "z"/,
    /Known: a/,
  ],
  [
    "a gate on an unknown class",
    broken("metric: auc", "metric: auc\n    class: z"),
    "line 24, gates[0].class",
    /unknown class "z"/,
    /Known: a/,
  ],
  [
    "a gate on an unknown operating point",
    broken("metric: auc", "metric: auc\n    operatingPoint: zz"),
    "line 24, gates[0].operatingPoint",
    /unknown operating point/,
    /Known: op/,
  ],
  [
    "a gate on an attack that is none",
    broken("metric: auc", "metric: auc\n    condition: { attack: random-sing }"),
    "line 24, gates[0].condition.attack",
    /unknown attack/,
    /"random-sign"/,
  ],
  [
    "a gate that appears twice",
    `${GOOD}  - { id: G1, metric: auc, bound: lower, atLeast: 0.8 }\n`,
    "line 26, gates[1]",
    /"G1" appears twice/,
    /id of its own/,
  ],
  [
    "two rules for a point",
    broken("sensitivity: 0.9", "sensitivity: 0.9, specificity: 0.9"),
    "line 20, operatingPoints[0]",
    /exactly one of sensitivity, specificity, threshold, .* and netBenefit/,
    /threshold/,
  ],
  [
    "a percentage",
    broken("0.9", "90"),
    "line 20, operatingPoints[0].sensitivity",
    /less than 1; received 90/,
    /write 0.9 for 90 %/,
  ],
  [
    "bins that descend",
    broken("[0, 40, 120]", "[0, 40, 20]"),
    "line 14, subgroups.age.bins",
    /ascend; received \[0,40,20\]/,
    /lowest to the highest/,
  ],
  [
    "one bin edge",
    broken("[0, 40, 120]", "[0]"),
    "line 14, subgroups.age.bins",
    /at least 2 entries; received \[0\]/,
    /list/,
  ],
  [
    "a bin edge that is text",
    broken("[0, 40, 120]", "[0, x]"),
    "line 14, subgroups.age.bins[1]",
    /must be a number; received "x"/,
    /number/,
  ],
  [
    "an unknown subgrouping",
    broken("[sex, age]", "[sex, ages]"),
    "line 15, subgroups.both.cross[1]",
    /unknown subgrouping "ages"/,
    /"age"/,
  ],
  [
    "a crossing of crossings",
    broken("[sex, age]", "[sex, both]"),
    "line 15, subgroups.both.cross[1]",
    /itself crossed/,
    /plain/,
  ],
  [
    "a crossing with itself",
    broken("[sex, age]", "[sex, sex]"),
    "line 15, subgroups.both.cross[1]",
    /"sex" appears twice/,
    /once/,
  ],
  [
    "a name with a space",
    broken("sex: {", "'se x': {"),
    "line 13, subgroups.se x",
    /name must consist of.*received "se x"/,
    /another name/,
  ],
  [
    "a group that must appear but is null",
    broken("column: sex", "column: sex, values: [~]"),
    "line 13, subgroups.sex.values[0]",
    /is empty/,
    /./,
  ],
  ["an unknown report", `${GOOD}reports: [htlm]\n`, "line 26, reports[0]", /received "htlm"/, /"html"/],
  [
    "a fraction of a seed",
    broken("title: T", "title: T\nseed: 1.5"),
    "line 3, seed",
    /whole number; received 1.5/,
    /whole number/,
  ],
  [
    "a scores model under attack",
    broken("adapter: onnx\n  path: m.onnx", "adapter: scores\n  columns: { a: s }"),
    "line 4, model.adapter",
    /no images to attack/,
    /Remove attacks/,
  ],
  ["text", "hello\n", "line 1", /mapping of keys; received "hello"/, /init/],
  ["nothing", "", "line 1", /mapping of keys; received null/, /init/],
  ["a key that stands twice", `${GOOD}title: again\n`, "line 26, column 1", /not valid YAML.*unique/, /Remove one/],
  ["YAML that is none", "version: 1\n title: [\n", "line 1, column 10", /not valid YAML/, /indentation/],
  ["a tab", "model:\n\tadapter: onnx\n", "line 2, column 1", /Tabs/, /spaces/],
  ["two documents", `${GOOD}---\nversion: 1\n`, "line 26, column 1", /multiple documents/, /one protocol per file/],
  [
    "a programming language's tag",
    broken("title: T", "title: !!js/function 'x'"),
    "line 2, column 8",
    /Unresolved tag/,
    /Remove the tag/,
  ],
  ["a mapping as a key", `${GOOD}? [a]\n: x\n`, "line 26", /key must be a word/, /key: value/],
  ["an alias to nothing", broken("title: T", "title: *nope"), "line 2", /Unresolved alias/, /without anchors/],
  ["anchors that multiply", bomb(), "line 2", /Excessive alias count/, /without anchors/],
  ["brackets without end", "[".repeat(100_000), "line 1", /not valid YAML/, /./],
];

function bomb(): string {
  const levels = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (const [previous, name] of ["ab", "bc", "cd", "de"]) {
    levels.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${previous}`).join(", ")}]`);
  }
  return `${levels.join("\n")}\n`;
}

describe("a fault is told with its place, what was received and the remedy", () => {
  test.each(FAULTS)("%s", async (_, text, place, message, remedy) => {
    const fault = await faultOf(text);
    expect(fault.exitCode).toBe(2);
    expect(fault.where?.startsWith(`${file}, ${place}`)).toBe(true);
    expect(fault.message).toMatch(message);
    expect(fault.remedy).toMatch(remedy);
    expect(fault.format()).not.toMatch(/Invalid input|undefined|\[object|\bat .*:\d+:\d+/);
  });

  test("a file that is not there", async () => {
    const fault = await loadProtocol(join(folder, "none.yaml")).catch((error: unknown) => error);
    expect(fault).toMatchObject({ exitCode: 2, where: join(folder, "none.yaml") });
  });
});

test("numbers in the table's cells need no quotes", async () => {
  const { protocol } = await load(broken("{ a: a }", "{ a: { column: dx, positive: 1, negative: [0, 2] } }"));
  expect(protocol.data.labels.a).toEqual({ column: "dx", positive: ["1"], negative: ["0", "2"] });
});

test("the phantoms need no image column, the table does", async () => {
  const phantoms = GOOD.replace(/ {2}adapter: table[\s\S]*?labels/, "  adapter: phantom\n  labels");
  expect((await load(phantoms)).protocol.data.image).toBeUndefined();
});

describe("--set", () => {
  test("replaces values, leads into lists, and makes missing mappings", async () => {
    const overrides = ["data.path=other.csv", "attacks.0.epsilon=[1/255, 2/255]", "privacy.minimumCell=0"];
    const { protocol } = await load(GOOD, overrides);
    expect(protocol.data.path).toBe("other.csv");
    expect(protocol.attacks[0]?.epsilon).toEqual([1 / 255, 2 / 255]);
    expect(protocol.privacy.minimumCell).toBe(0);
  });

  test("a fault in what was set is placed at the option", async () => {
    const fault = await faultOf(GOOD, ["model.activation=sigmod"]);
    expect(fault.where).toBe("--set model.activation=sigmod, model.activation");
    expect(fault.remedy).toMatch(/"sigmoid"/);
  });

  test.each([["no equals sign"], ["=3"], ["a..b=3"], ["title.x=3"], ["attacks.7.epsilon=1"], ["title=["]])(
    "refuses %s",
    async (text) => {
      expect(await faultOf(GOOD, [text])).toMatchObject({ exitCode: 2, where: "--set" });
    },
  );

  test("cannot reach a prototype", async () => {
    const fault = await faultOf(GOOD, ["__proto__.polluted=1"]);
    expect(fault.message).toMatch(/unknown key "__proto__"/);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe("ε in native units", () => {
  const withUnit = (epsilon: string, unit: string) =>
    broken("epsilon: 4/255", `epsilon: ${epsilon}\n    unit: ${unit}`);

  test("stored values and Hounsfield units become fractions of the window, with one hash for one meaning", async () => {
    const stored = await load(withUnit("[4, 8]", "stored").replace("  image: path", "  image: path\n  bits: 12"));
    expect(stored.protocol.attacks[0]?.epsilon).toEqual([4 / 4095, 8 / 4095]);
    expect(stored.protocol.attacks[0]).not.toHaveProperty("unit");
    const hu = await load(
      withUnit("20", "hu").replace("  path: m.onnx", "  path: m.onnx\n  input: { range: [-1000, 600] }"),
    );
    expect(hu.protocol.attacks[0]?.epsilon).toEqual([20 / 1600]);
    const eight = (text: string) => load(text.replace("  image: path", "  image: path\n  bits: 8"));
    expect((await eight(withUnit("4", "stored"))).sha256).toBe((await eight(GOOD)).sha256);
  });

  test.each([
    ["4", "stored", "data.bits"],
    ["4", "hu", "model.input.range"],
  ])("%s %s without the window's size is refused", async (epsilon, unit, remedy) => {
    const fault = await faultOf(withUnit(epsilon, unit));
    expect(fault.format()).toContain("attacks[0].unit");
    expect(fault.format()).toContain(remedy);
  });

  test("an ε beyond the window is refused in its own unit", async () => {
    const fault = await faultOf(withUnit("5000", "stored").replace("  image: path", "  image: path\n  bits: 12"));
    expect(fault.format()).toContain("display window of 4095; received 5000");
  });
});
