import { describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { canonicalBytes, type JsonValue } from './canonical.js';

const textOf = (value: JsonValue): string => canonicalBytes(value).toString('utf8');

describe('canonical JSON', () => {
  it('is what another implementation of RFC 8785 writes', () => {
    const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'binary' }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 5 }),
        fc.dictionary(fc.oneof(fc.string({ unit: 'binary' }), fc.nat().map(String)), tie('value'), { maxKeys: 6 }),
      ),
    }));
    fc.assert(
      fc.property(value, (json) => expect(textOf(json)).toBe(canonicalize(json))),
      cases(1_000),
    );
  });

  it.each<[string, JsonValue, string]>([
    ['numbers as ECMAScript', [1e21, 1e-7, -0, 333333333.3333333, 4.5], '[1e+21,1e-7,0,333333333.3333333,4.5]'],
    ['keys by code unit', { '😀': 1, '\uFB33': 2, 9: 3, 10: 4, é: 5 }, '{"10":4,"9":3,"é":5,"😀":1,"\uFB33":2}'],
    ['control characters', '\b\t\n\f\r\u0007"\\/\u007f', '"\\b\\t\\n\\f\\r\\u0007\\"\\\\/\u007f"'],
    ['no undefined member', { a: undefined, b: null }, '{"b":null}'],
    ['lone surrogates as U+FFFD', { 'k\uD800': '\uDC00', 'k\uD801': 1 }, '{"k\uFFFD":1}'],
    ['a member named __proto__', JSON.parse('{"__proto__":{"a":1}}') as JsonValue, '{"__proto__":{"a":1}}'],
  ])('writes %s', (_what, value, expected) => expect(textOf(value)).toBe(expected));

  it.each([NaN, Infinity, -Infinity])('refuses %d', (value) =>
    expect(() => canonicalBytes([value])).toThrow(/no canonical form/),
  );
});
