import { Refusal } from './refusal.js';

/**
 * The version that a caller saw: from If-Match, or 0 from `If-None-Match: *` for what must not exist yet. Null when
 * neither header is there.
 * @throws Refusal `invalid` when the header is not an entity tag of ours.
 */
export function expectedVersion(ifMatch: string | undefined, ifNoneMatch?: string): number | null {
  if (ifMatch === undefined) return ifNoneMatch?.trim() === '*' ? 0 : null;
  const tag = /^\s*"([0-9]{1,9})"\s*$/.exec(ifMatch)?.[1];
  if (tag === undefined)
    throw new Refusal('invalid', 'If-Match is not an entity tag of ours', [
      { field: 'If-Match', message: 'send the ETag that came with the object, such as "3"' },
    ]);
  return Number(tag);
}
