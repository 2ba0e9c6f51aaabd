import type { z } from 'zod';

/** A ValueTransformer of TypeORM that changes only what is read. */
interface Reading {
  to: (value: unknown) => unknown;
  from: (stored: unknown) => unknown;
}

/** For a JSON column: what is read is parsed, so that content which the code does not expect is an error. */
export const parsed = (schema: z.ZodType): Reading => ({
  to: (value) => value,
  from: (stored) => (stored === null ? null : schema.parse(stored)),
});

/** For a bigint column whose numbers are counted with: as a number. Other bigints are ids and stay texts. */
export const safeInteger: Reading = {
  to: (value) => value,
  from: (stored) => (stored === null ? null : integerOf(stored)),
};

function integerOf(value: unknown): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${String(value)} is not an integer that a number can hold`);
  return number;
}

/** For a key that the database counts up. */
export const IDENTITY = { type: 'bigint', generatedIdentity: 'ALWAYS' } as const;
/** The same for a key that is counted with. */
export const COUNTED_IDENTITY = { ...IDENTITY, transformer: safeInteger };
/** For a point in time that is now unless another one is given. */
export const BY_DEFAULT_NOW = { default: () => 'now()' };
