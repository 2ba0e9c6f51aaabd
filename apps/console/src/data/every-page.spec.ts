import { expect, it } from '@jest/globals';
import { everyPage } from './every-page.js';

it('has what comes after the first page of a list as well, in its order', async () => {
  const all = Array.from({ length: 7 }, (_, number) => number);
  const load = (cursor = '0') => {
    const from = Number(cursor);
    return Promise.resolve({ items: all.slice(from, from + 3), nextCursor: from + 3 < 7 ? String(from + 3) : null });
  };
  await expect(everyPage(load)).resolves.toEqual(all);
});
