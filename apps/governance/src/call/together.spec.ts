import { describe, expect, it } from '@jest/globals';
import { Together } from './together.js';

/** Looks that end when they are told to. */
function looks() {
  const begun: PromiseWithResolvers<number>[] = [];
  const look = (): Promise<number> => {
    const own = Promise.withResolvers<number>();
    begun.push(own);
    return own.promise;
  };
  return { begun, look };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('questions that come together', () => {
  it('get the answer of a look that began after each was asked', async () => {
    const [together, { begun, look }] = [new Together<number>(), looks()];
    const first = together.ask('a', look);
    const during = [together.ask('a', look), together.ask('a', look)];
    expect(begun).toHaveLength(1);
    begun[0]?.resolve(1);
    expect(await first).toBe(1);
    await settled();
    const after = together.ask('a', look);
    expect(begun).toHaveLength(2);
    begun[1]?.resolve(2);
    expect(await Promise.all(during)).toEqual([2, 2]);
    await settled();
    expect(begun).toHaveLength(3);
    begun[2]?.resolve(3);
    expect(await after).toBe(3);
    await settled();
    expect(together.size).toBe(0);
  });

  it('share nothing with others', async () => {
    const [together, { begun, look }] = [new Together<number>(), looks()];
    const both = [together.ask('a', look), together.ask('b', look)];
    begun.forEach(({ resolve }, at) => resolve(at));
    expect(await Promise.all(both)).toEqual([0, 1]);
  });

  it('are looked for again after a look that failed, and those of one look fail together', async () => {
    const [together, { begun, look }] = [new Together<number>(), looks()];
    const first = together.ask('a', look);
    const during = Promise.allSettled([together.ask('a', look), together.ask('a', look)]);
    begun[0]?.reject(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    await settled();
    begun[1]?.reject(new Error('still gone'));
    expect(await during).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    await settled();
    expect(together.size).toBe(0);
    const again = together.ask('a', look);
    begun[2]?.resolve(3);
    expect(await again).toBe(3);
  });
});
