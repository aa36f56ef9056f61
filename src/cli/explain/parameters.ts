/** A key that a plug-in's block of the protocol may have. */
export interface Parameter {
  /** Nested keys with dots: `input.width`. */
  readonly name: string;
  /** What may stand there, in words: "a number of at least 1", "haar | db2". */
  readonly type: string;
  readonly required: boolean;
  /** The value where the protocol is silent; undefined where there is none. */
  readonly default: unknown;
  readonly description: string;
}

/** The parts of JSON Schema that zod writes for protocols. */
interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  /** Blocks that one of their keys tells apart. */
  readonly oneOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly default?: unknown;
  readonly description?: string;
}

/**
 * The keys of an object schema, in its order; those of nested objects follow with their path.
 * @param leaveOut keys that name the plug-in itself, such as `id`
 */
export function parametersOfSchema(schema: unknown, leaveOut: readonly string[] = []): Parameter[] {
  const { properties = {}, required = [] } = schema as JsonSchema;
  return Object.entries(properties)
    .filter(([name]) => !leaveOut.includes(name))
    .flatMap(([name, member]) => {
      if (member.properties !== undefined) {
        return parametersOfSchema(member).map((inner) => ({ ...inner, name: `${name}.${inner.name}` }));
      }
      const isRequired = required.includes(name) && member.default === undefined;
      return [
        {
          name,
          type: typeWords(member),
          required: isRequired,
          default: member.default,
          description: descriptionOf(member),
        },
      ];
    });
}

/** A schema's own words; of alternatives, those of the first that has some. */
function descriptionOf(schema: JsonSchema): string {
  return schema.description ?? schema.anyOf?.map(descriptionOf).find((text) => text !== "") ?? "";
}

function typeWords(schema: JsonSchema): string {
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum !== undefined) return choices(schema.enum);
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeWords))].join(", or ");
  if (schema.oneOf !== undefined) return blockWords(schema.oneOf);
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeWords({ type })).join(" or ");
  if (schema.prefixItems !== undefined) return `[${schema.prefixItems.map(typeWords).join(", ")}]`;
  switch (schema.type) {
    case "array":
      return `a list of ${typeWords(schema.items ?? {})}`;
    case "object":
      return schema.properties === undefined
        ? `a mapping of names to ${typeWords(typeof schema.additionalProperties === "object" ? schema.additionalProperties : {})}`
        : `{ ${Object.keys(schema.properties).join(", ")} }`;
    case "string":
      return "text";
    case "boolean":
      return "true | false";
    case "integer":
      return `a whole number${rangeWords(schema)}`;
    case "number":
      return `a number${rangeWords(schema)}`;
    default:
      return "anything";
  }
}

/** Blocks told apart by a constant: `{ kind: knn | linear-probe, … }`. */
function blockWords(blocks: readonly JsonSchema[]): string {
  const [first] = blocks;
  const key = Object.keys(first?.properties ?? {}).find((name) => first?.properties?.[name]?.const !== undefined) ?? "";
  return `{ ${key}: ${blocks.map((block) => String(block.properties?.[key]?.const)).join(" | ")}, … }`;
}

function rangeWords({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const bounds = [
    ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? [] : [`at least ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`]),
    ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? [] : [`at most ${maximum}`]),
    ...(exclusiveMaximum === undefined ? [] : [`below ${exclusiveMaximum}`]),
  ];
  return bounds.length === 0 ? "" : ` (${bounds.join(", ")})`;
}

/** More words than this are told by their number and a few of them. */
const MOST_CHOICES = 24;

function choices(words: readonly unknown[]): string {
  if (words.length <= MOST_CHOICES) return words.join(" | ");
  const shown = 8;
  return `one of ${words.length}: ${words.slice(0, shown).join(" | ")} | … | ${String(words.at(-1))}`;
}
