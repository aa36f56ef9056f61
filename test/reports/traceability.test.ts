import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { familiesAbout } from "../../reports/common/attributes.js";
import { EXEMPTIONS, type Exemption, FACTS, type FactId } from "../../reports/common/facts.js";
import type {
  AppliedRequirements,
  FindingMatcher,
  GateMatcher,
  Requirement,
  RequirementFile,
} from "../../reports/common/requirement-file.js";
import { STATEMENT_KEYS } from "../../reports/common/statements.js";
import { judge, traceRequirements } from "../../reports/common/traceability.js";
import { loadPlugins } from "../../src/core/plugins.js";
import type { Finding, GateResult } from "../../src/core/finding.js";
import { canonicalJson, sha256 } from "../../src/core/hash.js";
import type { AuditRecord, TracedRequirement } from "../../src/core/record.js";
import { builtInFile } from "../../src/protocol/requirements.js";
import { BUILT_IN, REQUIREMENTS_FOLDER } from "../../src/protocol/submission.js";
import { fakeRecord } from "../support/fake-record.js";
import { schemaFaults } from "../support/validator.js";

const record = fakeRecord();

/** The one row of a file with one requirement. */
function traceOne(requirement: Partial<Requirement>, of: AuditRecord = record, notApplicable = {}): TracedRequirement {
  const entry = { id: "R1", section: "1", requirement: "Something.", basis: "own", ...requirement } as Requirement;
  const file: RequirementFile = {
    id: "mine",
    title: "Mine",
    source: { issuer: "Us" },
    version: 1,
    retrieved: "2026-11-25",
    status: "final",
    requirements: [entry],
  };
  const applied: AppliedRequirements = { file, sha256: "0".repeat(64), path: "mine.yaml", notApplicable };
  const row = traceRequirements(of, [applied])[0]?.requirements[0];
  if (row === undefined) throw new Error("no row");
  return row;
}

const findings = (matcher: Partial<FindingMatcher>) =>
  traceOne({ evidencedBy: { findings: [{ what: "it", ...matcher }] } });
const gates = (matcher: GateMatcher) => traceOne({ evidencedBy: { gates: [matcher], facts: ["flow"] } }).gates;

describe("states", () => {
  const gate = (verdict: GateResult["verdict"]) => ({ id: verdict, verdict, reason: "" });
  const piece = (state: "present" | "missing" | "undecided") => ({ kind: "evidence" as const, state, detail: state });

  test.each([
    ["gates that pass", [gate("pass")], [], "met"],
    ["gates that pass, with what was asked for", [gate("pass")], [piece("present")], "met"],
    ["a gate that passes beside one that fails", [gate("pass"), gate("fail")], [], "unmet"],
    ["a gate that passes beside an open one", [gate("pass"), gate("inconclusive")], [], "inconclusive"],
    ["a failing gate beside an open one", [gate("fail"), gate("inconclusive")], [], "unmet"],
    ["gates that pass where evidence is missing", [gate("pass")], [piece("missing")], "unmet"],
    ["gates that pass where evidence has no number", [gate("pass")], [piece("undecided")], "inconclusive"],
    ["evidence that no gate tests", [], [piece("present")], "evidence-present"],
    ["evidence that is partly missing", [], [piece("present"), piece("missing")], "unmet"],
    ["evidence without a number", [], [piece("present"), piece("undecided")], "inconclusive"],
  ])("%s", (_, linked, pieces, state) => {
    expect(judge(linked, pieces).state).toBe(state);
  });

  test("nothing is met without a gate: whatever else a record holds", () => {
    for (const source of record.findings.requirements ?? [])
      for (const row of source.requirements) if (row.state === "met") expect(row.gates.length).toBeGreaterThan(0);
  });

  test("what is declared or known not to apply has a reason and no evidence", () => {
    const waived = traceOne({ gates: ["REQ-001"] }, record, { R1: "Adults only." });
    expect(waived).toMatchObject({ state: "not-applicable", reason: "The protocol says: Adults only.", gates: [] });
    const exempt = traceOne({ evidencedBy: { facts: ["flow"] }, notApplicableWhen: ["no-predecessor"] });
    expect(exempt).toMatchObject({ state: "not-applicable", evidenceSha256: null });
    expect(exempt.reason).toContain("no predecessor");
    const compared = { ...record, protocol: { ...record.protocol, comparators: [{ id: "old" }] } };
    expect(traceOne({ evidencedBy: { facts: ["flow"] }, notApplicableWhen: ["no-predecessor"] }, compared).state).toBe(
      "evidence-present",
    );
  });
});

describe("gates", () => {
  test("are linked by id, in the record's order, with their findings", () => {
    const row = traceOne({ gates: ["REQ-004", "REQ-001"] });
    expect(row).toMatchObject({ state: "met", gates: ["REQ-001", "REQ-004"], lacks: [] });
    const linked = record.findings.gates.filter(({ id }) => row.gates.includes(id));
    const behind = linked.flatMap((gate) => gate.findings);
    expect(new Set(row.findings.ids)).toEqual(new Set(behind));
  });

  test("one that the protocol lacks leaves its requirement unmet, beside any that pass", () => {
    const row = traceOne({ gates: ["REQ-001", "REQ-009"] });
    expect(row).toMatchObject({ state: "unmet", gates: ["REQ-001"], lacks: ["gate"] });
    expect(row.reason).toContain("the protocol has no gate REQ-009");
  });

  test("are found by metric, groups, attribute, condition and limit", () => {
    expect(gates({})).toEqual(["REQ-001", "REQ-002", "REQ-003", "REQ-004"]);
    expect(gates({ metric: ["auc-gap"] })).toEqual(["REQ-002", "REQ-003"]);
    expect(gates({ groups: false })).toEqual(["REQ-001", "REQ-004"]);
    expect(gates({ attribute: "sex" })).toEqual(["REQ-002"]);
    expect(gates({ attribute: "acquisition" })).toEqual(["REQ-003"]);
    expect(gates({ condition: ["clean"] })).toEqual(["REQ-001", "REQ-002", "REQ-003"]);
    expect(gates({ condition: ["attacked"] })).toEqual(["REQ-004"]);
    expect(gates({ condition: ["defended"] })).toEqual(["REQ-004"]);
    expect(gates({ condition: ["corrupted"] })).toEqual([]);
    const points = record.protocol.gates.map((gate) => ({ ...gate, bound: "estimate" }));
    const onPoints = { ...record, protocol: { ...record.protocol, gates: points } };
    expect(traceOne({ evidencedBy: { gates: [{ limit: true }], facts: ["flow"] } }, onPoints).gates).toEqual([]);
  });
});

describe("findings", () => {
  const count = (keep: (finding: Finding) => boolean) => record.findings.findings.filter(keep).length;

  test("are found by audit, metric, condition, groups, curve and operating point", () => {
    const clean = ({ condition }: Finding) => condition.attack === "none" && condition.defense === "none";
    const cases: [Partial<FindingMatcher>, (finding: Finding) => boolean][] = [
      [{ audit: ["decisions"] }, ({ audit }) => audit === "decisions"],
      [{ metric: ["auc", "ppv"] }, ({ metric }) => metric === "auc" || metric === "ppv"],
      [{ condition: ["clean"] }, clean],
      [{ condition: ["perturbed"] }, ({ condition }) => condition.attack !== "none"],
      [{ condition: ["attacked"] }, ({ condition }) => condition.attack === "wavelet-universal"],
      [{ condition: ["defended"] }, ({ condition }) => condition.defense !== "none"],
      [{ groups: true }, ({ family }) => family !== null],
      [{ attribute: "age" }, ({ family }) => family === "age"],
      [{ curve: "decision" }, ({ curve }) => curve?.kind === "decision"],
      [{ operatingPoint: true }, ({ operatingPoint }) => operatingPoint !== null],
      [{ tested: true }, ({ tests = [] }) => tests.length > 0],
    ];
    for (const [matcher, keep] of cases) {
      expect(count(keep)).toBeGreaterThan(0);
      expect([matcher, findings(matcher).findings.count]).toEqual([matcher, count(keep)]);
    }
  });

  test("none: unmet; none with a number: inconclusive; some with one: present, and how many have none is said", () => {
    expect(findings({ metric: ["no-such-metric"] })).toMatchObject({ state: "unmet", lacks: ["evidence"] });
    expect(findings({ attribute: "race" }).reason).toContain("the protocol has no such subgroups");
    const silent = {
      ...record,
      findings: {
        ...record.findings,
        findings: record.findings.findings.map((one) => ({ ...one, status: "not-estimable" as const })),
      },
    };
    const evidencedBy = { findings: [{ what: "areas", metric: ["auc"] }] };
    expect(traceOne({ evidencedBy }, silent).state).toBe("inconclusive");
    const row = findings({ metric: ["auc"], attribute: "age" });
    expect(row.state).toBe("evidence-present");
    expect(row.reason).toMatch(/of them without a number/);
  });

  test("attributes are known by the words of a subgrouping's name or column, and not by parts of words", () => {
    const subgroups = {
      a: { column: "PatientSex" },
      "image-stage": { column: "x" },
      average: { column: "usage" },
      hospital_code: { column: "h" },
      both: { cross: ["a", "average"] },
    };
    expect([...familiesAbout({ subgroups }, "sex")]).toEqual(["a"]);
    expect([...familiesAbout({ subgroups }, "severity")]).toEqual(["image-stage"]);
    expect([...familiesAbout({ subgroups }, "age")]).toEqual([]);
    expect([...familiesAbout({ subgroups }, "site")]).toEqual(["hospital_code"]);
    expect([...familiesAbout({ subgroups }, "crossed")]).toEqual(["both"]);
  });
});

describe("the hash of the evidence", () => {
  const requirement = { gates: ["REQ-002"], evidencedBy: { facts: ["flow" as const] } };
  const row = traceOne(requirement);

  test("can be computed again from findings.json", () => {
    const { findings: all, gates: verdicts, protocolSha256 } = record.findings;
    const own = <Item extends { readonly id: string }>(items: readonly Item[], ids: readonly string[]) =>
      Object.fromEntries(items.filter(({ id }) => ids.includes(id)).map((one) => [one.id, sha256(canonicalJson(one))]));
    const { state, detail } = FACTS.flow.look(record);
    const text = canonicalJson({
      protocol: protocolSha256,
      gates: own(verdicts, row.gates),
      findings: own(all, row.findings.ids ?? []),
      facts: { flow: { state, detail } },
    });
    expect(row.evidenceSha256).toBe(sha256(text));
  });

  test("changes with any linked finding, the gate, and the protocol, and with nothing else", () => {
    const cited = row.findings.ids?.[0];
    const change = (touch: (finding: Finding) => boolean) => ({
      ...record,
      findings: {
        ...record.findings,
        findings: record.findings.findings.map((one) => (touch(one) ? { ...one, n: one.n + 1 } : one)),
      },
    });
    expect(
      traceOne(
        requirement,
        change(({ id }) => id === cited),
      ).evidenceSha256,
    ).not.toBe(row.evidenceSha256);
    expect(
      traceOne(
        requirement,
        change(({ audit }) => audit === "decisions"),
      ).evidenceSha256,
    ).toBe(row.evidenceSha256);
    const other = { ...record, findings: { ...record.findings, protocolSha256: "1".repeat(64) } };
    expect(traceOne(requirement, other).evidenceSha256).not.toBe(row.evidenceSha256);
  });

  test("the same record gives the same matrix; a clock and a machine change nothing", () => {
    const elsewhere = {
      ...structuredClone(record),
      provenance: { ...record.provenance, finishedAt: "2030-01-01T00:00:00.000Z", node: "v99" },
    };
    const files = BUILT_IN.map((id) => ({ ...builtInFile(id), path: null, notApplicable: {} }));
    expect(JSON.stringify(traceRequirements(elsewhere, files))).toBe(JSON.stringify(traceRequirements(record, files)));
  });
});

describe.each([...BUILT_IN])("the built-in file %s", (id) => {
  const { file } = builtInFile(id);
  const text = readFileSync(join(REQUIREMENTS_FOLDER, `${id}.yaml`), "utf8");

  test("bears its name, validates against the published schema, and tells an editor where that is", () => {
    expect(file.id).toBe(id);
    expect(schemaFaults("requirements", parse(text))).toEqual([]);
    expect(text).toMatch(/^# yaml-language-server: \$schema=/);
  });

  test("says where each row came from, in a few words of our own", () => {
    for (const row of file.requirements) {
      expect(row.basis).not.toBe("own");
      expect(row.title).toMatch(/\w/);
      expect(row.requirement.length).toBeLessThan(160);
      expect(row.requirement).not.toMatch(/["“”]/);
      expect(row.requirement).not.toMatch(/\b(compliant|fair|safe)\b/i);
    }
    if (file.requirements.some(({ basis }) => basis !== "text")) expect(file.note).toMatch(/secondary|memory|found/);
  });

  test("names metrics, audits and statements that exist", async () => {
    const audits = await loadPlugins("audits");
    const known = new Set([...audits.values()].flatMap(({ meta }) => meta.metrics.map((metric) => metric.id)));
    for (const { evidencedBy } of file.requirements) {
      for (const { metric = [], audit = [] } of evidencedBy?.findings ?? []) {
        for (const name of audit) expect([...audits.keys()]).toContain(name);
        for (const name of metric) expect(known).toContain(name);
      }
      for (const { metric = [] } of evidencedBy?.gates ?? []) for (const name of metric) expect(known).toContain(name);
    }
  });

  // A signature is made after the report: no record can hold it.
  const satisfiable = file.requirements.filter(({ evidencedBy }) => !evidencedBy?.facts?.includes("signed"));

  test.each(satisfiable.map((row) => [row.id, row] as const))("%s can be satisfied, and can be unmet", (_, row) => {
    const full = satisfying(row);
    const good = traceOne(row, full);
    expect([row.id, good.state, good.reason]).toEqual([
      row.id,
      good.gates.length > 0 ? "met" : "evidence-present",
      good.reason,
    ]);
    expect([row.id, traceOne({ ...row, notApplicableWhen: undefined }, emptied()).state]).toEqual([row.id, "unmet"]);
  });
});

test("a signature is never found in a record: the approval block is blank when the report is made", () => {
  expect(traceOne({ evidencedBy: { facts: ["signed"] } })).toMatchObject({ state: "unmet", lacks: ["evidence"] });
});

describe("circumstances and facts", () => {
  test.each(Object.keys(EXEMPTIONS) as Exemption[])("%s holds of some records and not of others", (id) => {
    const { findings: found, protocol } = record;
    const without = {
      ...record,
      protocol: { ...protocol, comparators: [], defenses: [] },
      findings: {
        ...found,
        deviations: [],
        flow: { ...found.flow, tuning: 0, evaluation: 5, evaluationPatients: 5, rejected: [] },
      },
    };
    const rejected = [{ split: "evaluation" as const, reason: "r", count: 1 }];
    const withAll = {
      ...record,
      protocol: { ...protocol, comparators: [{ id: "a" }] },
      findings: { ...found, flow: { ...found.flow, evaluation: 6, evaluationPatients: 5, rejected } },
    };
    expect(EXEMPTIONS[id](without)).toMatch(/\w/);
    expect(EXEMPTIONS[id](withAll)).toBeNull();
  });

  test.each((Object.keys(FACTS) as FactId[]).filter((id) => id !== "signed"))(
    "%s can hold, and can be missing",
    (id) => {
      expect([id, FACTS[id].look(complete()).state]).toEqual([id, "present"]);
      expect([id, FACTS[id].look(emptied()).state]).toEqual([id, "missing"]);
    },
  );

  test("splits are independent unless patients or files are in both; unknown patients leave it open", () => {
    const look = (change: Partial<AuditRecord["findings"]>) => FACTS["splits-independent"].look(altered(change)).state;
    const { duplicates } = record.findings;
    const across = (acrossSplits: number) => ({ ...duplicates, exact: { ...duplicates.exact, acrossSplits } });
    const deviation = (id: string) => [{ id, title: id, detail: id }];
    expect(look({ deviations: [], duplicates: across(0) })).toBe("present");
    expect(look({ deviations: deviation("patient-overlap"), duplicates: across(0) })).toBe("missing");
    expect(look({ deviations: [], duplicates: across(2) })).toBe("missing");
    expect(look({ deviations: deviation("patients-unknown"), duplicates: across(0) })).toBe("undecided");
  });

  test("a protocol that was changed after scoring was not fixed before the run", () => {
    const deviations = [{ id: "protocol-changed", title: "t", detail: "d" }];
    expect(FACTS["criteria-before-run"].look(altered({ deviations })).state).toBe("missing");
    expect(FACTS["criteria-before-run"].look(altered({ deviations: [] })).state).toBe("present");
  });
});

function altered(change: Partial<AuditRecord["findings"]>): AuditRecord {
  return { ...record, findings: { ...record.findings, ...change } };
}

/** A record of nothing: no finding, gate, group, check, file, or word of the author. */
function emptied(): AuditRecord {
  const { flow, duplicates } = record.findings;
  const deviations = ["patients-unknown", "patient-overlap", "protocol-changed"].map((id) => ({
    id,
    title: id,
    detail: id,
  }));
  return {
    ...altered({
      findings: [],
      gates: [],
      operatingPoints: [],
      groups: [],
      attacks: [],
      preflight: [],
      deviations,
      flow: { ...flow, read: 0, tuning: 0, evaluation: 0 },
      duplicates: { ...duplicates, unchecked: "not compared" },
    }),
    protocol: { ...record.protocol, intendedUse: null, gates: [], subgroups: {} },
    provenance: {
      ...record.provenance,
      model: { ...record.provenance.model, files: {} },
      data: { ...record.provenance.data, files: {}, imagesSha256: null },
    },
  };
}

/** A record to which nothing is lacking of what facts look at, with every statement made. */
function complete(): AuditRecord {
  const { duplicates } = record.findings;
  const statements = Object.fromEntries(STATEMENT_KEYS.map((key) => [key, `About ${key}.`]));
  return {
    ...altered({
      deviations: [],
      duplicates: { ...duplicates, exact: { ...duplicates.exact, acrossSplits: 0 } },
      gates: record.findings.gates.map((gate) => ({ ...gate, verdict: "pass" as const })),
      groups: record.findings.groups.map((group) => ({
        ...group,
        tuning: { n: 10, patients: 10, classes: {} },
      })),
    }),
    protocol: {
      ...record.protocol,
      comparators: [{ id: "old" }],
      submission: { device: { name: "D", version: "1", manufacturer: "M" }, ...statements },
    },
  };
}

/** The complete record with findings of every kind that a requirement looks for, made of one that was measured. */
function satisfying(row: Requirement): AuditRecord {
  const base = complete();
  const model = base.findings.findings.find(
    ({ status, metric }) => status === "measured" && metric === "auc",
  ) as Finding;
  const made = (row.evidencedBy?.findings ?? []).map((matcher, index): Finding => {
    const family = matcher.attribute ?? (matcher.groups === true ? "sex" : null);
    const [kind] = matcher.condition ?? ["clean"];
    const attacked = kind === "corrupted" || kind === "perturbed" || kind === "attacked";
    return {
      ...model,
      id: `made/${index}`,
      audit: matcher.audit?.[0] ?? model.audit,
      metric: matcher.metric?.[0] ?? model.metric,
      family,
      subgroup: family === null ? {} : { [family]: "a" },
      operatingPoint: matcher.operatingPoint === true ? "screening" : null,
      condition: {
        attack: attacked ? "wavelet-universal" : "none",
        epsilon: 0,
        defense: kind === "defended" ? "jpeg" : "none",
        ...(kind === "corrupted" ? { severity: 3 } : {}),
      },
      ...(matcher.curve === undefined
        ? {}
        : { curve: { kind: matcher.curve, x: [0], y: [0], lower: [0], upper: [0], method: "m" } }),
      ...(matcher.tested === undefined ? {} : { tests: [{ method: "m", hypothesis: "h", statistic: null, p: 0.5 }] }),
    };
  });
  const attributes = (row.evidencedBy?.findings ?? []).flatMap(({ attribute }) => attribute ?? []);
  const subgroups = Object.fromEntries(attributes.map((name) => [name, { column: name }]));
  return {
    ...base,
    protocol: { ...base.protocol, subgroups: { ...base.protocol.subgroups, ...subgroups } },
    findings: {
      ...base.findings,
      findings: [...base.findings.findings, ...made],
      flow: { ...base.findings.flow, rejected: [{ split: "evaluation", reason: "r", count: 1 }] },
    },
  };
}
