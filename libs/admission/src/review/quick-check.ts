import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';

/**
 * A yes or no to whether JSON fits a schema, in a single function without a copy: a tenth of what `safeParse` takes.
 * A no is to be put into words by `safeParse`.
 *
 * @param schema one that JSON Schema can express, and that changes no value
 * @throws Error when it cannot
 */
export function compileCheck<T>(schema: z.ZodType<T, T>): (value: unknown) => value is T {
  const ajv = new Ajv2020({ strict: false, messages: false });
  return ajv.compile<T>(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'throw' }));
}
