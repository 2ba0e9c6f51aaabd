import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { likePatterns, type Scope } from '../access/scope.js';
import { appendAudit } from '../audit/append.js';
import { Refusal, requireVersion } from '../database/refusal.js';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import type { CallContext } from '../migrations/store.js';
import { newestVersion } from './store.js';

const MAX_DAYS = 90;
const DAY_MS = 24 * 60 * 60 * 1000;

export const exceptionInputSchema = z.object({
  policy: z.string().min(1).max(63),
  target: z.object({
    namespace: z.string().min(1).max(63),
    kind: z.enum(['Deployment', 'StatefulSet', 'DaemonSet']),
    name: z.string().min(1).max(253),
  }),
  reason: z.string().min(10).max(2048),
  expiresAt: z.iso.datetime({ offset: true }).describe(`At most ${MAX_DAYS} days from now.`),
});
export type ExceptionInput = z.infer<typeof exceptionInputSchema>;

const exceptionRow = z.object({
  id: z.string(),
  policy: z.string(),
  namespace: z.string(),
  kind: z.enum(['Deployment', 'StatefulSet', 'DaemonSet']),
  name: z.string(),
  reason: z.string(),
  requested_by: z.string(),
  requested_at: z.date(),
  expires_at: z.date(),
  approved_by: z.string().nullable(),
  approved_at: z.date().nullable(),
  revoked_by: z.string().nullable(),
  revoked_at: z.date().nullable(),
  row_version: z.int(),
});
type ExceptionRow = z.infer<typeof exceptionRow>;
const COLUMNS =
  'id, policy, namespace, kind, name, reason, requested_by, requested_at, expires_at, approved_by, approved_at, revoked_by, revoked_at, row_version';

export interface PolicyException {
  id: string;
  policy: string;
  target: ExceptionInput['target'];
  reason: string;
  state: 'requested' | 'active' | 'revoked' | 'expired';
  requestedBy: string;
  requestedAt: string;
  approvedBy: string | null;
  expiresAt: string;
  rowVersion: number;
}

function stateOf(row: ExceptionRow, now: Date): PolicyException['state'] {
  if (row.revoked_at) return 'revoked';
  if (row.expires_at <= now) return 'expired';
  return row.approved_at ? 'active' : 'requested';
}

const toException = (row: ExceptionRow, now: Date): PolicyException => ({
  id: row.id,
  policy: row.policy,
  target: { namespace: row.namespace, kind: row.kind, name: row.name },
  reason: row.reason,
  state: stateOf(row, now),
  requestedBy: row.requested_by,
  requestedAt: row.requested_at.toISOString(),
  approvedBy: row.approved_by,
  expiresAt: row.expires_at.toISOString(),
  rowVersion: row.row_version,
});

const objectOf = ({ namespace, name }: { namespace: string; name: string }) => ({
  kind: 'PolicyException',
  namespace,
  name,
});

/** Asks for an exception; it lifts nothing until a second person agrees. */
export async function requestException(
  tx: EntityManager,
  input: ExceptionInput,
  { actor, requestId, now }: CallContext,
): Promise<PolicyException> {
  const expiresAt = new Date(input.expiresAt);
  if (expiresAt <= now || expiresAt.getTime() > now.getTime() + MAX_DAYS * DAY_MS)
    throw new Refusal('invalid', 'the expiry is not acceptable', [
      { field: 'expiresAt', message: `lies in the future, at most ${MAX_DAYS} days from now` },
    ]);
  if (!(await newestVersion(tx, input.policy))) throw new Refusal('notFound', `no policy ${input.policy}`);
  const { namespace, kind, name } = input.target;
  const row = await rowOf(
    tx,
    exceptionRow,
    `insert into policy_exception (policy, namespace, kind, name, reason, requested_by, requested_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) returning ${COLUMNS}`,
    [input.policy, namespace, kind, name, input.reason, actor.name, now, expiresAt],
  );
  if (!row) throw new Error('an exception was stored without a row');
  await appendAudit(tx, {
    actor,
    action: 'exception.requested',
    object: objectOf(row),
    requestId,
    details: { id: row.id, ...input },
  });
  return toException(row, now);
}

async function locked(tx: EntityManager, id: string): Promise<ExceptionRow> {
  const row = await rowOf(tx, exceptionRow, `select ${COLUMNS} from policy_exception where id = $1 for update`, [id]);
  if (!row) throw new Refusal('notFound', `no exception ${id}`);
  return row;
}

/** The second person agrees. @throws Refusal `forbidden` for the person who asked. */
export async function approveException(
  tx: EntityManager,
  id: string,
  expected: number | null,
  { actor, requestId, now }: CallContext,
): Promise<PolicyException> {
  const row = await locked(tx, id);
  requireVersion(expected, row.row_version, `the exception ${id}`);
  if (row.requested_by === actor.name) throw new Refusal('forbidden', 'a second person has to agree to an exception');
  if (stateOf(row, now) !== 'requested') throw new Refusal('conflict', `the exception is ${stateOf(row, now)}`);
  await tx.query(
    'update policy_exception set approved_by = $2, approved_at = $3, row_version = row_version + 1 where id = $1',
    [id, actor.name, now],
  );
  await appendAudit(tx, {
    actor,
    action: 'exception.approved',
    object: objectOf(row),
    requestId,
    details: { id, policy: row.policy, requestedBy: row.requested_by, expiresAt: row.expires_at.toISOString() },
  });
  return toException(await locked(tx, id), now);
}

/** Ends an exception at once; running migrations that need it are refused their next step. */
export async function revokeException(
  tx: EntityManager,
  id: string,
  expected: number | null,
  { actor, requestId, now }: CallContext,
): Promise<PolicyException> {
  const row = await locked(tx, id);
  requireVersion(expected, row.row_version, `the exception ${id}`);
  if (row.revoked_at) throw new Refusal('conflict', 'the exception is revoked already');
  await tx.query(
    'update policy_exception set revoked_by = $2, revoked_at = $3, row_version = row_version + 1 where id = $1',
    [id, actor.name, now],
  );
  await appendAudit(tx, {
    actor,
    action: 'exception.revoked',
    object: objectOf(row),
    requestId,
    details: { id, policy: row.policy },
  });
  return toException(await locked(tx, id), now);
}

/** The newest exceptions for targets in scope, at most 500. */
export async function listExceptions(db: Queryable, scope: Scope, now: Date): Promise<PolicyException[]> {
  const rows = await rowsOf(
    db,
    exceptionRow,
    `select ${COLUMNS} from policy_exception where $1::text[] is null or namespace like any($1) order by id desc limit 500`,
    [likePatterns(scope)],
  );
  return rows.map((row) => toException(row, now));
}

/** Writes to the audit log which exceptions have expired since it was last looked. */
export async function recordExpiredExceptions(tx: EntityManager, now: Date): Promise<number> {
  const rows = await rowsOf(
    tx,
    exceptionRow,
    `update policy_exception set expired_at = $1 where id in (
       select id from policy_exception where expires_at <= $1 and expired_at is null and revoked_at is null
       order by id limit 100 for update skip locked) returning ${COLUMNS}`,
    [now],
  );
  for (const row of rows)
    await appendAudit(tx, {
      actor: { name: 'system:governance' },
      action: 'exception.expired',
      object: objectOf(row),
      requestId: null,
      details: { id: row.id, policy: row.policy },
    });
  return rows.length;
}
