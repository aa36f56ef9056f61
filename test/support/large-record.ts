import type { Finding } from "../../src/core/finding.js";
import type { AuditRecord } from "../../src/core/record.js";
import { fakeRecord } from "./fake-record.js";

/**
 * A record as large as reports must bear: 14 classes × 41 groups × 12 conditions. The audits look at one class; what they found
 * is then told of all classes, with the numbers moved a little, so that no two classes read alike.
 */
export function largeRecord(): AuditRecord {
  const record = fakeRecord({ sites: 8, conditions: 12 });
  const { findings, explorer, protocol } = record;
  const [first = ""] = protocol.model.classes;
  const classes = Array.from({ length: 14 }, (_, index) => (index === 0 ? first : `finding ${index + 1}`));
  const told = findings.findings.flatMap((one) =>
    one.class === null ? [one] : classes.map((name, index) => retold(one, first, name, index)),
  );
  const ofClasses = <T>(value: T): Record<string, T> => Object.fromEntries(classes.map((name) => [name, value]));
  return {
    ...record,
    protocol: { ...protocol, model: { ...protocol.model, classes } },
    findings: {
      ...findings,
      findings: told,
      operatingPoints: classes.flatMap((name) => findings.operatingPoints.map((point) => ({ ...point, class: name }))),
      flow: { ...findings.flow, classes: ofClasses(findings.flow.classes[first] as never) },
      groups: findings.groups.map((group) => ({ ...group, classes: ofClasses(group.classes[first] ?? null) })),
    },
    ...(explorer === undefined
      ? {}
      : {
          explorer: {
            ...explorer,
            classes: classes.flatMap((name) => explorer.classes.map((of) => ({ ...of, class: name }))),
          },
        }),
  };
}

function retold(one: Finding, first: string, name: string, index: number): Finding {
  const moved = (value: number) => (index === 0 ? value : value * (1 - index / 500));
  return {
    ...one,
    id: one.id.replace(`/${first}/`, `/${name}/`),
    class: name,
    estimate: one.estimate === null ? null : moved(one.estimate),
  };
}
