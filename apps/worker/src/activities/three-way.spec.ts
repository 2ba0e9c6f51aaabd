import fc from 'fast-check';
import { revert } from './three-way.js';

describe('revert', () => {
  it.each<[string, Parameters<typeof revert>[0], unknown, string[]]>([
    ['takes a changed field back', { before: { a: 1 }, ours: { a: 2 }, current: { a: 2 } }, { a: 1 }, []],
    ['takes an added field away', { before: {}, ours: { a: 2 }, current: { a: 2 } }, {}, []],
    ['puts a removed field back', { before: { a: 1, b: 1 }, ours: { b: 1 }, current: { b: 1 } }, { a: 1, b: 1 }, []],
    [
      'keeps what another client added',
      { before: { a: 1 }, ours: { a: 2 }, current: { a: 2, b: 3 } },
      { a: 1, b: 3 },
      [],
    ],
    [
      'keeps what another client changed of ours, and says so',
      { before: { a: 1 }, ours: { a: 2 }, current: { a: 3 } },
      { a: 3 },
      ['a'],
    ],
    ['takes away what is named as inherited', { before: {}, ours: { valueOf: 1 }, current: { valueOf: 1 } }, {}, []],
    ['keeps what we never changed', { before: { a: 1 }, ours: { a: 1 }, current: { a: 9 } }, { a: 9 }, []],
    [
      'goes through lists by name',
      {
        before: { env: [{ name: 'x', value: 1 }] },
        ours: { env: [{ name: 'x', value: 2 }] },
        current: { env: [{ name: 'y' }, { name: 'x', value: 2 }] },
      },
      { env: [{ name: 'x', value: 1 }, { name: 'y' }] },
      [],
    ],
    [
      'treats other lists as one value',
      { before: { a: [1] }, ours: { a: [2] }, current: { a: [2, 3] } },
      { a: [2, 3] },
      ['a'],
    ],
  ])('%s', (_case, values, value, conflicts) => {
    expect(revert(values)).toEqual({ value, conflicts });
  });

  const json = fc.jsonValue({ maxDepth: 3 });
  it('gives back what was there before when no other client wrote', () => {
    fc.assert(
      fc.property(json, json, (before, ours) => {
        expect(revert({ before, ours, current: ours })).toEqual({ value: before, conflicts: [] });
      }),
    );
  });

  it('touches nothing when we changed nothing', () => {
    fc.assert(
      fc.property(json, json, (before, current) => {
        expect(revert({ before, ours: before, current })).toEqual({
          value: before === current ? before : current,
          conflicts: [],
        });
      }),
    );
  });
});
