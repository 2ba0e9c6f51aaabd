import { type ArgumentMetadata, StandardSchemaValidationPipe } from '@nestjs/common';
import { z } from 'zod';

interface Issue {
  field: string;
  /** Into the body; absent for other parts of the request. */
  pointer?: string;
  message: string;
}

/** A part of the request is not what its schema says. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput';
  constructor(
    message: string,
    readonly issues: Issue[],
  ) {
    super(message);
  }
}

interface StandardIssue {
  message: string;
  path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined;
}

const MAX_ISSUES = 50;

/** `spec.steps[0].weight` */
const fieldOf = (keys: PropertyKey[]): string =>
  keys.map((key, at) => (typeof key === 'number' ? `[${key}]` : `${at === 0 ? '' : '.'}${String(key)}`)).join('');

/** RFC 6901 */
const pointerOf = (keys: PropertyKey[]): string =>
  keys.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

export function invalidInput(issues: readonly StandardIssue[]): InvalidInput {
  return new InvalidInput(
    'The request does not fit its schema',
    issues.slice(0, MAX_ISSUES).map(({ message, path = [] }) => {
      const keys = path.map((segment) => (typeof segment === 'object' ? segment.key : segment));
      return { field: fieldOf(keys), pointer: pointerOf(keys), message };
    }),
  );
}

/** Parses every parameter that names a schema; what a handler gets is the schema's output. */
class ValidationPipe extends StandardSchemaValidationPipe {
  constructor() {
    super({ exceptionFactory: invalidInput });
  }

  override async transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    const { type, schema, data } = metadata;
    if (type === 'query' && schema instanceof z.ZodObject) {
      requireKnown(value, schema);
      requireNumbers(value, schema);
    }
    if (type === 'param' && isCoerced(schema) && !isNumber(value)) throw notNumbers([data ?? '']);
    try {
      return await super.transform(value, metadata);
    } catch (error) {
      throw error instanceof InvalidInput && type !== 'body' ? outsideBody(error, metadata.data) : error;
    }
  }
}

/** A parameter has a name and no pointer. */
const outsideBody = ({ message, issues }: InvalidInput, name: string | undefined): InvalidInput =>
  new InvalidInput(
    message,
    issues.map(({ field, message: why }) => ({ field: [name, field].filter(Boolean).join('.'), message: why })),
  );

/** A filter that is misspelt must not answer everything. */
function requireKnown(query: unknown, schema: z.ZodObject): void {
  const unknown = Object.keys(query ?? {}).filter((name) => !Object.hasOwn(schema.shape, name));
  if (unknown.length > 0) throw unknownParameters(unknown);
}

export const unknownParameters = (names: readonly string[]): InvalidInput =>
  new InvalidInput(
    'The request does not fit its schema',
    names.slice(0, MAX_ISSUES).map((field) => ({ field, message: 'there is no such parameter' })),
  );

const NUMBER = /^-?\d{1,16}$/;

/** Coercion alone would take an empty text for 0, and more spellings than the document promises. */
function requireNumbers(query: unknown, schema: z.ZodObject): void {
  const misspelt = Object.entries(query ?? {}).filter(
    ([name, value]) => isCoerced(schema.shape[name]) && !isNumber(value),
  );
  if (misspelt.length > 0) throw notNumbers(misspelt.map(([name]) => name));
}

/** A value that is not a text is left to the schema. */
const isNumber = (value: unknown): boolean => typeof value !== 'string' || NUMBER.test(value);

const notNumbers = (fields: string[]): InvalidInput =>
  new InvalidInput(
    'The request does not fit its schema',
    fields.map((field) => ({ field, message: 'is a whole number in decimal digits' })),
  );

function isCoerced(schema: unknown): boolean {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return isCoerced(schema.unwrap());
  return schema instanceof z.ZodNumber && schema.def.coerce === true;
}

export const validationPipe = (): ValidationPipe => new ValidationPipe();
