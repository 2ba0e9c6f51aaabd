import { createHash } from 'node:crypto';

/** Anything that JSON can carry; `undefined` members are left out, as `JSON.stringify` does. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined };

/**
 * The bytes of a value in the JSON Canonicalization Scheme (RFC 8785): one value, one byte string.
 * Lone surrogates, which the scheme forbids, become U+FFFD: what a user typed must never stop an entry.
 * @throws Error for NaN, infinities and cycles.
 */
export function canonicalBytes(value: JsonValue): Buffer {
  return Buffer.from(textOf(value), 'utf8');
}

/** Hex SHA-256 of the canonical form of a value, as `JSON.stringify` would carry it. */
export const hashOf = (value: unknown): string =>
  createHash('sha256')
    .update(canonicalBytes(JSON.parse(JSON.stringify(value)) as JsonValue))
    .digest('hex');

/** The scheme writes texts and numbers as ECMAScript does, members in the order of their UTF-16 code units. */
function textOf(value: JsonValue): string {
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed());
  if (typeof value === 'number') return numberText(value);
  if (value === null || typeof value !== 'object') return String(value);
  return isList(value) ? `[${value.map(textOf).join(',')}]` : membersText(value);
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`${value} has no canonical form`);
  return String(value);
}

function membersText(value: Readonly<Record<string, JsonValue | undefined>>): string {
  const keys = Object.keys(value);
  if (!keys.every((key) => key.isWellFormed()))
    return membersText(Object.fromEntries(keys.map((key) => [key.toWellFormed(), value[key]])));
  let text = '';
  for (const key of keys.sort()) {
    const member = value[key];
    if (member !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${textOf(member)}`;
  }
  return `{${text}}`;
}

/** `Array.isArray` does not narrow a readonly array. */
const isList = (value: object): value is readonly JsonValue[] => Array.isArray(value);
