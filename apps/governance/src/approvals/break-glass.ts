import type { ApprovalState } from '@scc/governance-api';
import { type EntityManager, IsNull, type SelectQueryBuilder } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { type Database, rowOf } from '../database/rows.js';
import { lockKnownMigration, planObject } from '../plans/store.js';
import { Refusal } from '../refusal/refusal.js';
import { BreakGlassEntity } from './break-glass.entity.js';
import { decidable, requestById } from './decisions.js';
import { wakeWorkflow } from './outbox.js';
import { close, decisionsOf, planOfRequest, approvalStateOf } from './requests.js';

export const breakGlassInput = z.object({
  contentHash: z
    .string()
    .length(64)
    .describe('The content that the caller looked at; anything else is not let through.'),
  reason: z
    .string()
    .min(20)
    .max(2048)
    .describe('Why the approvals could not be waited for; another person will review it.'),
});
export type BreakGlassInput = z.infer<typeof breakGlassInput>;
export const reviewInput = z.object({ review: z.string().min(10).max(2048) });

function toUse({ request, usedAt, reviewedAt, requestId: _id, ...use }: BreakGlassEntity) {
  if (!request) throw new Error(`the use ${use.id} of break-glass was read without its request`);
  return {
    ...use,
    plan: planOfRequest(request),
    contentHash: request.contentHash,
    usedAt: usedAt.toISOString(),
    reviewedAt: reviewedAt?.toISOString() ?? null,
  };
}
export type BreakGlassUse = ReturnType<typeof toUse>;

/**
 * Grants what waits for approval without waiting for the approvers. The author of the plan cannot, and the audit log
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
  const closing = `break-glass by ${actor.name}: ${reason}`;
  await close(tx, request.id, { status: 'granted', reason: closing }, now);
  await wakeWorkflow(tx, migration, { actor: actor.name, outcome: 'granted' });
  const decisions = await decisionsOf(tx, request.id);
  const state = approvalStateOf(await requestById(tx, request.id), decisions, now);
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
      ...{ review: 'required', closing, at: now.toISOString() },
      breakGlass: used.id,
      missing: state.needs
        .filter(({ count, granted }) => granted < count)
        .map(({ role, count, granted }) => ({ role, count, granted })),
    },
  });
  return state;
}

/** The uses, the newest first, at most 500; those that wait for a review, unless asked for all. */
export async function listBreakGlass(db: Database, all: boolean): Promise<BreakGlassUse[]> {
  const query = usesOf(db).orderBy('b.id', 'DESC').limit(500);
  if (!all) query.andWhere({ reviewedAt: IsNull() });
  return (await query.getMany()).map(toUse);
}

const usesOf = (db: Database): SelectQueryBuilder<BreakGlassEntity> =>
  db
    .getRepository(BreakGlassEntity)
    .createQueryBuilder('b')
    .innerJoinAndSelect('b.request', 'r')
    .innerJoinAndSelect('r.migration', 'm');

/** How many uses wait for a review. */
export const countUnreviewed = (db: Database): Promise<number> =>
  db.getRepository(BreakGlassEntity).countBy({ reviewedAt: IsNull() });

/** Another person looked at it. @throws Refusal `forbidden` for the one who used it, `conflict` when it is reviewed. */
export async function reviewBreakGlass(
  tx: EntityManager,
  id: string,
  review: string,
  { actor, requestId, now }: CallContext,
): Promise<BreakGlassUse> {
  const found = await useById(tx, id);
  if (found.usedBy === actor.name) throw new Refusal('forbidden', 'break-glass use must be reviewed by another person');
  const { affected } = await tx
    .getRepository(BreakGlassEntity)
    .update({ id, reviewedAt: IsNull() }, { reviewedBy: actor.name, reviewedAt: now, review });
  if (!affected) throw new Refusal('conflict', 'it is reviewed already');
  await appendAudit(tx, {
    actor,
    action: 'approval.bypassReviewed',
    object: planObject(found.plan),
    requestId,
    details: { uid: found.plan.uid, breakGlass: id, usedBy: found.usedBy, review, at: now.toISOString() },
  });
  return useById(tx, id);
}

async function useById(tx: EntityManager, id: string): Promise<BreakGlassUse> {
  const found = await usesOf(tx).where({ id }).getOne();
  if (!found) throw new Refusal('notFound', `the glass was not broken under ${id}`);
  return toUse(found);
}
