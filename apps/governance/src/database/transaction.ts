import { type DataSource, type EntityManager, QueryFailedError } from 'typeorm';
import { oncePerKey } from './once.js';
import { Refusal } from '../refusal/refusal.js';

/**
 * Runs the work in one transaction: all of its writes, its audit entries among them, or none. A request that its caller
 * sends again with the same key runs it once.
 * @throws Refusal `invalid` when the database cannot hold a value, such as a number out of range or a NUL in a text.
 */
export async function inTransaction<T>(source: DataSource, work: (tx: EntityManager) => Promise<T>): Promise<T> {
  try {
    return await source.transaction((tx) => oncePerKey(tx, work));
  } catch (error) {
    throw refusalOf(error) ?? ownError(error);
  }
}

/** TypeORM wraps what a statement fails with; what is no answer of the database is our own reason. */
const ownError = (error: unknown): unknown =>
  error instanceof QueryFailedError && !('code' in error.driverError) ? error.driverError : error;

/** SQLSTATE class 22: data exceptions. */
const DATA_EXCEPTION = '22';

/** A value that the database cannot hold, such as a NUL in a text, is the caller's mistake; null for other errors. */
export function refusalOf(error: unknown): Refusal | null {
  if (!(error instanceof QueryFailedError)) return null;
  const { code, message } = error.driverError as { code?: string; message: string };
  return code?.startsWith(DATA_EXCEPTION) ? new Refusal('invalid', `a value cannot be stored: ${message}`) : null;
}
