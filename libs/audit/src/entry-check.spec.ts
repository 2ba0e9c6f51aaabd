import { z } from 'zod';
import { type AuditBody, auditBodySchema, columnsOf } from './entry.js';
import { checkEntry } from './entry-check.js';
import { leafHash } from './hashing.js';

const body: AuditBody = {
  v: 1,
  id: '01K0000000000000000000000A',
  occurredAt: '2026-11-01T10:00:00.000Z',
  actor: { name: 'carla@example.org', groups: ['platform'], roles: ['approver'] },
  action: 'approval.granted',
  object: { kind: 'SCCMigrationPlan', namespace: 'shop', name: 'ledger' },
  requestId: null,
  details: { request: '7' },
};

/** What details are is for the rules to say. */
const bodySchema = auditBodySchema.extend({ details: z.unknown() });

/** Values that stand where a part of an entry should be. */
const STRANGERS: readonly unknown[] = [undefined, null, 1, 2, true, '', 'text', [], [1], ['text'], {}, { name: 1 }];

/** A body with one part, or one part of a part, replaced or left out. */
const mutants = Object.keys(body).flatMap((member) => {
  const part: unknown = body[member as keyof AuditBody];
  const inner = typeof part === 'object' && part !== null ? Object.keys(part) : [];
  return STRANGERS.flatMap((stranger) => [
    { ...body, [member]: stranger },
    ...inner.map((name) => ({ ...body, [member]: { ...(part as object), [name]: stranger } })),
  ]);
});

/** As it is stored by a hand that knows how to hash. */
const stored = (value: unknown): Parameters<typeof checkEntry>[0] => {
  const bytes = Buffer.from(JSON.stringify(value), 'utf8');
  const parsed = bodySchema.safeParse(JSON.parse(JSON.stringify(value)));
  return {
    row: 1,
    leaf: leafHash(bytes),
    body: bytes,
    columns: columnsOf({ ...(parsed.data ?? body), details: null }),
  };
};
const faultOf = (value: unknown): string | null => checkEntry(stored(value), null).fault?.fault ?? null;

describe('an entry of the log', () => {
  it('is well formed exactly if its schema takes it', () => {
    expect(mutants.length).toBeGreaterThan(150);
    for (const mutant of [body, 'text', null, [], ...mutants]) {
      const isTaken = bodySchema.safeParse(JSON.parse(JSON.stringify(mutant))).success;
      expect({ mutant, isWhole: faultOf(mutant) === null }).toEqual({ mutant, isWhole: isTaken });
    }
  });
});
