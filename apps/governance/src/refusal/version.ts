import { Refusal } from './refusal.js';

/**
 * The version that a caller saw: from If-Match, or 0 from `If-None-Match: *` for what must not exist yet. Null when
 * neither header is there.
 * @throws Refusal `invalid` when a header is not what was agreed, or both are there.
 */
export function expectedVersion(ifMatch: string | undefined, ifNoneMatch?: string): number | null {
  if (ifNoneMatch !== undefined && (ifNoneMatch.trim() !== '*' || ifMatch !== undefined))
    throw new Refusal('invalid', 'If-None-Match is * and stands alone', [
      { field: 'If-None-Match', message: 'send * for what must not exist yet, or If-Match for what you saw' },
    ]);
  if (ifMatch === undefined) return ifNoneMatch === undefined ? null : 0;
  const tag = /^\s*"([0-9]{1,9})"\s*$/.exec(ifMatch)?.[1];
  if (tag === undefined)
    throw new Refusal('invalid', 'If-Match is not an entity tag of ours', [
      { field: 'If-Match', message: 'send the ETag that came with the object, such as "3"' },
    ]);
  return Number(tag);
}

/**
 * Compares the version that a caller saw with the one that is there.
 * @param expected the version from If-Match, null when the header is absent.
 * @throws Refusal `conditionMissing` or `stale`.
 */
export function requireVersion(expected: number | null, actual: number, what: string): void {
  if (expected === null)
    throw new Refusal('conditionMissing', `changing ${what} needs If-Match with the version you saw`);
  if (expected !== actual) throw new Refusal('stale', `${what} has version ${actual}, you saw ${expected}`);
}
