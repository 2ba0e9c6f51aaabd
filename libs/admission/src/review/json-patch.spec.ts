import { describe, expect, it } from '@jest/globals';
import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { applyPatch } from 'rfc6902';
import { patchBetween } from './json-patch.js';

/** Any JSON value, without the one name that the library which applies the patches drops. */
const anyValue = fc.jsonValue({ maxDepth: 4 }).filter((value) => !JSON.stringify(value).includes('"__proto__"'));

describe('patchBetween', () => {
  it.each<[string, unknown, unknown, unknown[]]>([
    ['nothing for the same', { a: [1] }, { a: [1] }, []],
    ['a new field', { a: 1 }, { a: 1, b: 2 }, [{ op: 'add', path: '/b', value: 2 }]],
    ['a field that is gone', { a: 1, b: 2 }, { a: 1 }, [{ op: 'remove', path: '/b' }]],
    ['a field that is gone, named as an inherited one', { toString: 'x' }, {}, [{ op: 'remove', path: '/toString' }]],
    ['a new field, named as an inherited one', {}, { constructor: 1 }, [{ op: 'add', path: '/constructor', value: 1 }]],
    ['a key with a slash', {}, { 'openshift.io/scc': 'x' }, [{ op: 'add', path: '/openshift.io~1scc', value: 'x' }]],
    [
      'a field of an item',
      { c: [{ n: 1, u: 1 }] },
      { c: [{ n: 1, u: 2 }] },
      [{ op: 'replace', path: '/c/0/u', value: 2 }],
    ],
    ['an item more', { drop: ['KILL'] }, { drop: ['ALL', 'KILL'] }, [{ op: 'add', path: '/drop/0', value: 'ALL' }]],
    ['null instead of an object', { s: null }, { s: {} }, [{ op: 'replace', path: '/s', value: {} }]],
  ])('names %s', (_case, before, after, expected) => {
    expect(patchBetween(before, after)).toEqual(expected);
  });

  it('leads from any value to any other', () => {
    fc.assert(
      fc.property(anyValue, anyValue, (before, after) => {
        const document = { value: structuredClone(before) };
        const failures = applyPatch(document, patchBetween({ value: before }, { value: after }));
        expect(failures.filter((failure) => failure !== null)).toEqual([]);
        expect(JSON.stringify(sorted(document))).toBe(JSON.stringify(sorted({ value: after })));
      }),
      cases(2000, 20261126),
    );
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .map(([key, inner]) => [key, sorted(inner)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
