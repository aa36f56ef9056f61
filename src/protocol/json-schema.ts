import { z } from "zod";
import { protocolSchema } from "./schema.js";

/** A part of a JSON Schema, as far as our programs look into it. */
export interface SchemaPart {
  readonly const?: unknown;
  readonly oneOf?: readonly SchemaPart[];
  readonly anyOf?: readonly SchemaPart[];
  readonly items?: SchemaPart;
  readonly properties?: Readonly<Record<string, SchemaPart>>;
}

/** The JSON Schema of audit.yaml (draft 2020-12), for editors and other programs: what may be written, with every default. */
export async function auditSchema(): Promise<
  SchemaPart & { readonly properties: Readonly<Record<string, SchemaPart>> }
> {
  const { $schema, ...schema } = z.toJSONSchema(await protocolSchema(), { io: "input" });
  return {
    $schema,
    $id: "urn:stepwedge:audit:1",
    title: "Stepwedge audit protocol",
    description: "An audit.yaml: what is audited, on what data, under which conditions, against which criteria.",
    ...schema,
  } as unknown as SchemaPart & { readonly properties: Readonly<Record<string, SchemaPart>> };
}
