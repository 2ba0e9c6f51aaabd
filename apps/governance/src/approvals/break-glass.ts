import type { ApprovalState } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import { Refusal } from '../database/refusal.js';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { type CallContext, lockKnownMigration, planObject } from '../migrations/store.js';
import { decidable, requestById } from './decisions.js';
import { wakeWorkflow } from './outbox.js';
import { close, decisionsOf, stateOf } from './requests.js';

export const breakGlassInput = z.object({
  contentHash: z.string().length(64).describe('What the caller looked at; anything else is not let through.'),
  reason: z.string().min(20).max(2048).describe('Why nobody could be waited for; somebody else will review it.'),
});
export type BreakGlassInput = z.infer<typeof breakGlassInput>;
export const reviewInput = z.object({ review: z.string().min(10).max(2048) });

const useRow = z
  .object({
    id: z.string(),
    plan_uid: z.string(),
    namespace: z.string(),
    name: z.string(),
    content_hash: z.string(),
    used_by: z.string(),
    reason: z.string(),
    used_at: z.date(),
    reviewed_by: z.string().nullable(),
    reviewed_at: z.date().nullable(),
    review: z.string().nullable(),
  })
  .transform((row) => ({
    id: row.id,
    plan: { uid: row.plan_uid, namespace: row.namespace, name: row.name },
    contentHash: row.content_hash,
    usedBy: row.used_by,
    reason: row.reason,
    usedAt: row.used_at.toISOString(),
    reviewedBy: row.reviewed_by,
    reviewedAt: row.reviewed_at?.toISOString() ?? null,
    review: row.review,
  }));
export type BreakGlassUse = z.infer<typeof useRow>;
const USES = `select b.id, r.plan_uid, m.namespace, m.name, r.content_hash, b.used_by, b.reason, b.used_at, b.reviewed_by,
    b.reviewed_at, b.review
  from break_glass b join approval_request r on r.id = b.request join migration m using (plan_uid)`;

/**
 * Grants what waits for approval without waiting for the approvers. The author of the plan can not, and the audit log
 * says that it has to be reviewed.
 * @throws Refusal `forbidden` for the author, `conflict` when nothing waits, `stale` when it is about something else.
 */
export async function breakGlass(
  tx: EntityManager,
  planUid: string,
  { contentHash, reason }: BreakGlassInput,
  context: CallContext,
): Promise<ApprovalState> {
  const migration = await lockKnownMigration(tx, planUid);
  const request = await decidable(tx, planUid, { decision: 'approve', contentHash }, context);
  const { actor, requestId, now } = context;
  const used = await rowOf(
    tx,
    z.object({ id: z.string() }),
    'insert into break_glass (request, used_by, reason, used_at) values ($1, $2, $3, $4) on conflict do nothing returning id',
    [request.id, actor.name, reason, now],
  );
  if (!used) throw new Refusal('conflict', 'the approvals of this request were skipped before and asked for again');
  await close(tx, request.id, { status: 'granted', reason: `break-glass by ${actor.name}: ${reason}` }, now);
  await wakeWorkflow(tx, migration, { actor: actor.name, outcome: 'granted' });
  const decisions = await decisionsOf(tx, request.id);
  const state = stateOf(await requestById(tx, request.id), decisions, now);
  await appendAudit(tx, {
    actor,
    action: 'approval.bypassed',
    object: planObject(migration),
    requestId,
    details: {
      uid: planUid,
      request: request.id,
      contentHash,
      reason,
      review: 'required',
      breakGlass: used.id,
      missing: state.needs
        .filter(({ count, granted }) => granted < count)
        .map(({ role, count, granted }) => ({ role, count, granted })),
    },
  });
  return state;
}

/** The uses, the newest first, at most 500; those that wait for a review, unless asked for all. */
export const listBreakGlass = (db: Queryable, all: boolean): Promise<BreakGlassUse[]> =>
  rowsOf(db, useRow, `${USES} where $1 or b.reviewed_at is null order by b.id desc limit 500`, [all]);

/** How many uses wait for a review. */
export async function countUnreviewed(db: Queryable): Promise<number> {
  const row = await rowOf(
    db,
    z.object({ open: z.int() }),
    'select count(*)::int as open from break_glass where reviewed_at is null',
  );
  if (!row) throw new Error('an aggregate answered no row');
  return row.open;
}

/** Somebody else looked at it. @throws Refusal `forbidden` for whoever used it, `conflict` when it is reviewed. */
export async function reviewBreakGlass(
  tx: EntityManager,
  id: string,
  review: string,
  { actor, requestId, now }: CallContext,
): Promise<BreakGlassUse> {
  const found = await useById(tx, id);
  if (found.usedBy === actor.name) throw new Refusal('forbidden', 'whoever broke the glass does not review it');
  const reviewed = await rowOf(
    tx,
    z.object({ id: z.string() }),
    `update break_glass set reviewed_by = $2, reviewed_at = $3, review = $4 where id = $1 and reviewed_at is null
     returning id`,
    [id, actor.name, now, review],
  );
  if (!reviewed) throw new Refusal('conflict', 'it is reviewed already');
  await appendAudit(tx, {
    actor,
    action: 'approval.bypassReviewed',
    object: planObject(found.plan),
    requestId,
    details: { uid: found.plan.uid, breakGlass: id, usedBy: found.usedBy, review },
  });
  return useById(tx, id);
}

async function useById(tx: EntityManager, id: string): Promise<BreakGlassUse> {
  const found = await rowOf(tx, useRow, `${USES} where b.id = $1`, [id]);
  if (!found) throw new Refusal('notFound', `the glass was not broken under ${id}`);
  return found;
}
