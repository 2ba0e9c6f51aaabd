import { z } from 'zod';
import { Refusal } from '../refusal/refusal.js';

const MAX_PAGE = 500;

/** Query parameters of every list. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
  cursor: z.string().max(2048).optional().describe('From `nextCursor` of the page before.'),
};

export interface ListPage<Item> {
  items: Item[];
  /** Null on the last page. */
  nextCursor: string | null;
}

const encode = (position: unknown): string => Buffer.from(JSON.stringify(position)).toString('base64url');

/**
 * Reads the position that a cursor holds. Cursors need no signature: they only ever become parameters of a query, and
 * the caller's permission is checked on every page.
 * @throws Refusal `invalid`
 */
export function positionOf<Position extends z.ZodType>(
  schema: Position,
  cursor: string | undefined,
): z.output<Position> | null {
  if (cursor === undefined) return null;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw new Refusal('invalid', 'the cursor is not one of this list', [
      { field: 'cursor', message: 'take it from nextCursor of the page before, or leave it out' },
    ]);
  }
}

/** One page from a query that was asked for one item more than the page holds. */
export function pageOf<Item>(found: Item[], limit: number, positionAt: (item: Item) => unknown): ListPage<Item> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: found.length > limit && last !== undefined ? encode(positionAt(last)) : null };
}
