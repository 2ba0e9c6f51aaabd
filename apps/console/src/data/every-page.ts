import type { PageOf } from './types.js';

/** The items of all pages of a list, in its order. @param load one page: the first one without a cursor */
export async function everyPage<Item>(load: (cursor: string | undefined) => Promise<PageOf<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const page: PageOf<Item> = await load(cursor ?? undefined);
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}
