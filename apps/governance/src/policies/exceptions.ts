import { WORKLOAD_KINDS } from '@scc/plan';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import type { Scope } from '../call/scope.js';
import { type Database, rowsOf } from '../database/rows.js';
import { inScope } from '../paging/filters.js';
import { Refusal } from '../refusal/refusal.js';
import { requireVersion } from '../refusal/version.js';
import { PolicyExceptionEntity } from './policy-exception.entity.js';
import { newestVersion } from './store.js';

const MAX_DAYS = 90;
const DAY_MS = 24 * 60 * 60 * 1000;

export const exceptionInputSchema = z.object({
  policy: z.string().min(1).max(63),
  target: z.object({
    namespace: z.string().min(1).max(63),
    kind: z.enum(WORKLOAD_KINDS),
    name: z.string().min(1).max(253),
  }),
  reason: z.string().min(10).max(2048),
  expiresAt: z.iso.datetime({ offset: true }).describe(`At most ${MAX_DAYS} days from now.`),
});
export type ExceptionInput = z.infer<typeof exceptionInputSchema>;

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

function stateOf(row: PolicyExceptionEntity, now: Date): PolicyException['state'] {
  if (row.revokedAt) return 'revoked';
  if (row.expiresAt <= now) return 'expired';
  return row.approvedAt ? 'active' : 'requested';
}

const toException = (row: PolicyExceptionEntity, now: Date): PolicyException => ({
  id: row.id,
  policy: row.policy,
  target: { namespace: row.namespace, kind: row.kind, name: row.name },
  reason: row.reason,
  state: stateOf(row, now),
  requestedBy: row.requestedBy,
  requestedAt: row.requestedAt.toISOString(),
  approvedBy: row.approvedBy,
  expiresAt: row.expiresAt.toISOString(),
  rowVersion: row.rowVersion,
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
  const { policy, reason } = input;
  const exceptions = tx.getRepository(PolicyExceptionEntity);
  const by = { requestedBy: actor.name, requestedAt: now };
  const asked = exceptions.create({ policy, namespace, kind, name, reason, expiresAt, ...by });
  await exceptions.insert(asked);
  await appendAudit(tx, {
    actor,
    action: 'exception.requested',
    object: objectOf(asked),
    requestId,
    details: { id: asked.id, ...input, at: now.toISOString() },
  });
  return toException(await locked(tx, asked.id), now);
}

async function locked(tx: EntityManager, id: string): Promise<PolicyExceptionEntity> {
  const row = await tx
    .getRepository(PolicyExceptionEntity)
    .findOne({ where: { id }, lock: { mode: 'pessimistic_write' } });
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
  requireVersion(expected, row.rowVersion, `the exception ${id}`);
  if (row.requestedBy === actor.name) throw new Refusal('forbidden', 'a second person has to agree to an exception');
  if (stateOf(row, now) !== 'requested') throw new Refusal('conflict', `the exception is ${stateOf(row, now)}`);
  await tx.getRepository(PolicyExceptionEntity).update({ id }, { approvedBy: actor.name, approvedAt: now });
  await appendAudit(tx, {
    actor,
    action: 'exception.approved',
    object: objectOf(row),
    requestId,
    details: {
      ...{ id, policy: row.policy, requestedBy: row.requestedBy },
      ...{ expiresAt: row.expiresAt.toISOString(), at: now.toISOString() },
    },
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
  requireVersion(expected, row.rowVersion, `the exception ${id}`);
  if (row.revokedAt) throw new Refusal('conflict', 'the exception is revoked already');
  await tx.getRepository(PolicyExceptionEntity).update({ id }, { revokedBy: actor.name, revokedAt: now });
  await appendAudit(tx, {
    actor,
    action: 'exception.revoked',
    object: objectOf(row),
    requestId,
    details: { id, policy: row.policy, at: now.toISOString() },
  });
  return toException(await locked(tx, id), now);
}

/** The newest exceptions for targets in scope, at most 500. */
export async function listExceptions(db: Database, scope: Scope, now: Date): Promise<PolicyException[]> {
  const newest = db.getRepository(PolicyExceptionEntity).createQueryBuilder('e').orderBy('e.id', 'DESC').limit(500);
  const rows = await inScope(newest, 'e.namespace', scope).getMany();
  return rows.map((row) => toException(row, now));
}

const expiredRow = z.object({ id: z.string(), policy: z.string(), namespace: z.string(), name: z.string() });

/** Writes to the audit log which exceptions have expired since it was last looked. */
export async function recordExpiredExceptions(tx: EntityManager, now: Date): Promise<number> {
  const rows = await rowsOf(
    tx,
    expiredRow,
    `update policy_exception set expired_at = $1 where id in (
       select id from policy_exception where expires_at <= $1 and expired_at is null and revoked_at is null
       order by id limit 100 for update skip locked) returning id, policy, namespace, name`,
    [now],
  );
  for (const row of rows)
    await appendAudit(tx, {
      actor: { name: 'system:governance' },
      action: 'exception.expired',
      object: objectOf(row),
      requestId: null,
      details: { id: row.id, policy: row.policy, at: now.toISOString() },
    });
  return rows.length;
}
