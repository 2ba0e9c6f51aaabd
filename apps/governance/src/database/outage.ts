import {
  QueryFailedError,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
  TransactionNotStartedError,
} from 'typeorm';

/** SQLSTATE: connection lost (08), resources (53), shutdown or cancelled (57), lock not given (55P03), try again (40). */
const AWAY = /^(08|53|57|55P03|40)/;
const NETWORK = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);
/** node-postgres has no codes for these. */
const MESSAGES =
  /connection terminated|timeout exceeded when trying to connect|client was closed|not queryable|driver not connected|connection is not established/i;
/** What TypeORM says within a transaction whose connection broke between two statements. */
const BROKEN = [QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError, TransactionNotStartedError];

/** Whether a query failed because the database is away or overloaded, so that the same may work soon. */
export function isDatabaseAway(error: unknown): boolean {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (typeof cause !== 'object' || cause === null) return false;
  if (BROKEN.some((kind) => cause instanceof kind)) return true;
  // Each address of a host has an error of its own.
  if ('errors' in cause && Array.isArray(cause.errors)) return cause.errors.some(isDatabaseAway);
  const code = 'code' in cause ? String(cause.code) : '';
  const message = 'message' in cause ? String(cause.message) : '';
  return AWAY.test(code) || NETWORK.has(code) || MESSAGES.test(message);
}
