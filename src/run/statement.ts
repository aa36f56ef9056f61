import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Verdict } from "../core/finding.js";
import { sha256 } from "../core/hash.js";
import type { Findings, Provenance } from "../core/record.js";
import type { Manifest } from "./manifest.js";
import { FILES, readJson, readProtocolFile } from "./record.js";

export const PAYLOAD_TYPE = "application/vnd.in-toto+json";
export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
/** Described by schema/statement.schema.json. */
export const PREDICATE_TYPE = "urn:stepwedge:record:1.0";

/** What is signed: an in-toto Statement v1 (in-toto/attestation, spec/v1/statement.md). No clock: the same record, the same text. */
export interface Statement {
  readonly _type: typeof STATEMENT_TYPE;
  /** The manifest, then every file that it lists, so that each can be held against the signature alone. */
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: typeof PREDICATE_TYPE;
  readonly predicate: {
    readonly schemaVersion: "1.0";
    readonly stepwedge: string;
    readonly title: string;
    readonly protocolSha256: string;
    readonly findingsProtocolSha256: string;
    readonly lockSha256: string | null;
    readonly verdict: Verdict;
    readonly gates: Readonly<Record<string, Verdict>>;
  };
}

/** The statement about a finished record. @throws StepwedgeError where it is not finished */
export function statementOf(out: string): Statement {
  const manifest = readJson<Manifest>(join(out, FILES.manifest), out);
  const findings = readJson<Findings>(join(out, FILES.findings), out);
  const { protocol, sha256: protocolSha256, lock = null } = readProtocolFile(out);
  const digests = [
    [FILES.manifest, sha256(readFileSync(join(out, FILES.manifest)))],
    ...Object.entries(manifest.files),
  ];
  return {
    _type: STATEMENT_TYPE,
    subject: digests.map(([name, digest]) => ({ name: name as string, digest: { sha256: digest as string } })),
    predicateType: PREDICATE_TYPE,
    predicate: {
      schemaVersion: "1.0",
      stepwedge: readJson<Provenance>(join(out, FILES.provenance), out).stepwedge,
      title: protocol.title,
      protocolSha256,
      findingsProtocolSha256: findings.protocolSha256,
      lockSha256: lock,
      verdict: findings.verdict,
      gates: Object.fromEntries(findings.gates.map(({ id, verdict }) => [id, verdict])),
    },
  };
}

/** The bytes that are signed. */
export function statementText(statement: Statement): string {
  return JSON.stringify(statement);
}
