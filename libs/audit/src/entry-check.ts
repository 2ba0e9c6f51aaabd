import { z } from 'zod';
import { canonicalBytes } from './canonical.js';
import { type AuditBody, wrongColumn } from './entry.js';
import type { EntryRow } from './export.js';
import type { Fault } from './findings.js';
import { leafHash } from './hashing.js';

/** The body of an entry whose details were not looked at. */
type ReadBody = Omit<AuditBody, 'details'> & { details: unknown };

const isText = (value: unknown): value is string => typeof value === 'string';
const isOptionalText = (value: unknown): boolean => value === undefined || isText(value);
const isOptionalTexts = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.every(isText));
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isActor = (value: unknown): boolean =>
  isObject(value) && isText(value['name']) && isOptionalTexts(value['groups']) && isOptionalTexts(value['roles']);
const isAuditObject = (value: unknown): boolean =>
  isObject(value) && isText(value['kind']) && isOptionalText(value['namespace']) && isOptionalText(value['name']);

/** Whether `auditBodySchema` takes it, the details apart. By hand: it runs for each entry of a log, and copies nothing. */
const isBody = (value: unknown): value is ReadBody =>
  isObject(value) &&
  value['v'] === 1 &&
  isText(value['id']) &&
  isText(value['occurredAt']) &&
  isText(value['action']) &&
  (value['requestId'] === null || isText(value['requestId'])) &&
  isActor(value['actor']) &&
  isAuditObject(value['object']) &&
  'details' in value;

export interface EntryVerdict {
  /** The hash that the stored bytes really have. */
  leaf: Buffer;
  fault: { fault: Fault; message: string } | null;
  body: ReadBody | null;
}

function readBody(bytes: Buffer): { value: unknown; body: ReadBody | null } {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return { value, body: isBody(value) ? value : null };
  } catch {
    return { value: undefined, body: null };
  }
}

/** Whether other bytes with the same meaning were hashed. */
function isReencoded(value: unknown, expected: Buffer): boolean {
  const json = z.json().safeParse(value);
  return json.success && leafHash(canonicalBytes(json.data)).equals(expected);
}

const columnNames = ['entry id', 'time', 'actor', 'action', 'kind', 'namespace', 'name', 'request id'];

/** Checks one row against its own hash, the hash that was sealed (null: not sealed yet) and its search columns. */
export function checkEntry(entry: EntryRow, sealed: Buffer | null): EntryVerdict {
  const leaf = leafHash(entry.body);
  const expected = sealed ?? entry.leaf;
  const { value, body } = readBody(entry.body);
  const verdict = (fault: Fault, message: string): EntryVerdict => ({ leaf, body, fault: { fault, message } });
  if (!leaf.equals(expected)) {
    if (isReencoded(value, expected))
      return verdict(
        'body-reencoded',
        'the bytes were written again with the same meaning; the log holds the original bytes',
      );
    return leaf.equals(entry.leaf)
      ? verdict('leaf-rewritten', 'the body and its stored hash were both changed after sealing')
      : verdict('body-edited', 'the body does not have the hash that was recorded for it');
  }
  if (!leaf.equals(entry.leaf)) return verdict('column-altered', 'the stored leaf hash was changed, the body was not');
  if (!body) return verdict('entry-malformed', 'the body is not an audit entry: the service did not write it');
  const wrong = wrongColumn(body, entry.columns);
  if (wrong >= 0)
    return verdict('column-altered', `the column for ${columnNames[wrong] ?? ''} does not say what the body says`);
  return { leaf, body, fault: null };
}
