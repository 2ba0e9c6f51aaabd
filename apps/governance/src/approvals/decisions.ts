import { hashOf } from '@scc/audit';
import type { ApprovalDecision, ApprovalState } from '@scc/governance-api';
import { type EntityManager, IsNull } from 'typeorm';
import { appendAudit } from '../audit/append.js';
import type { ReviewLender } from '../access/plan-rights.js';
import type { CallContext, Caller } from '../call/caller.js';
import { currentEvaluation, lockKnownMigration, type MigrationRow, planObject } from '../plans/store.js';
import { Refusal } from '../refusal/refusal.js';
import { ApprovalDecisionEntity, ApprovalRequestEntity } from './approval.entity.js';
import { newestEdit } from '../plans/live-edits.js';
import { isGranted, requireLendable } from './lending.js';
import { rereadSettings, wakeWorkflow } from './outbox.js';
import {
  close,
  decisionsOf,
  isOver,
  isServiceAccount,
  openRequest,
  planOfRequest,
  approvalStateOf,
} from './requests.js';

/**
 * Records that a person approves or refuses what a plan would do. With the last approval that was missing the request
 * is granted, and the waiting workflow is told through the outbox, all in one transaction.
 * @throws Refusal `forbidden` for the author, for those without the role and for those who lend what they do not hold,
 * `conflict` when there is nothing to decide.
 */
export async function recordDecision(
  tx: EntityManager,
  planUid: string,
  input: ApprovalDecision,
  { reviewLender, ...context }: CallContext & { reviewLender: ReviewLender },
): Promise<ApprovalState> {
  const migration = await lockKnownMigration(tx, planUid);
  const request = await decidable(tx, planUid, input, context);
  const { actor, now } = context;
  const decisions = await decisionsOf(tx, request.id);
  const known = decisions.find(({ approver }) => approver === actor.name);
  if (known?.decision === input.decision) return approvalStateOf(request, decisions, now);
  if (known) throw new Refusal('conflict', `${actor.name} has decided already; withdraw that first`);
  const role = roleFor(request, decisions, { actor, wanted: input.role });
  const evaluation = input.lends?.length ? await currentEvaluation(tx, migration) : null;
  if (evaluation)
    await requireLendable(input, { needs: request.needs, request: evaluation.request }, context, reviewLender);
  await tx.getRepository(ApprovalDecisionEntity).insert({
    ...{ requestId: request.id, approver: actor.name, role },
    ...{ decision: input.decision, reason: input.reason ?? null, lends: input.lends ?? [] },
    ...{ decidedAt: now, knownAs: context.knownAs ?? null },
  });
  return settle(tx, { migration, request, context, role, input });
}

interface Decided {
  migration: MigrationRow;
  request: ApprovalRequestEntity;
  context: CallContext;
  role: string;
  input: ApprovalDecision;
}

function endOf({ decision }: ApprovalDecision, isComplete: boolean): 'refused' | 'granted' | null {
  if (decision === 'refuse') return 'refused';
  return isComplete ? 'granted' : null;
}

async function settle(
  tx: EntityManager,
  { migration, request, context, role, input }: Decided,
): Promise<ApprovalState> {
  const { actor, requestId, now } = context;
  const { reason: said = null, lends = [] } = input;
  const decisions = await decisionsOf(tx, request.id);
  const isComplete = isGranted(request, decisions);
  const outcome = endOf(input, isComplete);
  const closing = outcome === 'refused' ? (said ?? `refused by ${actor.name}`) : null;
  if (outcome) {
    await close(tx, request.id, { status: outcome, reason: closing }, now);
    await wakeWorkflow(tx, migration, { actor: actor.name, outcome });
    const edit = outcome === 'granted' ? await newestEdit(tx, migration.planUid) : null;
    if (edit?.contentHash === request.contentHash)
      await rereadSettings(tx, migration, { actor: actor.name, generation: edit.generation });
  }
  await appendAudit(tx, {
    actor,
    action: input.decision === 'approve' ? 'approval.granted' : 'approval.refused',
    object: planObject(migration),
    requestId,
    details: {
      uid: migration.planUid,
      request: request.id,
      contentHash: request.contentHash,
      role,
      reason: said,
      lends,
      ...{ complete: outcome === 'granted', closing },
      decidedAt: now.toISOString(),
      knownAs: context.knownAs ? hashOf(context.knownAs) : null,
    },
  });
  const after = await requestById(tx, request.id);
  return approvalStateOf(after, decisions, now);
}

/** The request that the caller may decide about now. @throws Refusal that says why there is none. */
export async function decidable(
  tx: EntityManager,
  planUid: string,
  input: Pick<ApprovalDecision, 'decision' | 'contentHash'>,
  { actor, now }: CallContext,
): Promise<ApprovalRequestEntity> {
  const request = await openRequest(tx, planUid);
  if (!request) throw new Refusal('conflict', await whyNothingWaits(tx, planUid));
  if (isOver(request, now)) throw new Refusal('conflict', 'the request has expired');
  if (request.contentHash !== input.contentHash)
    throw new Refusal('stale', 'the plan or what it would do has changed since you looked at it');
  if (request.author === actor.name)
    throw new Refusal('forbidden', `the author of a plan neither approves nor refuses it: ${othersDo(request)}`);
  if (request.editors.includes(actor.name))
    throw new Refusal(
      'forbidden',
      `an editor of a plan counts as an author, and neither approves nor refuses it: ${othersDo(request)}`,
    );
  if (isServiceAccount(request.author) && isServiceAccount(actor.name))
    throw new Refusal('forbidden', 'a ServiceAccount wrote the plan, so that people decide about it');
  if (request.status === 'granted' && input.decision === 'approve')
    throw new Refusal('conflict', 'the request is granted already');
  return request;
}

const rolesOf = ({ needs }: Pick<ApprovalRequestEntity, 'needs'>): string =>
  [...new Set(needs.map(({ role }) => role))].join(', ');

const othersDo = (request: Pick<ApprovalRequestEntity, 'needs'>): string =>
  `another user does, who holds a role that is asked for (${rolesOf(request)})`;

/** The ending of the newest request, in words for a person who comes too late. */
async function whyNothingWaits(tx: EntityManager, planUid: string): Promise<string> {
  const newest = await tx.getRepository(ApprovalRequestEntity).findOne({ where: { planUid }, order: { id: 'DESC' } });
  const why = newest ? `: the last request is ${newest.status}${newest.reason ? ` (${newest.reason})` : ''}` : '';
  return `nothing of this plan waits for a decision${why}`;
}

/** The role in which a caller decides: the one asked for, else the first that still needs an approver. */
function roleFor(
  { needs }: Pick<ApprovalRequestEntity, 'needs'>,
  decisions: readonly ApprovalDecisionEntity[],
  { actor, wanted }: { actor: Caller; wanted: string | undefined },
): string {
  const held = needs.filter(({ role }) => actor.roles.includes(role) && (wanted === undefined || role === wanted));
  const approvals = (role: string): number =>
    decisions.filter((made) => made.decision === 'approve' && made.role === role).length;
  const chosen = held.find(({ role, count }) => approvals(role) < count) ?? held[0];
  if (!chosen) {
    const asked = rolesOf({ needs });
    throw new Refusal(
      'forbidden',
      `${actor.name} does not hold a role that is asked for (${asked}): an admin there can bind one`,
    );
  }
  return chosen.role;
}

/** Takes back one's own decision. A granted request is open again; a refused one stays refused. */
export async function withdraw(
  tx: EntityManager,
  planUid: string,
  { actor, requestId, now }: CallContext,
): Promise<ApprovalState> {
  const migration = await lockKnownMigration(tx, planUid);
  const request = await openRequest(tx, planUid);
  if (!request) throw new Refusal('conflict', 'nothing of this plan waits for a decision');
  const made = tx.getRepository(ApprovalDecisionEntity);
  const taken = await made.findOneBy({ requestId: request.id, approver: actor.name, withdrawnAt: IsNull() });
  if (!taken) throw new Refusal('notFound', `${actor.name} has not decided about this plan`);
  await made.update({ id: taken.id }, { withdrawnAt: now });
  const decisions = await decisionsOf(tx, request.id);
  if (request.status === 'granted' && !isGranted(request, decisions))
    await tx.getRepository(ApprovalRequestEntity).update({ id: request.id }, { status: 'pending', decidedAt: null });
  await appendAudit(tx, {
    actor,
    action: 'approval.withdrawn',
    object: planObject(migration),
    requestId,
    details: { uid: planUid, request: request.id, contentHash: request.contentHash, role: taken.role },
  });
  return approvalStateOf(await requestById(tx, request.id), decisions, now);
}

export async function requestById(tx: EntityManager, id: string): Promise<ApprovalRequestEntity> {
  const row = await tx.getRepository(ApprovalRequestEntity).findOneBy({ id });
  if (!row) throw new Refusal('notFound', `no approval request ${id}`);
  return row;
}

/** Closes requests whose time is over, tells their workflows, and writes it to the audit log. */
export async function expireRequests(tx: EntityManager, now: Date): Promise<number> {
  const rows = await tx
    .getRepository(ApprovalRequestEntity)
    .createQueryBuilder('r')
    .innerJoinAndSelect('r.migration', 'm')
    .where(`r.status in ('pending', 'granted') and r.begunAt is null and r.expiresAt <= :now`, { now })
    .orderBy('r.id')
    .limit(100)
    .setLock('pessimistic_write', undefined, ['r'])
    .setOnLocked('skip_locked')
    .getMany();
  for (const row of rows) {
    const plan = planOfRequest(row);
    const ending = { status: 'expired', reason: 'it was not decided in time' } as const;
    await close(tx, row.id, ending, now);
    await wakeWorkflow(tx, { ...plan, planUid: plan.uid }, { actor: 'system:governance', outcome: 'expired' });
    await appendAudit(tx, {
      actor: { name: 'system:governance' },
      action: 'approval.expired',
      object: planObject(plan),
      requestId: null,
      details: { uid: plan.uid, request: row.id, contentHash: row.contentHash, ...ending, at: now.toISOString() },
    });
  }
  return rows.length;
}
