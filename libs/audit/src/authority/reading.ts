import type { z } from 'zod';

/** The members that a value must have, by schema. */
const requiredOf = new WeakMap<z.ZodObject, readonly string[]>();

function required(schema: z.ZodObject): readonly string[] {
  const known = requiredOf.get(schema);
  if (known) return known;
  const members = Object.entries(schema.shape)
    .filter(([, member]) => !(member as z.ZodType).safeParse(undefined).success)
    .map(([name]) => name);
  requiredOf.set(schema, members);
  return members;
}

/**
 * The details of an entry as this schema has them, undefined for others. A missing member is seen before the schema
 * runs: to say what is wrong with details takes it several times as long as to read them.
 */
export function read<Schema extends z.ZodObject>(schema: Schema, details: unknown): z.infer<Schema> | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  for (const member of required(schema)) if (!(member in details)) return undefined;
  return schema.safeParse(details).data;
}
