import { z } from "zod";
import type { Envelope } from "../core/dsse.js";
import type { Provenance } from "../core/record.js";
import { auditSchema } from "../protocol/json-schema.js";
import { lockSchema } from "../protocol/lock.js";
import type { Manifest } from "./manifest.js";
import { PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, type Statement } from "./statement.js";

/*
 * The forms of a record's other JSON files, for the programs of others, as findings-schema.ts is that of findings.json. The
 * compiler holds each to the interface that the program writes by.
 */

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const hashes = z.record(z.string(), sha256);
const version = z.string().describe("A version of stepwedge.");
const base64 = z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/);

export const provenanceSchema: z.ZodType<Provenance> = z.strictObject({
  schemaVersion: z.literal("1.0"),
  stepwedge: version,
  node: z.string(),
  packages: z.record(z.string(), z.string()).describe("Versions of the packages that can change a number."),
  lockfileSha256: sha256
    .nullable()
    .exactOptional()
    .describe("Of the installation's lockfile; null where there is none."),
  seed: z.number(),
  command: z.array(z.string()).describe("How the run or the evaluation was called."),
  model: z.strictObject({
    adapter: z.string(),
    runtime: z.string(),
    files: z.record(z.string(), z.string()).describe("SHA-256 by name."),
    head: z
      .strictObject({
        kind: z.string(),
        parameters: z.record(z.string(), z.unknown()),
        numbers: z.record(z.string(), z.number()),
        artifactSha256: sha256,
      })
      .exactOptional()
      .describe("Where the model is a head over an encoder: what it is and was made of."),
  }),
  data: z.strictObject({
    adapter: z.string(),
    files: z.record(z.string(), z.string()).describe("SHA-256 by name."),
    imagesSha256: sha256.nullable().describe("Over id<TAB>sha256<LF> of every image, tuning first."),
    images: z.int().min(0),
  }),
  hardware: z.strictObject({
    cpu: z.string(),
    cores: z.int().min(1),
    memoryGiB: z.number().min(0),
    platform: z.string(),
  }),
  finishedAt: z.iso.datetime().describe("The one clock reading of the record."),
  lock: z
    .strictObject({ sha256, lockedAt: z.iso.datetime(), by: z.string().nullable(), stepwedge: version })
    .nullable()
    .exactOptional()
    .describe("Who locked the protocol, and when, as the lock says; null where it was not locked."),
});

export const manifestSchema: z.ZodType<Manifest> = z.strictObject({
  schemaVersion: z.literal("1.0"),
  stepwedge: version.describe("The version that wrote the manifest."),
  protocolSha256: sha256.describe("Of the protocol that scores were made under."),
  findingsProtocolSha256: sha256.describe("Of the protocol that the findings were made under."),
  files: hashes.describe("SHA-256 of every file by its name in the folder, with forward slashes, sorted."),
  sizes: z.record(z.string(), z.int().min(0)).describe("Bytes by name."),
  reports: z.record(z.string(), z.string()).describe("The version that rendered each report."),
  leftOut: z.record(z.string(), z.string()).describe("Files that are no part of the record, with the reason."),
});

export const statementSchema: z.ZodType<Statement> = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z
    .array(z.strictObject({ name: z.string(), digest: z.strictObject({ sha256 }) }))
    .min(1)
    .describe("manifest.json, then every file that it lists."),
  predicateType: z.literal(PREDICATE_TYPE),
  predicate: z.strictObject({
    schemaVersion: z.literal("1.0"),
    stepwedge: version.describe("The version that made the findings."),
    title: z.string(),
    protocolSha256: sha256.describe("Of the protocol that scores were made under."),
    findingsProtocolSha256: sha256.describe("Of the protocol that the findings were made under."),
    lockSha256: sha256.nullable().describe("Of the protocol's lock; null where it was not locked."),
    verdict: z.enum(["pass", "fail", "inconclusive"]),
    gates: z.record(z.string(), z.enum(["pass", "fail", "inconclusive"])).describe("Verdicts by the gates' ids."),
  }),
});

export const envelopeSchema: z.ZodType<Envelope> = z.strictObject({
  payloadType: z.literal(PAYLOAD_TYPE),
  payload: base64.describe("The statement as UTF-8."),
  signatures: z
    .array(
      z.strictObject({
        keyid: sha256.describe("Of the public key's SubjectPublicKeyInfo in DER."),
        sig: base64.describe("Ed25519 over the pre-authentication encoding of type and payload."),
        publicKey: base64.describe(
          "SubjectPublicKeyInfo in DER. It shows whose signature it may be, and proves nothing.",
        ),
      }),
    )
    .min(1),
});

interface Described {
  readonly id: string;
  readonly title: string;
  readonly description: string;
}

function jsonSchema(schema: z.ZodType, { id, title, description }: Described): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(schema);
  return { $schema, $id: `urn:stepwedge:${id}`, title, description, ...rest };
}

/**
 * The schema of `protocol.json` and `protocol.evaluated.json`. The canonical protocol is an audit.yaml with everything filled
 * in, but that an intended use that nobody wrote is null.
 */
async function protocolFileSchema(): Promise<Record<string, unknown>> {
  const { $schema, $id, title, description, $defs, ...audit } = (await auditSchema()) as unknown as Record<
    string,
    unknown
  > & { readonly properties: Readonly<Record<string, object>> };
  const protocol = {
    ...audit,
    properties: { ...audit.properties, intendedUse: { anyOf: [audit.properties.intendedUse, { type: "null" }] } },
  };
  const hash = { type: "string", pattern: "^[0-9a-f]{64}$" };
  return {
    $schema,
    $id: "urn:stepwedge:protocol:1.0",
    title: "Stepwedge protocol of a record",
    description: "A record's protocol.json: the canonical protocol, fixed by its SHA-256 before anything was scored.",
    type: "object",
    properties: {
      schemaVersion: { type: "string", const: "1.0" },
      sha256: { ...hash, description: "Of the protocol as canonical JSON: keys sorted, no white space." },
      protocol,
      stepwedge: { type: "string", description: "The version that scores; not in protocol.evaluated.json." },
      inputs: {
        type: "object",
        additionalProperties: { type: "string" },
        description: "SHA-256 of the files of the model and the data; not in protocol.evaluated.json.",
      },
      lock: {
        anyOf: [hash, { type: "null" }],
        description: "SHA-256 of the protocol's lock when the record was begun; null where there was none.",
      },
    },
    required: ["schemaVersion", "sha256", "protocol"],
    additionalProperties: false,
    ...($defs === undefined ? {} : { $defs }),
  };
}

/** The JSON Schemas (draft 2020-12) of a record's files but findings.json, by the names that they have under schema/. */
export async function recordSchemas(): Promise<Readonly<Record<string, Record<string, unknown>>>> {
  return {
    protocol: await protocolFileSchema(),
    provenance: jsonSchema(provenanceSchema, {
      id: "provenance:1.0",
      title: "Stepwedge provenance",
      description: "A record's provenance.json: what was run on what, and where.",
    }),
    manifest: jsonSchema(manifestSchema, {
      id: "manifest:1.0",
      title: "Stepwedge manifest",
      description: "A record's manifest.json: the SHA-256 of every file, chained to that of the protocol.",
    }),
    lock: jsonSchema(lockSchema, {
      id: "lock:1.0",
      title: "Stepwedge protocol lock",
      description: "An audit.lock.json: the protocol as it was fixed before scoring, and how often it was fixed anew.",
    }),
    statement: jsonSchema(statementSchema, {
      id: "statement:1.0",
      title: "Stepwedge record statement",
      description: `What is signed: an in-toto Statement v1 whose predicate has the type ${PREDICATE_TYPE}.`,
    }),
    signature: jsonSchema(envelopeSchema, {
      id: "signature:1.0",
      title: "Stepwedge signature",
      description: "A record's signature.dsse.json: a DSSE v1 envelope around the statement, with Ed25519 signatures.",
    }),
  };
}
