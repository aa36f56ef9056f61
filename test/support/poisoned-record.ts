import type { AuditRecord } from "../../src/core/record.js";
import { fakeRecord } from "./fake-record.js";

/** A record with a word in the place of every name: groups, classes, operating points, files, gates, reasons, parameters. */
export function poisonedRecord(word: string): AuditRecord {
  const small = fakeRecord({ attacked: false });
  const text = JSON.stringify({ ...small, perturbations: {} })
    .replaceAll('"AP"', JSON.stringify(word))
    .replaceAll('"view"', JSON.stringify(`view ${word}`))
    .replaceAll('"pneumonia"', JSON.stringify(`class ${word}`))
    .replaceAll('"screening"', JSON.stringify(`point ${word}`))
    .replaceAll('"manifest.csv"', JSON.stringify(word))
    .replaceAll(
      /"(title|reason|detail|intendedUse|rule|cpu|runtime)":"[^"]*"/g,
      (_, key) => `"${key}":${JSON.stringify(word)}`,
    );
  return JSON.parse(text);
}
