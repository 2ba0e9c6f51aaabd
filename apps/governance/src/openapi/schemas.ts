import { z } from 'zod';

export type JsonSchema = Record<string, unknown>;
type Direction = 'input' | 'output';

/**
 * JSON schemas of a document by name, made from the zod schemas that validate. Definitions within a schema become
 * schemas of the document, because an OpenAPI reference begins at its root.
 */
export class SchemaRegistry {
  readonly schemas: Record<string, JsonSchema> = {};

  /** Adds a schema under a name and answers a reference to it. */
  named(name: string, schema: z.ZodType, direction: Direction): JsonSchema {
    this.schemas[name] ??= this.convert(name, schema, direction);
    return { $ref: `#/components/schemas/${name}` };
  }

  /** The schema itself, for parameters. */
  inline(name: string, schema: z.ZodType, direction: Direction): JsonSchema {
    return this.convert(name, schema, direction);
  }

  private convert(name: string, schema: z.ZodType, direction: Direction): JsonSchema {
    const {
      $schema: _version,
      $defs,
      ...converted
    } = z.toJSONSchema(schema, {
      io: direction,
      unrepresentable: 'any',
      override: ({ jsonSchema }) => {
        const { prefixItems } = jsonSchema;
        // Many tools do not know tuples yet; those whose items are alike are arrays of a fixed length.
        if (prefixItems && new Set(prefixItems.map((item) => JSON.stringify(item))).size === 1) {
          jsonSchema.items = prefixItems[0] ?? {};
          delete jsonSchema.prefixItems;
        }
        // The format says it; the patterns are as long as a page.
        if (jsonSchema.format === 'date-time' || jsonSchema.format === 'base64') delete jsonSchema.pattern;
        // Objects that are answered may grow: clients must not fail on fields they do not know.
        if (direction === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      },
    });
    const rename = (reference: string): string =>
      reference === '#'
        ? `#/components/schemas/${name}`
        : reference.replace(/^#\/\$defs\/(.+)$/, `#/components/schemas/${name}_$1`);
    for (const [key, definition] of Object.entries($defs ?? {}))
      this.schemas[`${name}_${key}`] = withReferences(definition, rename) as JsonSchema;
    return withReferences(converted, rename) as JsonSchema;
  }
}

function withReferences(value: unknown, rename: (reference: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => withReferences(item, rename));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === '$ref' && typeof item === 'string' ? rename(item) : withReferences(item, rename),
    ]),
  );
}
