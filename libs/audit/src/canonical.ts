import canonicalize from 'canonicalize';

/** Anything that JSON can carry; `undefined` members are left out, as `JSON.stringify` does. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined };

/**
 * The bytes of a value in the JSON Canonicalization Scheme (RFC 8785): one value, one byte string.
 * Lone surrogates, which the scheme forbids, become U+FFFD: what a user typed must never stop an entry.
 * @throws Error for NaN, infinities and cycles.
 */
export function canonicalBytes(value: JsonValue): Buffer {
  const text = canonicalize(wellFormed(value));
  if (text === undefined) throw new Error('undefined has no canonical form');
  return Buffer.from(text, 'utf8');
}

function wellFormed(value: JsonValue): JsonValue {
  if (typeof value === 'string') return value.toWellFormed();
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map(wellFormed);
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) =>
      member === undefined ? [] : [[key.toWellFormed(), wellFormed(member)]],
    ),
  );
}

/** `Array.isArray` does not narrow a readonly array. */
const isList = (value: object): value is readonly JsonValue[] => Array.isArray(value);
